"""Take in the written word of a party (deletion, joint inventory, closure) and check it is whole.

Params: `document`, a YAML file below the workspace (schema `attestation`), `attests` (`deletion`,
`joint_inventory`, `retrieval`, `closure`) and `party`, whose word it has to be. A document that is
not there or not whole fails the step, with what is missing; correct it and run the step again.
Metrics: `attested`, `residual_copies`, `differences`, `signatures`, `document_sha256`,
`evidence_files`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.assess.attestation import FIELDS, missing_fields
from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import StepContext
from exitkit.store.files import write_atomically
from exitkit.store.paths import below
from exitkit.store.reader import open_bundle
from exitkit.workspace.schema_faults import check_against
from exitkit.workspace.yaml_lines import read_yaml

_SHOWN = 6


class AttestationStep:
    """Hold a party's attestation against the fields it must have."""

    kind: ClassVar[str] = "attestation"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Name the params that are not there."""
        if not isinstance(step.params.get("document"), str) or not step.params["document"]:
            yield "document: missing; name the YAML file of the attestation"
        if step.params.get("attests") not in tuple(FIELDS):
            yield f"attests: one of {', '.join(sorted(FIELDS))}"
        if not step.params.get("party"):
            yield "party: missing; name whose word it is"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Read, check and keep a copy of the document."""
        path = below(context.workspace, str(step.params["document"]))
        if path is None or not path.is_file():
            return _faulty(f"{step.params['document']}: not there; file the attestation there")
        document = read_yaml(path)
        check_against("attestation", document)
        value = document.value
        faults = [*_other(value, step), *missing_fields(value)]
        if value["kind"] == "joint_inventory":
            faults += _inventory(value, context)
        evidence = [str(name) for name in value.get("evidence", ())]
        kept = {name: below(context.workspace, name) for name in evidence}
        faults += [
            f"evidence {name}: not there"
            for name, one in kept.items()
            if not one or not one.is_file()
        ]
        if faults:
            more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
            return _faulty(f"{path.name}: not filled in: {', '.join(faults[:_SHOWN])}{more}")
        body = path.read_bytes()
        write_atomically(context.attempt_dir / "attestation.yaml", body)
        return Outcome(
            StepStatus.SUCCEEDED,
            f"{value['kind']} attested by {value['party']['name']}",
            {
                "attested": True,
                "residual_copies": len(value.get("residual_copies", ())),
                "differences": len(value.get("differences", ())),
                "signatures": len(value["signatures"]),
                "evidence_files": len(evidence),
                "document_sha256": hashlib.sha256(body).hexdigest(),
            },
        )

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Leave a word that was given as it was given."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Read it again."""
        return False


def _other(value: Mapping[str, Any], step: Step) -> Iterator[str]:
    if value["kind"] != step.params["attests"]:
        yield f"kind: {value['kind']}, the plan asks {step.params['attests']}"
    if value["party"]["name"] != step.params["party"]:
        yield f"party.name: {value['party']['name']}, the plan asks {step.params['party']}"


def _inventory(value: Mapping[str, Any], context: StepContext) -> Iterator[str]:
    """The minutes must be about the very inventory the run restores from."""
    bundle = open_bundle(context.bundle)
    stated = value.get("inventory", {})
    if stated.get("bundle") != bundle.id:
        yield f"inventory.bundle: not {bundle.id}"
    assets = sum(bundle.descriptor["counts"]["assetsByKind"].values())
    if stated.get("assets") != assets:
        yield f"inventory.assets: {stated.get('assets')}, the bundle holds {assets}"


def _faulty(message: str) -> Outcome:
    return Outcome(StepStatus.FAILED, message, {"attested": False})
