"""Read a bundle, its run and its contract into the plain inputs of a report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exitkit.assess.exit_clock import anchors_of
from exitkit.assess.extrapolation import Extrapolation, extrapolate, measured_in, volumes_of
from exitkit.assess.facts import rule_facts
from exitkit.assess.predicates import look_up
from exitkit.assess.rules import check_rules
from exitkit.engine.conclude import concluded, judged
from exitkit.engine.contract_check import inventory_of, rehearsal_of, whole_inventories
from exitkit.engine.documents import read_documents, stale_months
from exitkit.engine.extrapolation import ALLOWED_PATH
from exitkit.engine.gaps import scores_of, spend_of
from exitkit.engine.joint_inventory import declared_lines
from exitkit.engine.journals import has_journal
from exitkit.engine.judge import judge
from exitkit.engine.lists import lists_of
from exitkit.engine.report_context import (
    changes_since,
    estimate_for,
    last_reconciliation,
    series_to,
)
from exitkit.engine.state import fold
from exitkit.errors import InputError
from exitkit.knowledge.rulebook import load_rules
from exitkit.model.contract import Contract, RuleResult
from exitkit.model.run import Event, Verdict
from exitkit.report.inputs import ReportInputs, RunInputs
from exitkit.store.evidence import event_digest
from exitkit.store.journal import event_from_record
from exitkit.store.reader import Bundle, looks_like_a_bundle, open_bundle
from exitkit.store.verify import verify_bundle
from exitkit.workspace.files import Workspace, load_contract, load_plan

TABLES = (
    "assets", "exportability", "calls", "access", "licenses", "automation", "datasets",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about: a bundle, and the folder of a run where one was named."""

    name: str
    bundle: Path
    run: Path | None = None


def find_subject(named: Path, workspace: Workspace | None) -> Subject:
    """Find the bundle or run that `named` means: a path, or a name of this workspace."""
    places = [named]
    if workspace:
        places += [workspace.runs / named, workspace.bundles / named]
    for place in places:
        if has_journal(place):
            return Subject(place.resolve().name, _bundle_of(place, workspace), place)
        if looks_like_a_bundle(place):
            return Subject(place.resolve().name, place)
    raise InputError(f"{named}: no bundle and no run; name one of bundles/ or runs/")


def read_inputs(subject: Subject, workspace: Workspace | None, now: dt.datetime) -> ReportInputs:
    """Read, verify, judge and check everything a report says."""
    bundle = open_bundle(subject.bundle)
    contract = _contract(workspace)
    reconciled = last_reconciliation(bundle, workspace) if workspace else None
    months = stale_months(workspace.sources) if workspace else {}
    return ReportInputs(
        now=now,
        bundle_id=bundle.id,
        bundle_path=_shown(bundle.path, workspace),
        descriptor=bundle.descriptor,
        records={name: bundle.records(name) for name in TABLES},
        verified=verify_bundle(subject.bundle, _trusted(workspace)),
        contract=contract.document if contract else {},
        allowed_path=ALLOWED_PATH,
        rules=_rules(workspace, contract, bundle, now) if workspace and contract else None,
        run=_run(subject, bundle, contract, now),
        changes=changes_since(bundle, workspace) if workspace else None,
        reconciled=reconciled,
        estimate=estimate_for(bundle, contract, workspace) if workspace else None,
        scores=scores_of(bundle, spend_of(reconciled[1]) if reconciled else None),
        lists=lists_of(bundle, contract.document) if contract else None,
        documents=(read_documents(bundle, now.date(), months), months),
        joint_inventory=declared_lines(bundle),
    )


def _bundle_of(folder: Path, workspace: Workspace | None) -> Path:
    """Return the bundle that holds the run's evidence, or before it is sealed, the one it used."""
    if workspace is None:
        raise InputError(f"{folder}: a run belongs to a workspace; give --workspace")
    state, _, _ = judged(folder, dt.datetime.min.replace(tzinfo=dt.UTC))
    sealed = concluded(workspace, state.run)
    return sealed.path if sealed else workspace.root / state.bundle_path


def _run(
    subject: Subject, bundle: Bundle, contract: Contract | None, now: dt.datetime
) -> RunInputs | None:
    events = _events(subject, bundle)
    if not events:
        return None
    state = fold(events)
    dates = anchors_of(events)
    verdicts: tuple[Verdict, ...] = judge(state.plan, events, dates, now) if state.plan else ()
    return RunInputs(state.summary(), events, verdicts, _extrapolation(events, bundle, contract))


def _events(subject: Subject, bundle: Bundle) -> tuple[Event, ...]:
    """Return the events of the run that was named, or of the last one sealed in the bundle."""
    if subject.run:
        _, events, _ = judged(subject.run, dt.datetime.min.replace(tzinfo=dt.UTC))
        return events
    runs = sorted(bundle.records("runs"), key=lambda run: str(run.get("endedAt", "")))
    if not runs:
        return ()
    return tuple(
        event_from_record(record, event_digest(record))
        for record in bundle.records("events")
        if record["run"] == runs[-1]["run"]
    )


def _extrapolation(
    events: tuple[Event, ...], bundle: Bundle, contract: Contract | None
) -> Extrapolation:
    volumes = volumes_of(
        bundle.records("assets"), bundle.records("datasets"), bundle.records("exportability")
    )
    allowed = look_up(ALLOWED_PATH, contract.document) if contract else None
    return extrapolate((one for _, one in measured_in(events)), volumes, allowed or "")


def _rules(
    workspace: Workspace, contract: Contract, bundle: Bundle, now: dt.datetime
) -> tuple[RuleResult, ...]:
    """Check the contract against this bundle, which need not be the newest."""
    plan = load_plan(workspace.plan_file) if workspace.plan_file.is_file() else None
    whole = whole_inventories(series_to(bundle, workspace), workspace)
    inventory = inventory_of(bundle, is_whole=bundle in whole)
    facts = rule_facts(contract, plan, inventory, _rehearsal(bundle, contract))
    return tuple(check_rules(load_rules(), facts, now.date()))


def _rehearsal(bundle: Bundle, contract: Contract) -> Mapping[str, Any] | None:
    events = _events(Subject("", bundle.path), bundle)
    return rehearsal_of(bundle, _extrapolation(events, bundle, contract)) if events else None


def _contract(workspace: Workspace | None) -> Contract | None:
    if workspace is None or not workspace.contract_file.is_file():
        return None
    return load_contract(workspace.contract_file)


def _trusted(workspace: Workspace | None) -> tuple[Path, ...]:
    return tuple(path for path in workspace.trusted_keys if path.is_file()) if workspace else ()


def _shown(path: Path, workspace: Workspace | None) -> str:
    """Return the path as a reader of the workspace knows it: no name of a machine or person."""
    if workspace and path.resolve().is_relative_to(workspace.root):
        return path.resolve().relative_to(workspace.root).as_posix()
    return path.name
