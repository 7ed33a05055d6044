"""Walk every account of a source: what it holds, what it is called, what it would refuse."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from exitkit.drivers.aws import IDENTITY, Account, open_accounts
from exitkit.drivers.aws_access import access_of, last_used_on
from exitkit.drivers.aws_answers import Item, asset_of
from exitkit.drivers.aws_crew import Crew, crew_of
from exitkit.drivers.aws_discovery import discover
from exitkit.drivers.aws_kept import kept_of
from exitkit.drivers.aws_once import unique
from exitkit.drivers.aws_plan import Plan, Selection, plan_for
from exitkit.drivers.aws_regions import selected_regions
from exitkit.drivers.aws_sweep import Sweep
from exitkit.drivers.aws_tags import LabelReader
from exitkit.drivers.aws_witnesses import hear_witnesses
from exitkit.drivers.gathering import gathering
from exitkit.knowledge.aws_catalog import STANDARD, Catalog, load_catalog
from exitkit.knowledge.kinds import kind_of
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Check, Context, Finding, Source

ACCOUNT_ID = re.compile(r"[0-9]{12}")


def collect_accounts(source: Source, context: Context) -> Iterator[Finding]:
    """Yield the assets, grants and calls of every account that can be opened."""
    with gathering(), crew_of(source, context) as crew, ThreadPoolExecutor(1) as aside:
        catalog = aside.submit(load_catalog)  # while the first answer is on its way
        aside.submit(kind_of, "")  # reads the kinds
        for opened in open_accounts(source, context.environ, context.limits):
            if isinstance(opened, Call):
                yield opened
            else:
                yield Call(source.id, opened.id, "", IDENTITY, CallOutcome.COLLECTED, 1)
                yield from _collect(source, opened, context, crew, catalog.result())


def _collect(
    source: Source, account: Account, context: Context, crew: Crew, catalog: Catalog
) -> Iterator[Finding]:
    plan, calls = _plan(source, account, context, catalog)
    yield from calls
    reader = LabelReader(plan, context.limits)
    crew.sweep(plan, reader.see)
    items = []
    with kept_of(context.kept, account.id, context.now) as kept:
        sweep = Sweep(plan, context.limits, context.progress, mask_key=context.mask_key, kept=kept)
        for found in sweep.run():
            if isinstance(found, Item):
                if found.row.worldwide:
                    found.region = ""
                items.append(found)
                reader.see(found)
            else:
                yield found
    found_once = list(unique(items))
    assets = [asset_of(item, context.now, context.mask_key) for item in found_once]
    labels = reader.labels()
    yield from labels.calls
    assets = [labels.on(asset) for asset in assets]
    yield from assets
    yield from access_of(assets, last_used_on(found_once))
    if source.settings.get("thorough"):
        yield from discover(account, plan.selection, assets, context)
    yield from hear_witnesses(source, account, assets, plan.selection.regions, context)


def _plan(
    source: Source, account: Account, context: Context, catalog: Catalog
) -> tuple[Plan, list[Call]]:
    patterns = source.settings.get("regions") or ["*"]
    regions = selected_regions(account, patterns, source.id, context.limits)
    calls = list(regions.calls)
    if not regions.names:
        reason = f"no enabled region matches regions: [{', '.join(patterns)}]"
        calls.append(
            Call(
                source.id, account.id, "", "ec2:*", CallOutcome.EXCLUDED,
                binding="regions", reason=reason,
            )
        )  # fmt: skip
    services = tuple(source.settings.get("services") or ["*"])
    depth = source.settings.get("depth", STANDARD)
    chosen = Selection(source.id, services, regions.names, depth)
    return plan_for(account, catalog, chosen), calls


def name_accounts(source: Source, context: Context) -> frozenset[str]:
    """Return the endpoint and account ids in the words of `Collector.identities`."""
    names = set()
    for opened in open_accounts(source, context.environ, context.limits):
        if isinstance(opened, Account):
            names.add(f"aws-account:{opened.id}")
            if opened.endpoint_url:
                names.add(f"endpoint:{opened.endpoint_url.rstrip('/')}")
        elif ACCOUNT_ID.fullmatch(opened.scope):
            # Of the organization, but closed to us: just as little ground for a rehearsal.
            names.add(f"aws-account:{opened.scope}")
    if endpoint := source.settings.get("endpoint_url"):
        names.add(f"endpoint:{endpoint.rstrip('/')}")
    return frozenset(names)


def check_accounts(source: Source, context: Context) -> Iterator[Check]:
    """Say of each account whether it opens, and of each service which permissions are missing.

    Every root call is made once, in the first region: the only way to know what is allowed
    without a permission to ask about permissions.
    """
    for opened in open_accounts(source, context.environ, context.limits):
        if isinstance(opened, Call):
            yield Check(
                f"{source.id}: account {opened.scope}",
                not opened.is_open,
                opened.reason or f"{opened.operation}: {opened.count} accounts",
                "check accounts: and organization: in exitkit.yaml, and the SDK's credentials",
            )
        else:
            yield Check(f"{source.id}: account {opened.id}", True, "credentials work")
            yield from _permissions(source, opened, context)


def _permissions(source: Source, account: Account, context: Context) -> Iterator[Check]:
    plan, _ = _plan(source, account, context, load_catalog())
    first = plan.selection.regions[:1]
    homes = {plan.home_of(ask.service, ask.rows[0]) for ask in plan.roots}
    roots = [ask for ask in plan.roots if ask.region in {*first, *homes}]
    only_roots = replace(plan, roots=roots, children=defaultdict(list), left_out=[])
    sweep = Sweep(only_roots, context.limits, context.progress)
    by_service: dict[str, list[Call]] = defaultdict(list)
    for found in sweep.run():
        if isinstance(found, Call):
            by_service[found.operation.split(":")[0]].append(found)
    for service, calls in sorted(by_service.items()):
        bad = [call for call in calls if call.outcome.needs_acknowledgement]
        for call in bad:
            allow = f"allow {call.permission}, see `exitkit policy aws`"
            yield Check(
                f"{source.id}: {call.permission or call.operation}",
                False,
                f"{call.outcome}: {call.reason}",
                allow if call.permission else "",
            )
        if not bad and calls:
            yield Check(f"{source.id}: {service}", True, f"{len(calls)} calls allowed")
