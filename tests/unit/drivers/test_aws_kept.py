"""Check that what a sweep kept is found again: whole, by the next run, and no more than that."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from exitkit.drivers.aws_kept import call_line, call_of, kept_of, key_of
from exitkit.model.ledger import Call, CallOutcome

NOW = dt.datetime(2026, 11, 20, 8, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


def kept(folder: Path, lines: dict[str, dict[str, object]], part: str = "") -> None:
    with kept_of(folder, "123456789012", NOW, part) as one:
        assert one
        for key, line in lines.items():
            one.keep(key, line)


def found(folder: Path, key: str, now: dt.datetime = LATER) -> dict[str, object] | None:
    with kept_of(folder, "123456789012", now) as one:
        assert one
        return one.get(key)


def test_the_next_run_finds_what_was_kept_and_when(tmp_path: Path) -> None:
    kept(tmp_path, {"a": {"n": 1}, "b": {"n": 2}})
    assert found(tmp_path, "b") == {"key": "b", "at": NOW.isoformat(), "n": 2}
    assert found(tmp_path, "c") is None


def test_a_line_that_was_cut_off_is_taken_away_and_the_others_stand(tmp_path: Path) -> None:
    kept(tmp_path, {"a": {"n": 1}, "b": {"n": 2}})
    file = tmp_path / "123456789012.jsonl"
    file.write_bytes(file.read_bytes()[:-5])
    assert found(tmp_path, "a")
    assert found(tmp_path, "b") is None
    kept(tmp_path, {"c": {"n": 3}})
    assert found(tmp_path, "c")
    assert file.read_bytes().count(b"\n") == 2


def test_an_open_line_holds_for_its_own_run_alone(tmp_path: Path) -> None:
    kept(tmp_path, {"a": {"open": True}}, part="0")
    assert found(tmp_path, "a", NOW)
    assert found(tmp_path, "a", LATER) is None


def test_every_part_is_read_and_no_other_account(tmp_path: Path) -> None:
    kept(tmp_path, {"a": {}}, part="0")
    kept(tmp_path, {"b": {}}, part="1")
    (tmp_path / "999999999999.jsonl").write_text('{"key": "c", "at": ""}\n')
    assert found(tmp_path, "a")
    assert found(tmp_path, "b")
    assert found(tmp_path, "c") is None


def test_what_is_not_ours_in_the_file_ends_the_reading(tmp_path: Path) -> None:
    (tmp_path / "123456789012.jsonl").write_text('{"key": "a", "at": ""}\n[1]\n{"key": "b"}\n')
    assert found(tmp_path, "a")
    assert found(tmp_path, "b") is None


def test_a_ledger_line_comes_back_as_it_was() -> None:
    call = Call(
        "prod", "123456789012", "eu-west-1", "sqs:ListQueues", CallOutcome.REFUSED, 3, "b", "p",
        "r", 5,
    )  # fmt: skip
    assert call_of(call_line(call), "prod", "123456789012") == call


def test_keys_tell_questions_apart_and_not_the_order_of_arguments() -> None:
    assert key_of("list", {"a": 1, "b": 2}) == key_of("list", {"b": 2, "a": 1})
    assert key_of("list", {"a": 1}) != key_of("list", {"a": 2})


def test_where_the_host_keeps_nothing_nothing_is_kept(tmp_path: Path) -> None:
    with kept_of(None, "123456789012", NOW) as one:
        assert one is None
