"""Hold every partition of AWS against the SDK's own endpoint data, without a network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

from exitkit.drivers.aws_clients import create_client
from exitkit.drivers.aws_credentials import opener_of
from exitkit.drivers.aws_models import ReadOnlyLoader
from exitkit.drivers.aws_organization import Wanted
from exitkit.drivers.aws_partitions import (
    first_region,
    partition_of,
    partition_of_arn,
    partition_of_patterns,
)
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import caller_policy
from exitkit.ports import Limits, Source

ENDPOINTS = {row["partition"]: row for row in Loader().load_data("endpoints")["partitions"]}
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "none"}
STS_HOSTS = {
    "aws": "sts.us-east-1.amazonaws.com",
    "aws-cn": "sts.cn-northwest-1.amazonaws.com.cn",
    "aws-us-gov": "sts.us-gov-west-1.amazonaws.com",
    "aws-eusc": "sts.eusc-de-east-1.amazonaws.eu",
}
HOMES = {
    "aws": {"iam": "us-east-1", "route53": "us-east-1", "organizations": "us-east-1"},
    "aws-cn": {"iam": "cn-north-1", "route53": "cn-northwest-1", "organizations": "cn-northwest-1"},
    "aws-us-gov": {
        "iam": "us-gov-west-1", "route53": "us-gov-west-1", "organizations": "us-gov-west-1",
    },
    "aws-eusc": {
        "iam": "eusc-de-east-1", "route53": "eusc-de-east-1", "organizations": "eusc-de-east-1",
    },
}  # fmt: skip
every_partition = pytest.mark.parametrize("partition", sorted(ENDPOINTS))
customers_partitions = pytest.mark.parametrize("partition", sorted(STS_HOSTS))


def region_asked(settings: Mapping[str, Any], role: str, environ: Mapping[str, str]) -> str:
    opener = opener_of(_source(settings), _loader(), {**KEYS, **environ}, Limits())
    entry = {"role_arn": role} if role else {}
    session = opener.session(entry)
    return opener.region(session, partition_of_arn(role) if role else "")


def _source(settings: Mapping[str, Any]) -> Source:
    return Source("prod", "aws", settings, Path())


def _loader() -> ReadOnlyLoader:
    return ReadOnlyLoader([], {})


@every_partition
def test_every_region_the_sdk_lists_is_told_to_its_partition(partition: str) -> None:
    assert {partition_of(region) for region in ENDPOINTS[partition]["regions"]} == {partition}


@every_partition
def test_the_first_region_is_one_of_the_partition(partition: str) -> None:
    assert first_region(partition) in ENDPOINTS[partition]["regions"]


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-9", "aws"), ("cn-south-7", "aws-cn"), ("us-gov-north-1", "aws-us-gov"),
     ("eusc-de-north-7", "aws-eusc")],
)  # fmt: skip
def test_a_region_newer_than_the_sdk_is_told_to_its_partition(region: str, partition: str) -> None:
    assert partition_of(region) == partition


@every_partition
def test_every_home_of_a_global_service_is_a_region_of_its_partition(partition: str) -> None:
    homes = {
        name: service.home[partition]
        for name, service in load_catalog().services.items()
        if partition in service.home
    }
    assert homes
    assert set(homes.values()) <= set(ENDPOINTS[partition]["regions"])


@customers_partitions
def test_global_services_live_where_the_provider_documents_it(partition: str) -> None:
    services = load_catalog().services
    assert {name: services[name].home.get(partition) for name in HOMES[partition]} == (
        HOMES[partition]
    )


@every_partition
def test_the_homes_are_those_of_the_sdks_endpoint_list_where_it_has_any(partition: str) -> None:
    listed = {}
    for name, service in load_catalog().services.items():
        row = ENDPOINTS[partition]["services"].get(service.endpoint, {})
        if row.get("isRegionalized", True) or "partitionEndpoint" not in row:
            continue
        scope = row["endpoints"][row["partitionEndpoint"]].get("credentialScope", {})
        if "region" in scope:
            listed[name] = (scope["region"], service.home.get(partition))
    assert {name: pair for name, pair in listed.items() if pair[0] != pair[1]} == {}


@customers_partitions
def test_the_identity_is_asked_for_at_an_address_of_the_partition(partition: str) -> None:
    opener = opener_of(_source({}), _loader(), KEYS, Limits())
    region = first_region(partition)
    client = create_client(opener.session({}), "sts", region, None, Limits())
    try:
        assert client.meta.endpoint_url == f"https://{STS_HOSTS[partition]}"
        assert client.meta.partition == partition
    finally:
        client.close()


@customers_partitions
def test_a_role_is_looked_for_in_its_own_partition_whatever_the_environment_says(
    partition: str,
) -> None:
    role = Wanted("Reader").role_arn(partition, "123456789012")
    assert role == f"arn:{partition}:iam::123456789012:role/Reader"
    for named in ("eu-west-1", "cn-north-1", ""):
        region = region_asked({}, role, {"AWS_REGION": named})
        right = bool(named) and partition_of(named) == partition
        assert region == (named if right else first_region(partition))


@pytest.mark.parametrize(
    ("patterns", "partition"),
    [(["cn-*"], "aws-cn"), (["eusc-*"], "aws-eusc"), (["us-gov-west-1"], "aws-us-gov"),
     (["eu-central-1", "eu-west-1"], "aws"), (["*"], ""), (["us-*"], ""),
     (["eu-west-1", "cn-north-1"], "")],
)  # fmt: skip
def test_the_regions_of_the_settings_tell_the_partition_where_they_can(
    patterns: list[str], partition: str
) -> None:
    assert partition_of_patterns(patterns) == partition


@pytest.mark.parametrize(
    ("patterns", "region"),
    [(["cn-*"], "cn-northwest-1"), (["eusc-de-east-1"], "eusc-de-east-1"),
     (["us-gov-*"], "us-gov-west-1"), (["*"], "us-east-1"), ([], "us-east-1")],
)  # fmt: skip
def test_without_a_region_in_the_environment_the_settings_choose_the_first_one(
    patterns: list[str], region: str
) -> None:
    assert region_asked({"regions": patterns}, "", {}) == region


def test_policies_name_no_partition() -> None:
    (resource,) = [
        statement["Resource"]
        for statement in caller_policy(load_catalog(), "Reader")["Statement"]
        if statement["Action"] == "sts:AssumeRole"
    ]
    assert re.match(r"arn:\*:iam::\*:role/Reader$", resource)
