"""Show the small tables of which every record is told: licenses, scripts, bodies of data."""

from __future__ import annotations

from exitkit.report.figure import Figure, Origin, at, single, text_at
from exitkit.report.parts import AutomationRow, DatasetRow, FindingRow, LicenseRow
from exitkit.report.printed import Names, Printed, Record, Records, numbered

FINDINGS = 12


class Holdings:
    """One such table, read once."""

    def __init__(self, table: str, records: Records, names: Names) -> None:
        """Keep every record and ask for the names of their assets."""
        self.printed = Printed(table)
        self._table = table
        self._rows: list[tuple[int, Record, str]] = []
        for line, record in numbered(records, table):
            self._rows.append((line, record, self.printed.offer(line, record, needed=True)))
            names.want(text_at(record, "asset"))

    def licenses(self) -> tuple[LicenseRow, ...]:
        """Return every agreement, those that stay behind first."""
        order = {"no": 0, "unknown": 1, "with-consent": 2, "yes": 3}
        rows = [self._license(*row) for row in self._rows]
        return tuple(sorted(rows, key=lambda r: (order.get(r.transferable, 1), r.product)))

    def automation(self, names: Names) -> tuple[AutomationRow, ...]:
        """Return every script or repository, the least portable first."""
        order = {"rewrite": 0, "unknown": 1, "adapt": 2, "portable": 3}
        rows = [self._automation(*row, names) for row in self._rows]
        return tuple(sorted(rows, key=lambda r: (order.get(r.portability, 0), r.name.text)))

    def datasets(self, names: Names) -> tuple[DatasetRow, ...]:
        """Return every body of data by name."""
        rows = [self._dataset(*row, names) for row in self._rows]
        return tuple(sorted(rows, key=lambda r: (r.name.text, r.format)))

    def _figure(self, line: int, record: Record, path: str) -> Figure | None:
        return single(self._table, "@id", line, record, path)

    def _license(self, line: int, record: Record, anchor: str) -> LicenseRow:
        return LicenseRow(
            anchor=anchor,
            product=text_at(record, "product"),
            publisher=text_at(record, "publisher"),
            type=text_at(record, "licenseType"),
            transferable=text_at(record, "transferable") or "unknown",
            quantity=self._figure(line, record, "quantity"),
            metric=text_at(record, "metric"),
            clause=text_at(record, "clause"),
            notice_date=text_at(record, "noticeDate"),
            notice_days=self._figure(line, record, "noticeDays"),
            expires_on=text_at(record, "expirationDate"),
            restrictions=tuple(map(str, at(record, "restrictions") or ())),
        )

    def _automation(self, line: int, record: Record, anchor: str, names: Names) -> AutomationRow:
        findings = at(record, "findings") or ()
        where = (("@id", (text_at(record, "@id"),)),)
        return AutomationRow(
            name=names.link(text_at(record, "asset")),
            anchor=anchor,
            language=text_at(record, "language"),
            portability=text_at(record, "portability"),
            total=Figure(len(findings), Origin("automation", where, "length", "findings"), (line,)),
            findings=tuple(_finding(finding) for finding in findings[:FINDINGS]),
        )

    def _dataset(self, line: int, record: Record, anchor: str, names: Names) -> DatasetRow:
        return DatasetRow(
            name=names.link(text_at(record, "asset")),
            anchor=anchor,
            format=text_at(record, "format"),
            consistency=text_at(record, "consistency"),
            records=self._figure(line, record, "records"),
            size_bytes=self._figure(line, record, "sizeBytes"),
        )


def _finding(finding: Record) -> FindingRow:
    return FindingRow(
        path=text_at(finding, "path"),
        line=int(text_at(finding, "line") or 0),
        rule=text_at(finding, "rule"),
        excerpt=text_at(finding, "excerpt"),
    )
