"""Read what the commands of knowledge/hosts.yaml print; a line that cannot be read is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_KEY = re.compile(
    r"(?:^|\s)(?P<type>(?:ssh|ecdsa|sk)-[\w@.-]+) (?P<blob>[A-Za-z0-9+/=]+)(?: (?P<comment>.*))?$"
)
_OWN = re.compile(r"^(?P<key>[A-Za-z .-]+?)\s*[:=]\s*(?P<value>.*)$")


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package; `purl_type` is that of a package URL, `license` as it is declared."""

    purl_type: str
    name: str
    version: str
    license: str = ""
    arch: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class SudoRule:
    """A line of sudoers: who may run what, as whom."""

    who: str
    runs: str
    run_as: str
    file: str


@dataclass(frozen=True, slots=True)
class LoginKey:
    """A public key that may log in as `user`; `options` limit what it may do."""

    user: str
    type: str
    blob: str
    comment: str
    options: str
    file: str


def sections(text: str, mark: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (title, lines) of an answer whose parts begin with `mark` and a space."""
    title, lines = "", list[str]()
    for line in text.splitlines():
        if line.startswith(mark + " "):
            if title:
                yield title, lines
            title, lines = line[len(mark) + 1 :].strip(), []
        else:
            lines.append(line)
    if title:
        yield title, lines


def system_of(text: str) -> dict[str, str]:
    """Return the assignments of os-release, `KERNEL` and `HOSTNAME`, without quotes."""
    found = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in found}


def packages_of(answers: Mapping[str, str]) -> Iterator[Package]:
    """Yield every package of every manager that answered, in the order they name them."""
    licenses = {
        name: " AND ".join(dict.fromkeys(_grouped(line.partition(":")[2]) for line in lines))
        for name, lines in sections(answers.get("dpkg-licenses", ""), "##")
    }
    for cells in _cells(answers.get("dpkg", ""), 4):
        if cells[0] == "installed":
            yield Package("deb", cells[1], cells[2], licenses.get(cells[1], ""), cells[3])
    for cells in _cells(answers.get("rpm", ""), 4):
        if cells[0] != "gpg-pubkey":
            yield Package("rpm", cells[0], cells[1], cells[3], cells[2])
    yield from _apk(answers.get("apk", ""))
    for command, read in _METADATA.items():
        for path, lines in sections(answers.get(command, ""), "##"):
            package = read(path, lines)
            if package and package.name:
                yield package


def _grouped(declared: str) -> str:
    """Return one of several licenses so that its own `or` stays within it."""
    text = declared.strip()
    return f"({text})" if " or " in text else text


def _apk(text: str) -> Iterator[Package]:
    for block in re.split(r"\n\s*\n", text):
        row = {line[0]: line[2:] for line in block.splitlines() if line[1:2] == ":"}
        if "P" in row:
            yield Package("apk", row["P"], row.get("V", ""), row.get("L", ""), row.get("A", ""))


def _pip(path: str, lines: list[str]) -> Package | None:
    row: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        if key == "Classifier" and value.strip().startswith("License ::"):
            row.setdefault("classifier", value.rpartition("::")[2].strip())
        else:
            row.setdefault(key, value.strip())
    declared = row.get("License-Expression") or row.get("License") or row.get("classifier", "")
    return Package("pypi", row.get("Name", "").lower(), row.get("Version", ""), declared, path=path)


def _npm(path: str, lines: list[str]) -> Package | None:
    row = dict(re.findall(r'"(name|version|license)"\s*:\s*"([^"]*)"', "\n".join(lines)))
    return Package(
        "npm", row.get("name", ""), row.get("version", ""), row.get("license", ""), path=path
    )


def _gem(path: str, lines: list[str]) -> Package | None:
    text = "\n".join(lines)
    named = re.search(r's\.name\s*=\s*"([^"]+)"', text)
    version = re.search(r's\.version\s*=\s*(?:Gem::Version\.new\()?"([^"]+)"', text)
    licenses = re.search(r"s\.licenses\s*=\s*\[([^\]]*)\]", text)
    said = " OR ".join(re.findall(r'"([^"]+)"', licenses[1])) if licenses else ""
    if not named:
        return None
    return Package("gem", named[1], version[1] if version else "", said, path=path)


def _jar(path: str, lines: list[str]) -> Package | None:
    row = {m["key"]: m["value"].strip() for m in map(_OWN.match, lines) if m}
    stem = path.rpartition("/")[2].removesuffix(".jar")
    name, _, version = stem.rpartition("-")
    own = row.get("Bundle-SymbolicName", "").partition(";")[0] or row.get(
        "Implementation-Title", ""
    )
    number = row.get("Bundle-Version") or row.get("Implementation-Version") or ""
    if not own and version[:1].isdigit():
        own, number = name, number or version
    return Package("maven", own or stem, number, row.get("Bundle-License", ""), path=path)


_METADATA: dict[str, Callable[[str, list[str]], Package | None]] = {
    "pip": _pip, "npm": _npm, "gem": _gem, "jar": _jar,
}  # fmt: skip


def units_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield (unit, state) of `systemctl list-unit-files`."""
    for line in text.splitlines():
        cells = line.split()
        if len(cells) >= 2:
            yield cells[0], cells[1]


def cron_of(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield (file, line number, line) of every job; settings and comments are none."""
    for file, lines in sections(text, "###"):
        for number, line in enumerate(lines, start=1):
            job = line.strip()
            if job and not job.startswith("#") and not re.match(r"^[A-Za-z_]\w*\s*=", job):
                yield file, number, job


def users_of(text: str) -> Iterator[dict[str, object]]:
    """Yield each user of `getent passwd` with the groups of `getent group`."""
    passwd, _, groups = text.partition("### groups\n")
    of: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for line in groups.splitlines():
        cells = line.split(":")
        if len(cells) == 4:
            names[cells[2]] = cells[0]
            for member in filter(None, cells[3].split(",")):
                of.setdefault(member, []).append(cells[0])
    for line in passwd.splitlines():
        cells = line.split(":")
        if len(cells) == 7:
            first = names.get(cells[3], cells[3])
            yield {
                "name": cells[0], "uid": cells[2], "group": first, "comment": cells[4],
                "home": cells[5], "shell": cells[6],
                "groups": sorted({first, *of.get(cells[0], [])}),
            }  # fmt: skip


def sudo_of(text: str) -> Iterator[SudoRule]:
    """Yield each rule of sudoers, continued lines joined; aliases and defaults are no rules."""
    for file, lines in sections(text, "###"):
        joined = "\n".join(lines).replace("\\\n", " ")
        for raw in joined.splitlines():
            line = raw.strip()
            if not line or line[0] in "#@" or re.match(r"(Defaults|\w+_Alias)\b", line):
                continue
            who, _, rest = line.partition(" ")
            found = re.match(r"\s*\S+?\s*=\s*(?:\((?P<as>[^)]*)\))?\s*(?P<what>.+)$", rest)
            if found:
                yield SudoRule(who, found["what"].strip(), found["as"] or "root", file)


def keys_of(text: str) -> Iterator[LoginKey]:
    """Yield each public key of an authorized_keys file."""
    for title, lines in sections(text, "###"):
        user, _, file = title.partition(" ")
        for line in lines:
            found = _KEY.search(line)
            if found and not line.lstrip().startswith("#"):
                yield LoginKey(
                    user, found["type"], found["blob"], (found["comment"] or "").strip(),
                    line[: found.start("type")].strip(), file,
                )  # fmt: skip


def ports_of(text: str) -> Iterator[dict[str, str]]:
    """Yield each listening socket of `ss -Hltunp` with its program, where that was shown."""
    for line in text.splitlines():
        cells = line.split()
        if len(cells) >= 5 and cells[0] in ("tcp", "udp"):
            address, _, port = cells[4].rpartition(":")
            program = re.search(r'users:\(\("([^"]+)"', line)
            yield {
                "protocol": cells[0], "address": address, "port": port,
                "program": program[1] if program else "",
            }  # fmt: skip


def mounts_of(text: str) -> Iterator[dict[str, str]]:
    """Yield each file system of `df -PT -B1`; sizes are bytes."""
    for line in text.splitlines()[1:]:
        cells = line.split(maxsplit=6)
        if len(cells) == 7 and cells[2].isdigit():
            yield {
                "device": cells[0], "type": cells[1], "size_bytes": cells[2],
                "used_bytes": cells[3], "target": cells[6],
            }  # fmt: skip


def images_of(text: str) -> Iterator[dict[str, str]]:
    """Yield each container image with its digest."""
    for cells in _cells(text, 4):
        yield dict(zip(("repository", "tag", "digest", "id"), cells, strict=True))


def _cells(text: str, count: int) -> Iterator[list[str]]:
    for line in text.splitlines():
        cells = line.split("\t")
        if len(cells) == count:
            yield cells
