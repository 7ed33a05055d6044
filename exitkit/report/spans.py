"""Say how long something takes with one rounding, so that no two places tell one figure apart."""

from __future__ import annotations

from exitkit.report.language import Speech

DAY_MS = 86_400_000
UNITS = (("days", DAY_MS), ("hours", 3_600_000), ("minutes", 60_000), ("seconds", 1000))


def span(milliseconds: int) -> tuple[str, str]:
    """Return a duration as (number, unit), in the largest unit that fits."""
    for unit, length in UNITS:
        if milliseconds >= length:
            return rounded(milliseconds, length), unit
    return str(milliseconds), "milliseconds"


def span_words(milliseconds: int, language: str) -> str:
    """Write a duration with its unit in words."""
    number, unit = span(milliseconds)
    speech = Speech(language)
    return f"{speech.decimal(number)} {speech.words['UNITS'][unit][speech.is_many(number)]}"


def rounded(value: int, length: int) -> str:
    """Return how many lengths a value has, with one decimal where that informs."""
    # One decimal below ten: "2.4 days" informs where "2 days" misleads.
    tenths = round(10 * value / length)
    if tenths < 100 and tenths % 10:
        return f"{tenths // 10}.{tenths % 10}"
    return grouped(round(value / length))


def grouped(value: int | str | bool) -> str:
    """Return a number with its thousands apart; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int):
        return str(value).lower() if isinstance(value, bool) else value
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
