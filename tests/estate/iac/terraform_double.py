"""Serve Terraform the arguments of the classic AWS provider, and nothing behind them.

Runs in an environment of its own with the package `tf`; SCHEMAS names the distilled schemas.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path
from typing import Any

from tf import runner
from tf import schema as s
from tf import types as t
from tf.blocks import SetNestedBlock

TYPES = json.loads(gzip.decompress(Path(os.environ["SCHEMAS"]).read_bytes()))["types"]
SCALARS = {"string": t.String, "number": t.Number, "bool": t.Bool}


def type_of(kind: str) -> Any:
    outer, _, inner = kind.partition(":")
    if inner:
        made = SCALARS.get(inner, t.String)()
        return t.List(made) if outer == "list" else t.Map(made)
    return SCALARS.get(outer, t.String)()


def parts(rules: dict[str, Any], depth: int = 0) -> tuple[list[Any], list[Any]]:
    attributes, blocks = [], []
    for name, rule in rules.items():
        if rule["type"] == "block":
            if depth < 5:
                inner, deeper = parts(rule["block"], depth + 1)
                blocks.append(SetNestedBlock(name, s.Block(attributes=inner, block_types=deeper)))
        else:
            needed = rule["required"]
            attributes.append(
                s.Attribute(
                    name, type_of(rule["type"]), required=needed, optional=not needed,
                    computed=not needed and depth == 0,
                )
            )  # fmt: skip
    return attributes, blocks


def resource(kind: str, rules: dict[str, Any]) -> type:
    attributes, blocks = parts(rules)
    computed = {"id", "arn", "default_security_group_id", "default_network_acl_id", "public_ip"}
    for name in sorted(computed | ({"zone_id"} if kind == "aws_route53_zone" else set())):
        if name not in rules:
            attributes.append(s.Attribute(name, t.String(), computed=True))

    class Resource:
        def __init__(self, provider: Any) -> None: ...

        @classmethod
        def get_name(cls) -> str:
            return kind.removeprefix("aws_")

        @classmethod
        def get_schema(cls) -> Any:
            return s.Schema(attributes=attributes, block_types=blocks)

        def validate(self, *told: Any) -> None: ...

    return Resource


class Provider:
    def get_model_prefix(self) -> str:
        return "aws_"

    def get_provider_schema(self, diagnostics: Any) -> Any:
        return s.Schema(attributes=[s.Attribute("region", t.String(), optional=True)])

    def full_name(self) -> str:
        return "hashicorp/aws"

    def validate_config(self, *told: Any) -> None: ...

    def configure_provider(self, *told: Any) -> None: ...

    def get_data_sources(self) -> list[Any]:
        return []

    def get_functions(self) -> list[Any]:
        return []

    def get_resources(self) -> list[type]:
        return [resource(kind, rules) for kind, rules in TYPES.items()]

    def new_resource(self, kind: type) -> Any:
        return kind(self)


runner.run_provider(Provider(), sys.argv)
