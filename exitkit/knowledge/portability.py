"""Hold what is known about the way out of each kind of thing, every fact with its source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import jmespath
import jsonschema_rs

from exitkit.errors import InputError
from exitkit.knowledge.kinds import kind_of
from exitkit.knowledge.own_yaml import read_own_yaml
from exitkit.knowledge.type_entries import Timing, TypeEntries, TypeEntry, entries_from
from exitkit.model.verdict import Aspect, Level, Responsible

CONFIDENCES = ("low", "medium", "high")
_MOST_CONFIDENT = {"machine": "high", "read": "high", "unread": "medium", "judgement": "medium"}


@dataclass(frozen=True, slots=True)
class FactSource:
    """Where a fact was read; `checked` says how well: machine, read, unread, judgement."""

    id: str
    kind: str
    reference: str
    checked: str
    quote: str = ""

    @property
    def most_confidence(self) -> str:
        """The confidence that no fact of this source may exceed."""
        return _MOST_CONFIDENT[self.checked]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a workaround costs: work (an Effort id) and calendar days of waiting for others.

    Judgement of low confidence, never measured; a rehearsal is what tells.
    """

    effort: str
    lead_days: int


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of reasons.yaml with what to say where nobody said more."""

    code: str
    text: str
    responsible: Responsible
    workaround: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: how well one aspect of some types leaves, and what stands in the way.

    An asset is meant by its native type, or by its kind and provider unless its type is in
    `exceptions`. `when` is a JMESPath expression over its configuration that must hold. `cost` is
    that of the workaround; without one, the reason's is meant.
    """

    id: str
    aspect: Aspect
    level: Level
    text: str
    source: str
    confidence: str
    reason: str = ""
    responsible: Responsible | None = None
    workaround: str = ""
    types: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    exceptions: frozenset[str] = frozenset()
    when: str = ""
    method: str = "none"
    format: str = ""
    cost: Cost | None = None

    def is_about(self, provider: str, native_type: str) -> bool:
        """Tell whether the fact speaks of this native type at all."""
        lowered = native_type.lower()
        if self.types:
            return lowered in self.types
        if lowered in self.exceptions:
            return False
        if self.providers and provider not in self.providers:
            return False
        return not self.kinds or kind_of(native_type) in self.kinds

    def holds_for(self, config: Mapping[str, Any]) -> bool:
        """Tell whether the runtime condition is met; a fact without one always holds."""
        return not self.when or bool(_compiled(self.when).search(config))


@dataclass(frozen=True, slots=True)
class Caveat:
    """Something lost or hindered on the way out, whatever level the aspect has."""

    id: str
    aspect: Aspect
    text: str
    source: str
    confidence: str
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All facts, caveats, sources and reasons; an unknown type is simply in none of them."""

    facts: tuple[Fact, ...]
    caveats: tuple[Caveat, ...]
    sources: Mapping[str, FactSource]
    reasons: Mapping[str, Reason]
    entries: TypeEntries = field(default_factory=TypeEntries)
    _about: dict[tuple[str, str], tuple[Fact, ...]] = field(default_factory=dict, compare=False)
    _by_id: dict[str, Fact] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Index the facts by their ids."""
        object.__setattr__(self, "_by_id", {fact.id: fact for fact in self.facts})

    def fact_for(
        self, provider: str, native_type: str, aspect: Aspect, config: Mapping[str, Any]
    ) -> Fact | None:
        """Return the fact that decides; one with a runtime condition overrides one without."""
        candidates = [
            fact
            for fact in self.facts_about(provider, native_type)
            if fact.aspect is aspect and fact.holds_for(config)
        ]
        return min(candidates, key=_precedence, default=None)

    def facts_about(self, provider: str, native_type: str) -> tuple[Fact, ...]:
        """Return every fact that speaks of a native type."""
        key = (provider, native_type)
        if key not in self._about:
            self._about[key] = tuple(f for f in self.facts if f.is_about(provider, native_type))
        return self._about[key]

    def caveats_for(self, native_type: str, aspect: Aspect) -> tuple[str, ...]:
        """Return what is lost on the way out, as sentences."""
        lowered = native_type.lower()
        return tuple(c.text for c in self.caveats if c.aspect is aspect and lowered in c.types)

    def entry_for(self, native_type: str) -> TypeEntry | None:
        """Return what is known of a type as a whole, by itself or else by its kind."""
        own = self.entries.types.get(native_type.lower())
        return own or self.entries.kinds.get(kind_of(native_type))

    def timing_for(self, native_type: str) -> tuple[Timing, ...]:
        """Return what is written down of how long things take with a type."""
        entry = self.entry_for(native_type)
        return tuple(self.entries.timing[name] for name in entry.timing) if entry else ()

    def reason(self, code: str) -> Reason:
        """Return the reason of a code; `other` where the code is not in the list."""
        return self.reasons.get(code, self.reasons["other"])

    def cost_of(self, reason_code: str, cited: str = "") -> Cost:
        """Return what the workaround of an obstacle costs.

        `cited` is the `source` of a record: what `cite` wrote where a fact decided.
        """
        fact = self._by_id.get(cited.partition(":")[0])
        own = fact.cost if fact and fact.reason == reason_code else None
        return own or self.reason(reason_code).cost

    def cite(self, fact: Fact) -> str:
        """Name a fact and where it was read, on one line."""
        source = self.sources[fact.source]
        return f"{fact.id}: {source.reference} ({source.checked})"

    def without(self, fact_id: str) -> Knowledge:
        """Return the knowledge without one fact."""
        return replace(self, facts=tuple(f for f in self.facts if f.id != fact_id), _about={})


