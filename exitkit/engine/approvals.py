"""Ask people for a signed word, and let a run go on only once the right ones gave it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exitkit.engine.coordinator import Coordinator
from exitkit.engine.outcomes import journal_outcome
from exitkit.engine.signed_words import (
    APPROVAL_PREDICATE,
    SKIP_PREDICATE,
    Word,
    open_word,
    statement_bytes,
)
from exitkit.engine.state import fold
from exitkit.engine.step_state import StepProgress
from exitkit.errors import InputError, InvalidBundle
from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.store.journal import Journal, Message
from exitkit.store.seal import sign_statement
from exitkit.store.signers import Signers

APPROVAL_KIND = "wait-for-approval"
SKIPPABLE = (
    StepProgress.PENDING, StepProgress.WAITING, StepProgress.HELD, StepProgress.FAILED
)  # fmt: skip


def request_approval(run: Coordinator, step: Step, statement: str) -> None:
    """Ask for the approval of a statement, and of everything the journal holds so far."""
    milestone = run.milestone_of(step).id
    attempt = run.of(step).attempt + 1
    run.record(
        "step.started", {"kind": step.kind, "idempotency_key": f"{run.state.run}/{step.id}"},
        milestone=milestone, step=step.id, attempt=attempt,
    )  # fmt: skip
    run.record(
        "approval.requested",
        {"statement": statement, "head": run.journal.head},
        milestone=run.milestone_of(step).id, step=step.id, attempt=run.of(step).attempt,
    )  # fmt: skip


def approval_of(journal: Journal, step: str, by: str) -> dict[str, Any]:
    """Return what a waiting step asks `by` to sign."""
    state = fold(journal.load())
    waiting = state.step(step)
    is_asked = waiting.progress is StepProgress.WAITING and waiting.request
    if not is_asked or state.ended or state.stopping:
        open_steps = [n for n in state.active if state.step(n).request]
        known = f"waiting: {', '.join(open_steps)}" if open_steps else "no step waits"
        raise InputError(f"{journal.run}: step {step} does not wait for an approval; {known}")
    return {
        "run": journal.run,
        "step": step,
        "statement": waiting.request["statement"],
        "head": waiting.request["head"],
        "by": by,
    }


def approve(journal: Journal, step: str, key: Ed25519PrivateKey, by: str) -> Mapping[str, Any]:
    """Sign what a waiting step asks for and leave it in the inbox; return what was signed."""
    approval = approval_of(journal, step, by)
    envelope = sign_statement(statement_bytes(APPROVAL_PREDICATE, approval), key)
    post_approval(journal, step, envelope)
    return approval


def post_approval(journal: Journal, step: str, envelope: Mapping[str, Any]) -> None:
    """Leave a signed approval for whoever coordinates the run."""
    journal.post({"command": "approve", "step": step, "envelope": dict(envelope)})


def skip_of(journal: Journal, step: str, reason: str, by: str) -> dict[str, Any]:
    """Return what `by` has to sign so that a step is left out."""
    state = fold(journal.load())
    found = [one for one in (state.plan.steps() if state.plan else ()) if one.id == step]
    if not found or state.ended:
        raise InputError(f"{journal.run}: no step {step} to skip; see `exitkit status`")
    fault = _why_not_skipped(found[0], state.step(step).progress)
    if fault:
        raise InputError(f"{journal.run}: step {step}: {fault}")
    return {"run": journal.run, "step": step, "reason": reason, "head": state.head, "by": by}


def post_skip(journal: Journal, step: str, envelope: Mapping[str, Any]) -> None:
    """Leave a signed reason to skip a step for whoever coordinates the run."""
    journal.post({"command": "skip", "step": step, "envelope": dict(envelope)})


def take_in_skip(run: Coordinator, step: Step, message: Message) -> None:
    """Leave a step out for a reason that somebody we trust signed, or say why not."""
    try:
        word = _opened(run, message, SKIP_PREDICATE)
        fault = _why_not_skipped(step, run.of(step).progress)
        about = (word.predicate["run"], word.predicate["step"])
        if not fault and about != (run.state.run, step.id):
            fault = "it is about another run or step"
        if not fault and not str(word.predicate.get("reason", "")).strip():
            fault = "no reason is given"
    except InvalidBundle as error:
        word, fault = Word({}, "", ""), str(error)
    if fault:
        data = {"why": f"skip {step.id}: {fault}", "inbox": message.id}
        run.record("message.ignored", data)
        return
    run.record_step(
        "skipped", step,
        {
            "by": word.predicate["by"], "reason": word.predicate["reason"],
            "key_fingerprint": word.fingerprint, "signature": message.body["envelope"],
            "inbox": message.id,
        },
    )  # fmt: skip


def _why_not_skipped(step: Step, progress: StepProgress) -> str:
    if step.kind == APPROVAL_KIND:
        return "an approval cannot be skipped; `exitkit approve` gives it, `amend` takes it out"
    if progress not in SKIPPABLE:
        return f"it is {progress.value}; only what is not done and not at work can be skipped"
    return ""


def take_in_approval(run: Coordinator, step: Step, message: Message) -> None:
    """Record an approval that holds, or why it does not."""
    state = run.of(step)
    place = {"milestone": run.milestone_of(step).id, "step": step.id}
    try:
        word = _opened(run, message, APPROVAL_PREDICATE)
        fault = _fault(run, step, word.predicate)
        if word.fingerprint in state.approved_by:
            fault = "the same key approved already"
        elif word.person and word.person in state.approved_by:
            fault = "the same person approved already"
    except InvalidBundle as error:
        word, fault = Word({}, "", ""), str(error)
    approval = word.predicate
    if fault:
        why = {"why": fault, "inbox": message.id}
        run.record("approval.rejected", why, **place, attempt=state.attempt)
        return
    run.record(
        "approval.given",
        {
            "by": approval["by"], "key_fingerprint": word.fingerprint,
            "statement": approval["statement"], "head": approval["head"],
            "signature": message.body["envelope"], "inbox": message.id,
            **({"person": word.person} if word.person else {}),
        },
        **place, attempt=state.attempt,
    )  # fmt: skip


def close_approved(run: Coordinator, step: Step) -> None:
    """End the wait once as many parties as the step asks for have signed."""
    parties = int(step.params.get("parties", 1))
    given = run.of(step).approvals
    if given >= parties:
        outcome = Outcome(
            StepStatus.SUCCEEDED, f"approved by {given}", {"approved": True, "approvals": given}
        )
        document = journal_outcome(outcome, {}, run.scrub)
        run.record_step("succeeded", step, {"how": "approval", "outcome": document})


def _opened(run: Coordinator, message: Message, kind: str) -> Word:
    envelope = message.body.get("envelope")
    if not isinstance(envelope, dict):
        raise InvalidBundle("nothing is signed")
    lent = run.surroundings
    signers = Signers(lent.trusted_keys, lent.allowed_signers)
    return open_word(envelope, kind, signers, lent.clock())


def _fault(run: Coordinator, step: Step, approval: Mapping[str, Any]) -> str:
    """Say where an approval is not about this run, step, statement and journal head."""
    state = run.of(step)
    if state.progress is not StepProgress.WAITING or not state.request:
        return "the step does not wait for an approval"
    asked = {"run": run.state.run, "step": step.id} | {
        name: state.request[name] for name in ("statement", "head")
    }
    wrong = [name for name, value in asked.items() if approval.get(name) != value]
    return f"it is about another {', '.join(wrong)}" if wrong else ""


def describe(message: Message) -> str:
    """Return a message's command, for what is said about one that nobody understands."""
    return json.dumps(message.body.get("command", ""))
