"""Tell which documents are there, missing or stale, and what was declared against observed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from exitkit.assess.document_list import EVERY_EXIT
from exitkit.assess.document_stock import STATES, DocumentLine, Documents, RequiredLine
from exitkit.assess.joint_inventory import Line, Standing
from exitkit.knowledge.required_documents import default_stale_after_months, document_types
from exitkit.report.joint_inventory import declaration_words, line_words, standing_words
from exitkit.report.language import LANGUAGES, is_one, load_words
from exitkit.report.paper_parts import JointPart, JointRow, PaperRow, PapersPart, StateCount

SHOWN = 100

Declaration = tuple[str, str, str, int]
"""Party, day, file and rows of what was declared."""


def tell_documents(
    found: Documents, months: Mapping[str, int], language: str = LANGUAGES[0]
) -> PapersPart | None:
    """Return the required documents, the worst first, then those there are; None without any."""
    if not found.documents and not found.required:
        return None
    words = load_words("papers")[language]["documents"]
    counted = Counter(one.state for one in found.required)
    required = sorted(found.required, key=lambda one: (STATES.index(one.state), one.id))
    more = len(found.documents) - SHOWN
    stale = [words["default"].format(months=default_stale_after_months())]
    stale += [words["limit"].format(source=s, months=m) for s, m in sorted(months.items())]
    return PapersPart(
        title=words["title"],
        lead=words["lead"].format(stale=" ".join(stale)),
        columns=tuple(words["columns"]),
        counts=tuple(
            StateCount(code, words["states"][code], counted[code])
            for code in STATES
            if counted[code]
        ),
        required=tuple(_required(one, words, language) for one in required),
        found_title=words["found"].format(n=len(found.documents)),
        found=tuple(_document(one, words, language) for one in found.documents[:SHOWN]),
        further=words["further"].format(n=more) if more > 0 else "",
    )


def tell_joint_inventory(
    lines: Sequence[Line], declarations: Sequence[Declaration], language: str = LANGUAGES[0]
) -> JointPart | None:
    """Return the counts and the open lines; None where nobody declared anything."""
    if not declarations:
        return None
    words = load_words("papers")[language]["joint"]
    counted = Counter(line.standing for line in lines)
    labels = standing_words(language)
    still_open = [line for line in lines if line.answers]
    more = len(still_open) - SHOWN
    return JointPart(
        title=words["title"],
        lead=words["lead"],
        columns=tuple(words["columns"]),
        declarations=tuple(declaration_words(one, language) for one in declarations),
        counts=tuple(
            StateCount(one.value, labels[one.value], counted[one])
            for one in Standing
            if counted[one]
        ),
        rows=tuple(JointRow(*line_words(line, language)) for line in still_open[:SHOWN]),
        further=words["further"].format(n=more) if more > 0 else "",
    )  # fmt: skip


def _required(one: RequiredLine, words: Mapping[str, Any], language: str) -> PaperRow:
    return PaperRow(
        title=_title(one.type, one.title, language, _agreed(one.id)),
        state=StateCount(one.state, words["states"][one.state], 1),
        owner=one.owner or words["nobody"] if one.found else "",
        age="" if one.age_days is None else _age(one.age_days, words, language),
        where=", ".join(one.found) or words["nowhere"],
        because=words["every_exit"] if one.required_by == EVERY_EXIT else one.required_by,
    )


def _document(one: DocumentLine, words: Mapping[str, Any], language: str) -> PaperRow:
    code = "stale" if one.stale else "present"
    return PaperRow(
        title=_title(one.type, one.title or one.path.rpartition("/")[2], language),
        state=StateCount(code, words["states"][code], 1),
        owner=one.owner or words["nobody"],
        age=_age(one.age_days, words, language),
        where=one.path,
        because=one.text,
    )


def _agreed(required_id: str) -> str:
    return required_id.removeprefix("contract/") if required_id.startswith("contract/") else ""


def _title(type_id: str, title: str, language: str, agreed: str = "") -> str:
    """Return the type in the reader's language; the contract's id tells two of a type apart."""
    types = {one.id: one.title[language] for one in document_types()}
    if type_id not in types:
        return title
    return f"{types[type_id]} ({agreed})" if agreed else types[type_id]


def _age(days: int, words: Mapping[str, Any], language: str) -> str:
    return str(words["age"][0 if is_one(days, language) else 1].format(n=days))