@cache
def load_knowledge() -> Knowledge:
    """Read the facts that ship with exitkit; once, for they take longer to read than to use."""
    folder = files("exitkit.knowledge")
    documents = {
        entry.name: read_own_yaml(entry.read_text(encoding="utf-8"))
        for entry in (folder / "portability").iterdir()
        if entry.name.endswith(".yaml")
    }
    sources = documents.pop("sources.yaml")["sources"]
    reasons = read_own_yaml((folder / "reasons.yaml").read_text(encoding="utf-8"))["reasons"]
    return knowledge_from(documents, sources, reasons)


def knowledge_from(
    documents: Mapping[str, Any],
    sources: Mapping[str, Any],
    reasons: Mapping[str, Any],
    beside: TypeEntries | None = None,
) -> Knowledge:
    """Build the knowledge from parsed files, refusing what breaks its rules.

    Entries may name equivalents, timings and efforts of `beside`.
    """
    for name, document in sorted(documents.items()):
        _check_schema(name, document)
    ordered = [documents[name] for name in sorted(documents)]
    knowledge = Knowledge(
        facts=tuple(_fact(row) for document in ordered for row in document.get("facts", ())),
        caveats=tuple(_caveat(row) for document in ordered for row in document.get("caveats", ())),
        sources={key: _source(key, row) for key, row in sources.items()},
        reasons={
            code: Reason(
                code,
                row["text"],
                Responsible(row["responsible"]),
                row["workaround"],
                Cost(row["effort"], row["lead_days"]),
            )
            for code, row in reasons.items()
        },
        entries=entries_from(documents, beside),
    )
    for fault in faults_of(knowledge):
        raise InputError(f"portability knowledge: {fault}")
    return knowledge


def faults_of(knowledge: Knowledge) -> Iterator[str]:
    """Name every dangling source or reason, double id, and confidence above what was read."""
    seen: set[str] = set()
    statements: list[Fact | Caveat] = [*knowledge.facts, *knowledge.caveats]
    for fact in statements:
        if fact.id in seen:
            yield f"{fact.id}: the id is used twice; choose another"
        seen.add(fact.id)
    sourced = [(fact.id, fact.source, fact.confidence) for fact in statements]
    for name, source_id, confidence in (*sourced, *knowledge.entries.sourced()):
        source = knowledge.sources.get(source_id)
        if source is None:
            yield f"{name}: no source {source_id!r}; add it to sources.yaml"
        elif CONFIDENCES.index(confidence) > CONFIDENCES.index(source.most_confidence):
            yield f"{name}: {confidence} is more than a source {source.checked} allows"
    yield from knowledge.entries.faults()
    for fact in knowledge.facts:
        if fact.reason and fact.reason not in knowledge.reasons:
            yield f"{fact.id}: no reason {fact.reason!r}; use a code of reasons.yaml"
    for reason in knowledge.reasons.values():
        if reason.cost.effort not in knowledge.entries.efforts:
            yield f"{reason.code}: no effort {reason.cost.effort!r}; use one of timing.yaml"


def _source(name: str, row: Any) -> FactSource:
    try:
        source = FactSource(id=name, **row)
    except TypeError:
        raise InputError(
            f"source {name!r}: write kind, reference, checked and, at most, quote"
        ) from None
    if source.checked not in _MOST_CONFIDENT:
        raise InputError(
            f"source {name!r}: checked is not one of {', '.join(sorted(_MOST_CONFIDENT))}"
        )
    return source


def _fact(row: Mapping[str, Any]) -> Fact:
    responsible = row.get("responsible")
    return Fact(
        id=row["id"],
        aspect=Aspect(row["aspect"]),
        level=Level(row["level"]),
        text=row["text"],
        source=row["source"],
        confidence=row["confidence"],
        reason=row.get("reason", ""),
        responsible=Responsible(responsible) if responsible else None,
        workaround=row.get("workaround", ""),
        types=frozenset(name.lower() for name in row.get("types", ())),
        kinds=frozenset(row.get("kinds", ())),
        providers=frozenset(row.get("providers", ())),
        exceptions=frozenset(name.lower() for name in row.get("except", ())),
        when=row.get("when", ""),
        method=row.get("method", "none"),
        format=row.get("format", ""),
        cost=Cost(row["effort"], row["lead_days"]) if "effort" in row else None,
    )


def _caveat(row: Mapping[str, Any]) -> Caveat:
    return Caveat(
        id=f"{row['id']}.caveat",
        aspect=Aspect(row["aspect"]),
        text=row["text"],
        source=row["source"],
        confidence=row["confidence"],
        types=frozenset(name.lower() for name in row["types"]),
    )


def _precedence(fact: Fact) -> tuple[bool, bool, int, str]:
    # Where two facts hold at the same time, the gloomier one is the safer one.
    return (not fact.when, not fact.types, fact.level.rank, fact.id)


def _check_schema(name: str, document: Any) -> None:
    error = next(_validator().iter_errors(document), None)
    if error is not None:
        where = "/".join(str(part) for part in error.instance_path)
        raise InputError(f"portability/{name}: {where}: {error.message}")


@cache
def _validator() -> Any:
    text = (files("exitkit.schemas") / "portability.schema.json").read_text(encoding="utf-8")
    return jsonschema_rs.validator_for(json.loads(text))


@cache
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)
