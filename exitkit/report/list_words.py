"""Say in what the lists of the Data Act and what was observed do not agree."""

from __future__ import annotations

from collections.abc import Iterator

from exitkit.assess.data_act_lists import BREACHES, Lists
from exitkit.report.language import LANGUAGES, load_words


def breaches(lists: Lists, language: str = LANGUAGES[0]) -> Iterator[str]:
    """Yield one line for each way in which they do not agree."""
    words = load_words("lists")[language]
    for standing in BREACHES:
        entries = lists.standing(standing)
        if entries:
            yield words["broken"].format(
                standing=words["standings"][standing.value],
                lines=len(entries),
                aspects=sum(entry.assets for entry in entries),
            )
    for clause in lists.undelivered:
        yield words["undelivered"].format(clause=clause.id, category=clause.category)
