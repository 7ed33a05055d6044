"""Read the license schedule: what may come along, on whose word, and by when to ask."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from exitkit.assess.dates import Period, shift
from exitkit.drivers.tables import WORKBOOKS, read_table
from exitkit.errors import InputError
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import License
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Check, Context, Finding, Source
from exitkit.store.paths import segment
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor
from exitkit.workspace.yaml_lines import read_yaml

PROVIDER = "licenses"
AGREEMENT = "License/Agreement"
SCHEDULE = "Document/LicenseSchedule"
TRANSFERABLE = ("yes", "with-consent", "no", "unknown")
TYPES = (
    "academic", "appliance", "client-access", "concurrent-user", "core-points", "custom-metric",
    "device", "evaluation", "named-user", "node-locked", "oem", "perpetual", "processor-points",
    "subscription", "user", "other",
)  # fmt: skip
REQUIRED = ("product", "publisher", "transferable")
COLUMNS = (
    *REQUIRED, "id", "type", "metric", "quantity", "clause", "notice_days", "notice_date",
    "expires_on", "restrictions", "spdx", "page", "counted_as", "licensor", "licensee",
    "purchaser", "purchase_order", "start_on", "auto_renewal", "cost", "currency",
    "mobility_programme", "transfer_fee", "lead_time_days", "document", "quote", "assessed_by",
    "assessed_on", "legal_advice",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    """One agreement as written; `place` is `file:line` for complaints."""

    place: str
    fields: Mapping[str, str]

    def masked(self, redactor: Redactor) -> _Row:
        return _Row(self.place, {name: redactor.apply(v) for name, v in self.fields.items()})

    @property
    def id(self) -> str:
        return self.text("id") or f"{self.text('publisher')}/{self.text('product')}"

    def text(self, column: str) -> str:
        return self.fields.get(column, "").strip()

    def one_of(self, column: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(column) or default
        if value not in choices:
            raise self.fault(column, f"{value!r} is not one of {', '.join(choices)}")
        return value

    def number(self, column: str) -> int | None:
        value = self.text(column)
        if value and not re.fullmatch(r"[0-9]{1,9}", value):
            raise self.fault(column, f"{value!r} is not a whole number")
        return int(value) if value else None

    def amount(self, column: str) -> str:
        value = self.text(column)
        if value and not re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,2})?", value):
            raise self.fault(column, f"{value!r} is not an amount; write 1200.50")
        return value

    def day(self, column: str) -> dt.date | None:
        value = self.text(column)
        try:
            return dt.date.fromisoformat(value) if value else None
        except ValueError:
            raise self.fault(column, f"{value!r} is not a day; write YYYY-MM-DD") from None

    def fault(self, column: str, message: str) -> InputError:
        return InputError(f"{self.place}: {column}: {message}")


class LicensesCollector:
    """Agreements of CSV files (`;` or `,`), workbooks or YAML files (`agreements:`)."""

    type: ClassVar[str] = "licenses"
    needs: ClassVar[tuple[str, ...]] = ()

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield each agreement, and the schedule it stands in."""
        redactor = Redactor(CREDENTIAL_PATTERNS, context.mask_key)
        files: list[tuple[Ref, list[_Row]]] = []
        for name in dict.fromkeys(source.settings["paths"]):
            path = source.base / str(name)
            if not path.is_file():
                yield _call(source, str(name), CallOutcome.UNAVAILABLE, 0, f"{name}: no such file")
                continue
            rows = [row.masked(redactor) for row in _rows(path, str(name))]
            outcome = CallOutcome.COLLECTED if rows else CallOutcome.EMPTY
            yield _call(source, str(name), outcome, len(rows))
            schedule = Ref(PROVIDER, source.id, "", SCHEDULE, str(name))
            yield from _schedule(schedule, path, rows, redactor, context)
            files.append((schedule, rows))
        places: dict[str, list[str]] = {}
        for row in (row for _, rows in files for row in rows):
            places.setdefault(row.id, []).append(row.place)
        for schedule, rows in files:
            for row in rows:
                yield from _agreement(source, row, places, schedule, context)

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name nothing: files are read, and no target is a license schedule."""
        return frozenset()

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Read every file once."""
        for name in source.settings["paths"]:
            path = source.base / str(name)
            if not path.is_file():
                yield Check(f"{source.id}: {name}", False, "no such file", "correct `paths:`")
                continue
            count = len(list(_rows(path, str(name))))
            yield Check(f"{source.id}: {name}", True, f"{count} agreements")


