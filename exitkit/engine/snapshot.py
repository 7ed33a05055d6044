"""Turn what was collected into the next sealed bundle of the series, or into nothing at all."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exitkit.assess.ageing import Ageing
from exitkit.assess.exportability import verdicts
from exitkit.assess.reach import reach_of
from exitkit.drivers.invoices import Invoice
from exitkit.engine.collect import Progress, collect
from exitkit.engine.harvest import Harvest
from exitkit.engine.iac_export import iac_contents
from exitkit.engine.proofs import Proofs, last_proofs
from exitkit.engine.reconcile import Reconciled, invoices_of, reconcile_records
from exitkit.engine.reconcile_document import document_of, keep, reconciliation_records
from exitkit.engine.series import next_inputs
from exitkit.engine.unfinished import Earlier, open_unfinished
from exitkit.errors import InputError
from exitkit.knowledge.kinds import aspects_of
from exitkit.knowledge.portability import load_knowledge
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Content, Draft, Exportability, Gap, Level
from exitkit.ports import Source
from exitkit.store import evidence, records
from exitkit.store.keys import load_private
from exitkit.store.writer import write_bundle
from exitkit.workspace.files import Workspace, bundle_path, next_sequence
from exitkit.workspace.layout import Tolerances
from exitkit.workspace.lock import workspace_lock
from exitkit.workspace.masking_key import load_masking_key


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a snapshot came to; `findings` are the reasons for exit code 1, one line each.

    `kept`, `aged` and `changed` count the proofs of earlier rehearsals (assess/ageing.py).
    """

    path: Path
    bundle: str
    sealed: bool
    assets: int
    calls: int
    verdicts_by_level: Mapping[str, int]
    open_calls: tuple[Call, ...]
    findings: tuple[str, ...]
    kept: int = 0
    aged: int = 0
    changed: int = 0


def take_snapshot(
    workspace: Workspace,
    *,
    only_sources: Sequence[str],
    now: Callable[[], dt.datetime],
    environ: Mapping[str, str],
    progress: Progress,
    earlier: Earlier = Earlier.IF_CUT_SHORT,
    settings: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
) -> Snapshot:
    """Collect, judge, write and seal; an interruption leaves the series as it was.

    The next snapshot goes on with one that was cut short: it asks only for what was not reached.
    `settings` by type of source are laid over those of exitkit.yaml, for this one snapshot.
    """
    sources = _laid_over(_selected(workspace.sources, only_sources), settings)
    # All files before the first call: an hour of collecting must not end for want of one.
    mask_key = load_masking_key(workspace.masking_key)
    key = load_private(workspace.signing_key) if workspace.signing_key else None
    invoices = invoices_of(workspace.root, workspace.gate)
    with workspace_lock(workspace.root):
        workspace.bundles.mkdir(exist_ok=True)
        proofs = last_proofs(workspace)
        for left_behind in workspace.bundles.glob(".spool-*"):
            # By a snapshot that was killed: nobody else writes here while we hold the lock.
            shutil.rmtree(left_behind, ignore_errors=True)
        # Beside the bundles, so that large files are moved in and not copied.
        spool = Path(tempfile.mkdtemp(prefix=".spool-", dir=workspace.bundles))
        try:
            started = now()
            unfinished = open_unfinished(workspace.root, sources, mask_key, started, earlier)
            if unfinished.is_resumed:
                began = unfinished.began.isoformat(timespec="minutes")
                progress("snapshot", f"goes on with what was reached since {began}")
            with closing(
                collect(
                    sources,
                    workspace.acknowledgements,
                    limits=workspace.limits,
                    now=started,
                    spool=spool,
                    mask_key=mask_key,
                    environ=environ,
                    progress=progress,
                    kept=unfinished.folder,
                )
            ) as harvest:
                window = unfinished.began, now()
                billed = _reconciled(workspace, harvest, invoices, started.date())
                snapshot = _conclude(workspace, sources, harvest, proofs, billed, window, key)
                unfinished.end(all_reached=harvest.is_all_reached)
            return snapshot
        finally:
            shutil.rmtree(spool, ignore_errors=True)


def _reconciled(
    workspace: Workspace, harvest: Harvest, invoices: tuple[Invoice, ...], today: dt.date
) -> Reconciled | None:
    """Hold the invoices of exitkit.yaml against what was collected; None without any."""
    if not invoices:
        return None
    return reconcile_records(
        invoices,
        # Names are matched; the digest of a configuration takes longest and is nobody's name.
        lambda: (
            records.asset_record(replace(asset, config={})) for asset in harvest.assets.values()
        ),
        map(records.call_record, harvest.calls.values()),
        workspace.gate,
        today,
    )


def _selected(sources: Sequence[Source], patterns: Sequence[str]) -> list[Source]:
    if not patterns:
        return list(sources)
    chosen = [s for s in sources if any(fnmatchcase(s.id, pattern) for pattern in patterns)]
    if not chosen:
        known = ", ".join(source.id for source in sources)
        raise InputError(f"--source {' '.join(patterns)}: matches no source; there are {known}")
    return chosen


def _laid_over(
    sources: Sequence[Source], settings: Mapping[str, Mapping[str, object]]
) -> list[Source]:
    return [
        replace(source, settings={**source.settings, **settings.get(source.type, {})})
        for source in sources
    ]


