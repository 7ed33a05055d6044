"""Hold a workspace's contract against its plan and its bundles, rule by rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.assess.extrapolation import Extrapolation
from exitkit.assess.facts import inventory_facts, rehearsal_facts, rule_facts
from exitkit.assess.reach import reach_of
from exitkit.assess.rules import check_rules
from exitkit.engine.extrapolation import extrapolation_of
from exitkit.engine.proofs import MOST_LOOKED_BACK
from exitkit.knowledge.kinds import all_kinds
from exitkit.knowledge.rulebook import load_rules
from exitkit.model.contract import Contract, RuleResult
from exitkit.store.reader import Bundle, open_bundle
from exitkit.workspace.files import (
    Workspace,
    bundle_path,
    load_contract,
    load_plan,
    sequences,
)


@dataclass(frozen=True, slots=True)
class ContractCheck:
    """What every rule says; `bundle` is the id of the newest bundle, empty where there is none."""

    contract: Contract
    bundle: str
    results: tuple[RuleResult, ...]
    extrapolation: Extrapolation | None


def check_contract(workspace: Workspace, today: dt.date) -> ContractCheck:
    """Check the contract with what is at hand: no plan or no bundle leaves rules unknown."""
    contract = load_contract(workspace.contract_file)
    plan = load_plan(workspace.plan_file) if workspace.plan_file.is_file() else None
    bundles = [open_bundle(bundle_path(workspace, number)) for number in sequences(workspace)]
    newest = bundles[-1] if bundles else None
    rehearsed = last_rehearsed(bundles)
    estimate = extrapolation_of(rehearsed, newest, contract) if rehearsed and newest else None
    whole = whole_inventories(bundles, workspace)
    shown = whole[-1] if whole else newest
    facts = rule_facts(
        contract,
        plan,
        inventory_of(shown, is_whole=bool(whole)) if shown else None,
        rehearsal_of(rehearsed, estimate) if rehearsed else None,
    )
    return ContractCheck(
        contract=contract,
        bundle=newest.id if newest else "",
        results=tuple(check_rules(load_rules(), facts, today)),
        extrapolation=estimate,
    )


def last_rehearsed(bundles: list[Bundle]) -> Bundle | None:
    """Return the newest bundle that holds a run's evidence."""
    holding = (bundle for bundle in reversed(bundles) if any(True for _ in bundle.records("runs")))
    return next(holding, None)


def whole_inventories(bundles: Sequence[Bundle], workspace: Workspace) -> list[Bundle]:
    """Return the bundles of a series that took stock of all sources, not of some or of nothing.

    A source counts from the first bundle that asked it, while exitkit.yaml names it.
    """
    named = {source.id for source in workspace.sources}
    known, whole = set[str](), []
    for bundle in bundles[-MOST_LOOKED_BACK:]:
        reach = reach_of(bundle.records("calls"))
        known |= reach.asked & named
        if reach.is_inventory_of(known):
            whole.append(bundle)
    return whole


def inventory_of(bundle: Bundle, *, is_whole: bool) -> Mapping[str, Any]:
    """Return what the rules may ask of a bundle's inventory."""
    return inventory_facts(
        bundle.descriptor,
        bundle.records("assets"),
        bundle.records("licenses"),
        bundle.records("documents"),
        bundle.records("exportability"),
        {name: len(kind.aspects) for name, kind in all_kinds().items()},
        is_whole=is_whole,
    )


def rehearsal_of(bundle: Bundle, estimate: Extrapolation | None) -> Mapping[str, Any] | None:
    """Return what the rules may ask of the rehearsal a bundle holds."""
    return rehearsal_facts(
        bundle.records("runs"),
        bundle.records("measurements"),
        bundle.records("events"),
        estimate.period if estimate else "",
    )
