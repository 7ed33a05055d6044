"""Hold a rehearsal to the volume and the time its target allows, before anything is written.

What is used up is kept beside the run's artifacts, one file a target, so that steps at work at
the same time, further attempts and a crash count as what they are.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exitkit.errors import ExitkitError, InputError
from exitkit.model.plan import Mode, Step
from exitkit.ports import StepContext, Target
from exitkit.store.canonical import instant, timestamp
from exitkit.store.files import write_atomically
from exitkit.store.holdings import chosen, listed
from exitkit.store.paths import segment
from exitkit.store.reader import Bundle, open_bundle

EXCEEDED = "quota_exceeded"
"""The metric that makes a failed step an incident."""
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class QuotaExceeded(ExitkitError):
    """A step would write more, or later, than its target allows."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Quota:
    """What a target allows a rehearsal; 0 is no limit."""

    volume_bytes: int = 0
    time_s: int = 0

    @classmethod
    def of(cls, target: Target) -> Quota:
        """Read `quota: {volume: 10 GB, time: 4h}`."""
        given: Mapping[str, Any] = target.settings.get("quota") or {}
        return cls(
            _parsed(str(given.get("volume", "0 B")), _UNITS, target),
            _parsed(str(given.get("time", "0s")), _SPANS, target),
        )


@contextlib.contextmanager
def within_quota(target: Target, context: StepContext, size: int) -> Iterator[None]:
    """Raise QuotaExceeded before the block where it does not fit, and in it when time is up."""
    quota = Quota.of(target)
    if context.mode is not Mode.REHEARSAL or quota == Quota():
        yield
        return
    left_s = _reserve(target, context, size, quota)
    with _alarm(left_s, f"target {target.id}: its quota of time is used up; raise `quota: time`"):
        yield


def volume_of(step: Step, context: StepContext) -> int:
    """Return the bytes the bundle holds of what a step restores, without its configuration."""
    bundle = open_bundle(context.bundle)
    sizes: dict[str, int] = {}
    for holding in chosen(bundle, step):
        kept = [
            one for one in holding.record.get("artifacts", ()) if one["role"] != "native-config"
        ]
        for path in (one["path"] for one in kept):
            sizes[path] = _size(bundle, path)
        if holding.listing:
            for line in listed(bundle, holding):
                if "path" in line:
                    sizes[str(line["path"])] = _size(bundle, str(line["path"]))
    return sum(sizes.values())


def _reserve(target: Target, context: StepContext, size: int, quota: Quota) -> int:
    """Note what the step is about to use; return the seconds it has, 0 where any number."""
    folder = context.attempt_dir.parents[2] / "quota"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f"{segment(target.id)}.lock"):
        path = folder / f"{segment(target.id)}.json"
        now = dt.datetime.now(dt.UTC)
        used: dict[str, Any] = {"since": timestamp(now), "volumes": {}}
        if path.is_file():
            used = json.loads(path.read_text())
        volumes = used["volumes"] | {context.idempotency_key: size}
        total, who = sum(volumes.values()), f"target {target.id}"
        if quota.volume_bytes and total > quota.volume_bytes:
            raise QuotaExceeded(
                f"{who}: {total} bytes are more than its quota of {quota.volume_bytes};"
                " restore less, or raise `quota: volume`"
            )
        left_s = quota.time_s - int((now - instant(used["since"])).total_seconds())
        if quota.time_s and left_s <= 0:
            raise QuotaExceeded(f"{who}: its quota of {quota.time_s} s is used up")
        document = json.dumps({"since": used["since"], "volumes": volumes}, sort_keys=True)
        write_atomically(path, document.encode())
    return left_s if quota.time_s else 0


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _alarm(left_s: int, message: str) -> Iterator[None]:
    """Raise in the block when its time is up; a step works in a process of its own."""
    if not left_s:
        yield
        return

    def ring(number: int, frame: object) -> None:
        raise QuotaExceeded(message)

    handler = signal.signal(signal.SIGALRM, ring)
    other_s, _ = signal.setitimer(signal.ITIMER_REAL, left_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, other_s)
        signal.signal(signal.SIGALRM, handler)


def _size(bundle: Bundle, path: str) -> int:
    return bundle.content_path(path).stat().st_size


def _parsed(text: str, units: Mapping[str, int], target: Target) -> int:
    number = text.rstrip("".join(units)).strip()
    unit = text.strip().removeprefix(number).strip()
    if not number.isdecimal() or unit not in units:
        known = ", ".join(units)
        raise InputError(f"target {target.id}: quota {text!r}; write a number and one of {known}")
    return int(number) * units[unit]
