"""Ask people for a signed word, and let a run go on only once the right ones gave it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exitkit.engine.coordinator import Coordinator
from exitkit.engine.outcomes import journal_outcome
from exitkit.engine.state import StepProgress, fold
from exitkit.errors import InputError, InvalidBundle
from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.store.canonical import canonical_bytes, parse_line
from exitkit.store.journal import Journal, Message
from exitkit.store.seal import sign_statement, verify_statement

APPROVAL_KIND = "wait-for-approval"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://w3id.org/exitkit/attestation/approval/v1"


def request_approval(run: Coordinator, step: Step) -> None:
    """Ask for the approval of everything the journal holds so far."""
    milestone = run.milestone_of(step).id
    attempt = run.of(step).attempt + 1
    run.record(
        "step.started", {"kind": step.kind, "idempotency_key": f"{run.state.run}/{step.id}"},
        milestone=milestone, step=step.id, attempt=attempt,
    )  # fmt: skip
    run.record(
        "approval.requested",
        {"statement": str(step.params["statement"]), "head": run.journal.head},
        milestone=run.milestone_of(step).id, step=step.id, attempt=run.of(step).attempt,
    )  # fmt: skip


def approve(journal: Journal, step: str, key: Ed25519PrivateKey, by: str) -> Mapping[str, Any]:
    """Sign what a waiting step asks for and leave it in the inbox; return what was signed."""
    state = fold(journal.load())
    waiting = state.step(step)
    if waiting.progress is not StepProgress.WAITING or state.ended or state.stopping:
        open_steps = [n for n, s in state.steps.items() if s.progress is StepProgress.WAITING]
        known = f"waiting: {', '.join(open_steps)}" if open_steps else "no step waits"
        raise InputError(f"{journal.run}: step {step} does not wait for an approval; {known}")
    approval = {
        "run": journal.run,
        "step": step,
        "statement": waiting.request["statement"],
        "head": waiting.request["head"],
        "by": by,
    }
    envelope = sign_statement(canonical_bytes(_statement(approval)), key)
    journal.post({"command": "approve", "step": step, "envelope": envelope})
    return approval


def take_in_approval(run: Coordinator, step: Step, message: Message) -> None:
    """Record an approval that holds, or why it does not."""
    state = run.of(step)
    place = {"milestone": run.milestone_of(step).id, "step": step.id}
    try:
        approval, fingerprint = _opened(run, message)
        fault = _fault(run, step, approval)
        if fingerprint in state.approved_by:
            fault = "the same key approved already"
    except InvalidBundle as error:
        approval, fingerprint, fault = {}, "", str(error)
    if fault:
        why = {"why": fault, "inbox": message.id}
        run.record("approval.rejected", why, **place, attempt=state.attempt)
        return
    run.record(
        "approval.given",
        {
            "by": approval["by"], "key_fingerprint": fingerprint,
            "statement": approval["statement"], "head": approval["head"],
            "signature": message.body["envelope"], "inbox": message.id,
        },
        **place, attempt=state.attempt,
    )  # fmt: skip


def close_approved(run: Coordinator, step: Step) -> None:
    """End the wait once as many parties as the step asks for have signed."""
    parties = int(step.params.get("parties", 1))
    given = len(run.of(step).approved_by)
    if given >= parties:
        outcome = Outcome(
            StepStatus.SUCCEEDED, f"approved by {given}", {"approved": True, "approvals": given}
        )
        document = journal_outcome(outcome, {}, run.scrub)
        run.record_step("succeeded", step, {"how": "approval", "outcome": document})


def _opened(run: Coordinator, message: Message) -> tuple[Mapping[str, Any], str]:
    signed = verify_statement(message.body["envelope"], run.surroundings.trusted_keys)
    if not signed.signers:
        raise InvalidBundle("not signed by a trusted key; add its .pub to signing: trust:")
    try:
        statement = parse_line(signed.payload)
        predicate = statement["predicate"]
        named = all(isinstance(predicate[name], str) for name in ("run", "step", "by"))
    except (KeyError, TypeError) as error:
        raise InvalidBundle(f"what was signed is not an approval ({error})") from error
    if not named or statement != _statement(predicate):
        raise InvalidBundle("what was signed is not an approval")
    return predicate, signed.signers[0]


def _fault(run: Coordinator, step: Step, approval: Mapping[str, Any]) -> str:
    """Say where an approval is not about this run, step, statement and journal head."""
    state = run.of(step)
    if state.progress is not StepProgress.WAITING:
        return "the step does not wait for an approval"
    asked = {"run": run.state.run, "step": step.id} | {
        name: state.request[name] for name in ("statement", "head")
    }
    wrong = [name for name, value in asked.items() if approval.get(name) != value]
    return f"it is about another {', '.join(wrong)}" if wrong else ""


def _statement(approval: Mapping[str, Any]) -> dict[str, Any]:
    """Wrap an approval as an in-toto statement about the journal as it stood."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": f"journal of {approval['run']}", "digest": {"sha256": approval.get("head")}}
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(approval),
    }


def describe(message: Message) -> str:
    """Return a message's command, for what is said about one that nobody understands."""
    return json.dumps(message.body.get("command", ""))
