"""Read an operator's YAML file so that every later complaint can name its line."""

from __future__ import annotations

import datetime as dt
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from exitkit.errors import InputError
from exitkit.store.canonical import LARGEST_INTEGER

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 40
MAX_VALUES = 200_000
"""Counted after aliases are followed, so that a small file cannot unfold into a large one."""

Where = tuple[str | int, ...]
"""A place in a document: member names and list positions from the root."""
Unseal = Callable[[str, str], str]
"""Opens a sealed value; its second argument says where it stands."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain values (dates as `datetime.date`, fractions as `Decimal`) and lines."""

    path: Path
    value: Any
    lines: Mapping[Where, int]

    def fault(self, where: Where, message: str) -> InputError:
        """Return the one-line error that names file, line and place."""
        place = spell(where)
        return InputError(
            f"{self.path}:{self.line_of(where)}: {place}{': ' if place else ''}{message}"
        )

    def line_of(self, where: Where) -> int:
        """Return the line of `where`, or of the nearest place around it."""
        while where not in self.lines and where:
            where = where[:-1]
        return self.lines.get(where, 1)


def read_yaml(path: Path) -> Document:
    """Parse `path`, refusing duplicate keys, merge keys, deep nesting and exploding aliases."""
    return parse_yaml(read_text(path), path)


def read_text(path: Path) -> str:
    """Return what an operator wrote into `path`, or the one-line error that says what to do."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path}: not a plain file; put a file there")
        if found.st_size > MAX_BYTES:
            raise InputError(f"{path}: {found.st_size} bytes; a file here has at most {MAX_BYTES}")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `exitkit init DIR` writes one") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; check the path and its permissions") from None


def parse_yaml(text: str, path: Path, unseal: Unseal | None = None) -> Document:
    """Parse the text of `path`; `unseal` opens values tagged `!vault`, which are else refused."""
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise InputError(f"{path}:1: the file is empty; `exitkit init DIR` writes an example")
        reader = _Reader(loader, path, unseal)
        return Document(path, reader.value(node, ()), reader.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise InputError(f"{path}:{line}: {error.problem or error.context}; fix the YAML") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}; fix the YAML") from None
    finally:
        if loader:
            loader.dispose()


def spell(where: Where) -> str:
    """Write a place as people do: `sources[0].type`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2: `on`, `no` and `012` are text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested more than {MAX_DEPTH} deep",
                problem_mark=self.get_mark(),
            )
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


# Norway's country code is NO, acknowledgements have a member `on`, account ids begin with zero.
_resolve("null", r"^(?:~|null|Null|NULL|)$", "~nN")
_Loader.yaml_implicit_resolvers[""] = _Loader.yaml_implicit_resolvers["~"]
_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789")
_resolve("float", r"^[-+]?(?:0|[1-9][0-9]*)\.[0-9]+$", "-+0123456789")
_resolve("timestamp", f"^{_DAY.pattern}$", "0123456789")
_resolve("merge", r"^<<$", "<")


class _Reader:
    """Turn nodes into values, remembering where each was written."""

    def __init__(self, loader: _Loader, path: Path, unseal: Unseal | None) -> None:
        self.loader = loader
        self.path = path
        self.unseal = unseal
        self.lines: dict[Where, int] = {}
        self.count = 0

    def value(self, node: yaml.Node, where: Where) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise self.fault(
                node, where, f"more than {MAX_VALUES} values once aliases are followed"
            )
        if len(where) > MAX_DEPTH:
            raise self.fault(node, where, "an alias that contains itself; write the value out")
        self.lines.setdefault(where, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag.endswith(":map"):
            return self.mapping(node, where)
        if isinstance(node, yaml.SequenceNode) and node.tag.endswith(":seq"):
            return [self.value(item, (*where, i)) for i, item in enumerate(node.value)]
        return self.scalar(node, where)

    def mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = key_node.value
            if not isinstance(name, str) or key_node.tag.endswith(":merge"):
                raise self.fault(key_node, where, "a key must be plain text; write the members out")
            place = (*where, name)
            if name in members:
                first = self.lines[place]
                raise self.fault(
                    key_node, place, f"written twice (first on line {first}); keep one of them"
                )
            self.lines[place] = key_node.start_mark.line + 1
            members[name] = self.value(value_node, place)
        return members

    def scalar(self, node: yaml.Node, where: Where) -> Any:
        kind = node.tag.rpartition(":")[2]
        text = str(node.value)
        if node.tag == "!vault" and self.unseal is not None:
            return self.unseal(text, f"{self.path}:{node.start_mark.line + 1}")
        if kind == "float" and re.fullmatch(r"[-+]?[0-9]+\.[0-9]+", text):
            return Decimal(text)
        # A quoted day is still a day: people quote them, and rules compare them.
        if kind == "timestamp" or (kind == "str" and _DAY.fullmatch(text)):
            return self.date(node, where, text)
        if kind in ("str", "null", "bool", "int"):
            return self.construct(node, where)
        raise self.fault(
            node, where, f"tag {node.tag} is not allowed; write plain text or a number"
        )

    def construct(self, node: yaml.Node, where: Where) -> Any:
        try:
            value = self.loader.construct_object(node)
        except (ValueError, KeyError):
            raise self.fault(node, where, "does not fit its tag; leave the tag out") from None
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            raise self.fault(node, where, "too large a number for JSON; quote it")
        return value

    def date(self, node: yaml.Node, where: Where, text: str) -> dt.date:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise self.fault(node, where, f"{text} is not a day; write YYYY-MM-DD") from None

    def fault(self, node: yaml.Node, where: Where, message: str) -> InputError:
        place = spell(where)
        line = node.start_mark.line + 1
        return InputError(f"{self.path}:{line}: {place}{': ' if place else ''}{message}")
