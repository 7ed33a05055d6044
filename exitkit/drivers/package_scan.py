"""Scan the code of a cloud function where it is packed: what it calls, and credentials in it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exitkit.assess.script_findings import portability_of
from exitkit.drivers.script_scan import scan_script
from exitkit.knowledge.script_languages import BINARY, main_language
from exitkit.knowledge.script_rules import UNREADABLE
from exitkit.model.holdings import Finding

MOST_MEMBERS = 5000
LARGEST_MEMBER = 1024 * 1024
LARGEST_SUM = 32 * 1024 * 1024
MOST_FINDINGS = 1000
_LIBRARIES = re.compile(
    r"(?:^|/)(?:node_modules|site-packages|dist-packages|vendor|\.venv|[^/]+\.dist-info)/"
)


@dataclass(frozen=True, slots=True)
class PackageScan:
    """What the own code of a package is; libraries packed with it are left out.

    `masked` names a package with masks for credentials, and is None where there are none.
    """

    language: str
    portability: str
    findings: tuple[Finding, ...]
    credentials: int
    masked: Path | None

    @property
    def losses(self) -> tuple[str, ...]:
        """What the package held here is not."""
        lines = f"{self.credentials} lines with credentials in clear are masked"
        return (lines,) if self.masked else ()


def scan_package(package: Path, key: bytes) -> PackageScan:
    """Read every member of a zip within limits; what is no zip is classed unknown."""
    languages: list[str] = []
    findings: list[Finding] = []
    bodies: dict[str, bytes] = {}
    credentials = 0
    try:
        with zipfile.ZipFile(package) as archive:
            for name, body in _own_code(archive):
                if body is None:
                    findings.append(Finding(name, 0, UNREADABLE, "too large to read"))
                    continue
                script = scan_script(name, body, key)
                if script.language != BINARY:
                    languages.append(script.language)
                    findings += script.findings
                if script.body != body:
                    bodies[name] = script.body
                    credentials += max(script.credentials, 1)
            masked = _rewritten(archive, package, bodies) if bodies else None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        unread = (Finding(package.name, 0, UNREADABLE, str(error)[:160]),)
        return PackageScan(BINARY, portability_of(unread), unread, 0, None)
    return PackageScan(
        main_language(languages), portability_of(findings), tuple(findings[:MOST_FINDINGS]),
        credentials, masked,
    )  # fmt: skip


def _own_code(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes | None]]:
    """Yield members that are not of a library, with bytes or None; a bomb ends the list."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    libraries = {
        name.split("/")[0].rsplit("-", 1)[0].rsplit("-", 1)[0].lower().replace("-", "_")
        for name in archive.namelist()
        if ".dist-info/" in name.split("/")[0] + "/"
    }
    total = 0
    for number, member in enumerate(sorted(members, key=lambda one: one.filename)):
        name = member.filename
        top = name.split("/")[0].removesuffix(".py").lower().replace("-", "_")
        if _LIBRARIES.search(name) or top in libraries:
            continue
        total += member.file_size
        if number >= MOST_MEMBERS or total > LARGEST_SUM or member.file_size > LARGEST_MEMBER:
            yield name, None
            continue
        with archive.open(member) as stream:
            body = stream.read(LARGEST_MEMBER + 1)
        yield name, body if len(body) <= LARGEST_MEMBER else None


def _rewritten(archive: zipfile.ZipFile, package: Path, bodies: dict[str, bytes]) -> Path:
    """Write the package again with masks, everything else as it was."""
    masked = package.with_suffix(".masked.zip")
    with zipfile.ZipFile(masked, "w", zipfile.ZIP_DEFLATED) as copy:
        for member in archive.infolist():
            if member.filename in bodies:
                copy.writestr(member, bodies[member.filename])
                continue
            with archive.open(member) as source, copy.open(member, "w") as target:
                while block := source.read(1 << 20):
                    target.write(block)
    return masked
