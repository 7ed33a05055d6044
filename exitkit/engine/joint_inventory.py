"""Draw up the joint inventory of a bundle: what was declared beside what was observed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exitkit.assess.joint_inventory import DECLARED, Line, joint_inventory
from exitkit.report.joint_inventory import MinutesInputs, html, markdown
from exitkit.store.files import write_atomically
from exitkit.store.reader import Bundle

Declarations = tuple[tuple[str, str, str, int], ...]
"""Party, day, file and number of rows of every declaration."""


def lines_of(bundle: Bundle) -> tuple[list[Line], Declarations]:
    """Return the lines, and who declared what."""
    fields, declarations = _declared(bundle)
    return joint_inventory(bundle.records("assets"), fields), declarations


def declared_lines(bundle: Bundle) -> tuple[list[Line], Declarations] | None:
    """Return the lines as `lines_of` does; None where nobody declared anything."""
    fields, declarations = _declared(bundle)
    return (joint_inventory(bundle.records("assets"), fields), declarations) if fields else None


def _declared(bundle: Bundle) -> tuple[dict[str, Mapping[str, str]], Declarations]:
    fields: dict[str, Mapping[str, str]] = {}
    declarations: dict[tuple[str, str, str], int] = {}
    for row in bundle.records("assets"):
        if row["provider"]["name"] != DECLARED:
            continue
        config: Mapping[str, Any] = bundle.native(row) or {}
        fields[str(row["@id"])] = config.get("fields", {})
        said = config.get("declared", {})
        key = str(said.get("party", "?")), str(said.get("date", "?")), str(said.get("file", "?"))
        declarations[key] = declarations.get(key, 0) + 1
    return fields, tuple((*key, count) for key, count in sorted(declarations.items()))


def write_minutes(
    bundle: Bundle,
    contract: Mapping[str, Any],
    folder: Path,
    language: str,
    today: dt.date,
) -> tuple[Path, Path]:
    """Write the minutes as Markdown and as HTML; return where they are."""
    lines, declarations = lines_of(bundle)
    inputs = MinutesInputs(
        today=today,
        bundle=bundle.id,
        series=str(bundle.descriptor["series"]),
        sequence=int(bundle.descriptor["sequence"]),
        observed_until=str(bundle.descriptor["observationWindow"]["endAt"]),
        contract=_text(contract.get("title")) or _text(contract.get("id")),
        customer=_name(contract.get("customer")),
        provider=_name(contract.get("provider")),
        declarations=declarations,
        lines=tuple(lines),
    )
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"joint-inventory-{bundle.path.resolve().name}-{language}"
    paths = stem.with_suffix(".md"), stem.with_suffix(".html")
    write_atomically(paths[0], markdown(inputs, language))
    write_atomically(paths[1], html(inputs, language))
    return paths


def _name(party: object) -> str:
    return _text(party.get("name")) if isinstance(party, Mapping) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) and value != "unknown" else ""
