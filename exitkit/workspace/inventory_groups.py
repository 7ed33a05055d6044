"""Read groups, hosts and variables as Ansible does: YAML or INI, group_vars and host_vars."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exitkit.errors import InputError
from exitkit.workspace.vault import Unsealed, is_sealed, unseal
from exitkit.workspace.yaml_lines import Document, parse_yaml, read_text

YAML_SUFFIXES = (".yml", ".yaml", ".json")
MAX_HOSTS = 50_000
MAX_FILES = 10_000
_RANGE = re.compile(
    r"\[(?P<first>[0-9]+|[A-Za-z]):(?P<last>[0-9]+|[A-Za-z])(?::(?P<step>[0-9]+))?\]"
)
_SECTION = re.compile(r"\[(?P<group>[^\]:\s]+)(?::(?P<part>vars|children))?\]\s*(?:[#;].*)?$")


@dataclass(slots=True)
class Group:
    """One group: what it says about its hosts, and which groups stand below it."""

    variables: dict[str, Any] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Groups:
    """A whole inventory; `places` holds file and line of each host, for complaints."""

    path: Path
    groups: dict[str, Group] = field(default_factory=dict)
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def fault(self, host: str, message: str) -> InputError:
        """Return the one-line error about a host."""
        return InputError(f"{self.places.get(host, self.path)}: {host}: {message}")

    def group(self, name: str) -> Group:
        """Return a group, a new one where there was none."""
        return self.groups.setdefault(_plain_name(name, self.path), Group())

    def add_host(self, pattern: str, group: str, variables: Mapping[str, Any], place: str) -> None:
        """Put the hosts of a pattern like `edge[01:12]` into a group."""
        for name in _expanded(pattern):
            if len(self.hosts) >= MAX_HOSTS:
                raise InputError(f"{place}: more than {MAX_HOSTS} hosts; split the inventory")
            _plain_name(name, place)
            self.group(group).hosts[name] = None
            self.hosts.setdefault(name, {}).update(variables)
            # The narrower group is where people look for the host.
            if group != "all" or name not in self.places:
                self.places.setdefault(name, place)

    def groups_of(self, host: str) -> list[str]:
        """Return the groups around a host, the widest first; `all` is not among them."""
        parents: dict[str, list[str]] = {}
        for name, group in self.groups.items():
            for child in group.children:
                parents.setdefault(child, []).append(name)
        waiting = [name for name, group in self.groups.items() if host in group.hosts]
        around: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in around:
                around.add(name)
                waiting += parents.get(name, [])
        depths: dict[str, int] = {}
        return sorted(
            around - {"all", "ungrouped"},
            key=lambda name: (
                self._depth(name, parents, depths, ()), self._priority(name), name,
            ),
        )  # fmt: skip

    def site_of(self, host: str) -> str:
        """Return the deepest group of a host, the first written of several."""
        around = self.groups_of(host)
        if not around:
            return "all" if host in self.group("all").hosts else "ungrouped"
        parents = {child for name in around for child in self.groups[name].children}
        order = list(self.groups)
        leaves = [name for name in around if not self.groups[name].children.keys() & set(around)]
        nested = [name for name in leaves if name in parents]
        return min(nested or leaves, key=order.index)

    def _priority(self, name: str) -> int:
        written = self.groups[name].variables.get("ansible_group_priority", 1)
        return written if isinstance(written, int) else 1

    def _depth(
        self, name: str, parents: Mapping[str, list[str]], known: dict[str, int],
        below: tuple[str, ...],
    ) -> int:  # fmt: skip
        if name in below:
            raise InputError(f"{self.path}: group {name} stands below itself; take it out once")
        if name not in known:
            above = [p for p in parents.get(name, ()) if p != "all"]
            depths = [self._depth(p, parents, known, (*below, name)) for p in above]
            known[name] = 1 + max(depths, default=0)
        return known[name]


def read_groups(path: Path, password: str) -> Groups:
    """Return the inventory at `path`; sealed values are opened with `password`."""
    text = read_text(path)
    found = Groups(path)
    found.group("all")
    if path.suffix in YAML_SUFFIXES or (path.suffix == "" and _looks_like_yaml(text)):
        _read_yaml_groups(found, _document(text, path, password))
    else:
        _read_ini(found, text)
    return found


def variables_of(found: Groups, host: str, files: VariableFiles) -> dict[str, Any]:
    """Return what holds for a host, later and narrower places winning, in Ansible's order."""
    around = found.groups_of(host)
    layers = [found.groups["all"].variables]
    layers += [found.groups[name].variables for name in around]
    layers += [files.of("group_vars", name) for name in ("all", *around)]
    layers += [found.hosts[host], files.of("host_vars", host)]
    return dict(itertools.chain.from_iterable(layer.items() for layer in layers))


class VariableFiles:
    """The folders `group_vars` and `host_vars` beside an inventory, each file read once."""

    def __init__(self, base: Path, password: str) -> None:
        self._base = base
        self._password = password
        self._read: dict[tuple[str, str], dict[str, Any]] = {}

    def of(self, folder: str, name: str) -> dict[str, Any]:
        """Return the variables that the files for `name` set, in the order of their paths."""
        key = (folder, name)
        if key not in self._read:
            self._read[key] = {}
            for path in _variable_files(self._base / folder, name):
                self._read[key].update(self._variables(path))
        return self._read[key]

    def _variables(self, path: Path) -> dict[str, Any]:
        text = read_text(path)
        if not text.strip().strip("-"):
            return {}
        document = _document(text, path, self._password)
        if document.value is None:
            return {}
        if not isinstance(document.value, dict):
            raise document.fault((), "variables are a mapping of names to values")
        return document.value


