"""Hold rows of the AWS catalog against what the SDK's models say of owners, states and ARNs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader

from exitkit.drivers.aws_answers import OWN_ARN
from exitkit.drivers.aws_models import PlainFileLoader
from exitkit.knowledge.aws_catalog import NO_ARN, ListedType, load_catalog
from exitkit.knowledge.kinds import kind_of
from tools.build_aws_catalog.members import ended

CATALOG = load_catalog()
ROWS = list(CATALOG.rows())
LOADER = Loader(file_loader=PlainFileLoader())
PROVIDER = re.compile(
    r"aws|amazon|system|aws_managed|aws_official|builtin|curated|service|managed|default|standard"
    r"|ready2run|primary",
    re.IGNORECASE,
)
CUSTOMER = re.compile(
    r"account|custom|custom_self|customer|customer_managed|private|self|user", re.IGNORECASE
)

NOT_ABOUT_OWNERS = {
    "AWS::AppConfig::Deployment": "who rolled it out",
    "AWS::Config::ConformancePack": "whose template the customer deployed",
    "AWS::Connect::ViewVersion": "below the customer's own views",
    "AWS::DRS::ReplicationConfigurationTemplate": "which key encrypts",
    "AWS::EC2::VPCEndpointServicePermissions": "what sort of principal may connect",
    "AWS::MGN::ReplicationConfigurationTemplate": "which key encrypts",
    "AWS::SecurityIR::Case": "who answers it",
    "AWS::Omics::WorkflowVersion": "below the customer's own workflows",
}
"""Types whose model tells the two apart in a member that says something else."""

STAYS = {
    "AWS::ACMPCA::CertificateAuthority": "can be restored",
    "AWS::EC2::RecycledVolume": "can be restored",
}
"""Types whose item can be had back, or keeps something, when its state says that it is gone."""

WITHOUT_ARN = {
    "AWS::IoTManagedIntegrations::CloudConnector": "no answer has one, and IAM writes none",
    "AWS::Route53::DelegationSet": "the answer has a path where the ARN has a name",
    "AWS::SecurityAgent::Artifact": "no answer has one, and IAM writes none",
}
"""Types that CloudFormation names by an ARN which nothing tells."""


@cache
def model(service: str) -> dict[str, Any]:
    document: dict[str, Any] = LOADER.load_service_model(service, "service-2")
    return document


def taken(row: ListedType) -> Mapping[str, Any]:
    """The inputs of a row's list call."""
    called = model(row.service)["operations"][row.operation]
    shape = model(row.service)["shapes"][called["input"]["shape"]] if "input" in called else {}
    members: Mapping[str, Any] = shape.get("members", {})
    return members


def held(row: ListedType) -> Mapping[str, Any]:
    """The members of a row's items, where a plain path leads to them."""
    shapes = model(row.service)["shapes"]
    shape = model(row.service)["operations"][row.operation]["output"]["shape"]
    if row.each or not re.fullmatch(r"[\w.\[\]]+", row.items):
        return {}
    for step in re.findall(r"\w+|\[\]", row.items):
        found = shapes[shape]
        inner = found.get("member") if step == "[]" else found.get("members", {}).get(step)
        if inner is None:
            return {}
        shape = inner["shape"]
    members: Mapping[str, Any] = shapes[shape].get("members", {})
    return members


def words(service: str, reference: Mapping[str, Any]) -> list[str]:
    shapes = model(service)["shapes"]
    shape = shapes[reference["shape"]]
    if shape["type"] == "list":
        shape = shapes[shape["member"]["shape"]]
    found: list[str] = shape.get("enum", [])
    return found


def owners(row: ListedType) -> Iterator[str]:
    """The members, of the call and of its items, that tell the provider's from the customer's."""
    for name, reference in {**held(row), **taken(row)}.items():
        known = words(row.service, reference)
        if any(map(PROVIDER.fullmatch, known)) and any(map(CUSTOMER.fullmatch, known)):
            yield name


def test_of_what_both_own_only_the_customers_counts() -> None:
    mixed = {
        row.native_type
        for row in ROWS
        if (names := set(owners(row)))
        and not names & row.bind.keys()
        and not any(name in row.where for name in names)
    }
    assert mixed == NOT_ABOUT_OWNERS.keys()


def test_what_is_gone_but_still_answered_for_is_left_out() -> None:
    counted = {
        row.native_type
        for row in ROWS
        for state in ended(row.native_type, held(row), model(row.service)["shapes"])
        if state not in row.where and state not in row.bind
    }
    assert counted == STAYS.keys()


def test_a_commitment_that_has_ended_binds_nobody() -> None:
    over = re.compile(r"cancell?ed|expired|payment-failed|retired", re.IGNORECASE)
    endless = [
        row.native_type
        for row in ROWS
        if kind_of(row.native_type) == "commercial.commitment" and not row.where
        if any(over.fullmatch(w) for ref in held(row).values() for w in words(row.service, ref))
    ]
    assert endless == []


def named_by_arn(row: ListedType) -> Iterator[str]:
    """The parts of an id that are the ARN by name, and do not get it."""
    noun = row.native_type.split("::")[2]
    for part, path in row.ids:
        is_arn = path in ("@", OWN_ARN) or path.lower().endswith("arn")
        if part.lower() in ("arn", f"{noun}arn".lower()) and not is_arn and row.arn != NO_ARN:
            yield part


def test_an_id_that_is_an_arn_by_name_is_one() -> None:
    assert {row.native_type for row in ROWS if list(named_by_arn(row))} == WITHOUT_ARN.keys()


def test_no_row_takes_the_arn_of_something_else_for_its_own() -> None:
    # Without an ARN or a template with names, the last part of the id that is one counts as it.
    foreign = {
        row.native_type: part
        for row in ROWS
        for part, path in row.ids
        if part.lower().endswith("arn") and not row.arn
        if len(row.ids) > 1 and not re.search(r"\$\{(?!Partition|Region|Account)", row.arn_template)
    }
    assert foreign == {
        "AWS::ECS::ContainerInstance": "ContainerInstanceArn",
        "AWS::SSO::PermissionSet": "PermissionSetArn",
    }
