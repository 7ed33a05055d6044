"""Hold names and texts of Terraform's language against what its readers expect."""

from __future__ import annotations

import pytest

from exitkit.assess.iac_hcl import Blocks, Expression, Json, block, quoted
from exitkit.assess.iac_terraform import Configured, attribute_name, label, labels
from exitkit.drivers.syntax_trees import read_tree


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("GlobalReplicationGroupDescription", "global_replication_group_description"),
        ("DBInstanceClass", "db_instance_class"),
        ("KMSMasterKeyId", "kms_master_key_id"),
        ("EnableDns64", "enable_dns_64"),
        ("Ipv6CidrBlock", "ipv_6_cidr_block"),
        ("S3Bucket", "s3_bucket"),
        ("EnableResourceNameDnsAAAARecord", "enable_resource_name_dns_aaaa_record"),
        ("CloudWatchLogsLogGroupArn", "cloudwatch_logs_log_group_arn"),
        ("VPCSecurityGroups", "vpc_security_groups"),
    ],
)
def test_property_names_become_those_of_the_generic_provider(name: str, spelled: str) -> None:
    assert attribute_name(name) == spelled


def test_a_text_stays_a_text_whatever_is_in_it() -> None:
    assert quoted('a "b" ${var.x} %{ if } \\ \n') == '"a \\"b\\" $${var.x} %%{ if } \\\\ \\n"'
    assert quoted("\b\f") == '"\\u0008\\u000c"'
    body = {"name": '"}\nresource "x" "y" {', "policy": Json({"aws:Source": ["${aws:username}"]})}
    text = block("resource", ["aws_vpc", "main"], body)
    reading = read_tree("terraform", text)
    assert reading.faults == []
    assert text.count("\n") == block("resource", ["a", "b"], {**body, "name": "x"}).count("\n")


def test_attributes_stand_before_nested_blocks() -> None:
    body = {"rule": Blocks(({"n": 1}, {"n": 2})), "to": Expression("aws_vpc.main"), "ok": True}
    assert block("x", [], body).splitlines() == [
        "x {", "  to = aws_vpc.main", "  ok = true", "  rule {", "    n = 1", "  }", "  rule {",
        "    n = 2", "  }", "}",
    ]  # fmt: skip


def test_two_things_of_one_name_get_addresses_of_their_own() -> None:
    urn = "urn:uuid:{}0000000-0000-8000-8000-000000000000"
    same = [Configured(urn.format(digit), "aws_vpc", "Main (old)", {}) for digit in "ab"]
    other = Configured(urn.format("c"), "aws_subnet", "Main (old)", {})
    assert list(labels([*same, other]).values()) == [
        "aws_vpc.main_old_a0000000", "aws_vpc.main_old_b0000000", "aws_subnet.main_old",
    ]  # fmt: skip


def test_a_label_never_begins_with_a_digit() -> None:
    assert label("123.example") == "r_123_example"
    assert label("€€") == "r"
