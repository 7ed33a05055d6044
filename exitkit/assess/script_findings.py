"""Say for a script which lines tie it down, and what class that puts it in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from exitkit.knowledge.script_rules import (
    ADAPT,
    PORTABLE,
    REWRITE,
    UNKNOWN,
    Fragment,
    matches_in,
    script_rules,
)
from exitkit.model.holdings import Finding

LONGEST_EXCERPT = 160
# What is known to need a rewrite stays so, whatever else in it nobody could read.
_WORST_FIRST = (REWRITE, UNKNOWN, ADAPT)


def findings_of(
    path: str, fragments: Iterable[Fragment], lines: Sequence[str], told: Iterable[tuple[int, str]]
) -> Iterator[Finding]:
    """Yield one finding per line and rule, by line.

    `lines` are the lines of the script with secrets masked; `told` are (line, rule) pairs that
    the reader found itself: credentials, syntax that cannot be read.
    """
    found = set(told)
    for fragment in fragments:
        for rule, match in matches_in(fragment.place, fragment.language):
            if (fragment.line, rule) not in found and match.pattern.search(fragment.text):
                found.add((fragment.line, rule))
    order = {rule: number for number, rule in enumerate(script_rules())}
    for line, rule in sorted(found, key=lambda pair: (pair[0], order[pair[1]])):
        excerpt = lines[line - 1].strip()[:LONGEST_EXCERPT] if 0 < line <= len(lines) else ""
        yield Finding(path, line, rule, excerpt)


def portability_of(findings: Iterable[Finding]) -> str:
    """Return the worst that any finding asks for."""
    rules = script_rules()
    asked = {rules[finding.rule].portability for finding in findings}
    return worst_of(asked)


def worst_of(classes: Iterable[str]) -> str:
    """Return the worst of some classes; a mere note is none."""
    asked = set(classes)
    return next((one for one in _WORST_FIRST if one in asked), PORTABLE)
