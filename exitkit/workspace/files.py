"""Load what operators write (exitkit.yaml, contract.yaml, exit-plan.yaml), checked to the line."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from exitkit.errors import InputError
from exitkit.model.contract import Contract
from exitkit.model.ledger import Acknowledgement
from exitkit.ports import Limits, Source, Target
from exitkit.store.canonical import canonical_bytes, storable
from exitkit.workspace.layout import (
    BilledWaiver,
    ExitMeans,
    ReconcileGate,
    Retention,
    Tolerances,
    Workspace,
    bundle_path,
    latest_bundle,
    next_sequence,
    sequences,
)  # fmt: skip
from exitkit.workspace.plan_file import load_plan, plan_from_document
from exitkit.workspace.schema_faults import check_against, schema_named, suggest
from exitkit.workspace.yaml_lines import Where, read_yaml

__all__ = [
    "Workspace", "bundle_path", "contract_document", "is_workspace", "latest_bundle",
    "load_contract", "load_plan", "load_workspace", "next_sequence", "plan_from_document",
    "sequences", "the_one_above", "workspace_above",
]  # fmt: skip

WORKSPACE_FILE = "exitkit.yaml"


def load_workspace(root: Path) -> Workspace:
    """Read `exitkit.yaml` of the folder `root`; one that lies above is named and never used."""
    above = workspace_above(root)
    if above:
        raise InputError(f"{root / WORKSPACE_FILE}: no such file; {the_one_above(above)}")
    document = read_yaml(root / WORKSPACE_FILE)
    check_against("workspace", document, _types_from_outside(document.value))
    for where, message in _contradictions(document.value):
        raise document.fault(where, message)
    return _workspace(root.resolve(), document.value)


def is_workspace(root: Path) -> bool:
    """Tell whether an exitkit.yaml lies in `root`, readable or not."""
    return os.path.lexists(root / WORKSPACE_FILE)


def workspace_above(root: Path) -> Path | None:
    """Return the nearest workspace around a folder that is none itself.

    Who may write to a folder above could make us run what he likes, so nobody goes there unasked.
    """
    if is_workspace(root) or not root.is_dir():
        return None
    return next(filter(is_workspace, root.resolve().parents), None)


def the_one_above(above: Path) -> str:
    """Say how the workspace above is used."""
    return f"the workspace above is {above}: add -w {shlex.quote(os.path.relpath(above))}"


def load_contract(path: Path) -> Contract:
    """Read a contract; `unknown` and absent fields stay what they are."""
    document = read_yaml(path)
    check_against("contract", document)
    value = document.value
    return Contract(id=value["id"], title=value.get("title", value["id"]), document=value)


def contract_document(workspace: Workspace) -> Mapping[str, Any]:
    """Return what the workspace's contract says; nothing where nobody has written one."""
    if not workspace.contract_file.is_file():
        return {}
    return load_contract(workspace.contract_file).document


def _workspace(root: Path, value: Mapping[str, Any]) -> Workspace:
    signing = value.get("signing", {})
    key = signing.get("key")
    return Workspace(
        root=root,
        series=value["series"],
        customer=value.get("customer", value["series"]),
        scope=value.get("scope", f"The sources of {value['series']}."),
        sources=tuple(Source(*_entry(entry, root)) for entry in value["sources"]),
        targets=tuple(Target(*_entry(entry, root)) for entry in value.get("targets", ())),
        signing_key=root / key if key else None,
        trusted_keys=tuple(root / name for name in signing.get("trust", ())),
        allowed_signers=root / signers if (signers := signing.get("allowed_signers")) else None,
        masking_key=root / value.get("masking", {}).get("key", "keys/masking.key"),
        digest=hashlib.sha256(canonical_bytes(storable(value))).hexdigest(),
        tolerances=Tolerances(**value.get("tolerances", {})),
        acknowledgements=tuple(Acknowledgement(**a) for a in value.get("acknowledgements", ())),
        retention=Retention(**value.get("retention", {})),
        limits=Limits(**value.get("limits", {})),
        exit_means=ExitMeans(**value.get("exit", {})),
        journal_url=value.get("journal", {}).get("url", ""),
        gate=_gate(value.get("reconcile", {})),
    )


def _gate(value: Mapping[str, Any]) -> ReconcileGate:
    waivers = tuple(BilledWaiver(**one) for one in value.get("waivers", ()))
    invoices = tuple(value.get("invoices", ()))
    return ReconcileGate(**{**value, "waivers": waivers, "invoices": invoices})


def _entry(entry: Mapping[str, Any], root: Path) -> tuple[str, str, Mapping[str, Any], Path]:
    settings = {key: storable(value) for key, value in entry.items() if key not in ("id", "type")}
    return entry["id"], entry["type"], settings, root


def _types_from_outside(value: Any) -> set[Where]:
    """Return where a type of source is named that an installed package brings."""
    sources = value.get("sources") if isinstance(value, dict) else None
    if not isinstance(sources, list):
        return set()
    ours = schema_named("workspace")["$defs"]["source"]["properties"]["type"]["enum"]
    types = [source.get("type") if isinstance(source, dict) else None for source in sources]
    if all(name in ours for name in types):
        return set()
    outside = list(entry_points(group="exitkit.collectors").names)
    return {("sources", index, "type") for index, name in enumerate(types) if name in outside}


def _contradictions(value: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    """Yield ids given twice, answers for unknown sources, and answers that end too soon."""
    for section in ("sources", "targets"):
        ids = [entry["id"] for entry in value.get(section, ())]
        for index, name in enumerate(ids):
            if name in ids[:index]:
                yield (section, index, "id"), f'"{name}" is there already; give it another id'
    sources = [entry["id"] for entry in value["sources"]]
    for index, answer in enumerate(value.get("acknowledgements", ())):
        here: Where = ("acknowledgements", index)
        if answer["source"] not in sources:
            message = f'no source "{answer["source"]}"; {suggest(answer["source"], sources)}'
            yield (*here, "source"), message
        if answer["until"] < answer["on"]:
            message = f"{answer['until']} is before {answer['on']}; an answer ends after it begins"
            yield (*here, "until"), message
