"""Load what we know of AWS: which call lists each type, what names its items, what to leave out."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

from exitkit.knowledge.aws_operations import load_discovery
from exitkit.knowledge.aws_witnesses import witness_operations
from exitkit.knowledge.own_yaml import read_own_yaml

FOLDER = files("exitkit.knowledge") / "aws"
ACCOUNT = "$account"
"""Stands for the account's own id, as an argument or as the path of a part of an id."""
REGION = "$region"
"""Stands for the region that answered, as the path of a part of an id."""
DEPTHS = {
    "list": frozenset({"identity"}),
    "standard": frozenset({"identity", "resource"}),
    "full": frozenset({"identity", "resource", "heavy"}),
}
"""Which detail calls each value of `depth:` makes, by their cost."""
STANDARD = "standard"
NAME = "@name"
"""Stands for the name at the end of an ARN that is answered alone, as the path of an id part."""
NO_ARN = "-"
"""Stands for the ARN of what has none: a policy is not the thing it is about."""
STALE = ("bind", "parent", "detail", "unlisted", "where", "within")
"""Members of a generated row that say nothing about another operation."""
SHARED = (
    "service", "id", "name", "tags", "volatile", "arn", "arn_template", "confidence", "worldwide",
)  # fmt: skip
"""Members that the calls in `also` have in common with the first one, unless they say otherwise."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A further call for each item of a type, whose answer joins the item's configuration.

    `keys` maps an input to the path of its value in the item (empty: found by name); `into` is
    the member that takes the answer (empty: its members are merged); `absent` are the error codes
    that only mean "it has none". `cost` is `identity` where the answer tells whose the item is or
    where it lies, `resource` for one call an item, `heavy` for what few need or many pages hold.
    """

    operation: str
    keys: Mapping[str, str]
    bind: Mapping[str, Any] = field(default_factory=dict)
    take: str = ""
    into: str = ""
    absent: frozenset[str] = frozenset()
    cost: str = "resource"

    def is_made_at(self, depth: str) -> bool:
        """Tell whether a depth goes as far as this call."""
        return self.cost in DEPTHS[depth]

    @property
    def depth(self) -> str:
        """The first depth that makes this call."""
        return next(name for name in DEPTHS if self.is_made_at(name))


@dataclass(frozen=True, slots=True)
class ListedType:
    """One native type and the list call that finds its items.

    `ids` are the parts of the native id as (part, path in the item); an empty path means the part
    comes from the parent. `parent` maps required inputs to the types whose items fill them.
    `keys` says where in the parent's item an input is found, if not by its name. `where` keeps only
    the items of this type that are the customer's own. `each` is the path, inside each of `items`,
    of the items meant; they take the members in `carry` over from the item around them, and where
    there is no `each`, from the parent's item. `document`
    is a member that holds JSON as a text, to be read before `each` looks into it. `also` are
    further calls that find items of the same type, with the same details where the operation is the
    same; `worldwide` items are listed by every region and
    belong to none; `home` is the one region, by partition, that answers for a call of a service
    that is not global; `needs` the IAM actions that a call wants beyond its own.
    """

    native_type: str
    service: str
    operation: str
    items: str
    ids: tuple[tuple[str, str], ...]
    bind: Mapping[str, Any] = field(default_factory=dict)
    parent: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    each: str = ""
    carry: Mapping[str, str] = field(default_factory=dict)
    document: str = ""
    details: tuple[Detail, ...] = ()
    arn: str = ""
    arn_template: str = ""
    tags: str = "Tags"
    name: str = ""
    region: str = ""
    worldwide: bool = False
    home: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    volatile: frozenset[str] = frozenset()
    confidence: str = "low"
    needs: tuple[str, ...] = ()
    also: tuple[ListedType, ...] = ()

    @property
    def operations(self) -> tuple[str, ...]:
        """Every operation this type needs, the listing one first."""
        return self.operations_at("full")

    def operations_at(self, depth: str) -> tuple[str, ...]:
        """Return the operations this type needs at a depth, the listing one first."""
        made = (detail.operation for detail in self.details if detail.is_made_at(depth))
        return (self.operation, *made)


