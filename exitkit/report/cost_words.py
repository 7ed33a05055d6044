"""Say in words what a workaround costs: work, and waiting for others."""

from __future__ import annotations

from exitkit.knowledge.portability import Cost, Knowledge
from exitkit.report.language import LANGUAGES, Speech, load_words

HOUR = 60
DAY = 8 * HOUR


def cost_words(cost: Cost, knowledge: Knowledge, language: str = LANGUAGES[0]) -> str:
    """Return one sentence; it says that nothing of it was measured."""
    words = load_words("estimate")[language]
    effort = knowledge.entries.efforts[cost.effort]
    waiting = words["no_waiting"]
    if cost.lead_days:
        waiting = words["waiting"].format(days=Speech(language).amount(cost.lead_days, "days"))
    said: str = words["cost"].format(
        once=_time(effort.fixed_minutes, language),
        each=_time(effort.asset_minutes, language),
        waiting=waiting,
    )
    return said


def _time(minutes: int, language: str) -> str:
    if minutes >= DAY and not minutes % DAY:
        return Speech(language).amount(minutes // DAY, "working_days")
    if minutes >= HOUR and not minutes % HOUR:
        return Speech(language).amount(minutes // HOUR, "hours")
    return Speech(language).amount(minutes, "minutes")
