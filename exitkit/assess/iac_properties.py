"""Turn what AWS answered about an asset into the properties that define it, and name the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from exitkit.assess.iac_paths import at
from exitkit.assess.iac_resources import MASK, Left, Parameter, Resource, leaves, transformed
from exitkit.assess.iac_values import EMPTY, MISSING, Fitting, plain
from exitkit.knowledge.aws_iac import Mapped, Part, TypeSchema
from exitkit.model.asset import Asset

IMPORT, CREATE = "import", "create"
MOST_FAULTS = 40
_HIDDEN = "parameter"


@dataclass(slots=True)
class Defined:
    """What became of one asset: its resources, and what they do not carry."""

    asset: Asset
    urn: str
    resources: list[Resource] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    stand_in: tuple[str, str] | None = None
    """The id of the thing it comes with, and the attribute there that names it."""


def define(
    asset: Asset, schemas: Mapping[str, TypeSchema], mapped: Mapping[str, Mapped], purpose: str
) -> Defined:
    """Return the definitions of one asset for a template of a purpose, IMPORT or CREATE."""
    defined = Defined(asset, asset.ref.urn)
    schema = schemas.get(asset.ref.native_type)
    if schema is None:
        defined.left.append(Left("", "no-schema"))
        return defined
    rules = mapped.get(asset.ref.native_type, Mapped())
    document = {**asset.config, "_": _around(asset)}
    made = rules.stand_in
    if purpose == CREATE and made is not None and at(made.when, document):
        within = at(made.within, document) if made.within else None
        defined.stand_in = (str(within or ""), made.attribute)
        defined.left.append(Left("", "made-by-aws"))
        return defined
    own = _resource(defined, schema, rules, document, purpose)
    if own is None:
        return defined
    defined.resources.append(own)
    for part in rules.parts:
        if part.only not in ("", purpose) or part.native_type not in schemas:
            continue
        for item in at(part.each, document) or ():
            found = _part(own, part, schemas[part.native_type], item, document, defined.left)
            if found is not None:
                defined.resources.append(found)
    return defined


def _around(asset: Asset) -> dict[str, Any]:
    """What the paths of a mapping see of the asset itself, as `_`."""
    return {
        "id": asset.ref.native_id,
        "ids": asset.ref.native_id.split("|"),
        "arn": _arn(asset),
        "account": asset.ref.scope,
        "region": asset.ref.region,
        "name": asset.name,
        "tags": [{"Key": key, "Value": value} for key, value in asset.tags],
    }


def _arn(asset: Asset) -> str:
    return next((value for scheme, value in asset.identifiers if scheme == "arn"), "")


def _resource(
    defined: Defined, schema: TypeSchema, rules: Mapped, document: Mapping[str, Any], purpose: str
) -> Resource | None:
    asset, left = defined.asset, defined.left
    paths = {**rules.properties, **rules.deep, **(rules.create if purpose == CREATE else {})}
    identifiers = _identifiers(asset, schema)
    found = dict(_matched(schema, rules, paths, document, left))
    for name, value in {**_id_parts(asset, schema), **identifiers}.items():
        if name in schema.settable:
            found.setdefault(name, value)
    tags = _tags(asset, schema)
    if tags:
        found[schema.tags] = tags
    kept = _without_secrets(schema, found, left)
    asked = dict(_asked(rules, kept, document, purpose))
    kept.update(asked)
    left += [Left(name, "supply") for name in asked]
    properties = _checked(schema, kept, left)
    if properties is None:
        return None
    left += _absent(schema, properties, rules, paths)
    return Resource(
        defined.urn, defined.urn, schema.native_type, asset.ref.native_id,
        asset.name or asset.ref.native_id, properties, identifiers,
        _attributes(asset, schema, rules, document, identifiers),
    )  # fmt: skip


def _matched(
    schema: TypeSchema,
    rules: Mapped,
    paths: Mapping[str, str],
    document: Mapping[str, Any],
    left: list[Left],
) -> Iterator[tuple[str, Any]]:
    """Yield each property that has a value, by its path or by its name."""
    fitting = Fitting(schema.schema, schema.read_only)
    members = {plain(name): name for name in document if name != "_"}
    unused = set(members.values())
    noun = plain(schema.native_type.rpartition("::")[2])
    for name in schema.settable:
        if name == schema.tags:
            continue
        member = _member(name, noun, members)
        if name in paths:
            value = at(paths[name], document)
            unused -= {used for used in unused if used in re.split(r"\W+", paths[name])}
        elif member is None:
            continue
        else:
            value = document[member]
        unused.discard(member or "")
        if value in EMPTY:
            continue
        fitted = fitting.fit(schema.schema["properties"][name], value, name)
        if fitted is MISSING:
            left.append(Left(name, "invalid", "the answer has another form"))
        elif fitted not in EMPTY:
            yield name, fitted
    known = {plain(name.split("/")[0]) for name in schema.read_only}
    known |= {plain(name) for name in schema.identifier}
    for member in sorted(unused - rules.ignored):
        value = document[member]
        if value not in EMPTY and value != _id(document) and "tag" not in member.lower():
            reason = "read-only" if plain(member) in known else "no-property"
            left.append(Left(member, reason))
    left += [Left(path, "no-property") for path in dict.fromkeys(fitting.extra)]


def _id(document: Mapping[str, Any]) -> Any:
    return document["_"]["id"]


def _member(name: str, noun: str, members: Mapping[str, str]) -> str | None:
    """Find the member of a property: by its name, else with the type's noun in front of it."""
    low = plain(name)
    if low in members:
        return members[low]
    return members.get(noun + low) or members.get(low.removeprefix(noun) if noun else low)


