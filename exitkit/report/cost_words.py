"""Say in words what a workaround costs: work, and waiting for others."""

from __future__ import annotations

from exitkit.knowledge.portability import Cost, Knowledge

HOUR = 60
DAY = 8 * HOUR


def cost_words(cost: Cost, knowledge: Knowledge) -> str:
    """Return one sentence; it says that nothing of it was measured."""
    effort = knowledge.entries.efforts[cost.effort]
    once, each = _time(effort.fixed_minutes), _time(effort.asset_minutes)
    waiting = "no waiting"
    if cost.lead_days:
        waiting = f"about {_many(cost.lead_days, 'day')} of waiting for others"
    return f"estimated, not measured: {once} of work once and {each} for each, {waiting}"


def _time(minutes: int) -> str:
    if minutes >= DAY and not minutes % DAY:
        return _many(minutes // DAY, "working day")
    if minutes >= HOUR and not minutes % HOUR:
        return _many(minutes // HOUR, "hour")
    return _many(minutes, "minute")


def _many(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"
