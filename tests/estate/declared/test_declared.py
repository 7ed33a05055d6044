"""Take in registers as they are exported, and hold them against what a snapshot observed."""

from __future__ import annotations

import csv
import datetime as dt
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from exitkit.cli.main import run
from exitkit.collectors.declared import DeclaredCollector
from exitkit.demo import arm_estate
from exitkit.demo.arm_server import ArmServer
from exitkit.drivers.tables import read_table
from exitkit.errors import InputError
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Gap
from exitkit.ports import Context, Source
from exitkit.store.keys import generate_key

TOKEN = "pl4nted-arm-token-8Fg5"
ROWS = [("Hostname", "Serial", "Class"), ("core-1", "FDO123", "Switch"), ("core-2", "", "Switch")]
COLUMNS = {"name": "Hostname", "serial": "Serial", "type": "Class"}


def as_csv(path: Path, delimiter: str = ";") -> Path:
    path.write_text("\ufeff" + "".join(delimiter.join(row) + "\r\n" for row in ROWS))
    return path


def as_json(path: Path) -> Path:
    objects = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
    objects[0]["Class"] = {"display_value": "Switch", "value": "abc"}  # type: ignore[assignment]
    path.write_text(json.dumps({"result": objects}))
    return path


def as_xlsx(path: Path, sheet: str = "CIs") -> Path:
    """Write the smallest workbook that is one, without a library to write it."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    cells = "".join(
        "<row>"
        + "".join(f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>' for text in row)
        + "</row>"
        for row in ROWS
    )
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
        'package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/'
        'officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet '
        f'name="{sheet}" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData>'
        "</worksheet>",
    }
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [("a.csv", as_csv), ("b.csv", lambda path: as_csv(path, ",")), ("c.json", as_json),
     ("d.xlsx", as_xlsx)],
)  # fmt: skip
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, write: Any) -> None:
    rows = [row for _, row in read_table(write(tmp_path / name))]
    assert [{k: v for k, v in row.items() if v} for row in rows] == [
        {"Hostname": "core-1", "Serial": "FDO123", "Class": "Switch"},
        {"Hostname": "core-2", "Class": "Switch"},
    ]


@pytest.mark.parametrize(
    ("name", "body", "fault"),
    [
        ("a.csv", b"", "no headings"),
        ("a.csv", b"A;A\n1;2\n", "two columns are called 'A'"),
        ("a.csv", b"A\n\xff\n", "not UTF-8"),
        ("a.json", b'{"x": 1}', "no list of objects"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.xlsx", b"PK\x03\x04rubbish", "not a workbook"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, name: str, body: bytes, fault: str
) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(InputError, match=fault) as raised:
        list(read_table(tmp_path / name))
    assert "\n" not in str(raised.value)


def test_a_sheet_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sheet 'Other'; there are CIs"):
        list(read_table(as_xlsx(tmp_path / "a.xlsx"), "Other"))


def collected(folder: Path, **more: Any) -> list[Any]:
    entry = {"path": "cmdb.csv", "party": "Provider SA", "date": "2026-11-01", "columns": COLUMNS}
    source = Source("cmdb", "declared", {"files": [{**entry, **more}]}, folder)
    now = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
    return list(DeclaredCollector().collect(source, Context(now, folder, b"k" * 32, {})))


def test_rows_become_assets_with_who_declared_them_and_secrets_masked(tmp_path: Path) -> None:
    written = "Hostname;Serial;Class\ncore-1;FDO123;password=Pl4nted99\n"
    (tmp_path / "cmdb.csv").write_text(written)
    line, asset = collected(tmp_path)
    assert isinstance(line, Call)
    assert (line.outcome, line.count) == (CallOutcome.COLLECTED, 1)
    assert line.reason == "declared by Provider SA on 2026-11-01"
    assert isinstance(asset, Asset)
    assert asset.identifiers == (("serial", "FDO123"),)
    assert asset.config["declared"] == {
        "party": "Provider SA", "date": "2026-11-01", "file": "cmdb.csv", "row": 2,
    }  # fmt: skip
    assert "Pl4nted99" not in str(asset.config)


def test_a_column_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    as_csv(tmp_path / "cmdb.csv")
    with pytest.raises(InputError, match="no column 'Nowhere'; there are Hostname, Serial, Class"):
        collected(tmp_path, columns={"name": "Nowhere"})


def test_rows_that_share_an_id_are_all_kept_and_end_as_a_gap_that_names_them(
    tmp_path: Path,
) -> None:
    as_csv(tmp_path / "cmdb.csv")
    line, asset, gap = collected(tmp_path, columns={"id": "Class", "name": "Hostname"})
    assert line.count == 2
    rows = [asset.config, *asset.config["further"]]
    assert [row["fields"]["name"] for row in rows] == ["core-1", "core-2"]
    assert isinstance(gap, Gap)
    assert gap.ref == asset.ref
    assert "stands on cmdb.csv:2, cmdb.csv:3" in gap.text


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    tmp_path = tmp_path_factory.mktemp("workspace")
    double = ArmServer(TOKEN)
    arm_estate.seed(double)
    double.start()
    generate_key(tmp_path / "keys/exitkit.pem", tmp_path / "keys/exitkit.pub")
    (tmp_path / "keys/masking.key").write_text("00" * 32)
    machines = [i for i in double.resources if "/virtualmachines/" in i and i.count("/") == 8]
    (tmp_path / "cmdb.csv").write_text(
        "CI;Name;Site\n"
        f"{machines[0].upper()};{machines[0].rpartition('/')[2]};elsewhere\n"
        "CI-9;<b>ghost</b>;nowhere\n"
    )
    (tmp_path / "exitkit.yaml").write_text(
        "schema: exitkit/workspace/1\nseries: acme\nsources:\n"
        f"  - {{id: az, type: azure, endpoint_url: '{double.endpoint}'}}\n"
        "  - id: cmdb\n    type: declared\n    files:\n"
        "      - {path: cmdb.csv, party: Provider SA, date: 2026-11-01,"
        " columns: {id: CI, name: Name, region: Site}}\n"
        "signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXITKIT_AZURE_TOKEN", TOKEN)
        assert run(["snapshot", "-w", str(tmp_path)]) == 0
    yield tmp_path
    double.stop()


def test_the_joint_inventory_says_of_each_thing_where_it_stands(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ["-w", str(workspace)]
    capsys.readouterr()
    assert run(["joint-inventory", "--csv", *here]) == 1
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    (differing,) = [row for row in rows if row["standing"] == "differing"]
    assert (differing["matched_by"], differing["answers"]) == ("id", "both")
    assert differing["differences"].startswith("region: elsewhere | ")
    (ghost,) = [row for row in rows if row["standing"] == "declared-only"]
    assert ghost["declared_id"] == "CI-9"
    unknown = [row for row in rows if row["standing"] == "observed-only"]
    assert unknown
    assert {row["answers"] for row in unknown} == {"provider"}
    assert run(["joint-inventory", *here]) == 1
    assert capsys.readouterr().out.startswith("declared by Provider SA on 2026-11-01: 2 things")
    assert run(["joint-inventory", "--lang", "fr", *here]) == 1
    said = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    assert said.startswith("déclaré par Provider SA le 2026-11-01 : 2 éléments")
    assert "déclarés et non constatés : 1\n" in said


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Minutes of the joint inventory"),
        ("fr", "Procès-verbal d\u2019inventaire contradictoire"),
    ],
)
def test_the_minutes_are_written_for_both_to_sign(
    workspace: Path, capsys: pytest.CaptureFixture[str], language: str, title: str
) -> None:
    capsys.readouterr()
    assert run(["joint-inventory", "--minutes", "--lang", language, "-w", str(workspace)]) == 0
    markdown, page = (Path(line) for line in capsys.readouterr().out.splitlines())
    text = page.read_text(encoding="utf-8")
    assert title in text
    assert "&lt;b&gt;ghost&lt;/b&gt;" in text
    assert "<b>ghost" not in text
    assert "Provider SA" in text
    written = markdown.read_text(encoding="utf-8")
    assert title in written
    assert "\\<b\\>ghost" in written
