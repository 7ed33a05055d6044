"""Distill Azure's type descriptions: how a type is spelt, its newest version, what in it is secret.

Made of a checkout of https://github.com/Azure/bicep-types-az (MIT), which no package index carries.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

DESTINATION = Path(__file__).parents[1] / "exitkit/knowledge/azure/types.json.gz"
REPOSITORY = "https://github.com/Azure/bicep-types-az"
DEEPEST = 14
"""Levels of members; beyond are conditions and expressions that hold each other."""

Type = Mapping[str, Any]


def main() -> None:
    """Write the table of a checkout and say what came out."""
    checkout = Path(sys.argv[1])
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    types = types_of(checkout / "generated")
    document = {"source": {"repository": REPOSITORY, "commit": commit}, "types": types}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    DESTINATION.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    secrets = sum(len(row["secure"]) for row in types.values())
    print(f"{len(types)} types, {secrets} secret members, wrote {DESTINATION}")


def types_of(generated: Path) -> dict[str, dict[str, Any]]:
    """Return each type as the newest version that is no preview describes it, else the newest."""
    found: dict[str, dict[str, Any]] = {}
    seen = set()
    for file in _newest_first(generated):
        table = json.loads(file.read_text(encoding="utf-8"))
        for row in table:
            name, _, version = str(row.get("name", "")).rpartition("@")
            if row["$type"] == "ResourceType" and name.lower() not in seen:
                seen.add(name.lower())
                secure = sorted(set(secret_members(table, row["body"])))
                found[name] = {"api": version, "secure": secure}
    return found


def secret_members(
    table: Sequence[Type], reference: Type, path: str = "", above: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield the paths of what a type marks as sensitive, on every way that leads to it.

    `[]` stands for each item of a list, `*` for each member of a map.
    """
    place = reference["$ref"]
    if place in above or len(above) > DEEPEST:
        return
    one, inside = table[int(place.rpartition("/")[2])], above | {place}
    if one.get("sensitive"):
        yield path
    for name, inner in _inner(one):
        below = f"{path}.{name}" if path and name else path or name
        yield from secret_members(table, inner, below, inside)


def _inner(one: Type) -> Iterator[tuple[str, Type]]:
    """Yield what a type consists of by the name of the member; without one, what it can be."""
    for part in ("properties", "baseProperties"):
        for name, member in one.get(part, {}).items():
            yield name, member["type"]
    if "additionalProperties" in one:
        yield "*", one["additionalProperties"]
    if "itemType" in one:
        yield "[]", one["itemType"]
    choices = one.get("elements", ())
    for choice in choices.values() if isinstance(choices, dict) else choices:
        yield "", choice


def _newest_first(generated: Path) -> Iterator[Path]:
    providers = defaultdict(list)
    for file in generated.rglob("types.json"):
        version = file.parent.name
        providers[file.parent.parent.name.lower()].append(("preview" not in version, version, file))
    for _, versions in sorted(providers.items()):
        yield from (file for _, _, file in sorted(versions, reverse=True))


if __name__ == "__main__":
    main()
