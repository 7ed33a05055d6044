"""Write the minutes of the joint inventory (inventaire contradictoire) for both to sign."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.assess.joint_inventory import Line, Record, Standing
from exitkit.report.language import colon, load_words, semicolon
from exitkit.report.letter import document_environment, unmarked
from exitkit.report.visible import visible

LONGEST_LIST = 1000


@dataclass(frozen=True, slots=True)
class MinutesInputs:
    """Everything the minutes say; a text that is empty becomes a visible blank."""

    today: dt.date
    bundle: str
    series: str
    sequence: int
    observed_until: str
    declarations: tuple[tuple[str, str, str, int], ...]
    lines: tuple[Line, ...]
    contract: str = ""
    customer: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class _Minutes:
    """The minutes in one language, sentence by sentence, for both templates."""

    words: Mapping[str, Any]
    language: str
    customer: str
    provider: str
    contract: str
    held: str
    basis: str
    declarations: tuple[str, ...]
    counts: tuple[tuple[int, str], ...]
    rows: tuple[tuple[str, str, str, str, str], ...]
    further: str


def html(inputs: MinutesInputs, language: str) -> bytes:
    """Return the minutes as one HTML file that needs nothing else."""
    page = document_environment(visible).get_template("joint_inventory.html")
    return page.render(minutes=_minutes(inputs, language)).encode()


def markdown(inputs: MinutesInputs, language: str) -> bytes:
    """Return the minutes as Markdown, nothing of it markup but our own."""
    page = document_environment(unmarked).get_template("joint_inventory.md.j2")
    return page.render(minutes=_minutes(inputs, language), colon=colon(language)).encode()


def _minutes(inputs: MinutesInputs, language: str) -> _Minutes:
    words = load_words("joint_inventory")[language]
    counted = Counter(line.standing for line in inputs.lines)
    still_open = [line for line in inputs.lines if line.answers]
    shown = still_open[:LONGEST_LIST]
    more = len(still_open) - len(shown)
    return _Minutes(
        words=words,
        language=language,
        customer=inputs.customer or words["no_name"],
        provider=inputs.provider or words["no_name"],
        contract=words["contract"].format(contract=inputs.contract or words["no_contract"]),
        held=words["held"].format(day=inputs.today.isoformat()),
        basis=words["basis"].format(
            series=inputs.series,
            sequence=inputs.sequence,
            bundle=inputs.bundle,
            until=inputs.observed_until[:16].replace("T", " ") + " UTC",
        ),
        declarations=tuple(declaration_words(one, language) for one in inputs.declarations),
        counts=tuple((counted[one], words["standings"][one.value]) for one in Standing),
        rows=tuple(
            (str(number), *line_words(line, language)) for number, line in enumerate(shown, start=1)
        ),
        further=words["further"].format(n=more) if more else "",
    )


def declaration_words(declaration: tuple[str, str, str, int], language: str) -> str:
    """Say who declared how much, when and in which file."""
    party, day, file, rows = declaration
    said: str = load_words("joint_inventory")[language]["declaration"]
    return said.format(party=party, day=day, file=file, rows=rows)


def standing_words(language: str) -> Mapping[str, str]:
    """Return the words of each standing."""
    words: Mapping[str, str] = load_words("joint_inventory")[language]["standings"]
    return words


def line_words(line: Line, language: str) -> tuple[str, str, str, str]:
    """Return what is declared, what is observed, the finding, and who answers."""
    words = load_words("joint_inventory")[language]
    finding = [words["standings"][line.standing.value]]
    if line.matched_by and line.observed:
        finding.append(words["matched_by"].format(field=line.matched_by))
    finding += [
        words["differs"].format(field=one.field, declared=one.declared, observed=one.observed)
        for one in line.differences
    ]
    if line.candidates:
        finding.append(words["may_be"].format(names=", ".join(line.candidates)))
    answers = str(words["answers"][line.answers])
    return _told(line.declared), _told(line.observed), semicolon(language).join(finding), answers


def _told(row: Record | None) -> str:
    if row is None:
        return ""
    provider = row["provider"]
    name = str(row.get("name") or provider["nativeId"])
    own = str(provider["nativeId"])
    where = "/".join(str(provider[part]) for part in ("name", "scope", "region") if provider[part])
    return f"{name} ({provider['nativeType']}{'' if own == name else f' {own}'}, {where})"