def _rows(path: Path, name: str) -> Iterator[_Row]:
    if path.suffix in (".yaml", ".yml"):
        yield from _yaml_rows(path, name)
        return
    if path.suffix.lower() in WORKBOOKS:
        for number, cells in read_table(path):
            _check_columns([*cells], f"{name}:1")
            yield _checked(_Row(f"{name}:{number}", cells))
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if ";" in header else ",")
    columns = [column.strip() for column in next(reader, [])]
    _check_columns(columns, f"{name}:1")
    for values in reader:
        place = f"{name}:{reader.line_num}"
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(columns):
            raise InputError(
                f"{place}: {len(values)} fields where the header has {len(columns)}; "
                "quote a field that holds the separator"
            )
        yield _checked(_Row(place, dict(zip(columns, values, strict=True))))


def _yaml_rows(path: Path, name: str) -> Iterator[_Row]:
    document = read_yaml(path)
    listed = document.value.get("agreements") if isinstance(document.value, dict) else None
    if not isinstance(listed, list):
        raise document.fault((), "no list `agreements:`; begin the file with it")
    for number, item in enumerate(listed):
        place = f"{name}:{document.line_of(('agreements', number))}"
        if not isinstance(item, dict):
            raise InputError(f"{place}: an agreement has named fields; begin with `product:`")
        _check_columns([*item, *(c for c in REQUIRED if c not in item)], place)
        yield _checked(_Row(place, {key: _written(value) for key, value in item.items()}))


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "|".join(_written(item) for item in value)
    return "" if value is None else str(value)


def _check_columns(columns: list[str], place: str) -> None:
    # A column nobody reads could hold license keys, which must not travel along.
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        raise InputError(f"{place}: no column {unknown[0]!r}; use {', '.join(COLUMNS)}")
    if len(set(columns)) < len(columns):
        raise InputError(f"{place}: a column stands twice; keep one of them")
    for column in REQUIRED:
        if column not in columns:
            raise InputError(f"{place}: column {column!r} is missing; add it to the header")


def _checked(row: _Row) -> _Row:
    for column in ("product", "publisher"):
        if not row.text(column):
            raise row.fault(column, "is empty; write it")
    # Fields that no record has a member for: their form is checked here, once.
    for column in ("auto_renewal", "legal_advice"):
        row.one_of(column, ("yes", "no", "unknown"), "unknown")
    for column in ("start_on", "assessed_on"):
        row.day(column)
    row.number("lead_time_days")
    for column in ("cost", "transfer_fee"):
        row.amount(column)
    return row


def _license(source: Source, row: _Row, places: Mapping[str, list[str]]) -> License:
    product, publisher = row.text("product"), row.text("publisher")
    expires_on, notice_days = row.day("expires_on"), row.number("notice_days")
    notice_date = row.day("notice_date")
    if notice_date is None and expires_on is not None and notice_days is not None:
        notice_date = shift(expires_on, Period(days=-notice_days))
    return License(
        Ref(PROVIDER, source.id, "", AGREEMENT, _own_id(row, places)), product, publisher,
        # What nobody wrote down is unknown, never a yes.
        transferable=row.one_of("transferable", TRANSFERABLE, "unknown"),
        license_type=row.one_of("type", TYPES, "other"),
        metric=row.text("metric"), quantity=row.number("quantity") or 0,
        clause=row.text("clause"), notice_days=notice_days, notice_date=notice_date,
        expires_on=expires_on, spdx_expression=row.text("spdx"),
        restrictions=tuple(p.strip() for p in row.text("restrictions").split("|") if p.strip()),
    )  # fmt: skip


def _own_id(row: _Row, places: Mapping[str, list[str]]) -> str:
    """Tell apart the rows that share an id: the first keeps it, so that it stays once corrected."""
    number = places[row.id].index(row.place) + 1
    own = row.id
    while number > 1 and (own == row.id or own in places):
        own = f"{row.id}#{number}"
        number += len(places[row.id])
    return own


