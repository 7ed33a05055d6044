"""Check which earlier snapshot is gone on with, and which one is left alone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from exitkit.engine.unfinished import FOLDER, Earlier, Unfinished, open_unfinished
from exitkit.errors import InputError
from exitkit.ports import Source

NOW = dt.datetime(2026, 11, 20, 8, tzinfo=dt.UTC)
KEY = b"k" * 32


def opened(
    bundles: Path,
    hours: float = 0,
    earlier: Earlier = Earlier.IF_CUT_SHORT,
    key: bytes = KEY,
    **settings: Any,
) -> Unfinished:
    source = Source("prod", "aws", settings, bundles)
    return open_unfinished(bundles, [source], key, NOW + dt.timedelta(hours=hours), earlier)


def test_one_that_was_cut_short_is_gone_on_with_from_its_beginning(tmp_path: Path) -> None:
    first = opened(tmp_path)
    (first.folder / "prod").mkdir()
    second = opened(tmp_path, hours=2)
    assert (first.is_resumed, second.is_resumed) == (False, True)
    assert second.began == NOW
    assert (second.folder / "prod").is_dir()


@pytest.mark.parametrize(
    "other",
    [
        {"hours": 24.1}, {"hours": -1}, {"key": b"x" * 32}, {"regions": ["eu-west-1"]},
        {"earlier": Earlier.LEAVE},
    ],
    ids=["too old", "from the future", "other masking key", "other settings", "told so"],
)  # fmt: skip
def test_anything_else_begins_anew_and_leaves_nothing_of_it(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    (opened(tmp_path).folder / "prod").mkdir()
    second = opened(tmp_path, **other)
    assert not second.is_resumed
    assert not (second.folder / "prod").exists()


def test_one_that_ended_with_open_calls_is_gone_on_with_only_on_demand(tmp_path: Path) -> None:
    opened(tmp_path).end(all_reached=False)
    assert opened(tmp_path, hours=1, earlier=Earlier.TAKE).began == NOW
    opened(tmp_path, hours=2).end(all_reached=False)
    assert opened(tmp_path, hours=3).began == NOW + dt.timedelta(hours=3)


def test_one_that_reached_all_leaves_nothing(tmp_path: Path) -> None:
    opened(tmp_path).end(all_reached=True)
    assert not (tmp_path / FOLDER).exists()
    with pytest.raises(InputError, match="run without --resume"):
        opened(tmp_path, earlier=Earlier.TAKE)


def test_a_state_that_nobody_can_read_begins_anew(tmp_path: Path) -> None:
    (opened(tmp_path).folder / "state.json").write_text("{")
    assert not opened(tmp_path).is_resumed


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    assert opened(tmp_path).folder.stat().st_mode & 0o777 == 0o700
