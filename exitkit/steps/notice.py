"""Take in a formal notice with the proof that it arrived, and measure how early it came.

Params: `document`, a YAML file below the workspace (schema `notice`), and `notifies` (`exit`,
`deletion`, `extension`, `default`). Without the dated proof of receipt the step fails.
Metrics: `notice_proven`, `notice_days` (from receipt to effect), `receipt_sha256`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.assess.attestation import day_of
from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import StepContext
from exitkit.store.paths import below
from exitkit.workspace.schema_faults import check_against
from exitkit.workspace.yaml_lines import read_yaml

KINDS = ("exit", "deletion", "extension", "default")


class NoticeStep:
    """Prove that a notice reached the other party, and when."""

    kind: ClassVar[str] = "notice"
    needs: ClassVar[tuple[str, ...]] = ()
    reversible: ClassVar[bool] = True

    def problems(self, step: Step) -> Iterator[str]:
        """Name the params that are not there."""
        if not isinstance(step.params.get("document"), str) or not step.params["document"]:
            yield "document: missing; name the YAML file of the notice"
        if step.params.get("notifies") not in KINDS:
            yield f"notifies: one of {', '.join(KINDS)}"

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Read the notice, look at its proof and keep a copy of both."""
        path = below(context.workspace, str(step.params["document"]))
        if path is None or not path.is_file():
            return _faulty(f"{step.params['document']}: not there; file the notice there")
        document = read_yaml(path)
        check_against("notice", document)
        value = document.value
        if value["kind"] != step.params["notifies"]:
            return _faulty(f"{path.name}: a notice of {value['kind']}, not of the kind planned")
        received, proof = day_of(value.get("received_on")), str(value.get("proof", ""))
        receipt = below(context.workspace, proof) if proof else None
        if received is None or receipt is None or not receipt.is_file():
            return _faulty(f"{path.name}: no dated proof of receipt; fill in received_on and proof")
        sent, effective = day_of(value["sent_on"]), day_of(value.get("effective_on"))
        if sent and received < sent:
            return _faulty(f"{path.name}: received_on is before sent_on; correct the dates")
        shutil.copyfile(path, context.attempt_dir / "notice.yaml")
        shutil.copyfile(receipt, context.attempt_dir / "receipt")
        metrics: dict[str, int | bool | str] = {
            "notice_proven": True,
            "receipt_sha256": hashlib.sha256(receipt.read_bytes()).hexdigest(),
        }
        if effective is not None:
            metrics["notice_days"] = (effective - received).days
        return Outcome(
            StepStatus.SUCCEEDED, f"{value['kind']} notice received on {received}", metrics
        )

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Leave a notice that was given as it was given."""
        return Outcome(StepStatus.SUCCEEDED, "nothing to undo")

    def probe(self, step: Step, context: StepContext) -> bool:
        """Read it again."""
        return False


def _faulty(message: str) -> Outcome:
    return Outcome(StepStatus.FAILED, message, {"notice_proven": False})
