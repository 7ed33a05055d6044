"""Draw up the joint inventory of a bundle: what was declared beside what was observed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
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
    declared = _declared(bundle)
    return _lines(bundle, declared), declared.by_file


def declared_lines(bundle: Bundle) -> tuple[list[Line], Declarations] | None:
    """Return the lines as `lines_of` does; None where nobody declared anything."""
    declared = _declared(bundle)
    return (_lines(bundle, declared), declared.by_file) if declared.fields else None


@dataclass(frozen=True, slots=True)
class _Declared:
    """What was declared: fields by asset id, rows that share an id, and who declared how much."""

    fields: Mapping[str, Mapping[str, str]]
    twice: Mapping[str, tuple[str, ...]]
    by_file: Declarations


def _lines(bundle: Bundle, declared: _Declared) -> list[Line]:
    return joint_inventory(bundle.records("assets"), declared.fields, declared.twice)


def _declared(bundle: Bundle) -> _Declared:
    fields: dict[str, Mapping[str, str]] = {}
    twice: dict[str, tuple[str, ...]] = {}
    counted: dict[tuple[str, str, str], int] = {}
    for row in bundle.records("assets"):
        if row["provider"]["name"] != DECLARED:
            continue
        config: Mapping[str, Any] = bundle.native(row) or {}
        rows = [config, *config.get("further", ())]
        fields[str(row["@id"])] = config.get("fields", {})
        places = []
        for one in rows:
            said = one.get("declared", {})
            party, date, file = (str(said.get(name, "?")) for name in ("party", "date", "file"))
            counted[party, date, file] = counted.get((party, date, file), 0) + 1
            places.append(f"{file}:{said.get('row', '?')}")
        if len(rows) > 1:
            twice[str(row["@id"])] = tuple(places)
    by_file = tuple((*key, count) for key, count in sorted(counted.items()))
    return _Declared(fields, twice, by_file)


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
