"""Find out which regions of an account to look at, and which services each of them has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from exitkit.drivers.aws import Account
from exitkit.drivers.aws_calls import Failure, one_answer
from exitkit.knowledge.aws_catalog import Service
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Limits

OPERATION = "ec2:DescribeRegions"


def selected_regions(
    account: Account, patterns: Iterable[str], source: str, limits: Limits
) -> tuple[list[str], Call | None]:
    """Return the enabled regions that match, and the ledger line of the call that told them.

    Where the patterns name regions outright nothing has to be asked. Where the account does not
    say which are enabled, the SDK's own list of the partition stands in.
    """
    wanted = list(patterns) or ["*"]
    if not any(mark in pattern for pattern in wanted for mark in "*?["):
        return sorted(set(wanted)), None

    def enabled() -> list[str]:
        client = account.client("ec2", account.region, limits)
        try:
            return [row["RegionName"] for row in client.describe_regions()["Regions"]]
        finally:
            client.close()

    answer = one_answer(enabled, OPERATION)
    if isinstance(answer, Failure):
        known = partition_regions(account, "ec2")
        call = Call(
            source, account.id, account.region, OPERATION, answer.outcome,
            permission=answer.permission,
            reason=f"{answer.reason}; looked at every region the SDK knows instead",
        )  # fmt: skip
    else:
        known = answer
        call = Call(
            source, account.id, account.region, OPERATION, CallOutcome.COLLECTED, len(answer)
        )
    return sorted(r for r in known if any(fnmatchcase(r, pattern) for pattern in wanted)), call


def partition_regions(account: Account, endpoint: str) -> list[str]:
    """Return the regions of the account's partition where the SDK knows the endpoint."""
    return sorted(endpoint_regions(account).get(endpoint, ()))


def offered_in(known: Mapping[str, frozenset[str]], service: Service, region: str) -> bool:
    """Tell whether a region has a service; one the SDK has no list for is asked everywhere."""
    regions = known.get(service.endpoint)
    return not regions or region in regions


def endpoint_regions(account: Account) -> dict[str, frozenset[str]]:
    """Read the SDK's endpoint list of one partition: endpoint -> regions that have it."""
    document = account.session.get_component("data_loader").load_data("endpoints")
    partition = next(row for row in document["partitions"] if row["partition"] == account.partition)
    regions = set(partition["regions"])
    return {
        name: frozenset(regions & service.get("endpoints", {}).keys())
        for name, service in partition["services"].items()
    }