@dataclass(frozen=True, slots=True)
class Service:
    """How botocore and IAM call a service, and the one region that answers for all, if so."""

    name: str
    endpoint: str
    permission_prefix: str
    home: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything known of AWS, generated and corrected by hand.

    `unlisted` gives for each type without a list call of its own the reason why;
    `data_operations` are those that extractors need for what was found, `version_actions` what
    those need beside for earlier versions of objects.
    """

    types: Mapping[str, ListedType]
    services: Mapping[str, Service]
    unlisted: Mapping[str, str]
    permissions: Mapping[str, str]
    extra_operations: tuple[str, ...]
    data_operations: tuple[str, ...]
    version_actions: tuple[str, ...]
    organization_operations: tuple[str, ...]
    not_in_use: frozenset[str]

    def permission(self, service: str, operation: str) -> str:
        """Return the IAM action that allows an operation."""
        default = f"{self.services[service].permission_prefix}:{operation}"
        whole_service = self.permissions.get(f"{service}:*", default)
        return self.permissions.get(f"{service}:{operation}", whole_service)

    def rows(self) -> Iterator[ListedType]:
        """Yield every way to list every type."""
        for row in self.types.values():
            yield row
            yield from row.also

    def read_set(self) -> Iterator[tuple[str, str]]:
        """Yield each (service, operation) that exitkit may ever send while taking stock."""
        pairs = {(row.service, op) for row in self.rows() for op in row.operations}
        more = (
            *self.extra_operations, *self.data_operations, *self.organization_operations,
            *witness_operations(), *(one.called for one in load_discovery()),
        )  # fmt: skip
        pairs |= {(name, op) for name, _, op in (entry.partition(":") for entry in more)}
        yield from sorted(pairs)


@lru_cache(maxsize=1)
def load_catalog() -> Catalog:
    """Return the generated catalog with the hand-written overrides laid over it."""
    generated = json.loads(gzip.decompress((FOLDER / "catalog.json.gz").read_bytes()))
    calls = read_own_yaml((FOLDER / "calls.yaml").read_text(encoding="utf-8"))
    homes = json.loads(gzip.decompress((FOLDER / "regions.json.gz").read_bytes()))["homes"]
    rows = _laid_over(generated["types"], load_overrides())
    for name, detail in load_details().items():
        if "detail" not in rows[name]:
            rows[name] = {**rows[name], "details": [*rows[name].get("details", ()), detail]}
    volatile = frozenset(calls["volatile"])
    for row in rows.values():
        for call in (row, *row.get("also", ())):
            if home := homes.get(f"{row.get('service')}:{call.get('op')}"):
                # Whatever the region, it is the same one that answers, and with all there is.
                call |= {"home": home, "worldwide": True}
    unlisted = {name: _why_unlisted(row) for name, row in rows.items() if _why_unlisted(row)}
    for name, row in rows.items():
        if any(_shares_arn(row, rows[p]) for p in _parents(row) if p in rows and p != name):
            # IAM knows no ARN of a child apart: what it allows there, it allows on the parent.
            del row["arn_template"]
    return Catalog(
        types={
            name: _listed_type(name, row, volatile)
            for name, row in sorted(rows.items())
            if name not in unlisted
        },
        services={
            name: Service(
                name, row["endpoint"], row["iam"], {**row.get("home", {}), **homes.get(name, {})}
            )
            for name, row in generated["services"].items()
        },
        unlisted=unlisted,
        permissions=calls["permissions"],
        extra_operations=tuple(calls["extra_operations"]),
        data_operations=tuple(calls["data_operations"]),
        version_actions=tuple(calls["version_actions"]),
        organization_operations=tuple(calls["organization_operations"]),
        not_in_use=frozenset(calls["not_in_use"]),
    )


def load_overrides() -> dict[str, dict[str, Any]]:
    """Return the corrections by hand: one file per service, so that a line has one place."""
    patches: dict[str, dict[str, Any]] = {}
    for file in sorted((FOLDER / "overrides").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yaml"):
            patches.update(read_own_yaml(file.read_text(encoding="utf-8")))
    return patches


def load_details() -> dict[str, dict[str, Any]]:
    """Return the detail calls of types whose list answer is thin."""
    text = (FOLDER / "details.yaml").read_text(encoding="utf-8")
    details: dict[str, dict[str, Any]] = read_own_yaml(text)
    return details


def _laid_over(
    generated: Mapping[str, Any], patches: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Patch rows member by member; null takes a member away, and a new `op` its old arguments."""
    rows = {name: dict(row) for name, row in generated.items()}
    for name, patch in patches.items():
        row = rows.setdefault(name, {})
        if "op" in patch:
            for stale in STALE:
                row.pop(stale, None)
        elif "items" in patch:
            row.pop("where", None)
        row.update(patch)
        rows[name] = {member: value for member, value in row.items() if value is not None}
    return rows


def _parents(row: Mapping[str, Any]) -> set[str]:
    return {parent for parent in row.get("parent", {}).values() if parent}


def _shares_arn(row: Mapping[str, Any], parent: Mapping[str, Any]) -> bool:
    return bool(row.get("arn_template")) and row["arn_template"] == parent.get("arn_template")


def _why_unlisted(row: Mapping[str, Any]) -> str:
    if "unlisted" in row:
        return str(row["unlisted"])
    if "within" in row:
        return f"shares its answer with {row['within']}, whose configuration holds it"
    if "op" not in row:
        return "the provider's API has no call that lists it"
    if not all(row.get("parent", {"": "-"}).values()):
        return f"{row['op']} needs an argument that no listed type supplies"
    return ""


def _listed_type(name: str, row: Mapping[str, Any], volatile: frozenset[str]) -> ListedType:
    shared = {member: row[member] for member in SHARED if member in row}
    details = row.get("details") or ([row["detail"]] if "detail" in row else [])
    same = {"details": details}
    return ListedType(
        native_type=name,
        service=row["service"],
        operation=row["op"],
        items=row["items"],
        ids=tuple((part, path or "") for part, path in row["id"].items()),
        bind=row.get("bind", {}),
        parent=row.get("parent", {}),
        keys=row.get("keys", {}),
        each=row.get("each", ""),
        carry=row.get("carry", {}),
        document=row.get("document", ""),
        details=tuple(_detail(detail) for detail in details),
        arn=row.get("arn", ""),
        arn_template=row.get("arn_template", ""),
        tags=row.get("tags", "Tags"),
        name=row.get("name", ""),
        region=row.get("region", ""),
        worldwide=row.get("worldwide", False),
        home=row.get("home", {}),
        where=row.get("where", ""),
        volatile=volatile | frozenset(row.get("volatile", ())),
        confidence=row.get("confidence", "low"),
        needs=tuple(row.get("needs", ())),
        also=tuple(
            _listed_type(
                name, {**shared, **(same if other["op"] == row["op"] else {}), **other}, volatile
            )
            for other in row.get("also", ())
        ),
    )


def _detail(row: Mapping[str, Any]) -> Detail:
    keys = row["keys"]
    return Detail(
        operation=row["op"],
        keys=dict.fromkeys(keys, "") if isinstance(keys, list) else keys,
        bind=row.get("bind", {}),
        take=row.get("take", ""),
        into=row.get("into", ""),
        absent=frozenset(row.get("absent", ())),
        cost=row.get("cost", "resource"),
    )
