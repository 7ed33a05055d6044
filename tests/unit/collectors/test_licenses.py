"""Read license schedules, good ones and bad ones."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import pytest

from exitkit.collectors.licenses import LicensesCollector
from exitkit.demo.files import write_licenses
from exitkit.errors import InputError
from exitkit.model.asset import Asset, Relation
from exitkit.model.holdings import License
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Draft, Gap, Level
from exitkit.ports import Context, Finding, Source

HEADER = "product,publisher,type,metric,quantity,transferable,clause,notice_days,expires_on\n"


def collect(tmp_path: Path, *names: str) -> list[Finding]:
    source = Source("agreements", "licenses", {"paths": list(names)}, tmp_path)
    now = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
    context = Context(now=now, spool=tmp_path, mask_key=b"k" * 32, environ={})
    return list(LicensesCollector().collect(source, context))


def test_every_agreement_of_the_demo_is_found_with_its_word_on_transfer(tmp_path: Path) -> None:
    expected = write_licenses(tmp_path / "licenses.csv")
    findings = collect(tmp_path, "licenses.csv")
    found = {(f.ref.native_type, f.ref.native_id) for f in findings if isinstance(f, Asset)}
    assert found == {(native_type, native_id) for _, _, _, native_type, native_id in expected}
    words = [f.transferable for f in findings if isinstance(f, License)]
    assert len(words) == 11
    assert set(words) == {"yes", "with-consent", "no", "unknown"}
    assert len([f for f in findings if isinstance(f, Relation)]) == 11
    verdicts = [f for f in findings if isinstance(f, Draft | Gap) and f.aspect is Aspect.LICENSE]
    assert len(verdicts) == 11
    levels = {
        license_.transferable: verdict.level
        for license_ in findings
        if isinstance(license_, License)
        for verdict in verdicts
        if verdict.ref == license_.ref
    }
    assert levels == {
        "yes": Level.IMPORTABLE,
        "with-consent": Level.DESCRIBED,
        "no": Level.NONE,
        "unknown": Level.UNKNOWN,
    }


def test_the_notice_date_is_counted_back_from_the_expiry(tmp_path: Path) -> None:
    line = "Db,Maker,subscription,core,8,with-consent,12.3,90,2027-06-30\n"
    (tmp_path / "a.csv").write_text(HEADER + line)
    [license_] = [f for f in collect(tmp_path, "a.csv") if isinstance(f, License)]
    assert license_.notice_date == dt.date(2027, 4, 1)
    assert license_.quantity == 8


def test_a_word_nobody_wrote_is_unknown_and_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("product,publisher,transferable\nDb,Maker,\n")
    findings = collect(tmp_path, "a.csv")
    assert [f.transferable for f in findings if isinstance(f, License)] == ["unknown"]
    assert [f.level for f in findings if isinstance(f, Gap)] == [Level.UNKNOWN]


def test_yaml_and_semicolons_read_like_commas(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("product;publisher;transferable\nDb;Maker;no\n")
    (tmp_path / "b.yaml").write_text(
        "agreements:\n- {product: Db2, publisher: Maker, transferable: no, quantity: 3,\n"
        "   expires_on: 2027-01-01, restrictions: [territory, named-provider]}\n"
    )
    first, second = [f for f in collect(tmp_path, "a.csv", "b.yaml") if isinstance(f, License)]
    assert (first.transferable, second.transferable) == ("no", "no")
    assert second.restrictions == ("territory", "named-provider")
    assert second.expires_on == dt.date(2027, 1, 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEADER + "Db,Maker,,,1,maybe,,,\n", "a.csv:2: transferable: 'maybe' is not one of"),
        (HEADER + "Db,Maker,,,1,yes,,,\n,Maker,,,1,yes,,,\n", "a.csv:3: product: is empty"),
        (HEADER + "Db,Maker,,,many,yes,,,\n", "a.csv:2: quantity: 'many' is not a whole number"),
        (HEADER + "Db,Maker,,,1,yes,,,30.06.2027\n", "a.csv:2: expires_on: '30.06.2027' is not"),
        (HEADER + "Db,Maker\n", "a.csv:2: 2 fields where the header has 9"),
        (HEADER + "Db,Maker,magic,,1,yes,,,\n", "a.csv:2: type: 'magic' is not one of"),
        ("product,publisher\nDb,Maker\n", "a.csv:1: column 'transferable' is missing"),
        ("product,publisher,transferable,license_key\n", "a.csv:1: no column 'license_key'"),
    ],
)
def test_a_bad_row_is_one_line_with_file_and_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError) as fault:
        collect(tmp_path, "a.csv")
    assert str(fault.value).startswith(complaint)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("auto_renewal", "maybe", "'maybe' is not one of yes, no, unknown"),
        ("start_on", "1/2/2026", "'1/2/2026' is not a day; write YYYY-MM-DD"),
        ("transfer_fee", "about 100", "'about 100' is not an amount; write 1200.50"),
        ("lead_time_days", "soon", "'soon' is not a whole number"),
    ],
)
def test_what_an_agreement_says_beside_its_record_has_a_form_too(
    tmp_path: Path, column: str, value: str, complaint: str
) -> None:
    head = f"product,publisher,transferable,{column}\n"
    (tmp_path / "a.csv").write_text(f"{head}Db,Maker,yes,{value}\n")
    with pytest.raises(InputError) as fault:
        collect(tmp_path, "a.csv")
    assert str(fault.value) == f"a.csv:2: {column}: {complaint}"


def test_a_missing_schedule_is_a_line_of_the_ledger(tmp_path: Path) -> None:
    [call] = collect(tmp_path, "none.csv")
    assert isinstance(call, Call)
    assert call.outcome is CallOutcome.UNAVAILABLE


def test_a_secret_in_the_schedule_is_masked_in_its_copy(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "Db,Maker,,,1,no,password=hunter2-9Wq,,\n")
    assert "hunter2-9Wq" not in repr(collect(tmp_path, "a.csv"))


def workbook(path: Path, *rows: tuple[str, ...]) -> None:
    """Write the smallest OpenDocument sheet that is one, without a library to write it."""
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{text}</text:p>'
            "</table:table-cell>"
            for text in row
        )
        + "</table:table-row>"
        for row in rows
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    body = f"<office:body><office:spreadsheet><table:table table:name='A'>{cells}</table:table>"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        packed.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{manifest}"/>')
        packed.writestr(
            "content.xml",
            f"<office:document-content {spaces}>{body}</office:spreadsheet></office:body>"
            "</office:document-content>",
        )


def test_a_workbook_reads_like_a_table_and_only_what_was_read_is_kept(tmp_path: Path) -> None:
    head = ("product", "publisher", "transferable", "clause", "page", "counted_as")
    workbook(tmp_path / "a.ods", head, ("Db", "Maker", "yes", "password=hunter2-9Wq", "14", "db*"))
    findings = collect(tmp_path, "a.ods")
    [agreement] = [f for f in findings if isinstance(f, Asset) and "License/" in f.ref.native_type]
    assert (agreement.config["page"], agreement.config["counted_as"]) == ("14", "db*")
    [kept] = [f for f in findings if isinstance(f, Draft) and f.aspect is Aspect.DOCUMENTATION]
    assert kept.format == "text/csv"
    assert "hunter2-9Wq" not in repr(findings)
    workbook(tmp_path / "b.ods", (*head, "license_key"), ("Db", "M", "no", "1", "", "", "K"))
    with pytest.raises(InputError, match=r"b\.ods:1: no column 'license_key'"):
        collect(tmp_path, "b.ods")


def test_rows_with_one_id_are_kept_apart_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "Db,M,,,1,yes,§ 3,,\nCache,M,,,4,no,,,\n")
    (tmp_path / "b.csv").write_text(HEADER + "Db,M,,,2,no,,,\n")
    findings = collect(tmp_path, "a.csv", "b.csv")
    held = {f.ref.native_id: f.quantity for f in findings if isinstance(f, License)}
    assert held == {"M/Db": 1, "M/Cache": 4, "M/Db#2": 2}
    verdicts = {
        f.ref.native_id: f
        for f in findings
        if isinstance(f, Draft | Gap) and f.aspect is Aspect.LICENSE
    }
    assert verdicts["M/Cache"].level is Level.NONE
    for native_id in ("M/Db", "M/Db#2"):
        verdict = verdicts[native_id]
        assert isinstance(verdict, Gap)
        assert verdict.level is Level.UNKNOWN
        assert "M/Db stands on a.csv:2, b.csv:2" in verdict.text


def test_an_id_that_looks_like_a_second_row_stays_its_own(tmp_path: Path) -> None:
    rows = ["Db,M,yes,x", "Db,M,yes,x", "Db,M,yes,x#2"]
    (tmp_path / "a.csv").write_text("\n".join(["product,publisher,transferable,id", *rows, ""]))
    found = [f.ref.native_id for f in collect(tmp_path, "a.csv") if isinstance(f, License)]
    assert found == ["x", "x#4", "x#2"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("product,publisher,transferable\nDb,M,no\n")
    findings = collect(tmp_path, "a.csv", "a.csv")
    assert [f.ref.native_id for f in findings if isinstance(f, License)] == ["M/Db"]
