"""Say for a machine, and for a person with `jq`, how to make a figure again from the bundle."""

from __future__ import annotations

import json
import shlex

from exitkit.report.figure import Figure, Origin
from exitkit.report.printed import COLUMNS


def source_json(figure: Figure) -> str:
    """Return a figure's origin as ASCII JSON, for the attribute `data-source`."""
    origin = figure.origin
    parts = {"table": origin.table, "where": origin.where, "measure": origin.measure}
    return json.dumps(parts | {"field": origin.field})


def command(figure: Figure) -> str:
    """Return a shell command that makes the figure again inside the bundle, or the empty text.

    Names in it come from the estate: they enter as ASCII JSON in one quoted argument.
    """
    origin = figure.origin
    if origin.table == "descriptor":
        return _jq("", _get(origin.field), "data/exitkit.json")
    if origin.table not in COLUMNS:
        return ""
    flag = "" if origin.measure in ("value", "length") else "-n "
    return _jq(flag, _program(origin), f"data/records/{origin.table}.jsonl")


def _jq(flag: str, program: str, path: str) -> str:
    return f"jq {flag}{shlex.quote(program)} {path}"


def _program(origin: Origin) -> str:
    chosen = "".join(f" | select({_condition(*entry)})" for entry in origin.where)
    match origin.measure:
        case "count":
            return f"reduce (inputs{chosen}) as $r (0; . + 1)"
        case "sum":
            return f"reduce (inputs{chosen}) as $r (0; . + ($r | {_get(origin.field)}))"
        case "distinct":
            return f"[inputs{chosen} | {_text(origin.field)}] | unique | length"
        case "length":
            return f".{chosen} | {_get(origin.field)} | length"
        case _:
            return f".{chosen} | {_get(origin.field)}"


def _condition(path: str, accepted: tuple[str, ...]) -> str:
    if len(accepted) == 1:
        return f"({_text(path)}) == {json.dumps(accepted[0])}"
    return f"({_text(path)}) as $v | {json.dumps(accepted)} | index([$v]) != null"


def _text(path: str) -> str:
    return f'{_get(path)} | if . == null then "" else tostring end'


def _get(path: str) -> str:
    parts = [int(part) if part.isdecimal() else part for part in path.split(".")]
    if all(isinstance(part, str) and part.isidentifier() for part in parts):
        return "." + path
    return f"getpath({json.dumps(parts)})"
