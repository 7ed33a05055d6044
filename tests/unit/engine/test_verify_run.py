"""A journal alone shows what was signed, planned and done, and anything that was done to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.engine.approvals import approve, post_skip, skip_of
from exitkit.engine.run import Interrupts, drive
from exitkit.engine.signed_words import SKIP_PREDICATE, statement_bytes
from exitkit.engine.verify_run import journal_faults
from exitkit.model.plan import Mode
from exitkit.model.run import Event
from exitkit.store.keys import generate_key, load_private, load_public
from exitkit.store.seal import sign_statement
from exitkit.store.signers import Signers

APPROVAL = {"id": "go", "kind": "wait-for-approval", "statement": "Go on."}


@pytest.fixture
def events(
    workshop: Any, make_plan: Callable[..., Any], make_milestone: Callable[..., Any], tmp_path: Path
) -> tuple[Event, ...]:
    wait = {"id": "w", "kind": "wait-until", "at": "2999-01-01"}
    run = workshop.start(make_plan(make_milestone("M1", [APPROVAL, wait])), mode=Mode.EXIT)
    drive(run, Interrupts(), lambda state: False)
    key = load_private(tmp_path / "keys" / "exitkit.pem")
    approve(run.journal, "go", key, "Lead")
    word = skip_of(run.journal, "w", "Nobody waits so long.", "Lead")
    post_skip(run.journal, "w", sign_statement(statement_bytes(SKIP_PREDICATE, word), key))
    assert drive(run, Interrupts(), lambda state: False).ended == "completed"
    return workshop.events_kept()


def faults(events: tuple[Event, ...], signers: Signers, head: str = "") -> list[str]:
    return [fault.text for fault in journal_faults(events, signers, head)]


@pytest.fixture
def signers(tmp_path: Path) -> Signers:
    return Signers([load_public(tmp_path / "keys" / "exitkit.pub")])


def test_a_whole_journal_has_no_fault(events: tuple[Event, ...], signers: Signers) -> None:
    assert faults(events, signers) == []
    assert faults(events, signers, events[3].digest) == []


def test_a_head_that_is_gone_is_missed(events: tuple[Event, ...], signers: Signers) -> None:
    (fault,) = faults(events[:-2], signers, events[-1].digest)
    assert "lines are missing" in fault


def test_a_signature_of_a_key_nobody_trusts_counts_for_nothing(
    events: tuple[Event, ...], tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    generate_key(other, other.with_suffix(".pub"))
    told = faults(events, Signers([load_public(other.with_suffix(".pub"))]))
    assert len(told) == 2
    assert all("not signed by a trusted key" in one for one in told)


@pytest.mark.parametrize(
    ("kind", "change", "fault"),
    [
        ("approval.given", {"statement": "Delete it all."}, "differs in statement"),
        ("approval.given", {"by": "Somebody else"}, "differs in by"),
        ("step.skipped", {"reason": "It was done."}, "differs in reason"),
        ("step.skipped", {"key_fingerprint": "SHA256:x"}, "another key"),
        ("run.started", {"plan_digest": "0" * 64}, "does not have its digest"),
    ],
)
def test_a_line_that_tells_something_else_than_was_signed_is_found(
    events: tuple[Event, ...], signers: Signers, kind: str, change: dict[str, str], fault: str
) -> None:
    # Somebody wrote the whole chain anew: its hashes hold, what people signed does not.
    changed = tuple(
        dataclasses.replace(one, data={**one.data, **change}) if one.type == kind else one
        for one in events
    )
    assert any(fault in one for one in faults(changed, signers))


def test_work_after_the_end_or_done_twice_is_found(
    events: tuple[Event, ...], signers: Signers
) -> None:
    again = next(one for one in events if one.type == "step.started")
    told = faults((*events, again), signers)
    assert told == [
        "step go was done and begins again",
        f"the run had ended with event {len(events)}",
    ]
