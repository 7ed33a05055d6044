"""Read the text and the metadata of a document that may have been made to harm its reader."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from xml.parsers import expat

MOST_CHARACTERS = 20_000_000
MOST_MEMBERS = 5_000
MOST_UNPACKED_BYTES = 256 * 1024 * 1024
PLAIN = {
    ".adoc": "text/plain", ".csv": "text/csv", ".drawio": "application/xml",
    ".json": "application/json", ".log": "text/plain", ".md": "text/markdown",
    ".mmd": "text/plain", ".puml": "text/plain", ".rst": "text/plain", ".svg": "image/svg+xml",
    ".txt": "text/plain", ".xml": "application/xml", ".yaml": "application/yaml",
    ".yml": "application/yaml",
}  # fmt: skip
HTML = {".htm": "text/html", ".html": "text/html"}
_OFFICE = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"
PACKED = {
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".vsdx": "application/vnd.ms-visio.drawing.main+xml",
    ".odt": f"{_ODF}.text",
    ".odg": f"{_ODF}.graphics",
    ".odp": f"{_ODF}.presentation",
    ".ods": f"{_ODF}.spreadsheet",
}
PDF = {".pdf": "application/pdf"}
IMAGES = {
    ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png",
    ".webp": "image/webp",
}  # fmt: skip
MEDIA_TYPES = {**PLAIN, **HTML, **PACKED, **PDF, **IMAGES}
_PARAGRAPHS = {"p", "h", "row", "si", "title"}
_FRONT_MATTER = re.compile(r"\A---\r?\n(.{0,4000}?)\r?\n---\r?\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DocumentText:
    """What a document says; `fault` is why its text is not, or not wholly, known.

    `modified` is the day the document itself names, None where it names none. An image has no
    text and no fault.
    """

    text: str = ""
    title: str = ""
    author: str = ""
    modified: dt.date | None = None
    fault: str = ""


def is_rewritable(path: Path) -> bool:
    """Tell whether the file is its text, so that masking its bytes leaves a readable document."""
    return path.suffix.lower() in PLAIN or path.suffix.lower() in HTML


def read_document(path: Path, deadline_s: int) -> DocumentText:
    """Return what `path` says; whatever is wrong with it is a `fault`, never an exception."""
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        return DocumentText()
    if suffix in PDF:
        return _pdf(path, deadline_s)
    if suffix in PACKED:
        return _packed(path)
    if is_rewritable(path):
        return _plain(path.read_bytes(), is_html=suffix in HTML)
    return DocumentText(fault=f"no reader for {suffix or 'a file without a suffix'}")


def _plain(body: bytes, *, is_html: bool) -> DocumentText:
    encoding = "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding == "utf-16":
        return DocumentText(fault="UTF-16; save it as UTF-8")
    text = body.decode(encoding, "replace")
    if "\0" in text:
        return DocumentText(fault="not text: it holds null bytes")
    if is_html:
        page = _Page()
        page.feed(text)
        page.close()
        return DocumentText("".join(page.parts), title="".join(page.title).strip())
    front = _FRONT_MATTER.match(text)
    named = dict(_front_matter(front[1])) if front else {}
    return DocumentText(
        text, named.get("title", ""), named.get("owner", named.get("author", "")),
        _day(named.get("date", named.get("updated", ""))),
    )  # fmt: skip


def _front_matter(head: str) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in head.splitlines())
    return [(name.strip().lower(), value.strip().strip("'\"")) for name, _, value in pairs]


class _Page(HTMLParser):
    """Collect what a page says, without its scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "title"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""
        if tag in ("p", "div", "li", "tr", "h1", "h2", "h3", "h4", "br", "pre"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title.append(data)
        elif not self._inside:
            self.parts.append(data)


class _TooMuch(Exception):
    """A document unfolds into more than its reader is willing to hold."""


class _Xml:
    """Collect the character data of an XML part, a line for each paragraph.

    A document type declaration is refused: no office program writes one, and entities unfold.
    """

    def __init__(self, wanted: tuple[str, ...] = ()) -> None:
        self.parts: list[str] = []
        self.named: dict[str, str] = {}
        self._wanted = wanted
        self._open = ""
        self._length = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._open = name.rpartition(" ")[2]

    def _end(self, name: str) -> None:
        self._open = ""
        if name.rpartition(" ")[2] in _PARAGRAPHS:
            self.parts.append("\n")

    def _data(self, data: str) -> None:
        self._length += len(data)
        if self._length > MOST_CHARACTERS:
            raise _TooMuch(f"more than {MOST_CHARACTERS} characters of text")
        self.parts.append(data)
        if self._open in self._wanted:
            self.named[self._open] = self.named.get(self._open, "") + data

    def _doctype(self, *declaration: object) -> None:
        raise _TooMuch("an XML part declares a document type; save it anew with an office program")


def _packed(path: Path) -> DocumentText:
    """Read every XML part of an office document: text, notes, comments, headers, cells."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _parts(archive)
    except (_TooMuch, zipfile.BadZipFile, expat.ExpatError) as fault:
        return DocumentText(fault=f"not readable: {fault}")
    except (RuntimeError, NotImplementedError, EOFError, zlib.error, OSError, ValueError) as fault:
        return DocumentText(fault=f"not readable: {type(fault).__name__}")


def _parts(archive: zipfile.ZipFile) -> DocumentText:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise _TooMuch(f"{len(members)} members in one file")
    about = DocumentText()
    texts: list[str] = []
    left = MOST_UNPACKED_BYTES
    for member in sorted(members, key=lambda one: one.filename):
        if not member.filename.endswith(".xml"):
            continue
        # The size a member declares may be a lie; what is read is counted.
        with archive.open(member) as stream:
            body = stream.read(left + 1)
        left -= len(body)
        if left < 0:
            raise _TooMuch(f"more than {MOST_UNPACKED_BYTES} bytes when unpacked")
        if member.filename in ("docProps/core.xml", "meta.xml"):
            about = _about(body)
        else:
            texts.append(_text(body))
    return replace(about, text="\n".join(text for text in texts if text.strip()))


def _text(body: bytes) -> str:
    part = _Xml()
    part.parser.Parse(body, True)
    return "".join(part.parts)


def _about(body: bytes) -> DocumentText:
    part = _Xml(("title", "creator", "modified", "date"))
    part.parser.Parse(body, True)
    named = {name: value.strip() for name, value in part.named.items()}
    return DocumentText(
        "", named.get("title", ""), named.get("creator", ""),
        _day(named.get("modified", named.get("date", ""))),
    )  # fmt: skip


def _pdf(path: Path, deadline_s: int) -> DocumentText:
    """Read a PDF in a process of its own, which ends when its time or its memory does."""
    command = [sys.executable, "-P", "-m", "exitkit.drivers.pdf_text", str(path)]
    limits = [str(deadline_s), str(MOST_CHARACTERS)]
    try:
        done = subprocess.run(
            [*command, *limits], capture_output=True, timeout=deadline_s, check=False
        )
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
    except subprocess.TimeoutExpired:
        return DocumentText(fault=f"not read within {deadline_s} s")
    except ValueError:
        answer = {}
    if not answer:
        return DocumentText(fault="not a PDF that can be read")
    return DocumentText(
        answer["text"], answer["title"], answer["author"], _day(answer["modified"]),
        answer["fault"],
    )  # fmt: skip


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None
