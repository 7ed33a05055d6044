"""Take stock: ask every collector and extractor, and let nothing found or refused go unrecorded."""

from __future__ import annotations

import datetime as dt
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from exitkit import plugins
from exitkit.assess.network_access import network_access
from exitkit.assess.references import Index, references
from exitkit.drivers.source_files import name_below
from exitkit.engine.document_mentions import documented
from exitkit.engine.harvest import Harvest
from exitkit.errors import ExitkitError
from exitkit.knowledge.aws_relations import load_meanings
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import Acknowledgement, Call, CallOutcome
from exitkit.ports import Collector, Context, Extractor, Finding, Limits, Source
from exitkit.store.finding_log import FindingLog
from exitkit.store.room import Room

Progress = Callable[[str, str], None]
"""Takes a source id and one short line for people."""
MOST_BEGUN = 1024
"""Extractions begun or waiting for those before them; each holds what it found."""
_Job = tuple[Asset, Extractor, Context]


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

    `kept` outlives a run cut short; each source has a folder of its own there. What has no room
    in memory lies in the spool: close the harvest when it is written.
    """
    room = Room()
    harvest = Harvest(spool, room)

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

    def findings_of(source: Source) -> FindingLog:
        found = FindingLog(spool / f".{source.id}.found", room)
        _one_source(source, context_of(source), extractors, found)
        return found

    try:
        with ThreadPoolExecutor(max_workers=max(1, len(sources))) as pool:
            # In the order of exitkit.yaml: what two sources found is that of the first.
            for source, found in zip(sources, pool.map(findings_of, sources), strict=True):
                for finding in found.drain():
                    harvest.add(source.id, finding)
        _complete(harvest)
        harvest.acknowledge(acknowledgements, now.date())
    except BaseException:
        harvest.close()
        raise
    return harvest


def _complete(harvest: Harvest) -> None:
    """Add what follows from what was found, once every source has told what there is."""
    harvest.check()
    _connect(harvest)
    for relation in documented(harvest.assets, harvest.relations.values(), harvest.aspects):
        harvest.relations.add(relation)
    for right in network_access(harvest.assets.values()):
        harvest.access.add(right)


def _connect(harvest: Harvest) -> None:
    """Add the relations that show in configurations, and name on each asset what leads nowhere.

    Only names are indexed: things of different accounts and sources refer to each other.
    """
    index, meanings = Index(harvest.names, harvest.assets), load_meanings()
    for asset in harvest.assets.values():
        if asset.ref.provider != "aws":
            continue
        relations, unresolved = references(asset, index, meanings)
        for relation in relations:
            harvest.relations.add(relation)
        if unresolved:
            ext = {**asset.ext, "unresolvedReferences": " ".join(unresolved)}
            harvest.assets.put(replace(asset, ext=ext))


def _one_source(
    source: Source,
    context: Context,
    extractors: Mapping[str, list[Extractor]],
    found: FindingLog,
) -> None:
    """Put down all that a source yields, then what its extractors do, in the order of the refs."""
    collector: Collector = plugins.load_by_name("collectors", source.type)
    assets = calls = 0
    with_content: dict[Ref, int] = {}
    for finding in _guarded(source, "collect", collector.collect(source, context)):
        if isinstance(finding, Asset):
            assets += 1
            if finding.ref.native_type in extractors:
                with_content[finding.ref] = len(found)
        calls += isinstance(finding, Call)
        found.append(finding)
    context.progress(f"{assets} assets listed")
    turns = (
        (found[with_content[ref]], one)
        for ref in sorted(with_content)
        for one in extractors[ref.native_type]
    )
    jobs = (
        (asset, one, replace(context, budget=context.budget.turn(number)))
        for number, (asset, one) in enumerate(turns)
    )

    def extract(job: _Job) -> list[Finding]:
        return _extract(job[0], job[1], source, job[2])

    with ThreadPoolExecutor(max_workers=context.limits.workers) as pool:
        for extracted in _in_order(pool, extract, jobs):
            for finding in extracted:
                calls += isinstance(finding, Call)
                found.append(finding)
    context.progress(f"{assets} assets, {calls} calls")


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[_Job], list[Finding]], jobs: Iterable[_Job]
) -> Iterator[list[Finding]]:
    """Yield what each job gives, in the order of the jobs, of which few are begun at a time."""
    waiting: deque[Future[list[Finding]]] = deque()
    for job in jobs:
        waiting.append(pool.submit(work, job))
        if len(waiting) == MOST_BEGUN:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


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