def _conclude(
    workspace: Workspace,
    sources: Sequence[Source],
    harvest: Harvest,
    proofs: Proofs,
    billed: Reconciled | None,
    window: tuple[dt.datetime, dt.datetime],
    key: Ed25519PrivateKey | None,
) -> Snapshot:
    judged = _Judged(
        Ageing(proofs.records, window[0].date(), workspace.tolerances.rehearsal_valid_months)
    )
    path = bundle_path(workspace, next_sequence(workspace))
    bundle = write_bundle(
        path,
        next_inputs(workspace, "snapshot", window, window[1], key),
        _tables(sources, harvest, judged, proofs, billed),
        _contents(harvest),
        key,
    )
    if billed:
        keep(document_of(bundle, billed), workspace.reports, path.name)
    open_calls = tuple(harvest.open_calls())
    return Snapshot(
        path=path,
        bundle=bundle,
        sealed=key is not None,
        assets=len(harvest.assets),
        calls=len(harvest.calls),
        verdicts_by_level=dict(sorted(judged.levels.items())),
        open_calls=open_calls,
        findings=(
            *_silence(harvest),
            *_findings(workspace.tolerances, open_calls, judged.levels),
            *(billed.spend_findings if billed else ()),
        ),
        kept=judged.ageing.kept,
        aged=judged.ageing.aged,
        changed=judged.ageing.changed,
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the verdicts come to while they are written; `runs` are those that proved any."""

    ageing: Ageing
    levels: Counter[str] = field(default_factory=Counter)
    runs: set[str] = field(default_factory=set)

    def verdicts(self, harvest: Harvest) -> Iterator[Exportability]:
        """Yield one verdict on each aspect of each asset; to be gone through once."""
        for verdict in verdicts(harvest.with_aspects(), load_knowledge(), aspects_of):
            final = self.ageing.of(verdict)
            self.levels[final.level.value] += 1
            if final.rehearsed_in:
                self.runs.add(final.rehearsed_in)
            yield final


def _tables(
    sources: Sequence[Source],
    harvest: Harvest,
    judged: _Judged,
    proofs: Proofs,
    billed: Reconciled | None,
) -> dict[str, Iterable[Mapping[str, Any]]]:
    assets = harvest.assets.values()
    calls = harvest.calls.values()
    return {
        "scopes": _scopes(sources, calls),
        "calls": map(records.call_record, calls),
        "assets": (
            records.asset_record(asset, list(_artifacts(said)))
            for asset, said in harvest.with_aspects()
        ),
        "native": (records.native_record(asset) for asset in assets if asset.config),
        "relations": map(records.relation_record, harvest.relations.values()),
        "exportability": map(records.exportability_record, judged.verdicts(harvest)),
        "access": map(records.access_record, harvest.access.values()),
        "licenses": map(records.license_record, harvest.licenses.values()),
        "automation": map(records.automation_record, harvest.automation.values()),
        "datasets": map(records.dataset_record, harvest.datasets.values()),
        "reconciliation": reconciliation_records(billed) if billed else (),
        # These come after the verdicts, as TABLES has it: by then it is known which runs count.
        "runs": proofs.evidence("runs", judged.runs),
        "events": proofs.evidence("events", judged.runs),
        "measurements": chain(
            map(evidence.observation_measurement, assets),
            map(evidence.call_measurement, calls),
            proofs.evidence("measurements", judged.runs),
        ),
    }


def _artifacts(said: Iterable[Draft | Gap]) -> Iterator[Mapping[str, Any]]:
    """Yield what an asset's bytes are, measured before they are moved into the bundle."""
    for kept in said:
        if isinstance(kept, Draft):
            yield from map(records.artifact, kept.contents)


def _contents(harvest: Harvest) -> Iterator[Content]:
    for kept in harvest.aspects.values():
        if isinstance(kept, Draft):
            yield from kept.contents
    types = {ref.native_type for ref in harvest.assets if ref.provider == "aws"}
    yield from iac_contents(harvest.assets.in_order(), types)


def _scopes(sources: Sequence[Source], calls: Iterable[Call]) -> list[Mapping[str, Any]]:
    """What was looked at, and what was left out on purpose, per source and account."""
    types = {source.id: source.type for source in sources}
    regions: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    excluded: Counter[tuple[str, str]] = Counter()
    for call in calls:
        # A call before any account is known (which subscriptions are there?) is the source's own.
        place = (call.source, call.scope or call.source)
        regions[place].add(call.region or "no region")
        excluded[place] += call.outcome is CallOutcome.EXCLUDED
    return [
        records.scope_record(
            source,
            types[source],
            scope,
            included=f"regions: {', '.join(sorted(seen))}",
            excluded=f"{excluded[source, scope]} calls excluded; see calls.jsonl",
        )
        for (source, scope), seen in sorted(regions.items())
    ]


def _silence(harvest: Harvest) -> Iterator[str]:
    if harvest.is_all_reached:
        return
    reach = reach_of(map(records.call_record, harvest.calls.values()))
    if reach.nothing:
        yield (
            "no source answered: this bundle is evidence of that, and no inventory; "
            "`exitkit doctor` says what is missing"
        )
    elif reach.silent:
        yield (
            f"nothing was answered by {', '.join(reach.silent)}: what is there was not looked at, "
            "and is not gone"
        )


def _findings(
    tolerances: Tolerances, open_calls: Sequence[Call], levels: Mapping[str, int]
) -> Iterator[str]:
    if len(open_calls) > tolerances.refused_calls:
        yield (
            f"{len(open_calls)} calls failed and nobody has answered for them; grant what they "
            "need, or write an acknowledgement in exitkit.yaml"
        )
    unknown = levels.get(Level.UNKNOWN.value, 0)
    percent = -(-100 * unknown // max(1, sum(levels.values())))
    if percent > tolerances.unknown_percent:
        yield (
            f"{percent} % of verdicts are unknown, {tolerances.unknown_percent} % are tolerated; "
            "see exitkit gaps"
        )