def _agreement(
    source: Source,
    row: _Row,
    places: Mapping[str, list[str]],
    schedule: Ref,
    context: Context,
) -> Iterator[Finding]:
    license_ = _license(source, row, places)
    config = {column: row.text(column) for column in COLUMNS if row.text(column)}
    yield Asset(license_.ref, kind_of(AGREEMENT), license_.product, config, context.now)
    yield Relation(license_.ref, "documentedBy", schedule, basis="declared")
    yield license_
    shared = places[row.id]
    yield _ambiguous(license_, row.id, shared) if len(shared) > 1 else _verdict(license_)


def _ambiguous(license_: License, native_id: str, places: list[str]) -> Gap:
    return Gap(
        license_.ref, Aspect.LICENSE, Level.UNKNOWN, "not-assessed",
        f"{native_id} stands on {', '.join(places)}: which of them binds is not known.",
        Responsible.CUSTOMER, "Give each agreement an id of its own in the column `id`.",
        method="license schedule", source=schedule_source(license_), confidence="high",
    )  # fmt: skip


def _verdict(license_: License) -> Draft | Gap:
    ref, publisher, clause = license_.ref, license_.publisher, license_.clause
    notice = f" {license_.notice_days} days ahead" if license_.notice_days else ""

    def gap(level: Level, reason: str, text: str, who: Responsible, workaround: str) -> Gap:
        return Gap(
            ref, Aspect.LICENSE, level, reason, text, who, workaround,
            method="license schedule", source=schedule_source(license_), confidence="high",
        )  # fmt: skip

    if license_.transferable == "unknown":
        return gap(
            Level.UNKNOWN, "not-assessed", "Nobody has written down whether this license may move.",
            Responsible.CUSTOMER, f"Read the agreement with {publisher}; fill in `transferable`.",
        )  # fmt: skip
    if license_.transferable == "no":
        return gap(
            Level.NONE, "license-forbids",
            f"The agreement forbids a transfer ({clause or 'no clause'}).",
            Responsible.VENDOR, f"Buy it anew for the new place, or negotiate with {publisher}.",
        )  # fmt: skip
    if license_.transferable == "with-consent":
        return gap(
            Level.DESCRIBED, "third-party-rights",
            f"{publisher} has to consent to a transfer ({clause or 'no clause named'}).",
            Responsible.VENDOR, f"Ask {publisher} for its written consent{notice}.",
        )  # fmt: skip
    if not clause:
        return gap(
            Level.DESCRIBED, "other", "Said to be transferable, but no clause says so.",
            Responsible.CUSTOMER, f"Find the clause in the agreement with {publisher}.",
        )  # fmt: skip
    return Draft(
        ref, Aspect.LICENSE, Level.IMPORTABLE, method="license schedule", format="agreement",
        loss=tuple(f"restriction: {restriction}" for restriction in license_.restrictions),
    )  # fmt: skip


def schedule_source(license_: License) -> str:
    """Name where the fact was read: the clause of the agreement."""
    return f"agreement with {license_.publisher}, {license_.clause or 'clause not named'}"


def _schedule(
    ref: Ref, path: Path, rows: list[_Row], redactor: Redactor, context: Context
) -> Iterator[Finding]:
    media_type = "application/yaml" if path.suffix in (".yaml", ".yml") else "text/csv"
    if path.suffix.lower() in WORKBOOKS:
        # A workbook has places that nobody reads: what was read is kept, masked, as CSV.
        table = io.StringIO(newline="")
        csv.writer(table).writerows([COLUMNS, *([row.text(c) for c in COLUMNS] for row in rows)])
        text = table.getvalue()
    else:
        text = redactor.apply(path.read_text(encoding="utf-8-sig"))
    place = f"docs/{segment(ref.scope)}/{segment(ref.native_id)}"
    kept = text.encode()
    content = Content(place, kept, media_type, "document", origin="human")
    yield Asset(ref, kind_of(SCHEDULE), path.name, {"file": ref.native_id}, context.now)
    yield Draft(
        ref, Aspect.DOCUMENTATION, Level.IMPORTABLE, method="file", format=media_type,
        contents=(content,), volume_bytes=len(kept),
    )  # fmt: skip


def _call(source: Source, name: str, outcome: CallOutcome, count: int, reason: str = "") -> Call:
    return Call(
        source.id, source.id, "", "licenses:ReadSchedule", outcome, count, binding=name,
        reason=reason,
    )  # fmt: skip
