"""Two runs that begin in the same second have names of their own."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exitkit.cli import run_commands
from exitkit.model.plan import Mode

LAST_SECOND = dt.datetime(2026, 12, 31, 23, 59, 59, tzinfo=dt.UTC)


def test_a_run_of_the_same_second_takes_the_next_free_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_commands, "now", lambda: LAST_SECOND)
    workspace: Any = SimpleNamespace(runs=tmp_path)
    names = []
    for mode in (Mode.REHEARSAL, Mode.REHEARSAL, Mode.EXIT):
        names.append(run_commands.new_run_name(workspace, mode))
        (tmp_path / names[-1]).mkdir()
    assert names == [
        "rehearsal-20261231-235959", "rehearsal-20270101-000000", "exit-20261231-235959",
    ]  # fmt: skip
