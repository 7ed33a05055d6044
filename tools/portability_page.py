"""Write docs/portability.md from the knowledge that ships: types, obstacles, sources."""

from __future__ import annotations

from collections.abc import Iterator

from exitkit.knowledge.portability import Caveat, Fact, Knowledge, load_knowledge
from exitkit.knowledge.statistics import CANNOT, DEVICE, statistics
from exitkit.knowledge.type_entries import WAYS, TypeEntry
from exitkit.report.cost_words import cost_words

HEAD = """\
# What is known of the way out

Written by `tools/check_docs.py --write` from `exitkit/knowledge/portability`; `make docs-check`
compares. `exitkit knowledge show TYPE` says the same of one type, in full;
[knowledge.md](knowledge.md) says how to add to it.

"""
CHECKED = {
    "machine": "asserted against the installed model by a test",
    "read": "read by a person",
    "unread": "named from memory, not read",
    "judgement": "no document at all",
}


def portability_page() -> str:
    """Return the whole page."""
    knowledge = load_knowledge()
    return HEAD + "".join(line + "\n" for line in _lines(knowledge))


def _lines(knowledge: Knowledge) -> Iterator[str]:
    counted = statistics(knowledge)
    yield f"{counted.facts} facts and {counted.caveats} caveats; {counted.cannot} of them say what"
    yield "cannot be exported as it is."
    yield "How well a source was checked limits the confidence of all that rests on it:"
    yield ""
    yield from (f"- `{word}`: {text}" for word, text in CHECKED.items())
    yield ""
    yield "## Ways out"
    yield ""
    yield from (f"- `{way}`: {text}" for way, text in WAYS.items())
    for title, entries in (
        ("AWS types", _own(knowledge, "aws::")),
        ("Azure types", _own(knowledge, "microsoft.")),
        ("Network platforms", _devices(knowledge)),
        ("Hosts", _own(knowledge, "host/")),
        ("Licenses", _own(knowledge, "license/")),
        ("All other types, by kind", list(knowledge.entries.kinds.values())),
    ):
        yield ""
        yield f"## {title}"
        yield ""
        yield "| type | way | work | data leaves as | instead |"
        yield "|---|---|---|---|---|"
        yield from (_row(entry, knowledge) for entry in entries)
    yield ""
    yield "## What cannot be exported as it is"
    yield ""
    yield "| what | why | who could change it | instead | confidence | source |"
    yield "|---|---|---|---|---|---|"
    for fact in sorted(knowledge.facts, key=lambda one: one.id):
        if fact.level in CANNOT:
            cost = cost_words(knowledge.cost_of(fact.reason, knowledge.cite(fact)), knowledge)
            instead = f"{fact.workaround} ({cost})"
            yield _statement(fact, knowledge, fact.reason, fact.responsible or "", instead)
    for caveat in sorted(knowledge.caveats, key=lambda one: one.id):
        yield _statement(caveat, knowledge, "lost on the way", "")


def _own(knowledge: Knowledge, prefix: str) -> list[TypeEntry]:
    types = sorted(knowledge.entries.types.items())
    return [entry for name, entry in types if name.startswith(prefix)]


def _devices(knowledge: Knowledge) -> list[TypeEntry]:
    types = sorted(knowledge.entries.types.items())
    return [entry for name, entry in types if name.endswith(DEVICE)]


def _row(entry: TypeEntry, knowledge: Knowledge) -> str:
    instead = "; ".join(knowledge.entries.equivalents[one].name for one in entry.equivalents)
    cells = f"`{entry.name}`", entry.way, entry.effort, entry.format, instead
    return f"| {' | '.join(map(_cell, cells))} |"


def _statement(
    statement: Fact | Caveat, knowledge: Knowledge, why: str, who: str, instead: str = ""
) -> str:
    source = knowledge.sources[statement.source]
    cells = (
        f"`{statement.id}` ({statement.aspect.value}): {statement.text}", why, who, instead,
        statement.confidence, f"{source.reference} ({source.checked})",
    )  # fmt: skip
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|")
