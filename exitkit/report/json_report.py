"""Write the report as canonical JSON, for programs that want what the page says."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from exitkit.report.parts import View
from exitkit.store.canonical import canonical_bytes

FORMAT = "json"
SUFFIX = ".json"
SCHEMA = "exitkit/report/1"


def render(view: View) -> bytes:
    """Return the view as one canonical line: same view, same bytes."""
    return canonical_bytes({"schema": SCHEMA, **plain(view)}) + b"\n"


def plain(value: Any) -> Any:
    """Turn a part of the view into JSON: camelCase members, what does not apply left out."""
    if is_dataclass(value):
        members = {_camel(f.name): plain(getattr(value, f.name)) for f in fields(value)}
        return {name: member for name, member in members.items() if member is not None}
    if isinstance(value, tuple):
        return [plain(member) for member in value]
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
