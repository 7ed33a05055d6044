"""The collector that docs/add-a-collector.md shows is one that works."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Collector, Context, Source

PAGE = Path(__file__).parents[3] / "docs/add-a-collector.md"


def collector_of_the_page() -> Collector:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {"__name__": "tickets"}
    exec(compile(code, str(PAGE), "exec"), names)
    made = names["TicketsCollector"]
    assert isinstance(made, type)
    collector = made()
    assert isinstance(collector, Collector)
    return collector


def test_the_example_finds_what_is_there_and_accounts_for_what_is_not(tmp_path: Path) -> None:
    collector = collector_of_the_page()
    context = Context(
        now=dt.datetime(2026, 11, 20, tzinfo=dt.UTC), spool=tmp_path, mask_key=bytes(32), environ={}
    )
    source = Source("board", "tickets", {"export": "board.json"}, tmp_path)
    (call,) = collector.collect(source, context)
    assert isinstance(call, Call)
    assert call.outcome is CallOutcome.UNAVAILABLE
    (tmp_path / "board.json").write_text("[]")
    found = list(collector.collect(source, context))
    assert [type(finding).__name__ for finding in found] == ["Call", "Asset", "Draft", "Gap"]
    assert isinstance(found[1], Asset)
    assert all(check.ok for check in collector.checks(source, context))
