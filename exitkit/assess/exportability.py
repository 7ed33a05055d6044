"""Give every applicable aspect of every asset exactly one verdict, and leave nothing unsaid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from exitkit.knowledge.portability import Fact, Knowledge
from exitkit.model.asset import Asset, Ref
from exitkit.model.verdict import Aspect, Draft, Exportability, Gap, Level

NOT_ASSESSED = "not-assessed"


def verdicts(
    found: Iterable[tuple[Asset, Iterable[Draft | Gap]]],
    knowledge: Knowledge,
    kinds: Callable[[str], tuple[Aspect, ...]],
) -> Iterator[Exportability]:
    """Yield one verdict per asset and applicable aspect.

    What a collector or an extractor said of an aspect, which is found beside its asset, decides,
    also of one that `kinds` does not name; else the fact that holds; else it is `unknown`. `kinds`
    returns the aspects of a kind.
    """
    for asset, findings in found:
        said = {finding.aspect: finding for finding in findings}
        applicable = kinds(asset.kind)
        for aspect in (*applicable, *sorted(said.keys() - set(applicable))):
            yield _verdict(asset, aspect, said.get(aspect), knowledge)


def _verdict(
    asset: Asset, aspect: Aspect, finding: Draft | Gap | None, knowledge: Knowledge
) -> Exportability:
    provider, native_type = asset.ref.provider, asset.ref.native_type
    fact = knowledge.fact_for(provider, native_type, aspect, asset.config)
    if isinstance(finding, Gap):
        return _from_gap(finding, knowledge)
    if isinstance(finding, Draft):
        return _from_draft(finding, fact, knowledge)
    if fact is not None:
        return _from_fact(asset.ref, fact, knowledge)
    return _unknown(asset.ref, aspect, knowledge)


def _from_gap(gap: Gap, knowledge: Knowledge) -> Exportability:
    reason = knowledge.reason(gap.reason)
    return Exportability(
        asset=gap.ref,
        aspect=gap.aspect,
        level=gap.level,
        basis="extractor",
        method=gap.method,
        reason=reason.code,
        text=gap.text or reason.text,
        responsible=gap.responsible,
        workaround=gap.workaround or reason.workaround,
        source=gap.source,
        confidence=gap.confidence,
        loss=_losses(gap.loss, gap.ref, gap.aspect, knowledge),
    )


def _from_draft(draft: Draft, fact: Fact | None, knowledge: Knowledge) -> Exportability:
    loss = _losses(draft.loss, draft.ref, draft.aspect, knowledge)
    held = Exportability(
        asset=draft.ref,
        aspect=draft.aspect,
        level=draft.level,
        basis="extractor",
        method=draft.method,
        format=draft.format,
        confidence="high",
        loss=loss,
    )
    if not draft.level.needs_reason:
        return held
    # A fact about what is not held ("this bundle holds none") says nothing of what is held.
    fits = fact is not None and fact.level.rank > 0 and not draft.reason
    code = draft.reason or _default_code(draft.level)
    reason = knowledge.reason(fact.reason if fact and fits else code)
    return Exportability(
        asset=held.asset,
        aspect=held.aspect,
        level=held.level,
        basis=held.basis,
        method=held.method,
        format=held.format,
        reason=reason.code,
        text=fact.text if fact and fits else draft.text or reason.text,
        responsible=(fact.responsible if fact and fits else None) or reason.responsible,
        workaround=(fact.workaround if fact and fits else "") or reason.workaround,
        source=knowledge.cite(fact) if fact and fits else "",
        confidence=held.confidence,
        loss=loss,
    )


def _from_fact(ref: Ref, fact: Fact, knowledge: Knowledge) -> Exportability:
    return Exportability(
        asset=ref,
        aspect=fact.aspect,
        level=fact.level,
        basis="fact",
        method=fact.method,
        format=fact.format,
        reason=fact.reason,
        text=fact.text,
        responsible=fact.responsible,
        workaround=fact.workaround,
        source=knowledge.cite(fact),
        confidence=fact.confidence,
        loss=_losses((), ref, fact.aspect, knowledge),
    )


def _unknown(ref: Ref, aspect: Aspect, knowledge: Knowledge) -> Exportability:
    reason = knowledge.reason(NOT_ASSESSED)
    return Exportability(
        asset=ref,
        aspect=aspect,
        level=Level.UNKNOWN,
        basis="nothing",
        reason=reason.code,
        text=reason.text,
        responsible=reason.responsible,
        workaround=reason.workaround,
        confidence="low",
    )


def _losses(
    own: tuple[str, ...], ref: Ref, aspect: Aspect, knowledge: Knowledge
) -> tuple[str, ...]:
    caveats = knowledge.caveats_for(ref.native_type, aspect)
    return tuple(dict.fromkeys((*own, *caveats)))


def _default_code(level: Level) -> str:
    if level is Level.PROPRIETARY:
        return "format-closed"
    if level in (Level.OPEN, Level.DESCRIBED):
        return "semantic-loss"
    return "not-supported-by-tool"
