"""Set how long a full exit would take against how long the contract gives."""

from __future__ import annotations

from collections.abc import Sequence

from exitkit.assess.dates import parse_period
from exitkit.assess.extrapolation import CategoryEstimate, Extrapolation, Fit, measured_in
from exitkit.model.run import Event
from exitkit.report.figure import Figure, Origin
from exitkit.report.parts import Duration, LegRow

DAY_S = 86_400
FITS = {Fit.FITS: "within", Fit.EXCEEDS: "longer", Fit.UNKNOWN: "overlaps"}


def set_against(
    whole: Extrapolation | None, events: Sequence[Event], allowed: str, allowed_path: str
) -> Duration:
    """Compare the extrapolated range with the contract's period; what is unknown stays so.

    `allowed` is the ISO 8601 period at `allowed_path` of the contract, or empty.
    """
    shortest_s, longest_s = parse_period(allowed).bounds_s() if allowed else (0, 0)
    origin = Origin("contract", (), "value", allowed_path)
    return Duration(
        code=_code(whole, allowed),
        low_ms=_figure("total", "low_ms", whole.low_ms if whole else None),
        likely_ms=_figure("total", "likely_ms", whole.likely_ms if whole else None),
        high_ms=_figure("total", "high_ms", whole.high_ms if whole else None),
        allowed=Figure(allowed, origin) if allowed else None,
        allowed_days=shortest_s // DAY_S,
        allowed_is_exact=shortest_s == longest_s and shortest_s % DAY_S == 0,
        allowed_path=allowed_path,
        unmeasured=whole.unknown_categories if whole else (),
        legs=tuple(_leg(leg, events) for leg in whole.categories) if whole else (),
    )


def _code(whole: Extrapolation | None, allowed: str) -> str:
    if whole is None or whole.low_ms is None:
        return "unknown"
    if not allowed:
        return "no-period"
    return "open-ended" if whole.high_ms is None and whole.fit is Fit.UNKNOWN else FITS[whole.fit]


def _leg(leg: CategoryEstimate, events: Sequence[Event]) -> LegRow:
    measured = {line for line, one in measured_in(events) if one.category == leg.category}
    lines = tuple(sorted(measured))

    def counted(name: str, value: int | None) -> Figure | None:
        return _figure(leg.category, name, value, lines)

    return LegRow(
        category=leg.category,
        volume_items=counted("volume.items", leg.volume.items or None),
        volume_bytes=counted("volume.size_bytes", leg.volume.size_bytes or None),
        sample_items=counted("sample_items", leg.sample_items or None),
        sample_bytes=counted("sample_bytes", leg.sample_bytes or None),
        samples=counted("samples", leg.samples or None),
        sample_ms=counted("sample_ms", leg.sample_ms or None),
        low_ms=counted("low_ms", leg.low_ms),
        high_ms=counted("high_ms", leg.high_ms),
        events=lines,
    )


def _figure(
    category: str, name: str, value: int | None, events: tuple[int, ...] = ()
) -> Figure | None:
    if value is None:
        return None
    origin = Origin("extrapolation", (("category", (category,)),), "value", name)
    return Figure(value, origin, events)
