"""Seal what a run proved as the next bundle of the series, so that no failed run goes unseen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from exitkit.assess.exit_clock import anchors_of
from exitkit.engine.journals import open_journal
from exitkit.engine.judge import judge
from exitkit.engine.outcomes import outcome_from_document
from exitkit.engine.series import next_inputs
from exitkit.engine.state import RunState, fold
from exitkit.errors import CannotRun
from exitkit.model.run import Event, MilestoneVerdict, Verdict
from exitkit.model.verdict import Content, Level
from exitkit.store import evidence
from exitkit.store.canonical import instant, timestamp
from exitkit.store.keys import load_private
from exitkit.store.layout import TABLES
from exitkit.store.paths import segment
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor
from exitkit.store.writer import write_bundle
from exitkit.workspace.files import Workspace, bundle_path, next_sequence, sequences
from exitkit.workspace.masking_key import load_masking_key

LONGEST_LOG_BYTES = 16 * 1024 * 1024
_REWRITTEN = ("records/", "native/", "spec/")
_REASON_MEMBERS = {"reasonCode", "reasonText", "responsibleParty", "workaround"}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The bundle that holds a run's evidence; `lifted` counts verdicts raised to `rehearsed`."""

    path: Path
    bundle: str
    sealed: bool
    lifted: int


def judged(
    folder: Path, now: dt.datetime
) -> tuple[RunState, tuple[Event, ...], tuple[Verdict, ...]]:
    """Return where the run of `folder` stands, its events, and the judge's word on each milestone.

    An exit's due dates follow from the first line of its journal; a rehearsal has none.
    """
    with open_journal(folder) as journal:
        events = journal.load()
    state = fold(events)
    verdicts = judge(state.plan, events, anchors_of(events), now) if state.plan else ()
    return state, events, verdicts


def conclude(workspace: Workspace, folder: Path, now: Callable[[], dt.datetime]) -> Conclusion:
    """Write and seal the bundle of an ended run, once: asked again, return the one there is."""
    state, events, verdicts = judged(folder, now())
    if not state.ended:
        raise CannotRun(f"{state.run}: not ended; `exitkit resume {state.run}` goes on with it")
    known = concluded(workspace, state.run)
    if known is not None:
        return known
    source = open_bundle(workspace.root / state.bundle_path)
    proofs = proven(events, verdicts)
    key = load_private(workspace.signing_key) if workspace.signing_key else None
    path = bundle_path(workspace, next_sequence(workspace))
    bundle = write_bundle(
        path,
        next_inputs(workspace, state.mode.value, _observed(source), now(), key),
        _tables(source, state, events, verdicts, proofs),
        chain(_kept(source), _logs(folder, state.run, load_masking_key(workspace.masking_key))),
        key,
    )
    return Conclusion(path, bundle, key is not None, _lifted(open_bundle(path), state.run))


def concluded(workspace: Workspace, run: str) -> Conclusion | None:
    """Return the bundle that holds this run's evidence first, or None before it is sealed."""
    for sequence in sequences(workspace):
        bundle = open_bundle(bundle_path(workspace, sequence))
        if any(record["run"] == run for record in bundle.records("runs")):
            sealed = (bundle.path / "signatures").is_dir()
            return Conclusion(bundle.path, bundle.id, sealed, _lifted(bundle, run))
    return None


def proven(
    events: Iterable[Event], verdicts: Iterable[Verdict]
) -> Mapping[tuple[str, str], dt.datetime]:
    """Return (asset, aspect) and when it was read back equal, for milestones that were proved."""
    proved = {one.milestone for one in verdicts if one.verdict is MilestoneVerdict.PROVED}
    return {
        (proof.asset_urn, proof.aspect): event.at
        for event in events
        if event.type == "step.succeeded" and event.milestone in proved
        for proof in outcome_from_document(event.data["outcome"]).proofs
    }


