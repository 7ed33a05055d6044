"""Sort the contract's rules by regime, and keep law, guidance and practice apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from exitkit.model.contract import RuleResult
from exitkit.report.figure import Tally
from exitkit.report.parts import Count, RegimeRules, Score

OUTCOMES = ("fail", "unknown", "pass")
SEVERITIES = ("error", "warn", "info")
READINGS = {"Plan": "plan", "Rehearsal": "evidence"}
"""Which reading a regime belongs to; every other one reads the contract."""

LAW = re.compile(r"^(DORA|Data Act|GDPR|NIS2|FR )")
GUIDANCE = re.compile(r"^(EBA|ESMA|ECB|UK PRA|FSB|MAS|SecNumCloud|FR Arcep)")
CITED_LAW = re.compile(r"(Reg\.|Dir\.|DORA|Data Act|GDPR|NIS2|RTS|ITS|Code\b.*) ?.*(Art\.|\d+\(\d)")
NATURES = ("law", "guidance", "practice")


def nature_of(result: RuleResult) -> str:
    """Say whether a rule is `law`, supervisory `guidance` or market `practice`."""
    if GUIDANCE.match(result.regime):
        return "guidance"
    if LAW.match(result.regime):
        return "law"
    cited = CITED_LAW.search(result.source) and "analogy" not in result.source
    return "law" if cited else "practice"


def by_regime(results: Sequence[RuleResult]) -> tuple[RegimeRules, ...]:
    """Group the results by regime and nature: law first, the worst rule of each first."""
    tally = _tally(results)
    groups = sorted({(NATURES.index(nature_of(result)), result.regime) for result in results})
    return tuple(_group(results, tally, NATURES[nature], regime) for nature, regime in groups)


def scores(results: Sequence[RuleResult], milestones: tuple[Count, ...]) -> tuple[Score, ...]:
    """Return the three readings, side by side and never blended."""
    tally = _tally(results)
    regimes = {result.regime for result in results}
    found = {
        reading: tuple(r for r in sorted(regimes) if READINGS.get(r, "contract") == reading)
        for reading in ("contract", "plan", "evidence")
    }
    return tuple(
        Score(reading, _counts(tally, {"regime": named}), milestones * (reading == "evidence"))
        for reading, named in found.items()
    )


def _tally(results: Sequence[RuleResult]) -> Tally:
    tally = Tally("rules", "regime", "nature", "outcome")
    for line, result in enumerate(results, start=1):
        tally.add(line, asdict(result) | {"nature": nature_of(result)})
    return tally


def _group(results: Sequence[RuleResult], tally: Tally, nature: str, regime: str) -> RegimeRules:
    rows = [
        result
        for result in results
        if result.regime == regime and nature_of(result) == nature and result.outcome in OUTCOMES
    ]
    rows.sort(key=lambda r: (OUTCOMES.index(r.outcome), SEVERITIES.index(r.severity), r.rule))
    where = {"regime": (regime,), "nature": (nature,)}
    silent = tally.figure({**where, "outcome": ("not-applicable",)})
    return RegimeRules(regime, nature, tuple(rows), _counts(tally, where), silent)


def _counts(tally: Tally, where: Mapping[str, tuple[str, ...]]) -> tuple[Count, ...]:
    counts = (Count(o, tally.figure({**where, "outcome": (o,)})) for o in OUTCOMES)
    return tuple(counts)