def _id_parts(asset: Asset, schema: TypeSchema) -> dict[str, str]:
    """Return the parts of an id of several: what is a part of another names it there."""
    values = asset.ref.native_id.split("|")
    if len(schema.parts) < 2 or len(values) != len(schema.parts):
        return {}
    return {name: value for name, value in zip(schema.parts, values, strict=True) if value}


def _identifiers(asset: Asset, schema: TypeSchema) -> dict[str, str]:
    """Return what the resource is imported by; empty where a part of it is not known."""
    if len(schema.identifier) == 1:
        return {schema.identifier[0]: asset.ref.native_id}
    # The order of the parts is the catalog's, which need not be that of the schema.
    values = asset.ref.native_id.split("|")
    known = {plain(name): value for name, value in zip(schema.parts, values, strict=False) if value}
    found = {name: known.get(plain(name), "") for name in schema.identifier}
    return found if all(found.values()) else {}


def _tags(asset: Asset, schema: TypeSchema) -> Any:
    """Return the customer's own tags in the form the type wants."""
    own = [(key, value) for key, value in asset.tags if not key.startswith("aws:")]
    node = schema.schema.get("properties", {}).get(schema.tags)
    if not own or not isinstance(node, Mapping):
        return None
    for form in ([{"Key": key, "Value": value} for key, value in own], dict(own)):
        fitted = Fitting(schema.schema).fit(node, form, schema.tags)
        if fitted is not MISSING and fitted not in EMPTY:
            return fitted
    return None


def _without_secrets(
    schema: TypeSchema, found: Mapping[str, Any], left: list[Left]
) -> dict[str, Any]:
    """Leave out what is masked; what must be given becomes a question to the reader."""
    kept = {}
    for name, value in found.items():
        if not any(isinstance(leaf, str) and MASK in leaf for leaf in leaves(value)):
            kept[name] = value
            continue
        left.append(Left(name, "secret"))
        if name in schema.required and isinstance(value, str):
            kept[name] = Parameter(name, f"{name}, which is a secret", secret=True)
    return kept


def _checked(
    schema: TypeSchema,
    found: dict[str, Any],
    left: list[Left],
) -> dict[str, Any] | None:
    """Return the properties without what the schema refuses; None where it refuses the whole."""
    for _ in range(MOST_FAULTS):
        shown = {name: transformed(value, _shown) for name, value in found.items()}
        faults = [
            (path, message)
            for path, message in schema.faults(shown)
            if not _is_parameter(found, path)
        ]
        if not faults:
            return found
        path, message = faults[0]
        if not path:
            missing = [name for name in schema.required if name not in found]
            reason = "required" if missing or "is a required" in message else "invalid"
            left.append(Left("", reason, ", ".join(missing) or message))
            return None
        left.append(Left("/".join(map(str, path)), "invalid", message))
        _drop(found, path)
    left.append(Left("", "invalid", "too many values do not fit"))
    return None