def _observed(source: Bundle) -> tuple[dt.datetime, dt.datetime]:
    window = source.descriptor["observationWindow"]
    return instant(window["startAt"]), instant(window["endAt"])


def _tables(
    source: Bundle,
    state: RunState,
    events: Sequence[Event],
    verdicts: Sequence[Verdict],
    proofs: Mapping[tuple[str, str], dt.datetime],
) -> dict[str, Iterable[Mapping[str, Any]]]:
    """Every record of the source bundle, and what the run adds to them."""
    tables: dict[str, Iterable[Mapping[str, Any]]] = {n: source.records(n) for n in TABLES}
    words = {one.milestone: one.verdict.value for one in verdicts}
    plan = state.plan.id if state.plan else ""
    run = evidence.run_record(state.summary(), plan, state.bundle, words)
    lifted = (_verdict(record, state.run, proofs) for record in source.records("exportability"))
    return tables | {
        "native": _native(source),
        "exportability": lifted,
        "runs": chain(source.records("runs"), [run]),
        "events": chain(source.records("events"), map(evidence.event_record, events)),
        "measurements": chain(source.records("measurements"), _measurements(state.run, events)),
    }


def _verdict(
    record: Mapping[str, Any], run: str, proofs: Mapping[tuple[str, str], dt.datetime]
) -> Mapping[str, Any]:
    """Return the record as the run leaves it: what was proven again is rehearsed in this run."""
    proven_at = proofs.get((record["asset"], record["aspect"]))
    if proven_at is None or record["level"] == Level.NOT_APPLICABLE.value:
        return record
    kept = {name: value for name, value in record.items() if name not in _REASON_MEMBERS}
    return kept | {
        "level": Level.REHEARSED.value,
        "basis": "rehearsal",
        "rehearsedAt": timestamp(proven_at),
        "rehearsedIn": run,
    }


def _native(source: Bundle) -> Iterator[Mapping[str, Any]]:
    for asset in source.records("assets"):
        config = source.native(asset)
        if config:
            yield {
                "@id": asset["@id"],
                "@type": "NativeConfiguration",
                "provider": asset["provider"],
                "config": config,
            }


def _measurements(run: str, events: Iterable[Event]) -> Iterator[Mapping[str, Any]]:
    for event in events:
        if event.type == "step.succeeded":
            for measured in outcome_from_document(event.data["outcome"]).measurements:
                yield evidence.transfer_measurement(run, event.step, measured)


def _kept(source: Bundle) -> Iterator[Content]:
    """Yield the bytes that the source bundle holds beside its tables, as they are."""
    data = source.path / "data"
    tables = {table.path for table in TABLES.values()}
    for path in sorted(data.rglob("*")):
        relative = path.relative_to(data).as_posix()
        rewritten = relative in tables or relative == "exitkit.json"
        if path.is_dir() or rewritten or relative.startswith(_REWRITTEN):
            continue
        body = source.content_path(relative)
        yield Content(relative, body, "application/octet-stream", "data")


def _logs(folder: Path, run: str, mask_key: bytes) -> Iterator[Content]:
    """Yield what the steps said, without secrets."""
    redactor = Redactor(CREDENTIAL_PATTERNS, mask_key)
    artifacts = folder / "artifacts"
    for path in sorted(artifacts.glob("*/*/*.log")):
        with path.open("rb") as stream:
            text = stream.read(LONGEST_LOG_BYTES).decode("utf-8", "replace")
        if not text or path.is_symlink():
            continue
        step, attempt, name = path.relative_to(artifacts).parts
        place = f"evidence/logs/{segment(run)}/{segment(step)}/{segment(attempt)}-{segment(name)}"
        body = redactor.apply(text).encode()
        yield Content(place, body, "text/plain", "document", "generated-by-exitkit")


def _lifted(bundle: Bundle, run: str) -> int:
    return sum(1 for record in bundle.records("exportability") if record.get("rehearsedIn") == run)
