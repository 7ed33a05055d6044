"""Find out which regions of an account to look at, and account for those that are switched off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_calls import Failure, one_answer
from exitkit.drivers.aws_partitions import partition_of
from exitkit.drivers.deadlines import run_all
from exitkit.knowledge.aws_availability import Availability, availability
from exitkit.knowledge.aws_catalog import Catalog
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Limits

OPERATION = "ec2:DescribeRegions"
SWITCHED_OFF = frozenset({"not-opted-in", "disabled", "disabling"})
PATTERN = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class Regions:
    """The regions to look at, and the ledger lines that say what was asked and left out."""

    names: tuple[str, ...]
    calls: tuple[Call, ...]


def selected_regions(
    account: Account, patterns: Iterable[str], source: str, limits: Limits
) -> Regions:
    """Return the enabled regions that match.

    Where the account does not say which are enabled, those named outright are taken at their
    word, and the SDK's own list of the partition stands in for patterns.
    """
    wanted = list(patterns) or ["*"]
    asked = Call(source, account.id, account.region, OPERATION, CallOutcome.COLLECTED)
    answer = _statuses(account, limits)
    if isinstance(answer, Failure):
        listed = sdk_regions(account)
        stands_in = sorted({*_matching(listed, wanted), *_named(wanted)})
        reason = f"{answer.reason}; looked at every region that the settings or the SDK name"
        failed = replace(asked, outcome=answer.outcome, permission=answer.permission, reason=reason)
        return Regions(tuple(stands_in), (failed,))
    here = {
        name: state for name, state in answer.items() if partition_of(name) == account.partition
    }
    on = [name for name, state in here.items() if state not in SWITCHED_OFF]
    lines = [replace(asked, count=len(on))]
    off = [(n, f"the account has not enabled it ({here[n]})") for n in sorted(set(here) - set(on))]
    for name, reason in off:
        if _matching([name], wanted):
            lines.append(_left_out(asked, name, CallOutcome.EXCLUDED, reason))
    for name in sorted(set(_named(wanted)) - set(here)):
        reason = f"regions: names it, and AWS has no such region in partition {account.partition}"
        lines.append(_left_out(asked, name, CallOutcome.UNAVAILABLE, reason))
    return Regions(tuple(_matching(on, wanted)), tuple(lines))


def _statuses(account: Account, limits: Limits) -> dict[str, str] | Failure:
    """Ask which regions there are and whether they are enabled, within the deadline of a call."""

    def regions() -> dict[str, str]:
        client = account.client("ec2", account.region, limits)
        try:
            rows = client.describe_regions(AllRegions=True)["Regions"]
            return {row["RegionName"]: row.get("OptInStatus", "") for row in rows}
        finally:
            client.close()

    job = [lambda _beat: one_answer(regions, OPERATION)]
    ((_, answer),) = run_all(job, 1, limits.call_deadline_s)
    if answer is None:
        reason = f"no answer within {limits.call_deadline_s} s"
        return Failure(CallOutcome.UNAVAILABLE, reason, dead=True)
    return answer


def _left_out(asked: Call, region: str, outcome: CallOutcome, reason: str) -> Call:
    return replace(
        asked, region=region, operation=f"region:{region}", outcome=outcome, reason=reason
    )


def _matching(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    return sorted(n for n in names if any(fnmatchcase(n, pattern) for pattern in patterns))


def _named(patterns: Iterable[str]) -> list[str]:
    return [pattern for pattern in patterns if not PATTERN.search(pattern)]


def sdk_regions(account: Account) -> frozenset[str]:
    """Return the regions of the account's partition that the SDK knows."""
    document = account.session.get_component("data_loader").load_data("endpoints")
    rows = (row for row in document["partitions"] if row["partition"] == account.partition)
    return frozenset(next(rows, {"regions": ()})["regions"])


def availability_of(account: Account, catalog: Catalog) -> Availability:
    """Return what is known of the services and regions of the account's partition."""
    document = account.session.get_component("data_loader").load_data("endpoints")
    return availability(catalog, account.partition, document)
