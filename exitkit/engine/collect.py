"""Take stock: ask every collector and extractor, and let nothing found or refused go unrecorded."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from exitkit import plugins
from exitkit.assess.network_access import network_access
from exitkit.assess.references import index_of, references
from exitkit.drivers.source_files import name_below
from exitkit.engine.document_mentions import documented
from exitkit.errors import ExitkitError, PluginError
from exitkit.knowledge.aws_relations import load_meanings
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access, Automation, Dataset, License
from exitkit.model.ledger import Acknowledgement, Call, CallOutcome
from exitkit.model.verdict import Aspect, Draft, Gap
from exitkit.ports import Collector, Context, Extractor, Finding, Limits, Source

Progress = Callable[[str, str], None]
"""Takes a source id and one short line for people."""


@dataclass(slots=True)
class Harvest:
    """Everything one snapshot found, each thing once; tables are sorted when they are written."""

    assets: dict[Ref, Asset] = field(default_factory=dict)
    source_of: dict[Ref, str] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)
    aspects: dict[tuple[Ref, Aspect], Draft | Gap] = field(default_factory=dict)
    access: dict[str, Access] = field(default_factory=dict)
    licenses: dict[Ref, License] = field(default_factory=dict)
    automation: dict[Ref, Automation] = field(default_factory=dict)
    datasets: dict[Ref, Dataset] = field(default_factory=dict)

    def add(self, source: Source, finding: Finding) -> None:
        """Put one finding where it belongs; the same thing found twice counts once."""
        match finding:
            case Asset():
                self.assets.setdefault(finding.ref, finding)
                self.source_of.setdefault(finding.ref, source.id)
            case Call():
                self.calls[finding.urn] = _merged(self.calls.get(finding.urn), finding)
            case Draft() | Gap():
                self.aspects.setdefault((finding.ref, finding.aspect), finding)
            case Relation():
                self.relations.setdefault(finding.urn, finding)
            case Access():
                self.access.setdefault(finding.urn, finding)
            case License():
                self.licenses.setdefault(finding.ref, finding)
            case Automation():
                self.automation.setdefault(finding.ref, finding)
            case Dataset():
                self.datasets.setdefault(finding.ref, finding)
            case _:
                raise PluginError(f"source {source.id}: a plugin yielded {type(finding).__name__}")

    def open_calls(self) -> list[Call]:
        """The ledger lines that nobody has answered for, in ledger order."""
        return sorted(
            (call for call in self.calls.values() if call.is_open),
            key=lambda call: (call.source, call.scope, call.region, call.operation, call.binding),
        )

    @property
    def is_all_reached(self) -> bool:
        """Tell whether no call is left that another attempt could answer."""
        return not any(call.outcome.needs_acknowledgement for call in self.calls.values())

    def check(self) -> None:
        """Raise PluginError where something belongs to an asset that nobody found."""
        refs = [ref for ref, _ in self.aspects]
        refs += [*self.licenses, *self.automation, *self.datasets]
        for ref in refs:
            if ref not in self.assets:
                raise PluginError(f"{ref.native_type} {ref.native_id}: reported without its asset")
        for relation in list(self.relations.values()):
            if relation.subject not in self.assets or relation.object not in self.assets:
                del self.relations[relation.urn]


def collect(
    sources: Sequence[Source],
    acknowledgements: Sequence[Acknowledgement],
    *,
    limits: Limits,
    now: dt.datetime,
    spool: Path,
    mask_key: bytes,
    environ: Mapping[str, str],
    progress: Progress,
    kept: Path | None = None,
) -> Harvest:
    """Collect from all sources at once, then extract; a source's failure ends in the ledger.

    `kept` outlives a run cut short; each source has a folder of its own there.
    """
    harvest = Harvest()

    def context_of(source: Source) -> Context:
        own_spool = spool / source.id
        own_spool.mkdir(parents=True, exist_ok=True)
        own_kept = kept / source.id if kept else None
        if own_kept:
            own_kept.mkdir(exist_ok=True)
        return Context(
            now=now, spool=own_spool, mask_key=mask_key, environ=environ, limits=limits,
            progress=lambda line: progress(source.id, line), kept=own_kept,
        )  # fmt: skip

    extractors = _extractors_by_type()
    with ThreadPoolExecutor(max_workers=max(1, len(sources))) as pool:
        runs = pool.map(lambda source: _one_source(source, context_of(source), extractors), sources)
        for source, findings in zip(sources, runs, strict=True):
            for finding in findings:
                harvest.add(source, finding)
    _connect(harvest)
    for relation in list(documented(harvest.assets, harvest.relations.values(), harvest.aspects)):
        harvest.relations.setdefault(relation.urn, relation)
    for right in network_access(harvest.assets.values()):
        harvest.access.setdefault(right.urn, right)
    harvest.check()
    _acknowledge(harvest, acknowledgements, now.date())
    return harvest


def _connect(harvest: Harvest) -> None:
    """Add the relations that show in configurations, and name on each asset what leads nowhere.

    Only names are indexed: things of different accounts and sources refer to each other.
    """
    index, meanings = index_of(harvest.assets.values()), load_meanings()
    for ref, asset in list(harvest.assets.items()):
        if ref.provider != "aws":
            continue
        relations, unresolved = references(asset, index, meanings)
        for relation in relations:
            harvest.relations.setdefault(relation.urn, relation)
        if unresolved:
            ext = {**asset.ext, "unresolvedReferences": " ".join(unresolved)}
            harvest.assets[ref] = replace(asset, ext=ext)


def _one_source(
    source: Source, context: Context, extractors: Mapping[str, list[Extractor]]
) -> list[Finding]:
    collector: Collector = plugins.load_by_name("collectors", source.type)
    findings = list(_guarded(source, "collect", collector.collect(source, context)))
    assets = list({f.ref: f for f in findings if isinstance(f, Asset)}.values())
    context.progress(f"{len(assets)} assets listed")
    assets.sort(key=lambda asset: asset.ref)
    jobs = [
        (asset, one, replace(context, budget=context.budget.turn(number)))
        for number, (asset, one) in enumerate(
            (asset, one) for asset in assets for one in extractors.get(asset.ref.native_type, [])
        )
    ]
    with ThreadPoolExecutor(max_workers=context.limits.workers) as pool:
        for extracted in pool.map(lambda job: _extract(job[0], job[1], source, job[2]), jobs):
            findings.extend(extracted)
    calls = sum(1 for finding in findings if isinstance(finding, Call))
    context.progress(f"{len(assets)} assets, {calls} calls")
    return findings


def _extract(asset: Asset, extractor: Extractor, source: Source, context: Context) -> list[Finding]:
    what = f"{extractor.aspect.value} of {asset.ref.native_type} {asset.ref.native_id}"
    try:
        return list(_guarded(source, what, extractor.extract(asset, source, context)))
    finally:
        context.budget.close()


def _guarded(source: Source, what: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Turn a plugin's crash into a ledger line, so that one source never costs the others."""
    try:
        yield from findings
    except ExitkitError:
        raise
    except Exception as fault:
        denied = isinstance(fault, PermissionError)
        yield Call(
            source=source.id, scope="", region="", operation=f"{source.type}:{what}",
            outcome=CallOutcome.REFUSED if denied else CallOutcome.UNAVAILABLE,
            reason=_why(source, fault),
        )  # fmt: skip


