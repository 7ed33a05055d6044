"""Tell an estimate of the exit in lines: work, waves, waiting, transfer, and what would help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exitkit.assess.exit_estimate import (
    MINUTES_OF_DAY,
    WORK_RANGE,
    ExitEstimate,
    Means,
    Range,
    Saving,
    at_least,
)
from exitkit.report.amounts import period_words, size_words
from exitkit.report.language import LANGUAGES, Speech, is_one, load_words
from exitkit.report.quoted import plain

SHOWN_WAVES = 12


def assumptions(language: str = LANGUAGES[0]) -> list[str]:
    """Return what every estimate takes for granted."""
    low, high = WORK_RANGE
    return [one.format(low=low, high=high) for one in _words(language)["assumptions"]]


def estimate_lines(
    found: ExitEstimate,
    means: Means,
    allowed: str,
    verdict: str,
    language: str = LANGUAGES[0],
) -> Iterator[str]:
    """Yield the lines below the table of work; `verdict` is of `held_against`."""
    words = _words(language)
    yield from _waves(found, means, language)
    for lead in found.leads:
        days = _days(lead.minutes or 0, language)
        confidence = words["confidences"].get(lead.confidence, lead.confidence)
        yield words["wait"].format(
            days=days, text=plain(lead.text, language), confidence=confidence
        )
    work = _days_range(found.elapsed_work, language)
    yield words["work"].format(range=work, people=_many("people", means.people, language))
    yield _transfer(found, language)
    yield words["egress"].format(
        size=size_words(found.egress_bytes, language), cost=_cost(found, means, language)
    )
    known = found.total or at_least(found)
    yield words["exit" if found.total else "exit_open"].format(
        range=_days_range(known, language),
        allowed=period_words(allowed, language) if allowed else words["no_period"],
        verdict=words["verdicts"][verdict],
    )
    for saving in found.savings:
        days = _days(saving.minutes, language)
        yield words["shorter"].format(days=days, saving=_saving(saving, language))
    for line in assumptions(language):
        yield words["assumed"].format(text=line)


def _waves(found: ExitEstimate, means: Means, language: str) -> Iterator[str]:
    words, speech = _words(language), Speech(language)
    yield _many("waves", len(found.waves), language)
    for number, wave in enumerate(found.waves[:SHOWN_WAVES], start=1):
        groups = sum(1 for group in wave.groups if len(group) > 1)
        days = person_days(wave.minutes, means, language)
        yield words["wave"].format(
            number=number,
            assets=_many("assets", wave.assets, language),
            days=f"{days}{speech.gap}{speech.words['UNITS']['person_days'][True]}",
            together=words["together"][min(groups, 2)].format(n=groups),
        )
    if len(found.waves) > SHOWN_WAVES:
        yield words["further"].format(n=len(found.waves) - SHOWN_WAVES)


def _transfer(found: ExitEstimate, language: str) -> str:
    words = _words(language)
    if found.transfer:
        bound = words["bounds"].get(found.transfer_bound, found.transfer_bound)
        moved = _days_range(found.transfer, language)
        return str(words["transfer"].format(range=moved, bound=bound))
    known = words["not_known"]
    if found.transfer_at_least is not None:
        known = words["at_least"].format(days=_days(found.transfer_at_least, language))
    categories = ", ".join(map(Speech(language).category, found.unmeasured)) or words["everything"]
    return str(words["unmeasured"].format(known=known, categories=categories))


def _saving(saving: Saving, language: str) -> str:
    return str(
        _words(language)["savings"][saving.code].format(
            subject=Speech(language).category(saving.subject)
        )
    )


def _cost(found: ExitEstimate, means: Means, language: str) -> str:
    if found.egress_cost is None:
        return str(_words(language)["no_price"])
    amount = f"{found.egress_cost // 100}.{found.egress_cost % 100:02}"
    return f", {Speech(language).decimal(amount)} {means.currency}"


def person_days(minutes: Range, means: Means, language: str = LANGUAGES[0]) -> str:
    """Return the range of work in person days."""
    a_day = means.hours_per_day * 60
    speech = Speech(language)
    low, high = (speech.decimal(_tenths(one, a_day)) for one in (minutes.low, minutes.high))
    return str(_words(language)["person_days"].format(low=low, high=high))


def _days_range(minutes: Range, language: str) -> str:
    speech = Speech(language)
    low, likely = (
        speech.decimal(_tenths(one, MINUTES_OF_DAY)) for one in (minutes.low, minutes.likely)
    )
    high = _days(minutes.high, language)
    return str(_words(language)["range"].format(low=low, high=high, likely=likely))


def _days(minutes: int, language: str) -> str:
    return Speech(language).amount(_tenths(minutes, MINUTES_OF_DAY), "days")


def _tenths(value: int, unit: int) -> str:
    tenths = -(-10 * value // unit)
    return f"{tenths // 10}.{tenths % 10}"


def _many(name: str, n: int, language: str) -> str:
    one, many = _words(language)[name]
    return str((one if is_one(n, language) else many).format(n=n))


def _words(language: str) -> Any:
    return load_words("estimate")[language]
