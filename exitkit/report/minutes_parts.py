"""Fill the minutes of a run section by section, from the journal, the contract and the clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exitkit.assess.predicates import look_up
from exitkit.model.plan import Milestone
from exitkit.model.run import Event, MilestoneVerdict
from exitkit.report.bundle_minutes import bundle_sections, gaps_in_one
from exitkit.report.figure import at, text_at
from exitkit.report.language import Speech, colon, load_words, semicolon, title_in
from exitkit.report.minutes import (
    Attested,
    Cell,
    JournalLine,
    Minutes,
    MinutesInputs,
    Section,
)
from exitkit.report.quoted import plain
from exitkit.report.rehearsal_minutes import Fact, after_the_rates, before_the_result, findings

LONGEST_TABLE = 500


def write_minutes(inputs: MinutesInputs, kind: str, language: str) -> Minutes:
    """Fill the minutes of that kind from the journal."""
    words = load_words("minutes")[language]
    writer = _Writer(inputs, words, language)
    sections = tuple(writer.sections(kind))
    lines = {cell.line for section in sections for row in section.rows for cell in row} - {0}
    title = words["titles"][f"notice_{inputs.notifies}" if kind == "notice" else kind]
    return Minutes(
        language, title, words["draft"], sections, tuple(_cited(inputs.events, lines)), words
    )


def _cited(events: Sequence[Event], lines: Iterable[int]) -> Iterator[JournalLine]:
    wanted = set(lines)
    for event in events:
        if event.sequence in wanted:
            yield JournalLine(
                event.sequence, _minute(event.at), event.type,
                event.step or event.milestone or text_at(event.data, "target"), event.digest,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Writer:
    """Write one section after the other from the same inputs."""

    inputs: MinutesInputs
    words: Mapping[str, Any]
    language: str

    def sections(self, kind: str) -> Iterator[Section]:
        yield self.identification()
        if self.inputs.bundle is not None:
            yield from bundle_sections(
                self.inputs.bundle, self.words, self.language,
                with_gaps=kind in ("rehearsal", "acceptance"),
            )  # fmt: skip
        if kind == "rehearsal":
            yield from (self._told(*one) for one in before_the_result(self.inputs))
            yield from (self.result(), self.criteria(self.inputs.plan.milestones))
            yield from (self.timeline(), self.measurements(), self.losses())
            facts = after_the_rates(self.inputs, self.language)
            yield from (self._told(*one) for one in facts)
            yield from (self.findings(), self.sandboxes(), self.approvals())
        elif kind == "acceptance":
            chosen = self.accepted()
            yield from (self.delivered(chosen), self.criteria(chosen), self.reservations())
            yield from (self.decision(), self.effect(), self.approvals())
        elif kind == "deletion":
            for one in self.inputs.attested or (Attested(0, {}),):
                yield from self.deletion(one)
            return
        else:
            yield from self.notice()
        yield self.signatures(kind)

    def identification(self) -> Section:
        run, contract = self.inputs.summary, self.inputs.contract
        first = self.inputs.events[0]
        rows = [
            ("contract", self._or_blank(look_up("id", contract), "contract")),
            ("contract_title", self._or_blank(look_up("title", contract), "contract_title")),
            ("customer", self._or_blank(look_up("customer.name", contract), "customer")),
            ("provider", self._or_blank(look_up("provider.name", contract), "provider")),
            ("clause", self._or_blank(look_up("reversibility.clause", contract), "clause")),
            ("run", Cell(run.run, first.sequence)),
            ("mode", Cell(self.words["modes"][run.mode.value], first.sequence)),
            ("plan", Cell(f"{self.inputs.plan.id} {self.inputs.plan.version}", first.sequence)),
            ("plan_digest", Cell(run.plan_digest, first.sequence)),
            ("bundle", Cell(text_at(first.data, "bundle"), first.sequence)),
            ("started", Cell(_minute(run.started_at), first.sequence)),
            ("ended", self._ended()),
            ("head", Cell(run.head, self.inputs.events[-1].sequence)),
            ("place", self._blank("place")),
        ]
        return self._facts("identification", rows)

    def result(self) -> Section:
        verdicts = self.inputs.verdicts
        rows = []
        for word in MilestoneVerdict:
            those = [one for one in verdicts if one.verdict is word]
            names = ", ".join(one.milestone for one in those) or "-"
            last = max((line for one in those for line in one.events), default=0)
            label = Cell(self.words["verdicts"][word.value])
            rows.append((label, Cell(str(len(those)), last), Cell(names)))
        return Section(
            self.words["headings"]["result"], (self.words["result_lead"],),
            self._columns("verdict", "count", "milestones"), tuple(rows),
        )  # fmt: skip

    def criteria(self, milestones: Iterable[Milestone]) -> Section:
        titles = {one.id: title_in(one.title, self.language) for one in milestones}
        rows = [
            (
                Cell(f"{verdict.milestone} {titles[verdict.milestone]}"), Cell(one.criterion),
                Cell(one.metric), Cell(self._threshold(one.expected)),
                Cell(one.measured or self.words["not_measured"], one.event),
                Cell(self.words["verdicts"][one.verdict.value]),
            )
            for verdict in self.inputs.verdicts if verdict.milestone in titles
            for one in verdict.criteria
        ]  # fmt: skip
        columns = ("milestone", "criterion", "metric", "threshold", "measured", "verdict")
        return self._table("criteria", columns, rows)

    def findings(self) -> Section:
        columns = ("finding", "severity", "owner", "due")
        rows = [
            (self._quoted(text), *(self._blank(name) for name in columns[1:]))
            for text in findings(self.inputs)
        ]
        blank = tuple(self._blank(name) for name in columns)
        return self._table("findings", columns, [*rows, blank])

    def _told(self, heading: str, facts: Sequence[Fact]) -> Section:
        known = {"not_exported_items": gaps_in_one(self.inputs.bundle, self.words)}
        rows = [(name, cell or known.get(name) or self._blank(name)) for name, cell in facts]
        return self._facts(heading, rows)

    def timeline(self) -> Section:
        starts = {e.step: e for e in self.inputs.events if e.type == "step.started"}
        rows = []
        for event in self.inputs.events:
            if event.type in ("step.succeeded", "step.failed", "step.refused"):
                start = starts.get(event.step)
                rows.append(
                    (
                        Cell(event.step),
                        Cell(_second(start.at), start.sequence) if start else Cell("-"),
                        Cell(_second(event.at), event.sequence),
                        Cell(self.words["ends"][event.type.partition(".")[2]]),
                        self._quoted(text_at(event.data, "outcome.message") or _said(event)),
                    )
                )
        return self._table("timeline", ("step", "started", "ended", "end", "message"), rows)

    def measurements(self) -> Section:
        rows = []
        for event in self.inputs.events:
            for one in at(event.data, "outcome.measurements") or ():
                category, items, size, took = (
                    str(one[name]) for name in ("category", "items", "size_bytes", "duration_ms")
                )
                line = event.sequence
                category = Speech(self.language).coded("CATEGORIES", category)
                rows.append((Cell(category), Cell(items, line), Cell(size, line), Cell(took, line)))
        return self._table("measurements", ("category", "items", "bytes", "milliseconds"), rows)

    def losses(self) -> Section:
        rows = [
            (self._quoted(str(loss), event.sequence), Cell(event.step))
            for event in self.inputs.events
            for loss in at(event.data, "outcome.losses") or ()
        ]
        return self._table("losses", ("loss", "step"), rows)

    def sandboxes(self) -> Section:
        rows = []
        for event in self.inputs.events:
            if event.type == "sandbox.compared":
                word = "as_before" if event.data["equal"] else "not_as_before"
                target = text_at(event.data, "target")
                rows.append((Cell(target), Cell(self.words[word], event.sequence)))
            if event.type == "step.compensation_failed":
                rows.append((Cell(event.step), self._quoted(_said(event), event.sequence)))
        return self._table("sandboxes", ("target", "state"), rows)

    def approvals(self) -> Section:
        rows = [
            (
                Cell(text_at(event.data, "statement"), event.sequence),
                Cell(text_at(event.data, "by")), Cell(_minute(event.at)),
                Cell(text_at(event.data, "key_fingerprint")),
            )
            for event in self.inputs.events if event.type == "approval.given"
        ]  # fmt: skip
        return self._table("approvals", ("statement", "by", "date", "key"), rows)

    def accepted(self) -> tuple[Milestone, ...]:
        plan = self.inputs.plan
        if self.inputs.milestone:
            return tuple(one for one in plan.milestones if one.id == self.inputs.milestone)
        return tuple(one for one in plan.milestones if one.criteria)

    def delivered(self, milestones: Iterable[Milestone]) -> Section:
        chosen = {one.id for one in milestones}
        rows = [
            (Cell(f"{event.step}/{path}"), Cell(str(digest), event.sequence))
            for event in self.inputs.events
            if event.type == "step.succeeded" and event.milestone in chosen
            for path, digest in sorted((at(event.data, "outcome.artifacts") or {}).items())
        ]
        bundle = text_at(self.inputs.events[0].data, "bundle")
        first = (Cell(self.words["labels"]["bundle"]), Cell(bundle, 1))
        return self._table("delivered", ("item", "sha256"), [first, *rows])

    def reservations(self) -> Section:
        blank = [tuple(self._blank(n) for n in ("reservation", "owner", "due")) for _ in range(2)]
        return self._table("reservations", ("reservation", "owner", "due"), blank)

    def decision(self) -> Section:
        choices = (f"☐ {text}" for text in self.words["decisions"])
        return Section(self.words["headings"]["decision"], (self.words["decision_lead"], *choices))

    def effect(self) -> Section:
        rows = [
            ("acceptance_date", self._date("TA")),
            ("transition_end", self._date("TX")),
            ("retrieval_end", self._date("TR")),
            ("deletion_end", self._date("TD")),
            ("payment", self._blank("payment")),
            ("penalties", self._penalties()),
        ]
        return self._facts("effect", rows)

    def deletion(self, one: Attested) -> Iterator[Section]:
        for heading, paths in self.words["deletion_fields"].items():
            rows = []
            for path, label in paths.items():
                known = _said_by(look_up(path, one.document), self.words)
                name = self.words["blank"].format(name=label.lower())
                rows.append(
                    (Cell(label), Cell(known, one.line) if known else Cell(name, 0, blank=True))
                )
            yield Section(self.words["headings"][heading], (), (), tuple(rows))
        signed = look_up("signatures", one.document) or ()
        columns = ("name", "role", "date", "place", "signature")
        blank = tuple(self._blank(name) for name in columns)
        members = ("name", "role", "on", "place")
        named = [
            (*(Cell(str(sign.get(name, "")), one.line) for name in members), blank[-1])
            for sign in signed
        ]
        yield self._table("signatures", columns, named or [blank, blank])

    def notice(self) -> Iterator[Section]:
        words = self.words["notices"][self.inputs.notifies]
        yield self._facts(
            "dates",
            [
                (name, self._date(anchor))
                for name, anchor in (
                    ("notice_received", "T0"), ("transition_start", "TS"),
                    ("transition_end", "TX"), ("retrieval_end", "TR"), ("deletion_end", "TD"),
                )
            ],
        )  # fmt: skip
        yield Section(self.words["headings"]["declaration"], tuple(words))
        if self.inputs.notifies == "default":
            rows = [
                (
                    Cell(f"{one.milestone} {title_in(one.title, self.language)}"),
                    Cell(one.due.isoformat() if one.due else "-", 1), Cell(str(one.days)),
                    Cell(one.clause) if one.clause else self._blank("clause"),
                    Cell(one.penalty) if one.penalty else self._blank("penalty"),
                )
                for one in self.inputs.clock if one.state in ("late", "reached-late")
            ]  # fmt: skip
            columns = ("milestone", "due", "days_late", "clause", "penalty")
            yield self._table("late", columns, rows)

    def signatures(self, kind: str) -> Section:
        rows = [
            (
                Cell(self.words["signers"][who]),
                *(self._blank(n) for n in ("name", "date", "signature")),
            )
            for who in self.words["signers_of"][kind]
        ]
        return self._table("signatures", ("capacity", "name", "date", "signature"), rows)

    def _facts(self, heading: str, rows: Iterable[tuple[str, Cell]]) -> Section:
        labels = self.words["labels"]
        return Section(
            self.words["headings"][heading], (), (),
            tuple((Cell(labels[name]), cell) for name, cell in rows),
        )  # fmt: skip

    def _table(
        self, heading: str, columns: Sequence[str], rows: Sequence[tuple[Cell, ...]]
    ) -> Section:  # fmt: skip
        sentences = () if rows else (self.words["none"],)
        if len(rows) > LONGEST_TABLE:
            sentences = (self.words["shortened"].format(n=len(rows) - LONGEST_TABLE),)
        name = self.words["headings"][heading]
        return Section(name, sentences, self._columns(*columns), tuple(rows[:LONGEST_TABLE]))

    def _quoted(self, text: str, line: int = 0) -> Cell:
        return Cell(plain(text, self.language), line)

    def _threshold(self, expected: str) -> str:
        """Return what a criterion asks, its unit in the language of the minutes."""
        asked = plain(expected, self.language).removesuffix(" bool")
        value, _, unit = asked.rpartition(" ")
        return f"{value} {Speech(self.language).coded('COUNTED', unit)}".strip()

    def _columns(self, *names: str) -> tuple[str, ...]:
        return tuple(self.words["labels"][name] for name in names)

    def _blank(self, name: str) -> Cell:
        label = str(self.words["labels"][name]).lower()
        return Cell(self.words["blank"].format(name=label), 0, blank=True)

    def _or_blank(self, value: object, name: str) -> Cell:
        return Cell(value) if isinstance(value, str) and value else self._blank(name)

    def _date(self, anchor: str) -> Cell:
        day = self.inputs.anchors.get(anchor)
        return Cell(day.isoformat(), 1) if day else self._blank("date")

    def _ended(self) -> Cell:
        end = self.inputs.summary.ended_at
        last = self.inputs.events[-1].sequence
        return Cell(_minute(end), last) if end else Cell(self.words["not_ended"], last)

    def _penalties(self) -> Cell:
        found = [
            f"{one.milestone}{colon(self.language)}{one.penalty}"
            for one in self.inputs.clock
            if one.penalty and one.state in ("late", "reached-late")
        ]
        return Cell(semicolon(self.language).join(found), 1) if found else self._blank("penalties")


def _said(event: Event) -> str:
    return text_at(event.data, "message")


def _said_by(value: object, words: Mapping[str, Any]) -> str:
    """Return a field of an attestation in words; an empty list was stated, and says so."""
    if isinstance(value, bool):
        return str(words["yes" if value else "no"])
    if isinstance(value, list | tuple):
        return "; ".join(_said_by(one, words) for one in value) if value else str(words["none"])
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_said_by(one, words)}" for name, one in value.items())
    return "" if value is None else str(value)


def _minute(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def _second(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
