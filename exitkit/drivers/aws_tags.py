"""Ask each region once for the tags that list answers leave out, and hang them on the assets."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_answers import Item, own_tags, tags_of
from exitkit.drivers.aws_calls import Failure, one_answer, pages
from exitkit.drivers.aws_plan import Plan
from exitkit.drivers.deadlines import Beat, Job, run_all
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Limits

SERVICE, OPERATION = "resourcegroupstaggingapi", "GetResources"
CALLED = f"{SERVICE}:{OPERATION}"

Tags = tuple[tuple[str, str], ...]
Answer = dict[str, Tags] | Failure | None


@dataclass(slots=True)
class Labels:
    """The tags of one account by ARN, and a ledger line for each region that was asked."""

    by_arn: dict[str, Tags] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def on(self, asset: Asset) -> Asset:
        """Return the asset with its tags; those of its own answer are first-hand and stay."""
        if asset.tags or not (arn := arn_of(asset)):
            return asset
        return replace(asset, tags=self.by_arn.get(_bare(arn), ()))


def arn_of(asset: Asset) -> str:
    """Return the ARN of an asset, or nothing."""
    return next((value for scheme, value in asset.identifiers if scheme == "arn"), "")


@dataclass(slots=True)
class LabelReader:
    """Asks a region for the tags of all it has, once, while others are still being swept.

    One call there stands in place of one for each item.
    """

    plan: Plan
    limits: Limits
    asked: dict[str, Future[Answer]] = field(default_factory=dict)

    def see(self, item: Item) -> None:
        """Begin to ask the region of an item that has a name and shows no tags."""
        account = self.plan.account
        region = "" if item.row.worldwide else item.region
        region = region or self.plan.home_of(item.row.service) or account.region
        if region not in self.asked and item.arn and not own_tags(item):
            self.asked[region] = Future()
            # No pool: at the end of the program it would wait for a region that hangs.
            threading.Thread(target=self._ask, args=(region,), daemon=True).start()

    def _ask(self, region: str) -> None:
        job = _job(self.plan.account, region, self.limits)
        try:
            ((_, answer),) = run_all([job], 1, self.limits.call_deadline_s)
            self.asked[region].set_result(answer)
        except Exception as fault:  # raised where the answer is asked for
            self.asked[region].set_exception(fault)

    def labels(self) -> Labels:
        """Return what all regions that were asked answered."""
        labels = Labels()
        for region in sorted(self.asked):
            answer = self.asked[region].result()
            if answer is None:
                reason = f"no answer within {self.limits.call_deadline_s} s"
                answer = Failure(CallOutcome.UNAVAILABLE, reason)
            if isinstance(answer, dict):
                labels.by_arn.update(answer)
            source, scope = self.plan.selection.source, self.plan.account.id
            labels.calls.append(_line(source, scope, region, answer))
        return labels


def _job(account: Account, region: str, limits: Limits) -> Job[dict[str, Tags] | Failure]:
    def read(beat: Beat) -> dict[str, Tags]:
        client = account.client(SERVICE, region, limits)
        try:
            return {
                _bare(str(row.get("ResourceARN", ""))): tags_of(row.get("Tags"))
                for page in pages(client, OPERATION, {"ResourcesPerPage": 100}, beat)
                for row in page.get("ResourceTagMappingList") or ()
            }
        finally:
            client.close()

    return lambda beat: one_answer(lambda: read(beat), CALLED)


def _bare(arn: str) -> str:
    """Return an ARN without the pattern that some answers put behind that of a log group."""
    return arn.removesuffix(":*")


def _line(source: str, scope: str, region: str, answer: Mapping[str, Tags] | Failure) -> Call:
    if isinstance(answer, Failure):
        return Call(
            source, scope, region, CALLED, answer.outcome,
            binding="tags", permission=answer.permission, reason=answer.reason,
        )  # fmt: skip
    outcome = CallOutcome.COLLECTED if answer else CallOutcome.EMPTY
    reason = "tags of what the list answers show without any"
    return Call(source, scope, region, CALLED, outcome, len(answer), "tags", reason=reason)
