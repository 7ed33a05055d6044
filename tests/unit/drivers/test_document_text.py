"""Read documents of every form, whole ones, broken ones and ones made to harm."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfWriter

from exitkit.drivers import document_text
from exitkit.drivers.document_text import read_document

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CORE = """<?xml version="1.0"?><cp:coreProperties
 xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">
<dc:title>Restart the shop</dc:title><dc:creator>Operations</dc:creator>
<dcterms:modified>2026-03-04T10:00:00Z</dcterms:modified></cp:coreProperties>"""


def pack(path: Path, **parts: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name.replace("__", "/") + ".xml", body)
    return path


def word(text: str) -> str:
    runs = "".join(f"<w:r><w:t>{part}</w:t></w:r>" for part in text.split("~"))
    return f'<w:document xmlns:w="{WORD}"><w:body><w:p>{runs}</w:p></w:body></w:document>'


def pdf(text: str, password: str = "") -> bytes:
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 612 792] >>",
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Title (Network annex) /Author (Provider) /ModDate (D:20251231120000Z) >>",
    ]
    body, places = "%PDF-1.4\n", []
    for number, item in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{item}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 7\n0000000000 65535 f \n{table}trailer\n<< /Size 7 /Root 1 0 R /Info 6 0 R >>\n"
    plain = f"{body}{end}startxref\n{len(body)}\n%%EOF\n".encode("latin-1")
    if not password:
        return plain
    writer, out = PdfWriter(clone_from=io.BytesIO(plain)), io.BytesIO()
    writer.encrypt(password, algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


def test_a_word_document_gives_text_notes_title_author_and_day(tmp_path: Path) -> None:
    path = pack(
        tmp_path / "a.docx",
        word__document=word("Stop the ser~vice first."),
        word__footnotes=word("Never on a Friday."),
        docProps__core=CORE,
    )
    read = read_document(path, 10)
    assert "Stop the service first." in read.text
    assert "Never on a Friday." in read.text
    assert (read.title, read.author) == ("Restart the shop", "Operations")
    assert read.modified == dt.date(2026, 3, 4)
    assert not read.fault


def test_an_open_document_gives_its_text_and_day(tmp_path: Path) -> None:
    meta = (
        '<m xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Plan</dc:title>'
        "<dc:creator>Exit lead</dc:creator><dc:date>2026-05-06T08:00:00</dc:date></m>"
    )
    content = '<c xmlns:text="urn:text"><text:p>Leave in</text:p><text:p>order.</text:p></c>'
    read = read_document(pack(tmp_path / "a.odt", content=content, meta=meta), 10)
    assert read.text.split() == ["Leave", "in", "order."]
    assert (read.title, read.author, read.modified) == ("Plan", "Exit lead", dt.date(2026, 5, 6))


def test_a_pdf_gives_its_text_title_author_and_day(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf("VLAN 42 is the backup network"))
    read = read_document(tmp_path / "a.pdf", 30)
    assert read.text.strip() == "VLAN 42 is the backup network"
    assert (read.title, read.author) == ("Network annex", "Provider")
    assert read.modified == dt.date(2025, 12, 31)
    assert not read.fault


def test_markdown_and_html_give_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: Backup\nowner: Ops\ndate: 2026-01-02\n---\nGo.\n")
    read = read_document(tmp_path / "a.md", 10)
    assert (read.title, read.author, read.modified) == ("Backup", "Ops", dt.date(2026, 1, 2))
    page = "<title>Wiki</title><script>var x = 'no'</script><p>Caf&eacute;</p>"
    (tmp_path / "a.html").write_text(page)
    read = read_document(tmp_path / "a.html", 10)
    assert (read.title, read.text) == ("Wiki", "Café\n")


@pytest.mark.parametrize(
    ("name", "body", "fault"),
    [
        ("a.pdf", b"%PDF-1.4\nnothing else", "not a PDF that can be read"),
        ("a.docx", b"\xd0\xcf\x11\xe0 an encrypted one", "not readable"),
        ("a.txt", b"\x00\x01\x02", "not text: it holds null bytes"),
        ("a.txt", "password".encode("utf-16"), "UTF-16; save it as UTF-8"),
        ("a.bin", b"\x00", "no reader for .bin"),
        ("NOTES", b"plain", "no reader for a file without a suffix"),
    ],
)
def test_what_cannot_be_read_says_so(tmp_path: Path, name: str, body: bytes, fault: str) -> None:
    (tmp_path / name).write_bytes(body)
    read = read_document(tmp_path / name, 30)
    assert read.fault.startswith(fault)
    assert not read.text


def test_a_pdf_under_a_password_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf("secret plans", password="not given"))
    read = read_document(tmp_path / "a.pdf", 30)
    assert (read.fault, read.text) == ("encrypted: it needs a password", "")


def test_entities_that_unfold_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    read = read_document(pack(tmp_path / "a.docx", word__document=bomb), 10)
    assert "declares a document type" in read.fault
    assert not read.text


def test_an_archive_that_unfolds_is_refused_whatever_it_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_text, "MOST_UNPACKED_BYTES", 10_000)
    path = pack(tmp_path / "a.docx", word__document=word("a" * 200_000))
    assert path.stat().st_size < 10_000
    assert "more than 10000 bytes when unpacked" in read_document(path, 10).fault


def test_an_archive_of_too_many_members_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_text, "MOST_MEMBERS", 3)
    parts = {f"word__part{number}": word("x") for number in range(4)}
    assert "4 members" in read_document(pack(tmp_path / "a.docx", **parts), 10).fault
