"""Ask a question of a document and answer yes, no or not known, never yes for what is missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.assess.dates import is_within, parse_period, shift
from exitkit.errors import InputError

Truth = bool | None
"""None is "not known"."""
_NOTHING: tuple[Any, ...] = ("", "none", False)
_COMPARISONS = (
    "is",
    "is_not",
    "in",
    "includes",
    "set",
    "not_empty",
    "at_most",
    "at_least",
    "within",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A truth with the fields that were read and what is wrong or unknown about them."""

    truth: Truth
    fields: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def ask(predicate: Mapping[str, Any], document: Mapping[str, Any], today: dt.date) -> Answer:
    """Answer a predicate of a rule over a document.

    `all`, `any` and `not` combine; `every` and `some` go over a list (`holds`, `where`, `label`,
    `min`); `field` compares one value by exactly one of `is`, `is_not`, `in`, `includes`, `set`,
    `not_empty`, `at_most`, `at_least` (numbers, dates, periods) or `within` (a period before
    today). A path crosses lists by `[]`. An operand `{field: path}` is looked up, `today` is today.
    """
    if "all" in predicate:
        return _all(ask(part, document, today) for part in predicate["all"])
    if "any" in predicate:
        return _any(ask(part, document, today) for part in predicate["any"])
    if "not" in predicate:
        answer = ask(predicate["not"], document, today)
        truth = None if answer.truth is None else not answer.truth
        return Answer(truth, answer.fields, answer.notes)
    if "every" in predicate:
        return _every(predicate, document, today)
    if "some" in predicate:
        return _some(predicate, document, today)
    return _field(predicate, document, today)


def look_up(path: str, document: Any) -> Any:
    """Return the value at a dotted path; None where it is absent or `unknown`."""
    value = document
    parts = path.split(".")
    for index, part in enumerate(parts):
        if part.endswith("[]"):
            items = look_up(part[:-2], value)
            rest = ".".join(parts[index + 1 :])
            if not isinstance(items, Sequence) or isinstance(items, str):
                return None
            return [look_up(rest, item) if rest else item for item in items]
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return None if value == "unknown" else value


def _all(answers: Iterable[Answer]) -> Answer:
    heard = list(answers)
    truths = {answer.truth for answer in heard}
    truth: Truth = False if False in truths else None if None in truths else True
    return Answer(truth, _fields(heard), _notes(heard, truth))


def _any(answers: Iterable[Answer]) -> Answer:
    heard = list(answers)
    truths = {answer.truth for answer in heard}
    truth: Truth = True if True in truths else None if None in truths else False
    return Answer(truth, _fields(heard), _notes(heard, truth))


def _every(predicate: Mapping[str, Any], document: Any, today: dt.date) -> Answer:
    path = predicate["every"]
    items = look_up(path, document)
    if not isinstance(items, Sequence) or isinstance(items, str):
        return Answer(None, (path,), (f"{path} is not known",))
    heard = list(_of_items(predicate, items, document, today))
    if len(items) < predicate.get("min", 0):
        return Answer(False, (path,), (f"{path} has {len(items)} of {predicate['min']}",))
    return _all([Answer(True, (path,)), *heard])


def _some(predicate: Mapping[str, Any], document: Any, today: dt.date) -> Answer:
    path = predicate["some"]
    items = look_up(path, document)
    if not isinstance(items, Sequence) or isinstance(items, str):
        return Answer(None, (path,), (f"{path} is not known",))
    answer = _any([Answer(False, (path,)), *_of_items(predicate, items, document, today)])
    return Answer(answer.truth, answer.fields, () if answer.truth is False else answer.notes)


def _of_items(
    predicate: Mapping[str, Any], items: Sequence[Any], document: Mapping[str, Any], today: dt.date
) -> Iterator[Answer]:
    """Ask of each item; what lies around the list stays within reach as `root`."""
    for number, item in enumerate(items):
        scope = {**(item if isinstance(item, Mapping) else {"item": item}), "root": document}
        name = look_up(predicate.get("label", "id"), scope) or f"number {number + 1}"
        if "where" in predicate:
            meant = ask(predicate["where"], scope, today)
            if meant.truth is False:
                continue
            if meant.truth is None:
                yield _named(name, meant)
                continue
        yield _named(name, ask(predicate["holds"], scope, today))


