"""Say for a machine, and for a person with `jq`, how to make a figure again from the bundle."""

from __future__ import annotations

import json
import shlex

from exitkit.report.figure import Figure
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
        return f"jq {shlex.quote(_get(origin.field))} data/exitkit.json"
    if origin.table not in COLUMNS:
        return ""
    steps = [f"select({_condition(*entry)})" for entry in origin.where]
    if origin.measure != "count":
        steps.append(_get(origin.field))
    if origin.measure == "length":
        steps.append("length")
    program = shlex.quote(" | ".join(steps) or ".")
    counted = " | wc -l" if origin.measure == "count" else ""
    return f"jq -c {program} data/records/{origin.table}.jsonl{counted}"


def _condition(path: str, accepted: tuple[str, ...]) -> str:
    """Return the condition; values compare as text, and what is absent is the empty text."""
    found = f'{_get(path)} // "" | tostring'
    if len(accepted) == 1:
        return f"({found}) == {json.dumps(accepted[0])}"
    return f"{found} | IN({', '.join(map(json.dumps, accepted))})"


def _get(path: str) -> str:
    parts = [int(part) if part.isdecimal() else part for part in path.split(".")]
    if all(isinstance(part, str) and part.isidentifier() for part in parts):
        return "." + path
    return f"getpath({json.dumps(parts)})"
