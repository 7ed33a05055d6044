"""Open reports in a real browser that has no network, at the sizes people read them at."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from exitkit.report import html
from exitkit.report.view import build_view

SAMPLE = Path(__file__).parent.parent / "unit" / "report" / "sample.py"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


@pytest.fixture(scope="session", params=["rehearsed", "bundle-alone"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs = runpy.run_path(str(SAMPLE))["inputs"](request.param == "rehearsed")
    path = tmp_path_factory.mktemp("report") / f"{request.param}.html"
    path.write_bytes(html.render(build_view(inputs)))
    return path


@pytest.fixture(scope="session")
def french_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs = runpy.run_path(str(SAMPLE))["inputs"]()
    path = tmp_path_factory.mktemp("report") / "french.html"
    path.write_bytes(html.render(build_view(inputs, "fr")))
    return path


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with Chrome(options=options, service=Service("/usr/bin/chromedriver")) as driver:
        driver.execute_cdp_cmd("Network.enable", {})
        driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
        )
        yield driver
