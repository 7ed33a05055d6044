"""Keep what a snapshot has reached until it is whole, so that one cut short is gone on with."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from exitkit.engine.series import DISTRIBUTION
from exitkit.errors import InputError
from exitkit.ports import Source
from exitkit.store.canonical import canonical_bytes
from exitkit.store.files import write_atomically

FOLDER = ".exitkit-unfinished"
STATE = "state.json"
STAYS_FRESH = dt.timedelta(hours=24)
"""What was answered longer ago than this is asked again: a bundle is to show one moment."""


class Earlier(StrEnum):
    """What to do with the answers of an earlier snapshot."""

    IF_CUT_SHORT = "if cut short"
    TAKE = "take"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The answers of a snapshot in the making; `began` is when the first of them was asked for."""

    folder: Path
    began: dt.datetime
    is_resumed: bool

    def end(self, *, all_reached: bool) -> None:
        """Forget the answers, or keep them for whoever asks for the rest alone."""
        if all_reached:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            state = json.loads((self.folder / STATE).read_bytes())
            write_atomically(self.folder / STATE, json.dumps({**state, "ended": True}).encode())


def open_unfinished(
    root: Path, sources: Sequence[Source], mask_key: bytes, now: dt.datetime, earlier: Earlier
) -> Unfinished:
    """Find the answers to go on with, or begin anew.

    A snapshot that was cut short is gone on with unless told otherwise; one that ended with calls
    unanswered only on demand, because what it did reach may have changed since.
    """
    folder = root / FOLDER
    fingerprint = _fingerprint(sources, mask_key)
    found = _state(folder, fingerprint, now)
    if earlier is Earlier.TAKE and found is None:
        raise InputError(
            f"{folder}: no snapshot of these sources within 24 hours left anything to ask for; "
            "run without --resume"
        )
    if found and (earlier is Earlier.TAKE or (earlier is Earlier.IF_CUT_SHORT and not found[1])):
        _write_state(folder, found[0], fingerprint)
        return Unfinished(folder, found[0], is_resumed=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    _write_state(folder, now, fingerprint)
    return Unfinished(folder, now, is_resumed=False)


def _write_state(folder: Path, began: dt.datetime, fingerprint: str) -> None:
    state = {"began": began.isoformat(), "fingerprint": fingerprint, "ended": False}
    write_atomically(folder / STATE, json.dumps(state).encode())


def _state(folder: Path, fingerprint: str, now: dt.datetime) -> tuple[dt.datetime, bool] | None:
    """Return when the kept answers began and whether their snapshot ended; None where of no use."""
    try:
        state = json.loads((folder / STATE).read_bytes())
        began, ended = dt.datetime.fromisoformat(state["began"]), bool(state["ended"])
        is_ours = hmac.compare_digest(state["fingerprint"], fingerprint)
        is_fresh = dt.timedelta(0) <= now - began < STAYS_FRESH
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (began, ended) if is_ours and is_fresh else None


def _fingerprint(sources: Sequence[Source], mask_key: bytes) -> str:
    """Tell sources, their settings, our version and the masking key apart from any others."""
    asked = [[source.id, source.type, dict(source.settings)] for source in sources]
    words = canonical_bytes({"sources": asked, "version": version(DISTRIBUTION)})
    return hmac.new(mask_key, b"unfinished\0" + words, hashlib.sha256).hexdigest()
