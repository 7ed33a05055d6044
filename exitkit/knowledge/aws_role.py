"""Write the role exitkit reads with as one template, so that granting it is one deployment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exitkit.knowledge.aws_policy import role_policies

ROLE_NAME = "exitkit-reader"
ABOUT = "Read-only inventory by exitkit: the least it needs, and nothing that writes."


def cloudformation_template(actions: Iterable[str], *, compact: bool = False) -> dict[str, Any]:
    """Return a template for a stack, or for a StackSet over a whole organization."""
    managed, inline = role_policies(actions, compact=compact)
    names = [f"ReadPolicy{number}" for number in range(1, len(managed) + 1)]
    policies: dict[str, Any] = {
        name: {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"Description": ABOUT, "PolicyDocument": document},
        }
        for name, document in zip(names, managed, strict=True)
    }
    role: dict[str, Any] = {
        "RoleName": {"Ref": "RoleName"},
        "Description": ABOUT,
        "AssumeRolePolicyDocument": _trust_in_cloudformation(),
        "ManagedPolicyArns": [{"Ref": name} for name in names],
    }
    if inline:
        role["Policies"] = [{"PolicyName": "read-rest", "PolicyDocument": inline}]
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": ABOUT,
        "Parameters": {
            "TrustedPrincipal": {
                "Type": "String",
                "Description": "ARN of the user or role that exitkit runs as.",
            },
            "ExternalId": {
                "Type": "String",
                "Default": "",
                "Description": "As external_id in exitkit.yaml; empty for none.",
            },
            "RoleName": {"Type": "String", "Default": ROLE_NAME},
        },
        "Conditions": {"AsksForId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}},
        "Resources": {**policies, "Reader": {"Type": "AWS::IAM::Role", "Properties": role}},
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["Reader", "Arn"]}}},
    }


def terraform_configuration(actions: Iterable[str], *, compact: bool = False) -> dict[str, Any]:
    """Return the same in Terraform's JSON syntax, for a file named `exitkit-role.tf.json`."""
    managed, inline = role_policies(actions, compact=compact)
    numbered = {f"read-{number}": document for number, document in enumerate(managed, 1)}
    resources: dict[str, Any] = {
        "aws_iam_role": {
            "reader": {
                "name": "${var.role_name}",
                "description": ABOUT,
                "assume_role_policy": "${jsonencode(local.trust)}",
            }
        },
        "aws_iam_policy": {
            name: {
                "name": f"${{var.role_name}}-{name}",
                "description": ABOUT,
                "policy": f'${{jsonencode(local.policies["{name}"])}}',
            }
            for name in numbered
        },
        "aws_iam_role_policy_attachment": {
            name: {
                "role": "${aws_iam_role.reader.name}",
                "policy_arn": f"${{aws_iam_policy.{name}.arn}}",
            }
            for name in numbered
        },
    }
    if inline:
        numbered["read-rest"] = inline
        resources["aws_iam_role_policy"] = {
            "read-rest": {
                "name": "read-rest",
                "role": "${aws_iam_role.reader.name}",
                "policy": '${jsonencode(local.policies["read-rest"])}',
            }
        }
    return {
        "variable": {
            "trusted_principal": {
                "type": "string",
                "description": "ARN of the user or role that exitkit runs as.",
            },
            "external_id": {
                "type": "string",
                "default": "",
                "description": "As external_id in exitkit.yaml; empty for none.",
            },
            "role_name": {"type": "string", "default": ROLE_NAME},
        },
        "locals": {"policies": numbered, "trust": _trust_in_terraform()},
        "resource": resources,
        "output": {"role_arn": {"value": "${aws_iam_role.reader.arn}"}},
    }


def _trust(principal: object, condition: object) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _trust_in_cloudformation() -> dict[str, Any]:
    external_id = {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    condition = {"Fn::If": ["AsksForId", external_id, {"Ref": "AWS::NoValue"}]}
    return _trust({"Ref": "TrustedPrincipal"}, condition)


def _trust_in_terraform() -> dict[str, Any]:
    # A loop of none or one: the two sides of a conditional would have to be of one type.
    asks = '{ for id in compact([var.external_id]) : "StringEquals" => { "sts:ExternalId" = id } }'
    return _trust("${var.trusted_principal}", f"${{{asks}}}")
