"""Gather what the minutes of a run are filled from, each document checked against the journal."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from exitkit.assess.exit_clock import anchors_of
from exitkit.engine.conclude import judged
from exitkit.engine.exit_clock import exit_clock
from exitkit.errors import InputError, InvalidBundle
from exitkit.model.plan import Mode
from exitkit.model.run import Event
from exitkit.report.figure import at
from exitkit.report.minutes import Attested, MinutesInputs
from exitkit.workspace.files import Workspace, contract_document
from exitkit.workspace.yaml_lines import read_yaml

ATTESTATION = "attestation.yaml"


def minutes_inputs(
    workspace: Workspace,
    folder: Path,
    now: dt.datetime,
    *,
    kind: str,
    milestone: str = "",
    notifies: str = "exit",
) -> MinutesInputs:
    """Return the inputs of minutes, or raise InputError where this run cannot have them."""
    state, events, verdicts = judged(folder, now)
    if state.plan is None:
        raise InputError(f"{folder.name}: its journal is empty; nothing to write minutes of")
    if kind == "rehearsal" and state.mode is not Mode.REHEARSAL:
        raise InputError(f"{state.run}: an exit, not a rehearsal; choose another --kind")
    names = [one.id for one in state.plan.milestones]
    if milestone and milestone not in names:
        raise InputError(f"--milestone {milestone}: not in the plan; there are {', '.join(names)}")
    contract = contract_document(workspace)
    return MinutesInputs(
        today=now.date(),
        summary=state.summary(),
        plan=state.plan,
        events=events,
        verdicts=verdicts,
        contract=contract,
        anchors=anchors_of(events),
        clock=exit_clock(workspace.runs, state, events, contract, now.date()),
        attested=tuple(_attested(folder, events)) if kind == "deletion" else (),
        milestone=milestone,
        notifies=notifies,
    )


def _attested(folder: Path, events: Sequence[Event]) -> Iterator[Attested]:
    """Yield the deletion attestations of the run whose bytes are those the journal names."""
    for event in events:
        digest = (at(event.data, "outcome.artifacts") or {}).get(ATTESTATION)
        if event.type != "step.succeeded" or digest is None:
            continue
        path = folder / "artifacts" / event.step / str(event.attempt) / ATTESTATION
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise InvalidBundle(
                f"{path}: not the attestation of journal line {event.sequence}; restore the file"
            )
        document = read_yaml(path).value
        if document["kind"] == "deletion":
            yield Attested(event.sequence, document)
