"""Open what stands behind one AWS asset, and keep a ledger line for each thing asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from exitkit.drivers.aws import Account, account_of
from exitkit.drivers.aws_calls import FAULTS, Failure, failure_of, pages
from exitkit.drivers.deadlines import Beat, run_all
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Gap, Level, Responsible
from exitkit.ports import Context, Source
from exitkit.store.kept_content import KeptContent

T = TypeVar("T")

BLOCK = 1024 * 1024
OVERDUE = Failure(CallOutcome.UNAVAILABLE, "no answer within the deadline", dead=True)


@dataclass(slots=True)
class Reading:
    """An open client for one asset, and the ledger lines of what was asked with it."""

    asset: Asset
    source: Source
    context: Context
    account: Account
    client: Any
    calls: list[Call] = field(default_factory=list)

    def note(
        self, operation: str, count: int = 0, failure: Failure | None = None, part: str = ""
    ) -> None:
        """Write one line for a call or for a run of equal calls; `part` tells several apart."""
        outcome = CallOutcome.COLLECTED if count else CallOutcome.EMPTY
        binding = f"{self.asset.ref.native_id} {part}".rstrip()
        self.calls.append(
            Call(
                self.source.id, self.asset.ref.scope, self.asset.ref.region, operation,
                failure.outcome if failure else outcome, count, binding,
                failure.permission if failure else "", failure.reason if failure else "",
            )
        )  # fmt: skip

    def ask(self, operation: str, arguments: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of a call; FAULTS pass through."""
        return pages(self.client, operation.partition(":")[2], arguments, lambda: None)

    def answer(
        self, operation: str, arguments: Mapping[str, Any], part: str = ""
    ) -> list[Any] | Failure:
        """Return all pages of one call within the deadline, with its line in the ledger."""

        def whole(beat: Beat) -> list[Any] | Failure:
            found = []
            try:
                for page in self.ask(operation, arguments):
                    found.append(page)
                    beat()
            except FAULTS as fault:
                return failure_of(fault, operation)
            return found

        ((_, answer),) = self.within_deadline([whole])
        failure = answer if isinstance(answer, Failure) else None
        self.note(operation, 0 if failure else 1, failure, part)
        return answer

    def within_deadline(
        self, jobs: Sequence[Callable[[Beat], T]]
    ) -> Iterator[tuple[int, T | Failure]]:
        """Yield (index, answer) of jobs run side by side; a failure for one that never answered."""
        limits = self.context.limits
        for index, answer in run_all(jobs, min(8, limits.workers), limits.call_deadline_s):
            yield index, OVERDUE if answer is None else answer

    def spool(self, name: str) -> Path:
        """Return a place of this asset's own for large bytes, with nothing there yet."""
        path = self.context.spool / f"{self.asset.ref.urn.removeprefix('urn:uuid:')}-{name}"
        # What is there may be a second name of kept bytes; writing would change those.
        if path.is_file():
            path.unlink()
        return path

    @property
    def kept(self) -> KeptContent:
        """What an earlier start of this snapshot had fetched."""
        return KeptContent.below(self.context.kept)

    def gap(self, aspect: Aspect, failure: Failure, level: Level = Level.DESCRIBED) -> Gap:
        """Return why an aspect could not be read, in the words of the failure."""
        if failure.outcome is CallOutcome.REFUSED:
            grant = failure.permission or "the call named in the ledger"
            return Gap(
                self.asset.ref, aspect, level, "permission-denied", failure.reason,
                Responsible.CUSTOMER, f"allow {grant} and take the snapshot again",
                confidence="high",
            )  # fmt: skip
        return Gap(
            self.asset.ref, aspect, level, "api-error", failure.reason, Responsible.PROVIDER,
            "take the snapshot again; report the error if it stays",
        )  # fmt: skip

    def too_large(self, aspect: Aspect, what: str, setting: str, workaround: str) -> Gap:
        """Return the gap of what is over a limit of the workspace."""
        value = getattr(self.context.limits, setting)
        return Gap(
            self.asset.ref, aspect, Level.DESCRIBED, "too-large",
            f"{what}; limits.{setting} is {value}", Responsible.TOOL, workaround,
            confidence="high",
        )  # fmt: skip


def open_reading(asset: Asset, source: Source, context: Context) -> Reading:
    """Return a client of the asset's account and region for its own service."""
    catalog = load_catalog()
    service = catalog.types[asset.ref.native_type].service
    account = account_of(source, asset.ref.scope, context.environ, context.limits)
    home = catalog.services[service].home.get(account.partition, account.region)
    client = account.client(service, asset.ref.region or home, context.limits)
    return Reading(asset, source, context, account, client)
