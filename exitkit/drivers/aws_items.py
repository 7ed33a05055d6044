"""Read the items of a DynamoDB table into the spool, sorted, without holding them in memory."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exitkit.drivers.aws_answers import plain
from exitkit.drivers.aws_calls import FAULTS, Failure, failure_of
from exitkit.drivers.aws_kept import key_of
from exitkit.drivers.aws_reading import Reading
from exitkit.drivers.deadlines import Beat
from exitkit.model.ledger import CallOutcome
from exitkit.store.canonical import canonical_bytes, storable
from exitkit.store.tables import sorted_lines

SCAN, DESCRIBE = "dynamodb:Scan", "dynamodb:DescribeTable"


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a table as canonical lines in byte order.

    `earlier` of them were read when the snapshot was first started, at `earlier_at`.
    """

    spooled: Path
    count: int
    size_bytes: int
    earlier: int = 0
    earlier_at: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    """What one call handed out; `next_key` is where the next goes on, `at` when ours began."""

    lines: bytes
    count: int
    next_key: Mapping[str, Any] | None
    at: str


def scan_table(reading: Reading) -> Items | Failure:
    """Return every item; an EXCLUDED failure where they are more than the budget still has.

    The size a table says of itself is hours old: what was scanned is counted.
    """
    ((_, answer),) = reading.within_deadline([_scan_job(reading, _table_id(reading))])
    if isinstance(answer, Items):
        most = reading.context.limits.inline_data_bytes
        if not reading.context.budget.claim(answer.size_bytes, most):
            answer.spooled.unlink()
            answer = _over_budget(most)
    failure = answer if isinstance(answer, Failure) else None
    reading.note(SCAN, answer.count if isinstance(answer, Items) else 0, failure)
    return answer


def _over_budget(most_bytes: int) -> Failure:
    reason = f"the items go beyond limits.inline_data_bytes, {most_bytes} for the whole source"
    return Failure(CallOutcome.EXCLUDED, reason)


def _table_id(reading: Reading) -> str:
    """Return what tells the table from a later one of its name; nothing where nobody does.

    What is known of the table may be as old as what is kept of it: then AWS is asked anew.
    """
    known = _identity(reading.asset.config)
    if not known or reading.kept.take_bytes(_kept_as(reading, known, None)) is None:
        return known
    answer = reading.answer(DESCRIBE, {"TableName": reading.asset.ref.native_id})
    return "" if isinstance(answer, Failure) else _identity(answer[0]["Table"])


def _identity(table: Mapping[str, Any]) -> str:
    return str(storable(table.get("TableId") or table.get("CreationDateTime") or ""))


def _scan_job(reading: Reading, table_id: str) -> Callable[[Beat], Items | Failure]:
    most, now = reading.context.limits.inline_data_bytes, reading.context.now.isoformat()
    raw, spooled = reading.spool("scan"), reading.spool("items")

    def job(beat: Beat) -> Items | Failure:
        count = size = earlier = 0
        times = {now}
        try:
            with raw.open("wb") as out:
                for page in _pages(reading, table_id):
                    out.write(page.lines)
                    count, size = count + page.count, size + len(page.lines)
                    earlier += page.count if page.at != now else 0
                    times.add(page.at)
                    if size > most:
                        return _over_budget(most)
                    beat()
            _sort(reading, raw, spooled)
        except FAULTS as fault:
            return failure_of(fault, SCAN)
        finally:
            raw.unlink(missing_ok=True)
        return Items(spooled, count, size, earlier, min(times) if earlier else "")

    return job


def _pages(reading: Reading, table_id: str) -> Iterator[_Page]:
    """Yield the pages that an earlier start has kept, then those it had not reached."""
    start: Mapping[str, Any] | None = None
    if table_id:
        for page in _kept_pages(reading, table_id):
            yield page
            start = page.next_key
            if start is None:
                return
    arguments = {"TableName": reading.asset.ref.native_id}
    begin = {"ExclusiveStartKey": _native(start)} if start else {}
    for answer in reading.ask(SCAN, {**arguments, **begin}):
        lines = [canonical_bytes(storable(plain(item))) for item in answer.get("Items", ())]
        next_key = plain(answer.get("LastEvaluatedKey") or None)
        text = b"".join(line + b"\n" for line in lines)
        page = _Page(text, len(lines), next_key, reading.context.now.isoformat())
        if table_id:
            known = {"count": page.count, "next_key": next_key, "at": page.at}
            reading.kept.keep_bytes(_kept_as(reading, table_id, start), text, known)
        yield page
        start = next_key


def _kept_pages(reading: Reading, table_id: str) -> Iterator[_Page]:
    start: Mapping[str, Any] | None = None
    seen = set()
    while (key := _kept_as(reading, table_id, start)) not in seen:
        seen.add(key)
        if (found := reading.kept.take_bytes(key)) is None:
            return
        lines, known = found
        start = known["next_key"]
        yield _Page(lines, known["count"], start, known["at"])
        if start is None:
            return


def _kept_as(reading: Reading, table_id: str, start: Mapping[str, Any] | None) -> str:
    return key_of("page", reading.asset.ref.urn, table_id, start)


def _native(key: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a key as the SDK takes it; a binary part of one was written as base64."""
    return {
        name: {kind: base64.b64decode(value) if kind == "B" else value}
        for name, part in key.items()
        for kind, value in part.items()
    }


def _sort(reading: Reading, raw: Path, spooled: Path) -> None:
    """Order the lines: a scan hands items out in an order of its own."""
    runs = reading.spool("runs")
    runs.mkdir(exist_ok=True)
    with raw.open("rb") as lines, spooled.open("wb") as out:
        ordered = sorted_lines((line.removesuffix(b"\n") for line in lines), runs)
        out.writelines(line + b"\n" for line in ordered)
    runs.rmdir()
