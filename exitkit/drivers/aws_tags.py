"""Ask each region once for the tags that list answers leave out, and hang them on the assets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_answers import tags_of
from exitkit.drivers.aws_calls import Failure, one_answer, pages
from exitkit.drivers.deadlines import Beat, Job, run_all
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Limits

SERVICE, OPERATION = "resourcegroupstaggingapi", "GetResources"
CALLED = f"{SERVICE}:{OPERATION}"

Tags = tuple[tuple[str, str], ...]


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


def labels_in(account: Account, regions: Iterable[str], source: str, limits: Limits) -> Labels:
    """Ask every region for the tags of all it has: one call there in place of one for each item."""
    asked = sorted(set(regions))
    jobs: list[Job[dict[str, Tags] | Failure]] = [_job(account, name, limits) for name in asked]
    answers: dict[str, dict[str, Tags] | Failure | None] = {
        asked[index]: answer
        for index, answer in run_all(jobs, limits.workers, limits.call_deadline_s)
    }
    labels = Labels()
    for region in asked:
        answer = answers[region]
        if answer is None:
            reason = f"no answer within {limits.call_deadline_s} s"
            answer = Failure(CallOutcome.UNAVAILABLE, reason)
        if isinstance(answer, dict):
            labels.by_arn.update(answer)
        labels.calls.append(_line(source, account.id, region, answer))
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
