"""Hold what a party declares against what was observed: the joint inventory, line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from exitkit.assess.resource_names import names_of

Record = Mapping[str, Any]

DECLARED = "declared"
BESIDE = frozenset(
    {"software.package", "software.license", "host.user", "host.endpoint", "host.job", "host.image",
     "network.user", "script", "script.repository", "document", "iam.policy"}
)  # fmt: skip
"""Kinds that no register of assets lists one by one: observed alone, they are no finding."""
CERTAIN = ("serial", "arn", "id", "address")
_COMPARED = {"name": "name", "scope": "scope", "region": "region", "status": "status"}


class Standing(StrEnum):
    """How a thing stands between the declaration and the observation."""

    BOTH = "both"
    DIFFERING = "differing"
    DECLARED_ONLY = "declared-only"
    OBSERVED_ONLY = "observed-only"
    AMBIGUOUS = "ambiguous"
    DECLARED_TWICE = "declared-twice"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that the two sides write differently."""

    field: str
    declared: str
    observed: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the joint inventory.

    `matched_by` is what the two have in common (`serial`, `arn`, `id`, `name` ...); `answers` who
    has to answer for the line: `provider`, `customer` or `both`, empty where nothing is open.
    `candidates` are the observed things of an ambiguous line, or the rows of what is declared
    twice.
    """

    standing: Standing
    declared: Record | None
    observed: Record | None
    matched_by: str = ""
    differences: tuple[Difference, ...] = ()
    candidates: tuple[str, ...] = ()
    answers: str = ""


def joint_inventory(
    assets: Iterable[Record],
    declared_fields: Mapping[str, Mapping[str, str]],
    twice: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Line]:
    """Return every line; `declared_fields` gives the declared fields by asset id.

    `twice` gives the rows of what is declared under one id more than once, by asset id.

    Two sides match by what is certain first (serial, ARN, id, address), then by name; where a mark
    fits several observed things, the line is ambiguous and nothing is guessed.
    """
    declared: list[Record] = []
    observed: dict[str, Record] = {}
    marks: dict[str, set[str]] = defaultdict(set)
    for row in assets:
        if row["provider"]["name"] == DECLARED:
            declared.append(row)
        else:
            observed[str(row["@id"])] = row
            for mark in _marks_of(row):
                marks[mark].add(str(row["@id"]))
    lines = [
        _declared_twice(row, twice[str(row["@id"])])
        if twice and str(row["@id"]) in twice
        else _matched(row, declared_fields.get(str(row["@id"]), {}), observed, marks)
        for row in declared
    ]
    claims = Counter(str(line.observed["@id"]) for line in lines if line.observed)
    taken = set(claims)
    lines = [_contested(line, claims) for line in lines]
    lines += [
        Line(Standing.OBSERVED_ONLY, None, row, answers="provider")
        for urn, row in observed.items()
        if urn not in taken and str(row["kind"]) not in BESIDE
    ]
    order = list(Standing)
    return sorted(lines, key=lambda line: (order.index(line.standing), _name(line)))


def _declared_twice(row: Record, places: tuple[str, ...]) -> Line:
    """Leave open what stands on several rows: the declaring party has to say which one holds."""
    return Line(Standing.DECLARED_TWICE, row, None, "id", candidates=places, answers="provider")


def _contested(line: Line, claims: Mapping[str, int]) -> Line:
    """Leave open what two declared rows claim: one of them is wrong, and nobody knows which."""
    if line.observed is None or claims[str(line.observed["@id"])] == 1:
        return line
    names = (_told(line.observed),)
    return Line(
        Standing.AMBIGUOUS, line.declared, None, line.matched_by, candidates=names, answers="both"
    )


def _name(line: Line) -> str:
    row = line.declared or line.observed or {}
    return f"{row.get('name', '')} {row.get('@id', '')}"


def _marks_of(row: Record) -> Iterator[str]:
    provider = row["provider"]
    listed = [(str(one["scheme"]), str(one["value"])) for one in row.get("identifiers", ())]
    arns = [value for scheme, value in listed if scheme == "arn"]
    for name in names_of(str(provider["scope"]), str(provider["nativeId"]), arns):
        yield f"id:{name}"
        yield f"arn:{name}"
    for scheme, value in listed:
        yield f"{scheme}:{value.lower()}"
        yield f"id:{value.lower()}"
    for name in {str(row.get("name", "")), str(provider["nativeId"]).rpartition("/")[2]} - {""}:
        yield f"name:{name.lower()}"


def _declared_marks(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (what it is, the mark), the most certain first."""
    for field in CERTAIN:
        if value := fields.get(field, "").strip().lower():
            yield field, f"{field}:{value}"
            yield field, f"id:{value}"
    for field in ("host", "name"):
        if value := fields.get(field, "").strip().lower():
            yield field, f"name:{value}"
            yield field, f"name:{value.partition('.')[0]}"


def _matched(
    row: Record,
    fields: Mapping[str, str],
    observed: Mapping[str, Record],
    marks: Mapping[str, set[str]],
) -> Line:
    certain = {
        urn: field
        for field, mark in _declared_marks(fields)
        if field in CERTAIN and len(marks.get(mark, ())) == 1
        for urn in marks[mark]
    }
    if len(certain) > 1:
        # Two identifiers that lead to two things contradict each other.
        names = tuple(sorted(_told(observed[urn]) for urn in certain))
        by = ", ".join(sorted(set(certain.values())))
        return Line(Standing.AMBIGUOUS, row, None, by, candidates=names, answers="both")
    for field, mark in _declared_marks(fields):
        found = marks.get(mark, ())
        if len(found) == 1:
            other = observed[next(iter(found))]
            differences = tuple(_differences(fields, other))
            standing = Standing.DIFFERING if differences else Standing.BOTH
            answers = "both" if differences else ""
            return Line(standing, row, other, field, differences, answers=answers)
        if found:
            names = tuple(sorted(_told(observed[urn]) for urn in found))
            return Line(Standing.AMBIGUOUS, row, None, field, candidates=names, answers="both")
    return Line(Standing.DECLARED_ONLY, row, None, answers="both")


def _told(row: Record) -> str:
    return f"{row['provider']['nativeType']} {row['provider']['nativeId']}"


def _differences(fields: Mapping[str, str], other: Record) -> Iterator[Difference]:
    for field, member in _COMPARED.items():
        said = fields.get(field, "").strip()
        seen = other.get(member, "") if member in ("name", "status") else other["provider"][member]
        if said and seen and not _alike(said, str(seen)):
            yield Difference(field, said, str(seen))


def _alike(said: str, seen: str) -> bool:
    def plain(text: str) -> str:
        return "".join(character for character in text.lower() if character.isalnum())

    first = plain(said.partition(".")[0])
    return plain(said) == plain(seen) or first == plain(seen.partition(".")[0])