def _variable_files(folder: Path, name: str) -> list[Path]:
    found: list[Path] = []
    for path in (folder / name, *(folder / f"{name}{suffix}" for suffix in YAML_SUFFIXES)):
        if path.is_dir():
            inside = (p for p in itertools.islice(path.rglob("*"), MAX_FILES) if p.is_file())
            found += sorted(p for p in inside if p.suffix in ("", *YAML_SUFFIXES))
        elif path.is_file():
            found.append(path)
    return [p for p in found if not p.name.startswith(".") and not p.name.endswith("~")]


def _document(text: str, path: Path, password: str) -> Document:
    def opened(envelope: str, where: str) -> Unsealed:
        return unseal(envelope, password, where)

    if is_sealed(text):
        document = parse_yaml(unseal(text, password, str(path)), path, opened)
        return Document(path, _marked(document.value), document.lines)
    return parse_yaml(text, path, opened)


def _marked(value: Any) -> Any:
    """Mark all that came out of a sealed file, for any of it may be a secret."""
    if isinstance(value, dict):
        return {name: _marked(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    return Unsealed(value) if isinstance(value, str) else value


def _looks_like_yaml(text: str) -> bool:
    lines = (line for line in text.splitlines() if line.strip() and line[0] not in "#;")
    return bool(re.match(r"---|[A-Za-z_][\w-]*:(?:\s|$)|\{", next(lines, "")))


def _read_yaml_groups(found: Groups, document: Document) -> None:
    if not isinstance(document.value, dict):
        raise document.fault((), "an inventory is a mapping of groups; begin with `all:`")
    for name, members in document.value.items():
        _read_yaml_group(found, document, name, members, (name,))


def _read_yaml_group(
    found: Groups, document: Document, name: str, members: Any, where: tuple[str, ...]
) -> None:
    group = found.group(name)
    members = members or {}
    if not isinstance(members, dict):
        raise document.fault(where, "a group has `hosts`, `vars` and `children`")
    parts = {part: members.get(part) or {} for part in ("vars", "hosts", "children")}
    for part, value in parts.items():
        if not isinstance(value, dict):
            raise document.fault((*where, part), f"`{part}` is a mapping")
    group.variables.update(parts["vars"])
    for host, own in parts["hosts"].items():
        place = (*where, "hosts", host)
        if not isinstance(own or {}, dict):
            raise document.fault(place, "a host is a mapping of variables")
        line = document.line_of(place)
        found.add_host(host, name, own or {}, f"{document.path}:{line}")
    for child, below in parts["children"].items():
        group.children[child] = None
        _read_yaml_group(found, document, child, below, (*where, "children", child))


def _read_ini(found: Groups, text: str) -> None:
    group, part = "ungrouped", "hosts"
    for number, written in enumerate(text.splitlines(), 1):
        line, place = written.strip(), f"{found.path}:{number}"
        if not line or line[0] in "#;":
            continue
        if line.startswith("["):
            section = _SECTION.match(line)
            if section is None:
                raise InputError(f"{place}: {line[:40]!r} is no section; write [group]")
            group, part = section["group"], section["part"] or "hosts"
            found.group(group)
        elif part == "children":
            child = line.split()[0]
            found.group(child)
            found.group(group).children[child] = None
        elif part == "vars":
            name, equals, value = (piece.strip() for piece in line.partition("="))
            if not equals:
                raise InputError(f"{place}: no `=`; a variable is `name = value`")
            found.group(group).variables[name] = _ini_value(value)
        else:
            _read_ini_host(found, group, line, place)


def _read_ini_host(found: Groups, group: str, line: str, place: str) -> None:
    try:
        pattern, *pairs = shlex.split(line, comments=True)
    except ValueError as error:
        raise InputError(f"{place}: {error}; close the quote") from None
    variables: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"{place}: {name[:40]!r} is no `name=value`; add the value")
        variables[name] = _ini_value(value)
    with_port = re.fullmatch(r"(?P<host>(?:[^:\[\]]|\[[^\]]*\])+):(?P<port>[0-9]{1,5})", pattern)
    if with_port:
        pattern, variables = (
            with_port["host"],
            {"ansible_port": int(with_port["port"]), **variables},
        )
    found.add_host(pattern, group, variables, place)


def _ini_value(text: str) -> Any:
    """Return the value Ansible would take it for: Python's literals, else text."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, str | int | bool | list | dict) else text


def _expanded(pattern: str) -> Iterator[str]:
    found = _RANGE.search(pattern)
    if found is None:
        yield pattern
        return
    head, tail = pattern[: found.start()], pattern[found.end() :]
    for part in _between(found["first"], found["last"], int(found["step"] or 1), pattern):
        for rest in _expanded(tail):
            yield f"{head}{part}{rest}"


def _between(first: str, last: str, step: int, pattern: str) -> Iterator[str]:
    numeric = first.isdecimal() and last.isdecimal()
    if step < 1 or (not numeric and not (first.isalpha() and last.isalpha())):
        raise InputError(f"{pattern[:80]}: a range is [01:12] or [a:f]")
    start, end = (int(first), int(last)) if numeric else (ord(first), ord(last))
    if not 0 <= end - start < MAX_HOSTS:
        raise InputError(f"{pattern[:80]}: a range goes up, by at most {MAX_HOSTS} hosts")
    width = len(first) if first.startswith("0") else 0
    for number in range(start, end + 1, step):
        yield f"{number:0{width}d}" if numeric else chr(number)


def _plain_name(name: str, place: Path | str) -> str:
    # Names become file names below group_vars and host_vars.
    if "/" in name or "\\" in name or name in ("", ".", ".."):
        raise InputError(f"{place}: {name[:40]!r} is no name of a group or host; rename it")
    return name
