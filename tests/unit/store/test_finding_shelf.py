"""What has no room in memory is read back as it was, in the same order, and by the same keys."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exitkit.errors import CannotRun, PluginError
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access, Automation, Dataset, Finding, License
from exitkit.model.ledger import Acknowledgement, Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.store.finding_lines import FindingLines, finding_of
from exitkit.store.finding_log import FindingLog
from exitkit.store.finding_shelf import BY_URN, Shelf
from exitkit.store.records import native_record
from exitkit.store.room import Room, Share

DAY = dt.date(2026, 11, 26)
NOW = dt.datetime(2026, 11, 26, 8, 0, 0, 123456, tzinfo=dt.UTC)
HOSTILE = "a\tb\nc\0d\udce9\ufffe"
REF = Ref("aws", "1", "eu-west-1", "AWS::S3::Bucket", HOSTILE)
OTHER = Ref("network", "site", "", "ios/device", "r1")
ANSWER = Acknowledgement("s", "ec2:*", "closed", "Lead", DAY, DAY)
FINDINGS = [
    Asset(
        REF, "storage.bucket", HOSTILE, {"b": [1.5, None, {"x": True}], HOSTILE: HOSTILE}, NOW,
        (("k", "v"), ("k", "w")), (("arn", "arn:x"),), "gone", frozenset({"b", "a"}), {"e": "f"},
    ),
    Asset(OTHER, "network.device", "r1", {}, NOW),
    Relation(REF, "dependsOn", OTHER, "inferred"),
    Call("s", "1", "r", "ec2:X", CallOutcome.REFUSED, 3, "b", "ec2:X", HOSTILE, 7, ANSWER),
    Draft(REF, Aspect.DATA, Level.OPEN, "api", "csv", (), ("times",), 8, "semantic-loss", "why"),
    Gap(
        REF, Aspect.CODE, Level.NONE, "other", "t", Responsible.TOOL, "w", "m", "s", "low", ("l",)
    ),
    Access(REF, "user", "s3:*", "*", "deny", ("g", "p"), "if", DAY, None),
    License(REF, "p", "q", "no", "t", "m", 2, "c", 30, None, DAY, ("r",), "MIT"),
    Automation(REF, "python", "adapt", (Finding("a.py", 3, "aws-sdk", HOSTILE),)),
    Dataset(REF, "objects", 2, 30, "crash", "l", "v", 1, 2, 3),
]  # fmt: skip


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda one: type(one).__name__)
def test_a_finding_reads_back_as_it_was(finding: Any, tmp_path: Path) -> None:
    line = FindingLines(tmp_path).line(finding)
    assert b"\n" not in line
    assert finding_of(line) == finding
    assert list(tmp_path.iterdir()) == []


def test_the_bytes_of_a_content_stand_in_a_file_of_the_owner_alone(tmp_path: Path) -> None:
    lines = FindingLines(tmp_path / "bodies")
    contents = (
        Content("a", b"\0one", "text/plain", "data"),
        Content("b", tmp_path / "two", "text/plain", "data", "human"),
    )
    read = finding_of(lines.line(Draft(REF, Aspect.DATA, Level.OPEN, "api", "csv", contents)))
    assert isinstance(read.contents[0].body, Path)
    assert read.contents[0].body.read_bytes() == b"\0one"
    assert read.contents[1] == contents[1]
    assert (tmp_path / "bodies").stat().st_mode & 0o777 == 0o700


def test_what_no_json_holds_ends_in_the_bundle_as_it_would_have(tmp_path: Path) -> None:
    odd = {"d": Decimal("1.10"), "b": b"\xff", "t": NOW, "s": {"y", "x"}, "n": 2**70, "p": (1,)}
    asset = Asset(REF, "k", "n", odd, NOW)
    assert native_record(finding_of(FindingLines(tmp_path).line(asset))) == native_record(asset)


def test_what_cannot_be_written_is_the_plugins_fault(tmp_path: Path) -> None:
    lines = FindingLines(tmp_path)
    for fault in (Asset(REF, "k", "n", {"a": {(1, 2): 3}}, NOW), "no finding"):
        with pytest.raises(PluginError, match="plugin"):
            lines.line(fault)


def calls(count: int) -> list[Call]:
    return [
        Call("s", "1", "r", f"ec2:{number * 7 % count}", CallOutcome.EMPTY)
        for number in range(count)
    ]


@pytest.mark.parametrize("most_bytes", [0, 20_000, 10**9], ids=["none", "some", "enough"])
def test_a_shelf_is_a_dict_whatever_room_there_is(most_bytes: int, tmp_path: Path) -> None:
    shelf: Shelf[str, Call] = Shelf(tmp_path / "calls", Room(most_bytes), BY_URN)
    plain: dict[str, Call] = {}
    for call in calls(600):
        shelf.add(call)
        plain.setdefault(call.urn, call)
    for call in calls(600)[::3]:
        again = Call("s", "1", "r", call.operation, CallOutcome.REFUSED)
        shelf.add(again)
        assert shelf[call.urn] == call
        shelf.put(again)
        plain[again.urn] = again
    gone = calls(600)[50].urn
    shelf.discard(gone)
    del plain[gone]
    assert gone not in shelf
    assert shelf.get(gone) is None
    assert list(shelf.items()) == list(plain.items())
    assert list(shelf.values()) == list(plain.values()) == list(shelf.values())
    assert len(shelf) == 599
    assert (tmp_path / "calls").exists() is (most_bytes < 10**9)
    shelf.close()


def test_a_shelf_may_be_written_to_while_it_is_read(tmp_path: Path) -> None:
    shelf: Shelf[str, Call] = Shelf(tmp_path / "calls", Room(0), BY_URN)
    for call in calls(600):
        shelf.add(call)
    read = []
    for call in shelf.values():
        read.append(call)
        shelf.put(Call("s", "1", "r", call.operation, CallOutcome.REFUSED))
    assert read == calls(600)
    assert {call.outcome for call in shelf.values()} == {CallOutcome.REFUSED}
    shelf.close()


@pytest.mark.parametrize("most_bytes", [0, 20_000, 10**9], ids=["none", "some", "enough"])
def test_a_log_keeps_the_order_and_every_number(most_bytes: int, tmp_path: Path) -> None:
    log, room = FindingLog(tmp_path / "log", Room(most_bytes)), calls(300)
    for number, call in enumerate(room):
        log.append(call)
        assert log[number // 2] == room[number // 2]
    assert (len(log), list(log.drain())) == (300, room)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_whoever_leaves_gives_its_room_to_others() -> None:
    room = Room(40_000)
    first, second, third = Share(room), Share(room), Share(room)
    assert first.holds("x" * 2000)
    assert not second.holds("x" * 2000)
    first.leave()
    assert third.holds("x" * 2000)


def test_a_file_that_cannot_be_made_is_named_on_one_line(tmp_path: Path) -> None:
    shelf: Shelf[str, Call] = Shelf(tmp_path / "none" / "calls", Room(0), BY_URN)
    with pytest.raises(CannotRun, match=r"none/calls: .*; check disk and permissions"):
        shelf.add(calls(1)[0])
