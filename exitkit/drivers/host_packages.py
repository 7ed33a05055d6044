"""Read what package managers say of installed software: name, version, license, publisher."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Files = Mapping[str, str]
Row = dict[str, Any]
LONGEST_FIELD = 300
_COMMON_LICENSE = "/usr/share/common-licenses/"
_GEM_FIELD = re.compile(r"^\s*\w+\.(name|version|licenses?|authors) = (.*)$")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")


def dpkg(files: Files) -> Iterator[Row]:
    """Packages that are installed, not those of which only the settings are left."""
    for fields in _tabbed(files, 5):
        status, name, version, architecture, maintainer = fields
        if status.strip().startswith(("ii", "hi")):
            yield _row("deb", name, version, "", maintainer, architecture)


def dpkg_licenses(files: Files) -> Iterator[Row]:
    """The licenses that the copyright file of each package names for its files."""
    for path, text in files.items():
        found: list[str] = []
        begins_stanza = False
        is_dep5 = "Format:" in text
        for line in text.splitlines():
            if line.startswith("Files:"):
                begins_stanza = True
            elif line.startswith("License:") and begins_stanza:
                # A stanza without `Files:` only spells out a text named elsewhere.
                found.append(_short(line.removeprefix("License:")))
                begins_stanza = False
            elif line.startswith(_COMMON_LICENSE) and not is_dep5:
                found.append(line.removeprefix(_COMMON_LICENSE).rstrip("."))
        licenses = sorted({name for name in found if name})
        yield {"package": path.split("/")[-2], "licenses": licenses, "is_dep5": is_dep5}


def rpm(files: Files) -> Iterator[Row]:
    """Packages of the RPM database; the keys it trusts are not packages."""
    for name, epoch, version, architecture, license_, vendor in _tabbed(files, 6):
        if name == "gpg-pubkey":
            continue
        whole = version if epoch in ("", "0", "(none)") else f"{epoch}:{version}"
        vendor = "" if vendor == "(none)" else vendor
        yield _row("rpm", name, whole, license_, vendor, architecture)


def apk(files: Files) -> Iterator[Row]:
    """Packages of Alpine's database: one field a line, an empty line between packages."""
    for text in files.values():
        for paragraph in text.split("\n\n"):
            fields = dict(line.split(":", 1) for line in paragraph.splitlines() if line[1:2] == ":")
            if "P" in fields:
                yield _row(
                    "apk", fields["P"], fields.get("V", ""), fields.get("L", ""),
                    fields.get("m", ""), fields.get("A", ""),
                )  # fmt: skip


def pip(files: Files) -> Iterator[Row]:
    """Python packages; the expression counts before the free text, and that before the classes."""
    for path, text in files.items():
        fields: dict[str, list[str]] = {}
        for line in text.splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.strip())
        free = [v for v in fields.get("License", []) if v and v.upper() != "UNKNOWN"]
        classes = [
            value.split("::")[-1].strip()
            for value in fields.get("Classifier", [])
            if value.count("::") > 1 or not value.endswith("OSI Approved")
        ]
        license_ = next(iter(fields.get("License-Expression", []) or free), "")
        if "name" in text.lower() and fields.get("Name"):
            yield _row(
                "pypi", fields["Name"][0], next(iter(fields.get("Version", [])), ""),
                license_ or " AND ".join(f"({name})" for name in classes),
                next(iter(fields.get("Author", [])), ""), place=_above(path, 2),
            )  # fmt: skip


def npm(files: Files) -> Iterator[Row]:
    """Node packages at the top of their own folder; fixtures deeper inside are no packages."""
    for path, text in files.items():
        below = path.rpartition("/node_modules/")[2].split("/")
        if len(below) != (3 if below[0].startswith("@") else 2):
            continue
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict) and isinstance(document.get("name"), str):
            yield _row(
                "npm", document["name"], str(document.get("version", "")), _npm_license(document),
                _npm_author(document.get("author")), place=_above(path, len(below)),
            )  # fmt: skip