def _asked(
    rules: Mapped, found: Mapping[str, Any], document: Mapping[str, Any], purpose: str
) -> Iterator[tuple[str, Any]]:
    """Yield the properties that only the reader can supply, with the parameters that ask."""
    for name, questions in rules.ask.items():
        for question in questions:
            fits = question.get("only", purpose) == purpose
            if name not in found and fits and at(question.get("when", "`true`"), document):
                yield name, _parameters(question["value"])
                break


def _parameters(value: Any) -> Any:
    if isinstance(value, Mapping) and "parameter" not in value:
        return {name: _parameters(part) for name, part in value.items()}
    if isinstance(value, Mapping):
        return Parameter(value["parameter"], value["description"], secret=bool(value.get("secret")))
    return value


def _shown(leaf: Any) -> Any:
    return _HIDDEN if isinstance(leaf, Parameter) else leaf


def _is_parameter(found: Any, path: Iterable[Any]) -> bool:
    for step in path:
        if isinstance(found, Parameter):
            return True
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(found, Parameter)


def _drop(found: dict[str, Any], path: tuple[Any, ...]) -> None:
    """Take away the item of a list, or the whole property, that holds the fault."""
    name = path[0]
    value = found[name]
    if len(path) > 1 and isinstance(path[1], int) and isinstance(value, list) and len(value) > 1:
        found[name] = [part for number, part in enumerate(value) if number != path[1]]
    else:
        del found[name]


def _absent(
    schema: TypeSchema, properties: Mapping[str, Any], rules: Mapped, paths: Mapping[str, str]
) -> Iterator[Left]:
    """Yield the properties that may well be set and that nobody could have told us."""
    for name in schema.settable:
        if name in properties or (name in paths and name not in rules.deep):
            continue
        if name in schema.write_only:
            yield Left(name, "write-only")
        elif name in rules.deep or (name not in schema.answered and name not in rules.ask):
            yield Left(name, "not-asked")


def _attributes(
    asset: Asset,
    schema: TypeSchema,
    rules: Mapped,
    document: Mapping[str, Any],
    identifiers: Mapping[str, str],
) -> dict[str, str]:
    """Return what others may refer to: Ref, the ARN and what else AWS sets and answers with."""
    found: dict[str, str] = {}
    noun = schema.native_type.rpartition("::")[2]
    arn = _arn(asset)
    members = {plain(name): value for name, value in document.items() if name != "_"}
    for name in sorted(schema.read_only):
        if "/" in name:
            continue
        value = at(rules.attributes[name], document) if name in rules.attributes else None
        value = value or (arn if name in ("Arn", f"{noun}Arn") else members.get(plain(name)))
        value = value or identifiers.get(name)
        if isinstance(value, str) and value:
            found[name] = value
    if len(identifiers) == 1:
        found[""] = next(iter(identifiers.values()))
    return found


def _part(
    whole: Resource,
    part: Part,
    schema: TypeSchema,
    item: Any,
    document: Mapping[str, Any],
    left: list[Left],
) -> Resource | None:
    """Return the resource of one item inside an answer."""
    inner = {**(item if isinstance(item, Mapping) else {"item": item}), "_": document["_"]}
    inner["__"] = {name: value for name, value in document.items() if name != "_"}
    own: list[Left] = []
    fitting = Fitting(schema.schema, schema.read_only)
    members = {plain(name): name for name in inner}
    found = {}
    for name in schema.settable:
        value = (
            at(part.properties[name], inner)
            if name in part.properties
            else inner.get(members.get(plain(name), ""))
        )
        if value not in EMPTY:
            fitted = fitting.fit(schema.schema["properties"][name], value, name)
            if fitted is not MISSING and fitted not in EMPTY:
                found[name] = fitted
    properties = _checked(schema, _without_secrets(schema, found, own), own)
    noun = schema.native_type.rpartition("::")[2]
    left += [Left(f"{noun}/{one.property}", one.reason, one.detail) for one in own]
    if properties is None:
        return None
    identifiers = {name: str(at(path, inner) or "") for name, path in part.identifiers.items()}
    complete = identifiers.keys() == set(schema.identifier) and all(identifiers.values())
    key = str(at(part.key, inner) or "") if part.key else ""
    return Resource(
        f"{whole.key} {noun} {key}".rstrip(), whole.asset, schema.native_type,
        "|".join(identifiers.values()) if complete else "",
        f"{whole.name} {key}".rstrip(), properties, identifiers if complete else {},
    )  # fmt: skip
