"""Hold templates against the limits of CloudFormation, and references against circles."""

from __future__ import annotations

import json
from typing import Any

from exitkit.assess.iac_cloudformation import MOST_PARAMETERS, MOST_RESOURCES, templates
from exitkit.assess.iac_links import linked
from exitkit.assess.iac_resources import Parameter, Reference, Resource, leaves
from exitkit.knowledge.aws_iac import Mapped

MEBIBYTE = 1024 * 1024


def thing(key: str, noun: str = "Topic", **properties: Any) -> Resource:
    """Make a resource whose ARN others may name."""
    arn = f"arn:aws:x:eu-west-1:1:{key}"
    return Resource(
        key,
        key,
        f"AWS::SNS::{noun}",
        arn,
        key,
        properties,
        {"Arn": arn},
        {
            "": arn,
        },
    )


def arn(key: str) -> str:
    return f"arn:aws:x:eu-west-1:1:{key}"


def test_a_template_has_at_most_500_resources_and_no_resource_is_in_two() -> None:
    resources = [thing(f"t{number}") for number in range(1100)]
    made = templates(resources, {}, retain=True)
    assert [len(one.resources) for one in made] == [MOST_RESOURCES, MOST_RESOURCES, 100]
    assert len({name for one in made for name in one.resources}) == 1100
    assert [len(one.importing) for one in made] == [500, 500, 100]


def test_a_template_stays_below_a_mebibyte_as_it_is_written() -> None:
    deep = {"a": [{"b": {"c": ["x" * 40] * 30}}] * 30}
    resources = [thing(f"t{number}", Policy=deep) for number in range(120)]
    made = templates(resources, {}, retain=False)
    sizes = [len(json.dumps(one.document("d"), indent=2).encode()) for one in made]
    assert len(made) > 1
    assert max(sizes) <= MEBIBYTE
    assert sum(len(one.resources) for one in made) == 120


def test_what_another_template_holds_is_a_parameter_with_the_id_of_today() -> None:
    first = [thing(f"t{number}") for number in range(MOST_RESOURCES)]
    last = thing(
        "last", Near=Reference("t499", "", arn("t499")), Far=Reference("t0", "", arn("t0"))
    )
    made = templates([*first, last], {}, retain=False)
    (name,) = made[1].resources
    assert made[1].resources[name]["Properties"] == {
        "Near": {"Ref": "TopicT499"}, "Far": {"Ref": "TopicT0"},
    }  # fmt: skip
    assert made[1].parameters["TopicT0"] == {"Type": "String", "Default": arn("t0")}


def test_a_template_has_at_most_200_parameters() -> None:
    resources = [
        thing(f"t{number}", Code=Parameter("Code", "code")) for number in range(MOST_PARAMETERS + 1)
    ]
    assert [len(one.parameters) for one in templates(resources, {}, retain=False)] == [200, 1]


def test_two_things_of_one_name_keep_their_logical_names_apart() -> None:
    same = [
        Resource(f"urn:uuid:{digit}0000000-x", "", "AWS::SNS::Topic", digit, "news", {}, {})
        for digit in "ab"
    ]
    (template,) = templates(same, {}, retain=False)
    assert list(template.resources) == ["TopicNewsa0000000", "TopicNewsb0000000"]


def test_each_resource_comes_after_those_it_refers_to() -> None:
    resources = [thing("c", Of=arn("b")), thing("b", Of=[{"In": arn("a")}]), thing("a")]
    ordered = linked(resources, {}, {})
    assert [one.key for one in ordered] == ["a", "b", "c"]
    assert ordered[2].properties["Of"] == Reference("b", "", arn("b"))


def test_what_would_go_in_a_circle_stays_the_id_it_is() -> None:
    resources = [
        thing("a", Of=arn("b")), thing("b", Of=arn("c")), thing("c", Of=arn("a")),
        thing("self", Of=arn("self")), thing("d", Of=arn("a")),
    ]  # fmt: skip
    ordered = {one.key: one for one in linked(resources, {}, {})}
    for key in ("a", "b", "c", "self"):
        found = leaves(dict(ordered[key].properties))
        assert not any(isinstance(leaf, Reference) for leaf in found)
    assert ordered["d"].properties["Of"] == Reference("a", "", arn("a"))


def test_a_long_chain_of_references_needs_no_deep_stack() -> None:
    resources = [thing(f"t{number}", Of=arn(f"t{number + 1}")) for number in range(5000)]
    assert linked(resources, {}, {})[0].key == "t4999"


def test_a_bare_name_is_a_reference_only_where_a_mapping_says_so() -> None:
    role = Resource("r", "r", "AWS::IAM::Role", "web", "web", {}, {"RoleName": "web"}, {"": "web"})
    profile = Resource(
        "p", "p", "AWS::IAM::InstanceProfile", "p", "p", {"Roles": ["web"], "Path": "web"}, {}
    )
    rules = {"AWS::IAM::InstanceProfile": Mapped(refers={"Roles": "AWS::IAM::Role"})}
    (_, found) = linked([profile, role], rules, {})
    assert found.properties == {"Roles": [Reference("r", "", "web")], "Path": "web"}


def test_what_aws_makes_itself_is_named_by_the_thing_it_comes_with() -> None:
    vpc = thing("vpc")
    user = thing("user", Group="sg-0123456789abcdef0")
    stand_ins = {"sg-0123456789abcdef0": (vpc.native_id, "DefaultSecurityGroup")}
    (_, found) = linked([vpc, user], {}, stand_ins)
    assert found.properties["Group"] == Reference(
        "vpc", "DefaultSecurityGroup", "sg-0123456789abcdef0"
    )
    (template,) = templates([vpc, found], {}, retain=False)
    assert template.resources["TopicUser"]["Properties"]["Group"] == {
        "Fn::GetAtt": ["TopicVpc", "DefaultSecurityGroup"]
    }


def test_a_resource_waits_for_what_a_mapping_says_where_both_refer_to_one_thing() -> None:
    gate = thing("gate")
    attached = thing("attached", "Attachment", Gate=Reference("gate", "", arn("gate")))
    route = thing("route", "Route", Gate=Reference("gate", "", arn("gate")))
    rules = {"AWS::SNS::Route": Mapped(waits_for=("AWS::SNS::Attachment",))}
    (template,) = templates([gate, attached, route], rules, retain=False)
    assert template.resources["RouteRoute"]["DependsOn"] == ["AttachmentAttached"]
