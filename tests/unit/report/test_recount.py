"""Follow every number of the page to its row and make it again from the records, by other code."""

from __future__ import annotations

import json
import runpy
from collections.abc import Sequence
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from exitkit.report import html
from exitkit.report.inputs import ReportInputs
from exitkit.report.rules import nature_of
from exitkit.report.view import build_view
from exitkit.store.evidence import event_record

RECOUNT = runpy.run_path(str(Path(__file__).parent / "recount.py"))


def tables_of(inputs: ReportInputs) -> dict[str, Sequence[Any]]:
    tables: dict[str, Sequence[Any]] = {name: list(rows) for name, rows in inputs.records.items()}
    tables["descriptor"] = [inputs.descriptor]
    tables["contract"] = [inputs.contract]
    tables["rules"] = [asdict(rule) | {"nature": nature_of(rule)} for rule in inputs.rules or ()]
    if inputs.run:
        run = inputs.run
        tables["events"] = [json.loads(json.dumps(event_record(event))) for event in run.events]
        tables["items"] = [
            {"event": event["sequence"], **item}
            for event in tables["events"]
            for item in event["data"].get("outcome", {}).get("items", ())
        ]
        tables["milestones"] = [asdict(verdict) for verdict in run.verdicts]
        tables["criteria"] = [
            asdict(row) | {"milestone": verdict.milestone}
            for verdict in run.verdicts
            for row in verdict.criteria
        ]
        whole = run.extrapolation
        legs = [asdict(leg) for leg in whole.categories]
        tables["extrapolation"] = [*legs, {"category": "total", **asdict(whole)}]
    return tables


@pytest.mark.parametrize("with_run", [True, False])
def test_every_number_leads_to_its_row_and_counts_the_same_there(
    with_run: bool, sample: dict[str, Any]
) -> None:
    inputs = sample["inputs"](with_run)
    page = RECOUNT["read"](html.render(build_view(inputs)))
    tables = tables_of(inputs)
    assert len(page.numbers) > (60 if with_run else 40)
    for number in page.numbers:
        assert number["href"].removeprefix("#") in page.ids, number
        origin = json.loads(number["data-source"])
        assert RECOUNT["recount"](origin, tables) == number["data-number"], number


def test_a_record_more_changes_the_number(sample: dict[str, Any]) -> None:
    inputs = sample["inputs"]()
    before = build_view(inputs)
    inputs.records["assets"].append(inputs.records["assets"][0])
    after = build_view(inputs)
    assert int(after.inventory.total.value) == int(before.inventory.total.value) + 1


def test_no_number_is_printed_in_the_answer_without_its_link(view: Any) -> None:
    text = html.render(view).decode()
    answer = text[text.index('<section id="answer"') : text.index('<section id="readings"')]
    outside: list[str] = []

    class Loose(HTMLParser):
        depth = 0

        def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
            self.depth += tag in ("a", "svg")

        def handle_endtag(self, tag: str) -> None:
            self.depth -= tag in ("a", "svg")

        def handle_data(self, data: str) -> None:
            if not self.depth and any(character.isdecimal() for character in data):
                outside.append(data)

    Loose().feed(answer)
    assert outside == []
