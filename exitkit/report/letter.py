"""Write the request to the provider: what only it can hand over, on what grounds, by when."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from exitkit.report.language import colon, load_words
from exitkit.report.quoted import plain
from exitkit.report.visible import visible

LONGEST_ANNEX = 2000
_NAMED_TYPES = 4
_BLANKS = re.compile(r"[^\S\u00a0\u202f]+")
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!])")


@dataclass(frozen=True, slots=True)
class Line:
    """One gap: a line of the annex, numbered from 1; `what` and `where` are the provider's ids."""

    number: int
    what: str
    where: str
    aspect: str
    level: str
    finding: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Request:
    """Gaps with one obstacle; `native_types` are those of the assets that `lines` speak of."""

    aspect: str
    level: str
    finding: str
    native_types: tuple[str, ...]
    assets: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Basis:
    """A provision by the rule that holds it; `mark` says how well it was read (V, S, K, k)."""

    rule: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class ContractDate:
    """A date that follows from the contract; None where `missing` names the field not filled in.

    `word` is `notice`, `transition` or `end`.
    """

    word: str
    day: dt.date | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class LetterInputs:
    """Everything the letter says; a text that is empty becomes a visible blank."""

    today: dt.date
    bundle: str
    series: str
    sequence: int
    sealed_at: str
    requests: tuple[Request, ...]
    contract_id: str = ""
    contract_title: str = ""
    customer: str = ""
    provider: str = ""
    attention: str = ""
    clause: str = ""
    answer_by: dt.date | None = None
    dates: tuple[ContractDate, ...] = ()
    bases: tuple[Basis, ...] = ()


@dataclass(frozen=True, slots=True)
class _Letter:
    """The letter in one language, sentence by sentence, for both templates."""

    words: Mapping[str, Any]
    language: str
    today: str
    sender: str
    recipient: str
    attention: str
    reference: str
    clause: str
    opening: str
    requests: tuple[tuple[str, str, str], ...]
    answer_by: str
    dates: tuple[tuple[str, str], ...]
    bases: tuple[tuple[str, str], ...]
    annex: tuple[Line, ...]
    left_out: int
    notes: tuple[str, ...] = field(default=())


def markdown(inputs: LetterInputs, language: str) -> bytes:
    """Return the letter as Markdown; names from outside cannot form any of its marks."""
    environment = document_environment(unmarked)
    return (
        environment.get_template("letter.md.j2")
        .render(letter=_written(inputs, language), colon=colon(language))
        .encode()
    )


def html(inputs: LetterInputs, language: str) -> bytes:
    """Return the letter as one HTML page that prints and needs no network."""
    environment = document_environment(visible)
    page = environment.get_template("letter.html").render(
        letter=_written(inputs, language), colon=colon(language)
    )
    return page.encode()


def letter_words() -> Mapping[str, Any]:
    """Return the sentences by language, and under `bases` the rules that may be cited."""
    return load_words("letter")


def document_environment(finalize: Any) -> Environment:
    """Return the templates of documents; `ours` passes our own sentences through."""
    environment = Environment(
        loader=PackageLoader("exitkit.report", "templates"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ours"] = Markup
    return environment


def unmarked(value: Any) -> Markup:
    """Escape what Markdown would read as a mark; our own sentences pass through `ours`."""
    if isinstance(value, Markup):
        return value
    text = re.sub(_BLANKS, " ", str(visible(value)))
    return Markup(re.sub(_MARKS, r"\\\1", text))  # noqa: S704 - Markdown is not HTML


def _written(inputs: LetterInputs, language: str) -> _Letter:
    words = letter_words()[language]
    inputs = _in_words_of(inputs, language)
    lines = [line for request in inputs.requests for line in request.lines]
    return _Letter(
        words=words,
        language=language,
        today=inputs.today.isoformat(),
        sender=inputs.customer or words["no_name"],
        recipient=inputs.provider or words["no_name"],
        attention=words["attention"].format(name=inputs.attention) if inputs.attention else "",
        reference=words["reference"].format(
            id=inputs.contract_id or "[…]", title=inputs.contract_title or "[…]"
        ),
        clause=_clause(inputs, words),
        opening=words["opening"].format(
            day=inputs.sealed_at[:10],
            series=inputs.series,
            sequence=inputs.sequence,
            bundle=inputs.bundle,
            count=_count(words["aspects"], len(lines)),
        ),
        requests=tuple(_requests(inputs.requests, words)),
        answer_by=words["answer_by"].format(
            date=inputs.answer_by.isoformat() if inputs.answer_by else words["no_answer_by"]
        ),
        dates=tuple(_date(one, words) for one in inputs.dates),
        bases=tuple((one.source, words["subjects"][one.rule]) for one in inputs.bases),
        annex=tuple(lines[:LONGEST_ANNEX]),
        left_out=max(0, len(lines) - LONGEST_ANNEX),
        notes=tuple(_notes(inputs, lines, words)),
    )


def _in_words_of(inputs: LetterInputs, language: str) -> LetterInputs:
    """Return the inputs with what records and rules say in the language of the letter."""
    return replace(
        inputs,
        requests=tuple(
            replace(
                request,
                finding=plain(request.finding, language),
                lines=tuple(
                    replace(
                        line,
                        finding=plain(line.finding, language),
                        source=plain(line.source, language),
                    )
                    for line in request.lines
                ),
            )
            for request in inputs.requests
        ),
        bases=tuple(replace(one, source=plain(one.source, language)) for one in inputs.bases),
    )


def _clause(inputs: LetterInputs, words: Mapping[str, Any]) -> str:
    return str(words["clause"].format(clause=inputs.clause or words["no_clause"]))


def _requests(
    requests: Sequence[Request], words: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield (what it is about, what is asked, where in the annex) of each request."""
    for request in requests:
        types = ", ".join(request.native_types[:_NAMED_TYPES])
        if len(request.native_types) > _NAMED_TYPES:
            types += ", …"
        about = words["request"].format(
            aspect=_capital(words["aspect"][request.aspect]),
            assets=_count(words["assets"], request.assets),
            types=types,
            finding=_ended(request.finding),
        )
        ask = words["asks_by_aspect"].get(request.aspect) or words["asks"][request.level]
        first, last = request.lines[0].number, request.lines[-1].number
        where = words["annexed_one" if first == last else "annexed"]
        yield about, ask, where.format(first=first, last=last)


def _date(one: ContractDate, words: Mapping[str, Any]) -> tuple[str, str]:
    day = one.day.isoformat() if one.day else words["no_date"].format(field=one.missing)
    return day, words[f"date_{one.word}"]


def _notes(inputs: LetterInputs, lines: Sequence[Line], words: Mapping[str, Any]) -> Iterator[str]:
    yield words["note_blanks"]
    yield words["note_parties"]
    unsure = Counter(line.confidence for line in lines if line.confidence in words["confidence"])
    if unsure:
        named = (
            _count(words["confidences"], count, word=words["confidence"][confidence])
            for confidence, count in sorted(unsure.items())
        )
        yield words["note_finding"].format(confidences=", ".join(named))
    for basis in inputs.bases:
        mark = words["marks"][basis.mark]
        yield words["note_mark"].format(source=basis.source, mark=mark)


def _count(forms: Sequence[str], n: int, **more: str) -> str:
    return forms[0 if n == 1 else 1].format(n=n, **more)


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
