"""Load what infrastructure-as-code tools accept for each AWS type, and where answers differ."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.own_yaml import read_own_yaml

FOLDER = files("exitkit.knowledge") / "aws" / "iac"
_KEY = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}"
_SHORT = "([0-9a-fA-F]{8}|[0-9a-fA-F]{17})"
FORMATS = {
    "AWS::EC2::SecurityGroup.Id": rf"sg-{_SHORT}",
    "AWS::EC2::Subnet.Id": rf"subnet-{_SHORT}",
    "AWS::EC2::VPC.Id": rf"vpc-{_SHORT}",
    "AWS::IAM::Role.Arn": r"arn:aws[a-zA-Z-]*:iam::\d{12}:role/.+",
    "AWS::KMS::Alias.AliasName": "alias/[a-zA-Z0-9:/_-]+",
    "AWS::KMS::Key.Arn": r"arn:aws[a-zA-Z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)/.+",
    "AWS::KMS::Key.Id": rf"{_KEY}|alias/[a-zA-Z0-9:/_-]+",
}
"""What the linter's names of forms mean, of those that emulators and old answers break."""


def _check(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


_FORMAT_CHECKS = {name: _check(pattern) for name, pattern in FORMATS.items()}


@dataclass(frozen=True)
class TypeSchema:
    """What CloudFormation accepts for a type.

    `identifier` are the properties that name a resource to import; `read_only` and `write_only`
    paths of properties AWS alone sets or never returns; `tags` the property that takes tags;
    `answered` the properties that the calls of the catalog can answer with; `parts` the names of
    the parts of an asset's native id.
    """

    native_type: str
    schema: Mapping[str, Any]
    identifier: tuple[str, ...]
    read_only: frozenset[str]
    write_only: frozenset[str]
    importable: bool
    tags: str
    answered: frozenset[str]
    parts: tuple[str, ...] = ()

    @property
    def settable(self) -> tuple[str, ...]:
        """The properties that a template may give, by name."""
        properties = self.schema.get("properties", {})
        return tuple(sorted(name for name in properties if name not in self.read_only))

    @property
    def required(self) -> tuple[str, ...]:
        """The properties that a template must give."""
        return tuple(self.schema.get("required", ()))

    @cached_property
    def _validator(self) -> Any:
        return jsonschema_rs.Draft202012Validator(
            dict(self.schema), formats=_FORMAT_CHECKS, validate_formats=True
        )

    def faults(self, properties: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
        """Yield (path, message) of everything the schema holds against the properties."""
        for error in self._validator.iter_errors(dict(properties)):
            yield tuple(error.instance_path), str(error.message).splitlines()[0][:160]


@dataclass(frozen=True, slots=True)
class Part:
    """A resource of its own in a template that AWS answers as a part of another.

    `each` is the path of its items in the configuration around; what it maps sees the item and,
    as `_`, the asset around it. `only` is `create` or `import` where it belongs to one template.
    """

    native_type: str
    each: str
    properties: Mapping[str, str] = field(default_factory=dict)
    identifiers: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    only: str = ""


@dataclass(frozen=True, slots=True)
class StandIn:
    """How a template names what AWS makes together with another thing.

    `when` says which items are such; `within` is the path of the id of the thing they come with,
    `attribute` its attribute that names them, if it has one.
    """

    when: str
    within: str = ""
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where the answers of a type differ from its CloudFormation properties.

    `properties` are paths by property, `create` those that hold instead where a resource is made
    anew, `deep` those whose calls are not always made; `ask` what nobody but the reader can
    supply; `refers` the type that a bare name in a property is of; `attributes` paths of what
    GetAtt returns; `ignored` members of the answers that say nothing of their own; `waits_for`
    types that have to be there first where both refer to the same thing.
    """

    properties: Mapping[str, str] = field(default_factory=dict)
    create: Mapping[str, str] = field(default_factory=dict)
    deep: Mapping[str, str] = field(default_factory=dict)
    ask: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    refers: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    waits_for: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    stand_in: StandIn | None = None


@dataclass(frozen=True, slots=True)
class Terraform:
    """One resource of the classic provider that a CloudFormation type is spelled as.

    `schema` is what the provider takes, by argument; the other members are those of
    terraform.yaml.
    """

    type: str
    when: str = ""
    each: str = ""
    key: str = ""
    id: str = ""
    reference: str = "id"
    exact: bool = False
    arguments: Mapping[str, str | None] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Departures:
    """Where the Cloud Control provider is not what CloudFormation's schemas say.

    `absent` are types that it has no resource for; `departs` what it takes for a property in place
    of what follows by rule, by type and path.
    """

    absent: frozenset[str] = frozenset()
    departs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, native_type: str) -> Mapping[str, str]:
        """Return those of a type."""
        return self.departs.get(native_type, {})


def load_schemas(wanted: Collection[str]) -> dict[str, TypeSchema]:
    """Return the schemas of the types in `wanted` that CloudFormation has."""
    found = {}
    listed = load_catalog().types
    with gzip.open(FOLDER.joinpath("schemas.jsonl.gz").open("rb"), "rt", encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            name, _, text = line.partition("\t")
            if name in wanted:
                parts = [part for part, _ in listed[name].ids] if name in listed else []
                found[name] = _type_schema(name, json.loads(text), parts)
    return found


def _type_schema(name: str, row: Mapping[str, Any], parts: list[str]) -> TypeSchema:
    return TypeSchema(
        name, row["schema"], tuple(row["identifier"]), frozenset(row["read_only"]),
        frozenset(row["write_only"]), row["importable"], row["tags"], frozenset(row["answered"]),
        tuple(parts),
    )  # fmt: skip


@lru_cache(maxsize=1)
def load_mapped() -> Mapping[str, Mapped]:
    """Return the corrections by hand, by type."""
    return {name: _mapped(row) for name, row in _read("cloudformation.yaml").items()}


@lru_cache(maxsize=1)
def load_terraform() -> Mapping[str, tuple[Terraform, ...]]:
    """Return how the classic provider spells each mapped type, the main resource first."""
    packed = FOLDER.joinpath("terraform_schemas.json.gz").read_bytes()
    schemas = json.loads(gzip.decompress(packed))["types"]
    return {
        name: tuple(Terraform(**row, schema=schemas[row["type"]]) for row in rows)
        for name, rows in _read("terraform.yaml").items()
    }


@lru_cache(maxsize=1)
def load_departures() -> Departures:
    """Return where the Cloud Control provider is not what the schemas say."""
    told = json.loads(gzip.decompress(FOLDER.joinpath("awscc.json.gz").read_bytes()))
    return Departures(frozenset(told["absent"]), told["departs"])


def terraform_types() -> frozenset[str]:
    """Return the names of the provider's types that a mapping names."""
    return frozenset(row["type"] for rows in _read("terraform.yaml").values() for row in rows)


def _mapped(row: Mapping[str, Any]) -> Mapped:
    stand_in = row.get("stand_in")
    return Mapped(
        properties=row.get("properties", {}),
        create=row.get("create", {}),
        deep=row.get("deep", {}),
        ask={name: tuple(questions) for name, questions in row.get("ask", {}).items()},
        refers=row.get("refers", {}),
        attributes=row.get("attributes", {}),
        ignored=frozenset(row.get("ignored", ())),
        waits_for=tuple(row.get("waits_for", ())),
        parts=tuple(Part(native_type=part["type"], **_less(part)) for part in row.get("parts", ())),
        stand_in=StandIn(**stand_in) if stand_in else None,
    )


def _less(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "type"}


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = read_own_yaml(FOLDER.joinpath(name).read_text(encoding="utf-8"))
    return document