def _why(source: Source, fault: Exception) -> str:
    """Name the file where one is at fault; else the kind of the crash alone, for it may quote."""
    if isinstance(fault, OSError) and fault.filename and fault.strerror:
        return f"{name_below(source.base, os.fsdecode(fault.filename))}: {fault.strerror}"
    return f"the plugin failed: {type(fault).__name__}"


def _extractors_by_type() -> dict[str, list[Extractor]]:
    found: dict[str, list[Extractor]] = {}
    for extractor in _usable(plugins.load_all("extractors")):
        for native_type in extractor.native_types:
            found.setdefault(native_type, []).append(extractor)
    return found


def _usable(candidates: Iterable[Any]) -> Iterator[Extractor]:
    for candidate in candidates:
        if not plugins.missing(candidate.needs):
            yield candidate


def _merged(first: Call | None, second: Call) -> Call:
    """One line for a call reported twice: the worse outcome stands, counts add up."""
    if first is None:
        return second
    worse = first if first.outcome.needs_acknowledgement else second
    return replace(worse, count=first.count + second.count)


def _acknowledge(
    harvest: Harvest, acknowledgements: Sequence[Acknowledgement], today: dt.date
) -> None:
    in_force = [one for one in acknowledgements if one.holds_on(today)]
    for urn, call in harvest.calls.items():
        if not call.is_open:
            continue
        for one in in_force:
            if one.source == call.source and fnmatchcase(call.operation, one.operation):
                harvest.calls[urn] = call.acknowledged_by(one)
                break
