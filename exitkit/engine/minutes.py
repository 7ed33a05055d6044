"""Gather what the minutes of a run are filled from, each document checked against the journal."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from exitkit.assess.exit_clock import anchors_of
from exitkit.engine.conclude import judged
from exitkit.engine.exit_clock import exit_clock
from exitkit.engine.gaps import read_gaps
from exitkit.errors import InputError, InvalidBundle
from exitkit.model.plan import Mode
from exitkit.model.run import Event
from exitkit.report.figure import at
from exitkit.report.minutes import Attested, BundleFigures, MinutesInputs
from exitkit.store.layout import TABLES
from exitkit.store.reader import open_bundle
from exitkit.workspace.files import Workspace, contract_document
from exitkit.workspace.yaml_lines import read_yaml

ATTESTATION = "attestation.yaml"
_COUNTED = ("assets", "relations", "calls", "exportability")


def minutes_inputs(
    workspace: Workspace,
    folder: Path,
    now: dt.datetime,
    *,
    kind: str,
    milestone: str = "",
    notifies: str = "exit",
    bundle: Path | None = None,
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
        bundle=_figures(workspace.root / state.bundle_path, state.bundle, bundle),
    )


def _figures(place: Path, identity: str, named: Path | None) -> BundleFigures | None:
    """Count what the run's bundle holds; None where it is not where it was and none is named."""
    if named is None and not place.is_dir():
        return None
    bundle = open_bundle(named or place)
    if bundle.id != identity:
        raise InputError(f"{bundle.path}: not the bundle of the run ({identity}); name that one")
    told, gaps = bundle.descriptor, read_gaps(bundle, 0)
    size, files = _oxum(bundle.path)
    counts = {table["path"]: table["records"] for table in told["tables"]}
    window = told["observationWindow"]
    return BundleFigures(
        name=f"{told['series']}-{told['sequence']:06d}",
        sealed_at=told["sealedAt"],
        observed=(window["startAt"], window["endAt"]),
        files=files,
        size_bytes=size,
        records={name: counts[TABLES[name].path] for name in _COUNTED},
        levels=gaps.tally.counts,
        gaps=gaps.groups,
    )  # fmt: skip


def _oxum(bundle: Path) -> tuple[int, int]:
    """Return bytes and files of the payload, as the bag says."""
    said = re.search(r"^Payload-Oxum: (\d+)\.(\d+)$", (bundle / "bag-info.txt").read_text(), re.M)
    if said is None:
        raise InvalidBundle(f"{bundle}: no Payload-Oxum; run 'exitkit verify'")
    return int(said[1]), int(said[2])


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
