"""Set how long a full exit would take against how long the contract gives."""

from __future__ import annotations

from exitkit.report.figure import Figure, Origin
from exitkit.report.inputs import Allowed, Estimate, Leg
from exitkit.report.parts import Duration, LegRow

DAY_MS = 86_400_000


def set_against(estimate: Estimate | None, allowed: Allowed | None) -> Duration:
    """Compare the extrapolated range with the contract's period; what is unknown stays so."""
    low = estimate.low_ms if estimate else None
    high = estimate.high_ms if estimate else None
    origin = Origin("contract", (), "value", allowed.path) if allowed else None
    return Duration(
        code=_code(low, high, allowed),
        low_ms=_figure("total", "low_ms", low),
        high_ms=_figure("total", "high_ms", high),
        allowed=Figure(allowed.period, origin) if allowed and origin else None,
        allowed_days=allowed.days if allowed else None,
        allowed_path=allowed.path if allowed else "",
        because=estimate.because if estimate else "",
        legs=tuple(_leg(leg) for leg in estimate.legs) if estimate else (),
    )


def _code(low: int | None, high: int | None, allowed: Allowed | None) -> str:
    if low is None or high is None:
        return "unknown"
    if allowed is None:
        return "no-period"
    if high <= allowed.days * DAY_MS:
        return "within"
    return "longer" if low > allowed.days * DAY_MS else "overlaps"


def _leg(leg: Leg) -> LegRow:
    def counted(name: str, value: int) -> Figure:
        return Figure(value, _origin(leg.category, name), leg.events)

    return LegRow(
        category=leg.category,
        unit=leg.unit,
        volume=_figure(leg.category, "volume", leg.volume, leg.events),
        sample=counted("sample", leg.sample),
        samples=counted("samples", leg.samples),
        sample_ms=counted("sample_ms", leg.sample_ms),
        low_ms=_figure(leg.category, "low_ms", leg.low_ms, leg.events),
        high_ms=_figure(leg.category, "high_ms", leg.high_ms, leg.events),
        because=leg.because,
        events=leg.events,
    )


def _figure(
    category: str, name: str, value: int | None, events: tuple[int, ...] = ()
) -> Figure | None:
    return None if value is None else Figure(value, _origin(category, name), events)


def _origin(category: str, name: str) -> Origin:
    return Origin("extrapolation", (("category", (category,)),), "value", name)
