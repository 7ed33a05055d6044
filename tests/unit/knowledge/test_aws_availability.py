"""Check that data leaves a service out of a region, and that doubt means to ask."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.loaders import Loader

from exitkit.knowledge.aws_availability import Availability, availability
from exitkit.knowledge.aws_catalog import FOLDER, Service, load_catalog

ENDPOINTS: dict[str, Any] = Loader().load_data("endpoints")
CATALOG = load_catalog()
SQS = Service("sqs", "sqs", "sqs")
HERE, ELSEWHERE = "eu-west-1", "eu-north-1"


def known(sdk: bool | None, cloudformation: bool | None) -> Availability:
    """Make data in which each source says yes, no or nothing of SQS in one region."""
    return Availability(
        partition="aws",
        listed={"sqs": frozenset({HERE if sdk else ELSEWHERE})} if sdk is not None else {},
        elsewhere=frozenset({"sqs"} if sdk is not None else ()),
        regions=frozenset({HERE, ELSEWHERE}),
        types={"sqs": frozenset({HERE if cloudformation else ELSEWHERE})},
        described=frozenset({HERE} if cloudformation is not None else ()),
    )


@pytest.mark.parametrize(
    ("sdk", "cloudformation", "offered", "said"),
    [
        (True, True, True, ""),
        (True, None, True, ""),
        (None, True, True, ""),
        (False, False, False, "the provider has no sqs in eu-west-1"),
        (False, None, False, "the provider has no sqs in eu-west-1"),
        (None, False, False, "the provider has no sqs in eu-west-1"),
        (False, True, True, "asked in doubt: the SDK lists no sqs in eu-west-1"),
        (True, False, True, "asked in doubt: no type of sqs is in eu-west-1"),
        (None, None, True, "asked in doubt: no data says whether there is sqs in eu-west-1"),
    ],
)
def test_two_sources_decide_and_doubt_means_to_ask(
    sdk: bool | None, cloudformation: bool | None, offered: bool, said: str
) -> None:
    offer = known(sdk, cloudformation).offer(SQS, HERE)
    assert offer.offered is offered
    assert offer.reason.startswith(said)
    assert bool(offer.reason) is bool(said)


def test_a_region_newer_than_all_data_is_asked_for_everything() -> None:
    offer = availability(CATALOG, "aws", ENDPOINTS).offer(SQS, "eu-west-9")
    assert offer.offered
    assert "no data says" in offer.reason


@pytest.mark.parametrize(
    ("partition", "region", "has", "lacks"),
    [
        ("aws", "eu-central-1", "sqs", "devicefarm"),
        ("aws-cn", "cn-north-1", "sqs", "apprunner"),
        ("aws-us-gov", "us-gov-west-1", "sqs", "apprunner"),
        ("aws-eusc", "eusc-de-east-1", "sqs", "apprunner"),
        ("aws-iso", "us-iso-east-1", "sqs", "apprunner"),
    ],
)
def test_each_partition_has_what_the_sdk_lists_for_it(
    partition: str, region: str, has: str, lacks: str
) -> None:
    data = availability(CATALOG, partition, ENDPOINTS)
    assert data.offer(CATALOG.services[has], region).offered
    assert not data.offer(CATALOG.services[lacks], region).offered


@pytest.mark.parametrize("partition", [row["partition"] for row in ENDPOINTS["partitions"]])
def test_iam_is_asked_for_in_every_partition(partition: str) -> None:
    iam = CATALOG.services["iam"]
    assert availability(CATALOG, partition, ENDPOINTS).offer(iam, iam.home[partition]).offered


def test_whatever_the_sdk_lists_is_never_left_out() -> None:
    for row in ENDPOINTS["partitions"]:
        data = availability(CATALOG, row["partition"], ENDPOINTS)
        for service in CATALOG.services.values():
            listed = set(row["services"].get(service.endpoint, {}).get("endpoints", ()))
            for region in listed & set(row["regions"]):
                assert data.offer(service, region).offered, (service.name, region)


def test_the_list_of_the_fullest_region_is_not_taken_for_data_of_another() -> None:
    document = json.loads(gzip.decompress((FOLDER / "regions.json.gz").read_bytes()))
    regions = document["regions"]
    full = (1 << len(regions)) - 1
    everywhere = [name for name, bits in document["types"].items() if int(bits, 16) == full]
    assert "AWS::SQS::Queue" in everywhere
    assert len(everywhere) < len(document["types"]) / 2
    assert not any(region.startswith(("eusc-", "us-iso", "eu-iso")) for region in regions)


def test_an_sdk_that_does_not_know_the_partition_leaves_nothing_out() -> None:
    data = replace(availability(CATALOG, "aws-new", ENDPOINTS), described=frozenset())
    assert data.offer(SQS, "new-region-1").offered
