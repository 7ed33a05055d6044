"""Hold the page to what a reader meets: no network, no script, no sideways scrolling."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

WIDTHS = {"desktop": 1280, "tablet": 820, "phone": 390, "small-phone": 320}
UNNAMED = """
return [...document.querySelectorAll('section')].filter(s => !s.querySelector('h1, h2')).length
  + [...document.querySelectorAll('table')].filter(t => !t.querySelector('th[scope]')).length
  + [...document.querySelectorAll('svg')].filter(s => !s.getAttribute('aria-label')).length
"""
FAINT = """
const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
    .map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2] };
const behind = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (!c.endsWith(', 0)')) return c } return 'rgb(255, 255, 255)' };
return [...document.querySelectorAll('p, dt, dd, li, td, th, a, .tag, .quiet, h1, h2, h3, h4')]
  .filter(e => !e.closest('.zero, .skip') && e.getClientRects().length).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
    return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.className + ' ' + e.textContent] })
  .filter(([ratio]) => ratio < 4.5)
  .map(([ratio, text]) => ratio.toFixed(2) + ' ' + text.slice(0, 60))
"""


def open_page(browser: Chrome, page: Path, width: int = 1280, scheme: str = "light") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [feature]})
    browser.get(page.as_uri())


def test_the_page_asks_for_nothing_but_itself(browser: Chrome, page: Path) -> None:
    browser.get_log("performance")
    open_page(browser, page)
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    assert asked == {page.as_uri()}
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_the_browser_has_nothing_to_complain_of(browser: Chrome, page: Path) -> None:
    browser.get_log("browser")
    open_page(browser, page)
    assert browser.get_log("browser") == []


def test_a_script_in_a_name_does_not_run(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    assert browser.title.startswith("Can we leave? Acme SA <script>")
    assert browser.find_elements(By.CSS_SELECTOR, "script, img") == []
    assert (
        "<script>document.title='owned'</script>" in browser.find_element(By.TAG_NAME, "main").text
    )


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_page_never_scrolls_sideways(browser: Chrome, page: Path, width: int) -> None:
    open_page(browser, page, width)
    found = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert found == [width, width]


@pytest.mark.parametrize("width", [1280, 320])
def test_longer_words_do_not_make_it_scroll(browser: Chrome, french_page: Path, width: int) -> None:
    open_page(browser, french_page, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "fr"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_answer_stands_on_the_first_screen(
    browser: Chrome, page: Path, width: int, scheme: str, tmp_path: Path
) -> None:
    open_page(browser, page, width, scheme)
    headline = browser.find_element(By.TAG_NAME, "h1")
    assert headline.rect["y"] + headline.rect["height"] < 900
    picture = base64.b64decode(browser.get_screenshot_as_base64())
    (tmp_path / f"{page.stem}-{width}-{scheme}.png").write_bytes(picture)
    assert len(picture) > 10_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(browser: Chrome, page: Path, scheme: str) -> None:
    open_page(browser, page, scheme=scheme)
    assert browser.execute_script(FAINT) == []


def test_every_section_table_and_chart_has_a_name(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    assert browser.execute_script(UNNAMED) == 0
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    assert len(browser.find_elements(By.TAG_NAME, "h1")) == 1


def test_a_number_leads_to_a_row_that_exists_and_shows(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    number = browser.find_element(By.CSS_SELECTOR, "#inventory a.n")
    browser.execute_script("arguments[0].click()", number)
    row = browser.find_element(By.CSS_SELECTOR, ":target")
    assert row.tag_name == "tr"
    assert "jq" in row.text


def test_the_page_prints(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")


def test_no_column_runs_off_the_paper(browser: Chrome, page: Path) -> None:
    open_page(browser, page, 720)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.execute_script("return document.documentElement.scrollWidth") == 720
