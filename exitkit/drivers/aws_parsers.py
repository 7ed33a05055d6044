"""Read AWS answers with shapes compiled once to functions: the SDK walks its models item by item.

Only the inner part of the SDK's parsers is replaced. A shape that is out of the ordinary, and an
answer that a compiled function trips over, are read by the SDK's own code, whose word stands.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

from botocore.parsers import (
    PROTOCOL_PARSERS,
    EC2QueryParser,
    JSONParser,
    QueryParser,
    ResponseParserFactory,
    RestJSONParser,
    RestXMLParser,
)
from botocore.utils import ensure_boolean

Read = Callable[[Any], Any]
SLOW = ("exception", "union", "document", "eventstream", "event")
"""What makes a structure one for the SDK's own code."""


class UnusualAnswerError(ValueError):
    """An answer that a compiled function does not understand."""


class CompiledParserFactory(ResponseParserFactory):  # type: ignore[misc]  # botocore has no types
    """Hand out one parser per protocol, each with its compiled shapes."""

    def __init__(self, timestamp_parser: Read) -> None:
        super().__init__()
        self.set_parser_defaults(timestamp_parser=timestamp_parser)
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def create_parser(self, protocol_name: str) -> Any:
        """Return the parser of a protocol; it may be used by many threads at once."""
        with self._lock:
            if protocol_name not in self._made:
                made = COMPILED.get(protocol_name, PROTOCOL_PARSERS[protocol_name])
                self._made[protocol_name] = made(**self._defaults)
            return self._made[protocol_name]


class _Compiled:
    """Stands in front of one of the SDK's parsers: reads what it can, hands on the rest."""

    node: type
    """What the SDK passes for a structure in a body; headers come as text."""

    def __init__(self, **defaults: Any) -> None:
        super().__init__(**defaults)
        # By the model's own dictionary, which the clients of a service share: their shapes they
        # do not. The dictionary is kept beside, so that its id stays its own.
        self._read: dict[tuple[Any, ...], tuple[Any, Read]] = {}
        self.tripped = 0

    def _parse_shape(self, shape: Any, node: Any) -> Any:
        if not isinstance(node, self.node) or shape.type_name != "structure":
            return super()._parse_shape(shape, node)  # type: ignore[misc]
        try:
            return self.reader(shape)(node)
        except (UnusualAnswerError, TypeError, ValueError, AttributeError, LookupError):
            self.tripped += 1
            return super()._parse_shape(shape, node)  # type: ignore[misc]

    def reader(self, shape: Any) -> Read:
        """Return the function that reads a shape."""
        whole = getattr(shape._shape_resolver, "_shape_map", None)  # noqa: SLF001
        serialization = tuple(sorted((k, str(v)) for k, v in shape.serialization.items()))
        key = (id(whole), shape.name, shape.type_name, serialization)
        if key not in self._read:
            self._read[key] = whole, self.compiled(shape)
        return self._read[key][1]

    def compiled(self, shape: Any) -> Read:
        """Return the function that reads a shape, made anew."""
        match shape.type_name:
            case "structure":
                return self.structure(shape)
            case "list":
                return self.list_of(shape)
            case "map":
                return self.map_of(shape)
        return self.scalar(shape)

    @abstractmethod
    def structure(self, shape: Any) -> Read: ...

    @abstractmethod
    def list_of(self, shape: Any) -> Read: ...

    @abstractmethod
    def map_of(self, shape: Any) -> Read: ...

    @abstractmethod
    def scalar(self, shape: Any) -> Read: ...

    def slow(self, shape: Any) -> Read:
        """Return the SDK's own way to read a shape."""
        handler: Any = getattr(
            self,
            f"_handle_{shape.type_name}",
            self._default_handle,  # type: ignore[attr-defined]
        )
        return lambda node: handler(shape, node)

    def is_ordinary(self, shape: Any, names: list[str]) -> bool:
        """Tell whether a structure has nothing to it but members with names of their own."""
        marks = {**shape.metadata, **shape.serialization}
        return len(set(names)) == len(names) and not any(marks.get(mark) for mark in SLOW)


