"""Name resources for Terraform, and write the files of a configuration with its import blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exitkit.assess.iac_hcl import Blocks, Expression, Json, block
from exitkit.assess.iac_resources import Left, Parameter

LONGEST_LABEL = 100


@dataclass(frozen=True, slots=True)
class Configured:
    """One resource of a Terraform configuration.

    `key` tells it from all others; `id` is what it is imported by, empty where that is not known.
    """

    key: str
    type: str
    name: str
    body: Mapping[str, Any]
    id: str = ""


@dataclass(slots=True)
class Configuration:
    """All resources of a folder, and what they do not carry by the asset they are of."""

    resources: list[Configured] = field(default_factory=list)
    left: dict[str, list[Left]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """An attribute of another resource, until the labels of all are known."""

    key: str
    attribute: str


def label(text: str) -> str:
    """Return a name as Terraform writes labels."""
    found = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:LONGEST_LABEL]
    return found if found[:1].isalpha() else f"r_{found}".rstrip("_")


def attribute_name(name: str) -> str:
    """Return the name of a CloudFormation property as the Cloud Control provider spells it.

    Words begin where a capital follows a small letter or begins a word after capitals, and where
    letters and digits meet: `DBInstanceClass`, `EnableDns64` -> `db_instance_class`,
    `enable_dns_64`.
    """
    for known in ("CloudFormation", "CloudFront", "CloudWatch", "FSx"):
        name = name.replace(known, known.capitalize())
    name = re.sub(
        r"(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])", "_", name
    )
    return re.sub(r"[^a-z0-9]", "_", name.lower())


def labels(resources: Sequence[Configured]) -> dict[str, str]:
    """Return the address of each resource by its key; two of one name get a part of their keys."""
    wanted = {one.key: f"{one.type}.{label(one.name)}" for one in resources}
    count = Counter(wanted.values())
    return {
        key: address if count[address] == 1 else f"{address}_{_suffix(key)}"
        for key, address in wanted.items()
    }


def _suffix(key: str) -> str:
    urn, _, part = key.partition(" ")
    return "_".join(
        filter(None, (urn.rpartition(":")[2].replace("-", "")[:8], label(part) if part else ""))
    )


def files(
    configuration: Configuration, provider: Mapping[str, str], region: str
) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the files: without `imports.tf` the same makes everything anew."""
    addresses = labels(configuration.resources)
    asked: dict[str, Parameter] = {}
    main, imports = [], []
    for one in configuration.resources:
        address = addresses[one.key]
        kind, _, name = address.partition(".")
        body = {
            member: _written(value, addresses, name, asked) for member, value in one.body.items()
        }
        main.append(block("resource", [kind, name], body))
        if one.id:
            imports.append(block("import", [], {"to": Expression(address), "id": one.id}))
    yield "versions.tf", "\n".join(_head(provider, region)) + "\n"
    yield "variables.tf", "\n".join(_variables(asked, region)) + "\n"
    yield "main.tf", "\n\n".join(main) + "\n"
    yield "imports.tf", "\n\n".join(imports) + "\n"


def _head(provider: Mapping[str, str], region: str) -> Iterator[str]:
    name = provider["name"]
    needed = {name: {"source": provider["source"], "version": provider["version"]}}
    # Import blocks came with 1.5.
    yield block(
        "terraform", [], {
            "required_version": ">= 1.5", "required_providers": Blocks((needed,)),
        }
    )  # fmt: skip
    yield block("provider", [name], {"region": Expression("var.region")})


def _variables(asked: Mapping[str, Parameter], region: str) -> Iterator[str]:
    yield block(
        "variable", ["region"], {"type": Expression("string"), "default": region or "us-east-1"}
    )
    for name, parameter in asked.items():
        body: dict[str, Any] = {
            "type": Expression("string"), "description": parameter.description,
        }  # fmt: skip
        if parameter.secret:
            body["sensitive"] = True
        yield block("variable", [name], body)


def _written(
    value: Any, addresses: Mapping[str, str], name: str, asked: dict[str, Parameter]
) -> Any:
    """Put addresses and variables in the place of what stood for them."""
    if isinstance(value, Link):
        return Expression(f"{addresses[value.key]}.{value.attribute}")
    if isinstance(value, Parameter):
        variable = f"{name}_{attribute_name(value.name)}"
        asked[variable] = value
        return Expression(f"var.{variable}")
    if isinstance(value, Json):
        return Json(_written(value.value, addresses, name, asked))
    if isinstance(value, Blocks):
        return Blocks(tuple(_written(body, addresses, name, asked) for body in value.bodies))
    if isinstance(value, Mapping):
        return {key: _written(part, addresses, name, asked) for key, part in value.items()}
    if isinstance(value, list):
        return [_written(part, addresses, name, asked) for part in value]
    return value
