"""Know the days off of a country or a market, for periods that count working days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from exitkit.errors import InputError


def days_off(calendar: Mapping[str, Any], years: range) -> Collection[dt.date]:
    """Return the holidays of `calendar: {country, subdivision}` or `{market}` in some years."""
    if not calendar:
        return ()
    # Its tables take a moment to load, and most commands count no working days.
    import holidays

    try:
        if "market" in calendar:
            found = holidays.financial_holidays(str(calendar["market"]), years=years)
        else:
            found = holidays.country_holidays(
                str(calendar["country"]), subdiv=calendar.get("subdivision"), years=years
            )
    except NotImplementedError as error:
        raise InputError(
            f"calendar: {error}; write for example {{country: FR}} or {{market: ECB}}"
        ) from error
    return frozenset(found)
