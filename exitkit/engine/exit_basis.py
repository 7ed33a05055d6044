"""Let an exit start only on a rehearsal of the same plan, or on a signed waiver."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.assess.dates import add_months
from exitkit.assess.exit_clock import contract_periods
from exitkit.assess.predicates import look_up
from exitkit.engine.conclude import concluded, judged
from exitkit.engine.journals import run_folders
from exitkit.engine.signed_words import signed_payload
from exitkit.engine.state import RunState
from exitkit.errors import InputError, InvalidBundle
from exitkit.model.plan import Mode, Plan
from exitkit.model.run import MilestoneVerdict, Verdict
from exitkit.store.canonical import canonical_bytes, parse_line, timestamp
from exitkit.store.signers import Signers
from exitkit.store.verify import verify_bundle
from exitkit.workspace.files import Workspace

DEFAULT_MONTHS = 12
"""A rehearsal counts for a year where the contract does not say (`frequency_months`)."""
FREQUENCY = "reversibility.rehearsal.frequency_months"
STARTING = ("T0", "TS", "TSTRESS")
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://w3id.org/exitkit/attestation/rehearsal-waiver/v1"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The rehearsal an exit rests on, and the sealed bundle that holds its evidence."""

    run: str
    ended_at: dt.datetime
    head: str
    bundle: str


def find_rehearsal(
    workspace: Workspace, plan: Plan, contract: Mapping[str, Any], now: dt.datetime
) -> Rehearsed:  # fmt: skip
    """Return the newest good rehearsal of this very plan; InputError says why there is none."""
    months = look_up(FREQUENCY, contract)
    months = months if isinstance(months, int) else DEFAULT_MONTHS
    faults: list[str] = []
    for folder in run_folders(workspace.runs):
        state, _, verdicts = judged(folder, now)
        if state.mode is not Mode.REHEARSAL or state.plan is None:
            continue
        fault = _fault(workspace, plan, state, verdicts, months, now.date())
        if fault is None and state.ended_at:
            sealed = concluded(workspace, state.run)
            if sealed is not None:
                return Rehearsed(state.run, state.ended_at, state.head, sealed.bundle)
        faults.append(f"{state.run} {fault}")
    why = faults[-1] if faults else "none was run"
    raise InputError(
        f"{workspace.plan_file.name}: no rehearsal of this plan within {months} months ({why}); "
        "`exitkit rehearse` runs it, `exitkit exit --waive REASON --key KEY` goes without"
    )


def waiver_bytes(plan: Plan, reason: str, by: str, on: dt.date) -> bytes:
    """Return the bytes to sign: that this plan is run for real without a rehearsal."""
    predicate = {"plan": plan.id, "by": by, "reason": reason, "on": on.isoformat()}
    return canonical_bytes(_statement(plan, predicate))


def check_waiver(
    envelope: Mapping[str, Any], plan: Plan, signers: Signers, at: dt.datetime
) -> Mapping[str, str]:
    """Return who waived the rehearsal of this plan and why, or raise InputError."""
    try:
        payload, fingerprint, person = signed_payload(envelope, signers, at)
        statement = parse_line(payload)
        predicate = {name: str(value) for name, value in statement["predicate"].items()}
    except (InvalidBundle, KeyError, AttributeError) as error:
        raise InputError(f"waiver: {error}; sign a new one") from error
    if statement != _statement(plan, predicate) or not predicate.get("reason", "").strip():
        raise InputError(f"waiver: not about plan {plan.id} as it stands; sign a new one")
    named = {"person": person} if person else {}
    return {**predicate, **named, "key_fingerprint": fingerprint}


def exit_basis(
    contract: Mapping[str, Any],
    anchors: Mapping[str, dt.date],
    rehearsed: Rehearsed | None,
    waiver: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return what the first line of an exit's journal says it rests on: dates, periods, proof."""
    if not set(STARTING) & anchors.keys():
        raise InputError(
            f"exit: no date to count from; give --anchor with one of {', '.join(STARTING)}, "
            "T0 being the day the provider received the notice"
        )
    basis: dict[str, Any] = {
        "anchors": {name: day.isoformat() for name, day in sorted(anchors.items())},
        "periods": contract_periods(contract),
    }
    if rehearsed:
        basis["rehearsal"] = {
            "run": rehearsed.run, "ended_at": timestamp(rehearsed.ended_at),
            "head": rehearsed.head, "bundle": rehearsed.bundle,
        }  # fmt: skip
    return basis | ({"waiver": dict(waiver)} if waiver else {})


def _fault(
    workspace: Workspace,
    plan: Plan,
    state: RunState,
    verdicts: Iterable[Verdict],
    months: int,
    today: dt.date,
) -> str | None:
    """Say why a rehearsal does not carry this exit; None where it does."""
    if state.plan is None or state.plan.digest != plan.digest:
        return "ran another version of the plan"
    if state.ended != "completed" or state.ended_at is None:
        return f"is {state.word}, not completed"
    if state.incidents:
        return f"left something behind: {state.incidents[0]}"
    words = [(one.milestone, one.verdict) for one in verdicts]
    missed = [name for name, verdict in words if verdict is MilestoneVerdict.MISSED]
    if missed:
        return f"missed {', '.join(missed)}"
    if not any(verdict is MilestoneVerdict.PROVED for _, verdict in words):
        return "proved no milestone"
    if add_months(state.ended_at.date(), months) < today:
        return f"ended on {state.ended_at.date().isoformat()}, too long ago"
    sealed = concluded(workspace, state.run)
    if sealed is None:
        return f"is not sealed; `exitkit resume {state.run}` seals it"
    verification = verify_bundle(sealed.path, [p for p in workspace.trusted_keys if p.is_file()])
    if verification.faults or not verification.signers:
        return f"is held by {sealed.path.name}, which `exitkit verify` does not accept"
    return None


def _statement(plan: Plan, predicate: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "_type": STATEMENT_TYPE,
        "predicateType": PREDICATE_TYPE,
        "subject": [{"name": f"plan/{plan.id}", "digest": {"sha256": plan.digest}}],
        "predicate": dict(predicate),
    }
