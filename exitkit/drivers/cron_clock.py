"""Say when a cron would start what: by its rules, and by a real cron with a clock of its own.

The real one is Debian's, in a namespace where it sees no table but ours and starts nothing but an
`echo`; libfaketime sets its clock to just before the minute in question.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from cronsim import CronSim, CronSimError

SINCE = datetime(2024, 1, 1)  # noqa: DTZ001  # a cron knows no zones; a leap year has every day
TIMES = 12
MOST_MINUTES = 8
_LEAD_S, _AFTER_S = 10, 10
"""How long before the minute its clock begins, and how long after it stops."""
_PACES = (10, 4)
"""How much faster than ours it goes; a machine under load may need the slower one."""
_SETTLE_S, _PAUSE_S = 0.3, 0.05
_NICKNAMES = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}  # fmt: skip
_AT_START = "@reboot"
# Nothing else may come near a table that root's cron reads.
_FIELDS = re.compile(r"[\w*/,-]+(?: [\w*/,-]+){4}", re.ASCII)
_ALONE = """
set -e
mount --bind "$1/cron.d" /etc/cron.d
mount --bind "$1/crontab" /etc/crontab
mount --bind "$1/spool" /var/spool/cron/crontabs
mount -t tmpfs none /run
exec env -i PATH=/usr/bin:/bin TZ=UTC LD_PRELOAD="$2" FAKETIME="$3" "$4" -f
"""


@dataclass(frozen=True, slots=True)
class _Cron:
    """A real cron and what its clock is set with."""

    program: str
    unshare: str
    library: str


def departures(wanted: Sequence[str], found: Sequence[str]) -> tuple[list[str], bool]:
    """Say of each schedule how `found` starts otherwise than `wanted`, or nothing.

    The second value tells whether a real cron was asked too.
    """
    faults = [_departure(*pair) for pair in zip(wanted, found, strict=True)]
    cron = _real_cron()
    if cron is None:
        return faults, False
    sound = [number for number, fault in enumerate(faults) if not fault]
    firsts = {next(_times(wanted[number]), None) for number in sound} - {None}
    minutes = sorted(one for one in firsts if one)[:MOST_MINUTES]
    with ThreadPoolExecutor(MOST_MINUTES) as pool:
        given = [found[number] for number in sound]
        answers = list(pool.map(lambda at: _asked_twice(cron, given, at), minutes))
    for at, (due, started) in zip(minutes, answers, strict=True):
        if started is None:
            return faults, False
        for place in due ^ started:
            verb = "does not start" if place in due else "starts"
            faults[sound[place]] = f"cron {verb} it at {at:%Y-%m-%d %H:%M}"
    return faults, bool(minutes)


def _departure(wanted: str, found: str) -> str:
    try:
        ours, theirs = (list(islice(_times(one), TIMES)) for one in (wanted, found))
    except CronSimError as fault:
        return f"no cron reads its schedule ({fault})"
    if ours == theirs:
        return ""
    at, other = next((pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]),
                     (None, None))  # fmt: skip
    return f"starts at {other} instead of {at}" if at else "starts at other times"


def _times(schedule: str, since: datetime = SINCE) -> Iterator[datetime]:
    """Yield when a schedule starts, `since` included; nothing for what starts with the machine."""
    if schedule == _AT_START:
        return
    fields = _NICKNAMES.get(schedule, schedule)
    if not _FIELDS.fullmatch(fields):
        raise CronSimError("not five fields")
    yield from CronSim(fields, since - timedelta(minutes=1))


def _real_cron() -> _Cron | None:
    """Return Debian's cron where we may part namespaces, and what sets its clock."""
    cron, unshare = shutil.which("cron", path="/usr/sbin"), shutil.which("unshare")
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if os.geteuid() or not (cron and unshare and library):
        return None
    return _Cron(cron, unshare, str(library))


def _asked_twice(
    cron: _Cron, schedules: Sequence[str], at: datetime
) -> tuple[frozenset[int], frozenset[int] | None]:
    """Return which schedules are due at a minute, and which the cron started; None if it failed."""
    due = frozenset(number for number, one in enumerate(schedules) if _is_due(one, at))
    started = None
    for pace in _PACES:
        started = _asked(cron, schedules, at, due, pace)
        if started in (due, None):
            break
    return due, started


def _asked(
    cron: _Cron, schedules: Sequence[str], at: datetime, due: frozenset[int], pace: int
) -> frozenset[int] | None:
    with tempfile.TemporaryDirectory(prefix="exitkit-cron-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "spool").mkdir()
        (folder / "crontab").touch(mode=0o644)
        (folder / "cron.d").mkdir()
        told = folder / "started"
        told.touch()
        for number, schedule in enumerate(schedules):
            # A table each: one line that it cannot read costs a cron the whole table.
            line = f'MAILTO=""\n{schedule} root echo {number} >>{told}\n'
            (folder / "cron.d" / f"job{number}").write_text(line)
        clock = f"@{at - timedelta(seconds=_LEAD_S):%Y-%m-%d %H:%M:%S} x{pace}"
        process = subprocess.Popen(
            [cron.unshare, "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "/bin/sh", "-c", _ALONE, "sh", str(folder), cron.library, clock, cron.program],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return _awaited(process, told, due, (_LEAD_S + _AFTER_S) / pace)
        finally:
            process.kill()
            process.wait()


def _is_due(schedule: str, at: datetime) -> bool:
    return schedule == _AT_START or next(_times(schedule, at), None) == at


def _awaited(
    process: subprocess.Popen[bytes], told: Path, due: frozenset[int], longest_s: float
) -> frozenset[int] | None:
    end = time.monotonic() + longest_s
    while _started(told) < due and time.monotonic() < end and process.poll() is None:
        time.sleep(_PAUSE_S)
    time.sleep(_SETTLE_S)
    return _started(told) if process.poll() is None else None


def _started(told: Path) -> frozenset[int]:
    return frozenset(map(int, told.read_text().split()))
