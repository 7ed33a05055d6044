"""Say how long and how large with one rounding, so that no two places tell one figure apart."""

from __future__ import annotations

from exitkit.assess.dates import parse_period
from exitkit.errors import InputError
from exitkit.report.language import Speech

DAY_MS = 86_400_000
UNITS = (("days", DAY_MS), ("hours", 3_600_000), ("minutes", 60_000), ("seconds", 1000))
SIZES = (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024))


def span(milliseconds: int) -> tuple[str, str]:
    """Return a duration as (number, unit), in the largest unit that fits."""
    for unit, length in UNITS:
        if milliseconds >= length:
            return rounded(milliseconds, length), unit
    return str(milliseconds), "milliseconds"


def span_words(milliseconds: int, language: str) -> str:
    """Write a duration with its unit in words."""
    return Speech(language).amount(*span(milliseconds))


def period_words(text: str, language: str) -> str:
    """Write a period of the contract, `P30D`, in words; what is none stays as it is."""
    try:
        period = parse_period(text)
    except InputError:
        return text
    parts = (
        (period.months, "months"),
        (period.days, "days"),
        (period.working_days, "working_days"),
    )
    speech = Speech(language)
    said = [speech.amount(number, unit) for number, unit in parts if number]
    if period.seconds:
        said.append(span_words(period.seconds * 1000, language))
    return text if period.is_backward else ", ".join(said) or text


def size(size_bytes: int) -> tuple[str, str]:
    """Return a size as (number, unit)."""
    for unit, length in SIZES:
        if size_bytes >= length:
            return rounded(size_bytes, length), unit
    return grouped(size_bytes), "B"


def size_words(size_bytes: int, language: str) -> str:
    """Write a size with its unit."""
    number, unit = size(size_bytes)
    speech = Speech(language)
    return f"{speech.decimal(number)}{speech.gap}{speech.words['SIZES'][unit]}"


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