class _CompiledXml(_Compiled):
    node = Element

    def scalar(self, shape: Any) -> Read:
        match shape.type_name:
            case "boolean":
                return lambda node: node.text == "true"
            case "integer" | "long":
                return lambda node: int(node.text or "")
            case "float" | "double":
                return lambda node: float(node.text or "")
            case "string" | "character":
                return lambda node: node.text or ""
            case "timestamp":
                read = self._timestamp_parser  # type: ignore[attr-defined]
                return lambda node: read(node.text or "")
            case "blob":
                decode = self._blob_parser  # type: ignore[attr-defined]
                return lambda node: decode(node.text or "")
        return self.slow(shape)

    def structure(self, shape: Any) -> Read:
        members = {
            name: inner
            for name, inner in shape.members.items()
            if inner.serialization.get("location") not in self.KNOWN_LOCATIONS  # type: ignore[attr-defined]
        }
        tags = {name: self._member_key_name(inner, name) for name, inner in members.items()}  # type: ignore[attr-defined]
        marks = ("eventheader", "xmlAttribute")
        if any(inner.serialization.get(mark) for inner in members.values() for mark in marks):
            return self.slow(shape)
        if not self.is_ordinary(shape, list(tags.values())):
            return self.slow(shape)
        table: dict[str, tuple[str, bool, Read]] = {}
        for name, inner in members.items():
            flat = inner.type_name in ("list", "map") and inner.serialization.get("flattened")
            later = self.at_first_use(table, tags[name], name, bool(flat), inner)
            table[tags[name]] = name, bool(flat), later
        return _xml_structure(table)

    def at_first_use(
        self, table: dict[str, tuple[str, bool, Read]], tag: str, name: str, flat: bool, shape: Any
    ) -> Read:
        """Compile a member once an answer has it: most have few, and shapes go in circles."""

        def read(node: Any) -> Any:
            compiled = self.reader(shape)
            table[tag] = name, flat, compiled
            return compiled(node)

        return read

    def list_of(self, shape: Any) -> Read:
        item = self.reader(shape.member)
        if shape.serialization.get("flattened"):
            return lambda nodes: [item(child) for child in _gathered(nodes)]
        return lambda node: [item(child) for child in node]

    def map_of(self, shape: Any) -> Read:
        key_tag = shape.key.serialization.get("name") or "key"
        value_tag = shape.value.serialization.get("name") or "value"
        key, value = self.reader(shape.key), self.reader(shape.value)
        is_flat = shape.serialization.get("flattened")

        def read(nodes: Any) -> dict[Any, Any]:
            found = {}
            for entry in _gathered(nodes) if is_flat else nodes:
                pair = {_plain_tag(part.tag): part for part in entry}
                if pair.keys() != {key_tag, value_tag} or len(entry) != 2:
                    raise UnusualAnswerError("a map entry of other parts")
                found[key(pair[key_tag])] = value(pair[value_tag])
            return found

        return read


def _gathered(nodes: Any) -> Any:
    """Return the nodes of a flattened list: where it is an item itself there is but one."""
    return nodes if isinstance(nodes, list) else [nodes]


def _plain_tag(tag: str) -> str:
    return tag[tag.index("}") + 1 :] if tag[0] == "{" else tag


def _xml_structure(table: dict[str, tuple[str, bool, Read]]) -> Read:
    """Return the function that reads a structure; flattened members gather their nodes first."""
    member_of = table.get

    def read(node: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        gathered: dict[str, list[Any]] = {}
        for child in node:
            tag = child.tag
            if tag[0] == "{":
                tag = tag[tag.index("}") + 1 :]
            member = member_of(tag)
            if member is None:
                continue
            name, flat, inner = member
            if flat:
                gathered.setdefault(tag, []).append(child)
            elif name in found:
                raise UnusualAnswerError(f"{name} comes twice")
            else:
                found[name] = inner(child)
        for tag, nodes in gathered.items():
            name, _, inner = table[tag]
            found[name] = inner(nodes)
        return found

    return read


class _CompiledJson(_Compiled):
    node = dict

    def compiled(self, shape: Any) -> Read:
        match shape.type_name:
            case "timestamp":
                return self._timestamp_parser  # type: ignore[attr-defined,no-any-return]
            case "blob":
                return self._blob_parser  # type: ignore[attr-defined,no-any-return]
        return super().compiled(shape)

    def scalar(self, shape: Any) -> Read:
        return _same

    def structure(self, shape: Any) -> Read:
        names = {
            name: inner.serialization.get("name", name) for name, inner in shape.members.items()
        }
        if not self.is_ordinary(shape, list(names.values())):
            return self.slow(shape)
        table: dict[str, tuple[str, Read]] = {}
        for name, inner in shape.members.items():
            table[names[name]] = name, self.at_first_use(table, names[name], name, inner)
        member_of = table.get

        def read(value: Any) -> Any:
            if value is None:
                return None
            found = {}
            for key, raw in value.items():
                member = member_of(key)
                if member is not None and raw is not None:
                    found[member[0]] = member[1](raw)
            return found

        return read

    def at_first_use(
        self, table: dict[str, tuple[str, Read]], key: str, name: str, shape: Any
    ) -> Read:
        def read(value: Any) -> Any:
            compiled = self.reader(shape)
            table[key] = name, compiled
            return compiled(value)

        return read

    def list_of(self, shape: Any) -> Read:
        item = self.reader(shape.member)
        if item is _same:
            return list
        return lambda values: [None if value is None else item(value) for value in values]

    def map_of(self, shape: Any) -> Read:
        key, value = self.reader(shape.key), self.reader(shape.value)
        return lambda values: {key(name): value(inner) for name, inner in values.items()}


def _same(value: Any) -> Any:
    return value


class _CompiledRestJson(_CompiledJson):
    SCALARS: dict[str, Read] = {
        "boolean": ensure_boolean,
        "integer": int,
        "long": int,
        "float": float,
        "double": float,
    }

    def scalar(self, shape: Any) -> Read:
        return self.SCALARS.get(shape.type_name, _same)


class _Ec2(_CompiledXml, EC2QueryParser):  # type: ignore[misc]
    pass


class _Query(_CompiledXml, QueryParser):  # type: ignore[misc]
    pass


class _RestXml(_CompiledXml, RestXMLParser):  # type: ignore[misc]
    pass


class _Json(_CompiledJson, JSONParser):  # type: ignore[misc]
    pass


class _RestJson(_CompiledRestJson, RestJSONParser):  # type: ignore[misc]
    pass


COMPILED = {
    "ec2": _Ec2,
    "query": _Query,
    "rest-xml": _RestXml,
    "json": _Json,
    "rest-json": _RestJson,
}
