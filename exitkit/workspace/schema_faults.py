"""Say in one line what a schema holds against a file, and what to write instead."""

from __future__ import annotations

import datetime as dt
import difflib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from exitkit.store.canonical import storable
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor
from exitkit.workspace.yaml_lines import Document, Where

SECRET_NAMES = ("password", "secret", "token", "dsn", "credential")
"""A value under such a name is never echoed, not even a wrong one."""
LONGEST_LOOKED_AT = 4096


@cache
def schema_named(name: str) -> Mapping[str, Any]:
    """Return one of the JSON Schemas that ship with exitkit."""
    text = files("exitkit.schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def check_against(name: str, document: Document, known_elsewhere: Collection[Where] = ()) -> None:
    """Raise the first mistake of `document` against the schema `name`, in file order.

    At a place `known_elsewhere` the value is right although no schema of ours lists it.
    What looks like a day where the schema wants text (an id, a title) becomes that text.
    """
    schema = schema_named(name)
    errors = (
        error
        for error in _validator(name).iter_errors(_for_schema(document.value))
        if tuple(error.instance_path) not in known_elsewhere
    )
    faults = sorted(
        (document.line_of(where), where, message)
        for where, message in (_explain(error, schema) for error in errors)
    )
    if faults:
        _, where, message = faults[0]
        more = len(faults) - 1
        rest = f" (and {more} more mistake{'s' if more > 1 else ''})" if more else ""
        raise document.fault(where, message + rest)
    _let_text_be_text(document.value, schema, schema)


def suggest(word: str, known: Sequence[str]) -> str:
    """Return the next move for a word that is not one of `known`."""
    if not known:
        return "there is none yet; add it first"
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"use one of {', '.join(known)}"


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(dict(schema_named(name)))


def _for_schema(value: Any) -> Any:
    """Dates as text, fractions as numbers: what a JSON Schema can judge."""
    if isinstance(value, Mapping):
        return {key: _for_schema(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_for_schema(item) for item in value]
    return float(value) if isinstance(value, Decimal) else storable(value)


def _let_text_be_text(value: Any, part: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for place, member in list(members):
        if isinstance(value, dict):
            below = part.get("properties", {}).get(place, part.get("additionalProperties"))
        else:
            below = part.get("items")
        here = _resolved(below, schema)
        if isinstance(member, dict | list):
            _let_text_be_text(member, here, schema)
        elif isinstance(member, dt.date) and "string" in here.get("type", ()) and not _is_day(here):
            value[place] = member.isoformat()


def _resolved(part: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while isinstance(part, Mapping) and "$ref" in part:
        part = _walk(schema, part["$ref"].removeprefix("#/").split("/"))
    return part if isinstance(part, Mapping) else {}


def _is_day(part: Mapping[str, Any]) -> bool:
    return str(part.get("pattern", "")).startswith(("^[0-9]{4}-", "^([0-9]{4}-"))


def _explain(error: Any, schema: Mapping[str, Any]) -> tuple[tuple[Any, ...], str]:
    where: Where = tuple(error.instance_path)
    keyword, value = error.kind.name, error.kind.value
    around = _walk(schema, error.schema_path[:-1])
    shown = _shown(where, error.instance)
    if keyword == "additionalProperties":
        name = value[0]
        known = sorted(around.get("properties", {}))
        return (*where, name), f"no such member here; {suggest(name, known)}"
    if keyword == "required":
        hint = around.get("properties", {}).get(value, {}).get("description", "")
        return where, f'"{value}" is missing; add it{f": {hint}" if hint else ""}'
    if keyword == "anyOf" and all("required" in branch for branch in around["anyOf"]):
        either = [name for branch in around["anyOf"] for name in branch["required"]]
        return where, f"{' and '.join(either)} are both missing; add one of them"
    if keyword == "enum":
        options = [o if isinstance(o, str) else _spelled(o) for o in value]
        return where, f"{shown} is not one of {', '.join(options)}; {_near(error.instance, value)}"
    if keyword == "const":
        return where, f"{shown} is not {_spelled(value)}; write {_spelled(value)}"
    if keyword == "type":
        only_unknown = around.get("pattern") == "^unknown$"
        names = {**_TYPE_NAMES, "string": "`unknown`"} if only_unknown else _TYPE_NAMES
        kinds = sorted((names[kind] for kind in value), key=lambda name: name.startswith("`"))
        return where, f"{shown} is not {' or '.join(kinds)}{_hint(around)}"
    if keyword == "pattern":
        return where, f"{shown} is not written as expected{_hint(around)}"
    if keyword in _BOUNDS:
        return where, f"{shown} is {_BOUNDS[keyword]} {value}{_hint(around)}"
    return where, f"{error.message}{_hint(around)}"


_TYPE_NAMES = {
    "array": "a list",
    "object": "a mapping",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_BOUNDS = {
    "minimum": "less than",
    "maximum": "more than",
    "minItems": "a list shorter than",
    "minLength": "text shorter than",
    "maxLength": "text longer than",
    "minProperties": "a mapping with fewer members than",
}


def _walk(schema: Mapping[str, Any], path: Sequence[str | int]) -> Mapping[str, Any]:
    """Return the part of `schema` that holds the keyword that failed."""
    here: Any = schema
    for part in path:
        here = here[part]
    return here if isinstance(here, Mapping) else {}


def _hint(around: Mapping[str, Any]) -> str:
    description = str(around.get("description", "")).rstrip(".")
    return f"; expected: {description[0].lower()}{description[1:]}" if description else ""


def _near(value: Any, options: Sequence[Any]) -> str:
    known = [option for option in options if isinstance(option, str)]
    near = difflib.get_close_matches(str(value), known, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else "write one of them"


def _shown(where: Where, value: Any) -> str:
    if any(word in str(where[-1:]).lower() for word in SECRET_NAMES):
        return "the value"
    # Before it is shortened: half a credential looks like none.
    text = Redactor(CREDENTIAL_PATTERNS, os.urandom(32)).apply(_spelled(value)[:LONGEST_LOOKED_AT])
    return text if len(text) <= 60 else f"{text[:57]}..."


def _spelled(value: Any) -> str:
    if isinstance(value, list | Mapping):
        return "a list" if isinstance(value, list) else "a mapping"
    return json.dumps(value, ensure_ascii=False)
