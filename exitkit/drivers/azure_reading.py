"""Read what one Azure resource keeps beside its own body, and tell the ledger how it went."""

from __future__ import annotations

from dataclasses import dataclass

from exitkit.drivers.azure import Answer, ArmReader, DirectoryReader
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Gap, Level, Responsible
from exitkit.ports import Context, Source
from exitkit.store.paths import segment

LONGEST_NAME = 90


def arm_reader(source: Source, context: Context) -> ArmReader:
    """Open the endpoint that a source names."""
    return ArmReader(
        source.settings.get("endpoint_url"), str(source.settings.get("tenant_id") or ""),
        context.environ, context.limits.call_deadline_s,
    )  # fmt: skip


def directory_reader(source: Source, context: Context) -> DirectoryReader:
    """Open the Microsoft Graph that a source names."""
    return DirectoryReader(
        source.settings.get("directory_url"), str(source.settings.get("tenant_id") or ""),
        context.environ, context.limits.call_deadline_s,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AzureReading:
    """One asset and the operation (`Microsoft.Web/sites/functions`) that reads more of it."""

    asset: Asset
    source: Source
    operation: str

    def line(self, answer: Answer, count: int) -> Call:
        """Return the line of the ledger; an answer of 404 says that there is nothing."""
        outcome = CallOutcome.COLLECTED if count else CallOutcome.EMPTY
        if answer.status in (401, 403):
            outcome = CallOutcome.REFUSED
        elif answer.status not in (200, 404):
            outcome = CallOutcome.UNAVAILABLE
        ref = self.asset.ref
        fault = f"{answer.code}: {answer.message}".strip(": ")
        return Call(
            self.source.id, ref.scope, ref.region, f"{self.operation}:GET", outcome, count,
            binding=ref.native_id,
            permission=f"{self.operation}/read" if outcome is CallOutcome.REFUSED else "",
            reason="" if answer.status == 200 else fault,
        )  # fmt: skip

    def gap(self, aspect: Aspect, answer: Answer) -> Gap:
        """Return why the aspect is not held: a refusal, or a call that failed."""
        refused = answer.status in (401, 403)
        move = f"Allow {self.operation}/read and take the snapshot again."
        return Gap(
            self.asset.ref, aspect, Level.DESCRIBED,
            "permission-denied" if refused else "api-error",
            answer.message or answer.code or "no answer",
            Responsible.CUSTOMER if refused else Responsible.PROVIDER,
            move if refused else "Repeat the snapshot.", method=self.operation, confidence="high",
        )  # fmt: skip

    def path(self, name: str) -> str:
        """Return where a file of this resource stands in the bundle."""
        folder = segment(self.asset.ref.native_id.strip("/").replace("/", "-"), LONGEST_NAME)
        return f"automation/azure/{folder}/{segment(name, 60)}"
