"""Find what stands beside a bundle in its workspace: the one before it, and its invoices."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from exitkit.assess.access_holders import holders_of
from exitkit.assess.changes import Change
from exitkit.assess.exit_estimate import ExitEstimate, Means
from exitkit.engine.contract_check import last_rehearsed
from exitkit.engine.diff import Difference
from exitkit.engine.estimate import estimate_of
from exitkit.engine.exit_time import exit_times
from exitkit.errors import InputError
from exitkit.model.contract import Contract
from exitkit.report.inputs import ChangeInputs
from exitkit.store.reader import Bundle, open_bundle
from exitkit.workspace.files import Workspace, bundle_path, contract_document, sequences

TOLD = 20
LARGEST_RESULT_BYTES = 256 * 1024 * 1024


def changes_since(bundle: Bundle, workspace: Workspace) -> ChangeInputs | None:
    """Compare with the bundle that this one names as its previous; None where it is not there."""
    wanted = bundle.descriptor.get("previous")
    number = int(bundle.descriptor["sequence"]) - 1
    if not wanted or number not in sequences(workspace):
        return None
    before = open_bundle(bundle_path(workspace, number))
    if before.id != wanted:
        return None
    found = Difference(before, bundle, holders_of(contract_document(workspace)))
    first: dict[str, list[Change]] = defaultdict(list)
    for change in found.changes():
        if len(first[change.kind]) < TOLD:
            first[change.kind].append(change)
    times = exit_times(before, bundle)
    name = f"{before.descriptor['series']}-{number:06d}"
    return ChangeInputs(name, found.counts, first, times.old_ms, times.new_ms)


def last_reconciliation(
    bundle: Bundle, workspace: Workspace
) -> tuple[str, Mapping[str, Any]] | None:
    """Return the name and the document of the newest reconciliation of this very bundle."""
    pattern = f"reconcile-{bundle.path.resolve().name}-*.json"
    found = sorted(workspace.reports.glob(pattern), key=lambda path: path.stat().st_mtime_ns)
    for path in reversed(found):
        if path.stat().st_size > LARGEST_RESULT_BYTES:
            continue
        try:
            document = json.loads(path.read_bytes())
        except ValueError as error:
            raise InputError(f"{path}: not JSON; remove it and run `exitkit reconcile`") from error
        is_ours = isinstance(document, dict) and document.get("schema") == "exitkit/reconcile/1"
        if is_ours and document.get("bundle") == bundle.id:
            return path.name, document
    return None


def estimate_for(
    bundle: Bundle, contract: Contract | None, workspace: Workspace
) -> tuple[ExitEstimate, Means]:
    """Estimate the exit with the means of the workspace and the rates measured up to now."""
    means = Means(**asdict(workspace.exit_means))
    return estimate_of(bundle, last_rehearsed(series_to(bundle, workspace)), contract, means), means


def series_to(bundle: Bundle, workspace: Workspace) -> list[Bundle]:
    """Return the bundles before this one in the workspace, oldest first, and this one."""
    numbers = [n for n in sequences(workspace) if n < int(bundle.descriptor["sequence"])]
    return [*(open_bundle(bundle_path(workspace, number)) for number in numbers), bundle]
