"""Lend the tests of the report one estate with everything in it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from exitkit.report.inputs import ReportInputs
from exitkit.report.parts import View
from exitkit.report.view import build_view

SAMPLE = runpy.run_path(str(Path(__file__).parent / "sample.py"))


@pytest.fixture(scope="session")
def sample() -> dict[str, Any]:
    return SAMPLE


@pytest.fixture(scope="session")
def rehearsed() -> ReportInputs:
    inputs: ReportInputs = SAMPLE["inputs"]()
    return inputs


@pytest.fixture(scope="session")
def view(rehearsed: ReportInputs) -> View:
    return build_view(rehearsed)