def _named(name: Any, answer: Answer) -> Answer:
    return Answer(answer.truth, answer.fields, tuple(f"{name}: {note}" for note in answer.notes))


def _field(predicate: Mapping[str, Any], document: Any, today: dt.date) -> Answer:
    path = predicate["field"]
    value = look_up(path, document)
    (comparison,) = (key for key in predicate if key in _COMPARISONS)
    wanted = predicate[comparison]
    if isinstance(wanted, Mapping):
        wanted = look_up(wanted["field"], document)
    wanted = today if wanted == "today" else wanted
    if comparison in ("set", "not_empty"):
        return _presence(path, value)
    if value is None or wanted is None:
        return Answer(None, (path,), (f"{path} is not known",))
    truth, note = _compare(comparison, value, wanted, today)
    if truth is None:
        return Answer(None, (path,), (f"{path}: {note}",))
    return Answer(truth, (path,), () if truth else (f"{path}: {note}",))


def _presence(path: str, value: Any) -> Answer:
    if value is None:
        return Answer(None, (path,), (f"{path} is not known",))
    # A zero is an answer; a no is the answer that it is not there.
    empty = value is False or value == "none"
    empty = empty or (isinstance(value, Sequence | Mapping) and len(value) == 0)
    return Answer(not empty, (path,), (f"{path} is empty",) if empty else ())


def _compare(comparison: str, value: Any, wanted: Any, today: dt.date) -> tuple[Truth, str]:
    match comparison:
        case "is":
            return _same(value, wanted), f"{_said(value)} instead of {_said(wanted)}"
        case "is_not":
            return not _same(value, wanted), f"is {_said(wanted)}"
        case "in":
            return any(
                _same(value, one) for one in wanted
            ), f"{_said(value)} is not among {_said(wanted)}"
        case "includes":
            return _includes(value, wanted)
        case "within":
            return _within(value, wanted, today)
    return _order(comparison, value, wanted)


def _includes(value: Any, wanted: Sequence[Any]) -> tuple[Truth, str]:
    held = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    missing = [one for one in wanted if one not in held]
    if not missing:
        return True, ""
    # A list with a hole in it may hold what is missing.
    doubtful = None in held or "unknown" in held
    return None if doubtful else False, f"missing {_said(missing)}"


def _within(value: Any, period: str, today: dt.date) -> tuple[Truth, str]:
    if not isinstance(value, dt.date):
        return None, f"{_said(value)} is not a date"
    limit = shift(today, parse_period(f"-{period}"))
    return limit <= value <= today, f"{value.isoformat()} is not within {period} before {today}"


def _order(comparison: str, value: Any, wanted: Any) -> tuple[Truth, str]:
    word = "at most" if comparison == "at_most" else "at least"
    note = f"{_said(value)}, {word} {_said(wanted)} is asked"
    low, high = (value, wanted) if comparison == "at_most" else (wanted, value)
    if isinstance(low, str) and isinstance(high, str):
        try:
            return is_within(parse_period(low), parse_period(high)), note
        except InputError as fault:
            return None, str(fault)
    if isinstance(low, dt.date) and isinstance(high, dt.date):
        return low <= high, note
    if _is_number(low) and _is_number(high):
        return low <= high, note
    return None, f"{_said(value)} and {_said(wanted)} do not compare"


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_said(one) for one in value)
    return str(value)


def _fields(answers: Iterable[Answer]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for answer in answers for name in answer.fields))


def _notes(answers: Iterable[Answer], truth: Truth) -> tuple[str, ...]:
    """Keep what explains the truth: the answers that share it."""
    return tuple(dict.fromkeys(n for a in answers if a.truth is truth for n in a.notes))
