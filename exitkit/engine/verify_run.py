"""Hold a journal against itself and against keys: whoever has the file can do it, years later."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.engine.exit_basis import check_waiver
from exitkit.engine.signed_words import APPROVAL_PREDICATE, SKIP_PREDICATE, Word, open_word
from exitkit.errors import InputError, InvalidBundle
from exitkit.model.run import Event
from exitkit.store.canonical import canonical_bytes, storable
from exitkit.store.signers import Signers
from exitkit.workspace.plan_file import plan_from_document

_SIGNED = {"approval.given": APPROVAL_PREDICATE, "step.skipped": SKIP_PREDICATE}


@dataclass(frozen=True, slots=True)
class JournalFault:
    """What does not hold, at which event."""

    sequence: int
    text: str


def journal_faults(
    events: Sequence[Event], signers: Signers, head: str = ""
) -> Iterator[JournalFault]:
    """Yield what a whole chain does not show: plans, signed words, anchors, steps done twice."""
    if not events or events[0].type != "run.started":
        yield JournalFault(1, "it does not begin with run.started")
    digests = {event.digest for event in events}
    if head and head not in digests:
        yield JournalFault(len(events), f"it never had the head {head}: lines are missing")
    yield from _plans(events)
    yield from _waiver(events[:1], signers)
    yield from _order(events)
    seen: set[str] = set()
    for event in events:
        if event.type in _SIGNED:
            yield from _signed(event, signers, seen)
        seen.add(event.digest)


def _plans(events: Sequence[Event]) -> Iterator[JournalFault]:
    digest = ""
    for event in events:
        if event.type in ("run.started", "plan.amended"):
            plan = canonical_bytes(storable(event.data.get("plan")))
            found = hashlib.sha256(plan).hexdigest()
            if found != event.data.get("plan_digest"):
                yield JournalFault(event.sequence, "the plan does not have its digest")
            if digest and event.data.get("previous_digest") != digest:
                yield JournalFault(event.sequence, "it amends another plan than the run had")
            digest = found


def _order(events: Sequence[Event]) -> Iterator[JournalFault]:
    """What is done is never begun again, and nothing follows the end of a run."""
    done: set[str] = set()
    ended = 0
    for event in events:
        if event.type == "step.started" and event.step in done:
            yield JournalFault(event.sequence, f"step {event.step} was done and begins again")
        if event.type in ("step.succeeded", "step.skipped"):
            done.add(event.step)
        if ended:
            yield JournalFault(event.sequence, f"the run had ended with event {ended}")
        if event.type in ("run.completed", "run.failed", "run.aborted"):
            ended = event.sequence


def _waiver(first: Sequence[Event], signers: Signers) -> Iterator[JournalFault]:
    """An exit without a rehearsal rests on a signed word about its very plan."""
    for event in first:
        envelope = event.data.get("exit", {}).get("waiver")
        if envelope is None:
            continue
        try:
            check_waiver(envelope, plan_from_document(event.data["plan"]), signers, event.at)
        except (InputError, KeyError, TypeError) as error:
            yield JournalFault(event.sequence, str(error))


def _signed(event: Event, signers: Signers, seen: set[str]) -> Iterator[JournalFault]:
    kind = _SIGNED[event.type]
    envelope = event.data.get("signature")
    try:
        word = _word(envelope, kind, signers, event.at)
    except InvalidBundle as error:
        yield JournalFault(event.sequence, f"signature of {event.data.get('by')}: {error}")
        return
    told = {"run": event.run, "step": event.step, "by": event.data.get("by")}
    names = ("statement", "head") if kind == APPROVAL_PREDICATE else ("reason",)
    told |= {name: event.data.get(name) for name in names}
    wrong = [name for name, value in told.items() if word.predicate.get(name) != value]
    if wrong:
        yield JournalFault(event.sequence, f"what was signed differs in {', '.join(wrong)}")
    if word.fingerprint != event.data.get("key_fingerprint"):
        yield JournalFault(event.sequence, "it was signed with another key than it says")
    if word.predicate.get("head") not in seen:
        yield JournalFault(event.sequence, "what was signed names no earlier line: lines are gone")


def _word(envelope: Any, kind: str, signers: Signers, at: dt.datetime) -> Word:
    if not isinstance(envelope, Mapping):
        raise InvalidBundle("nothing is signed")
    return open_word(envelope, kind, signers, at)