def gem(files: Files) -> Iterator[Row]:
    """Ruby packages by their specifications."""
    for path, text in files.items():
        fields: dict[str, list[str]] = {}
        for line in text.splitlines():
            if found := _GEM_FIELD.match(line):
                values = [first or second for first, second in _QUOTED.findall(found[2])]
                fields.setdefault(found[1].removesuffix("s"), values)
        if fields.get("name"):
            licenses = fields.get("license", [])
            yield _row(
                "gem", fields["name"][0], next(iter(fields.get("version", [])), ""),
                " OR ".join(licenses), ", ".join(fields.get("author", [])), place=_above(path, 2),
            )  # fmt: skip


def jar(files: Files) -> Iterator[Row]:
    """Java archives by manifest, and by the Maven coordinates that fit the archive's name."""
    for text in files.values():
        for path, body in _archives(text):
            yield _archive(path, body)


def _archives(text: str) -> Iterator[tuple[str, str]]:
    path, lines = "", list[str]()
    for line in text.splitlines():
        if line.startswith("/") and line.endswith(".jar"):
            if path:
                yield path, "\n".join(lines)
            path, lines = line, []
        else:
            lines.append(line)
    if path:
        yield path, "\n".join(lines)


def _archive(path: str, body: str) -> Row:
    file_name = path.rpartition("/")[2].removesuffix(".jar")
    manifest: dict[str, str] = {}
    # A manifest breaks a line after 72 bytes and goes on behind a space.
    for line in body.replace("\n ", "").splitlines():
        name, separator, value = line.partition(": ")
        if separator and name not in manifest:
            manifest[name] = value.strip()
    name = manifest.get("Bundle-SymbolicName", "").split(";")[0]
    name = name or manifest.get("Implementation-Title", "") or file_name
    version = manifest.get("Bundle-Version") or manifest.get("Implementation-Version", "")
    for group, artifact, found in _coordinates(body):
        if file_name == artifact or file_name.startswith(f"{artifact}-"):
            name, version = f"{group}/{artifact}", found or version
    publisher = manifest.get("Bundle-Vendor") or manifest.get("Implementation-Vendor", "")
    license_ = manifest.get("Bundle-License", "").split(";")[0]
    row = _row("maven", name, version, license_, publisher, place=_above(path, 1))
    return {**row, "file": f"{file_name}.jar"}


def _coordinates(body: str) -> Iterator[tuple[str, str, str]]:
    fields: dict[str, str] = {}
    for line in body.splitlines():
        name, separator, value = line.partition("=")
        if separator and name in ("groupId", "artifactId", "version"):
            fields[name] = value.strip()
        if len(fields) == 3:
            yield fields["groupId"], fields["artifactId"], fields["version"]
            fields = {}


def _npm_license(document: Mapping[str, Any]) -> str:
    written = document.get("license", document.get("licenses", ""))
    several = written if isinstance(written, list) else [written]
    names = [one.get("type", "") if isinstance(one, dict) else one for one in several]
    return " OR ".join(str(name) for name in names if name)


def _npm_author(author: Any) -> str:
    return str(author.get("name", "")) if isinstance(author, dict) else str(author or "")


def _row(
    manager: str, name: str, version: str, license_: str, publisher: str,
    architecture: str = "", place: str = "",
) -> Row:  # fmt: skip
    fields = {
        "manager": manager, "name": name, "version": version, "license": license_,
        "publisher": publisher, "architecture": architecture, "place": place,
    }  # fmt: skip
    return {member: _short(value) for member, value in fields.items() if value.strip()}


def _tabbed(files: Files, fields: int) -> Iterator[list[str]]:
    for text in files.values():
        for line in text.splitlines():
            parts = line.split("\t")
            if len(parts) == fields:
                yield parts


def _above(path: str, levels: int) -> str:
    return "/".join(path.split("/")[:-levels]) or "/"


def _short(text: str) -> str:
    return " ".join(text.split())[:LONGEST_FIELD]
