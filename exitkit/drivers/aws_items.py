"""Read the items of a DynamoDB table into the spool, sorted, without holding them in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exitkit.drivers.aws_answers import plain
from exitkit.drivers.aws_calls import FAULTS, Failure, failure_of
from exitkit.drivers.aws_reading import Reading
from exitkit.drivers.deadlines import Beat
from exitkit.model.ledger import CallOutcome
from exitkit.store.canonical import canonical_bytes, storable
from exitkit.store.tables import sorted_lines

SCAN = "dynamodb:Scan"


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a table as canonical lines in byte order."""

    spooled: Path
    count: int
    size_bytes: int


def scan_table(reading: Reading) -> Items | Failure:
    """Return every item; an EXCLUDED failure where they are more than the budget still has.

    The size a table says of itself is hours old: what was scanned is counted.
    """
    ((_, answer),) = reading.within_deadline([_scan_job(reading)])
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


def _scan_job(reading: Reading) -> Callable[[Beat], Items | Failure]:
    most = reading.context.limits.inline_data_bytes
    raw, spooled = reading.spool("scan"), reading.spool("items")

    def job(beat: Beat) -> Items | Failure:
        count = size = 0
        try:
            with raw.open("wb") as out:
                for page in reading.ask(SCAN, {"TableName": reading.asset.ref.native_id}):
                    for item in page.get("Items", ()):
                        line = canonical_bytes(storable(plain(item))) + b"\n"
                        out.write(line)
                        count, size = count + 1, size + len(line)
                    if size > most:
                        return _over_budget(most)
                    beat()
            _sort(reading, raw, spooled)
        except FAULTS as fault:
            return failure_of(fault, SCAN)
        finally:
            raw.unlink(missing_ok=True)
        return Items(spooled, count, size)

    return job


def _sort(reading: Reading, raw: Path, spooled: Path) -> None:
    """Order the lines: a scan hands items out in an order of its own."""
    runs = reading.spool("runs")
    runs.mkdir(exist_ok=True)
    with raw.open("rb") as lines, spooled.open("wb") as out:
        ordered = sorted_lines((line.removesuffix(b"\n") for line in lines), runs)
        out.writelines(line + b"\n" for line in ordered)
    runs.rmdir()
