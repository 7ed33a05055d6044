"""Hold the JSON report to saying what the page says."""

from __future__ import annotations

import json
from typing import Any

from exitkit.report import json_report
from exitkit.report.parts import View
from exitkit.report.view import build_view
from exitkit.store.canonical import canonical_bytes


def test_the_report_is_one_canonical_line(view: View) -> None:
    text = json_report.render(view)
    assert text.count(b"\n") == 1
    assert canonical_bytes(json.loads(text)) + b"\n" == text


def test_every_number_carries_its_origin(view: View) -> None:
    report = json.loads(json_report.render(view))
    total = report["inventory"]["total"]
    assert total["origin"] == {"field": "", "measure": "count", "table": "assets", "where": []}
    assert report["answer"]["code"] == view.answer.code
    assert report["schema"] == "exitkit/report/1"


def test_what_does_not_apply_is_left_out(sample: dict[str, Any]) -> None:
    report = json.loads(json_report.render(build_view(sample["inputs"](False))))
    assert "run" not in report
    assert "lowMs" not in report["duration"]
