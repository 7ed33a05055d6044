"""Take stock as fast as Python can with the SDK's models: the least that any inventory has to do.

It signs and reads the same calls with compiled shapes, plain timestamps and one TLS context, in one
process per core of 32 threads each, and writes the raw items: no id, no ARN, no mask, no ledger.

    python ideal.py OUTPUT [lists | same | rarely] [PROCESSES]

`same` makes all calls that exitkit makes, `lists` only those that every inventory makes; `rarely`
makes all of them and collects garbage as rarely as exitkit.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import ssl
import sys
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.httpsession
import botocore.parsers
import botocore.session
import jmespath
from botocore import xform_name
from botocore.config import Config
from calls import BESIDES, tasks

from exitkit.drivers.gathering import WHILE_GATHERING

Node = Any
compiled: dict[tuple[int, type], Callable[[Node], Any]] = {}


def parser_of(shape: Any, base: Any) -> Callable[[Node], Any]:
    """Return the function that reads one XML shape; shapes that hold themselves are fine."""
    key = id(shape), type(base)
    if key not in compiled:
        later: list[Callable[[Node], Any]] = []
        compiled[key] = lambda node: later[0](node)
        later.append(compile_shape(shape, base))
        compiled[key] = later[0]
    return compiled[key]


def compile_shape(shape: Any, base: Any) -> Callable[[Node], Any]:
    match shape.type_name:
        case "structure":
            return compile_structure(shape, base)
        case "list":
            item = parser_of(shape.member, base)
            return lambda node: [item(child) for child in node]
        case "map":
            key, value = parser_of(shape.key, base), parser_of(shape.value, base)
            return lambda node: {key(entry[0]): value(entry[1]) for entry in node}
        case "boolean":
            return lambda node: node.text == "true"
        case "integer" | "long":
            return lambda node: int(node.text)
        case "float" | "double":
            return lambda node: float(node.text)
    return lambda node: node.text or ""


def compile_structure(shape: Any, base: Any) -> Callable[[Node], Any]:
    members = {}
    for name, inner in shape.members.items():
        if inner.serialization.get("location"):
            continue
        flat = inner.type_name == "list" and inner.serialization.get("flattened")
        tag = base._member_key_name(inner, name)  # noqa: SLF001
        tag = (flat and inner.member.serialization.get("name")) or tag
        members[tag] = name, parser_of(inner.member if flat else inner, base), flat

    def structure(node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for child in node:
            member = members.get(child.tag.rpartition("}")[2])
            if member is None:
                continue
            name, parse, flat = member
            if flat:
                found.setdefault(name, []).append(parse(child))
            else:
                found[name] = parse(child)
        return found

    return structure


def compile_parsers() -> None:
    for cls in (botocore.parsers.EC2QueryParser, botocore.parsers.QueryParser):
        own = cls._handle_structure

        def handle(self: Any, shape: Any, node: Any, own: Any = own) -> Any:
            if isinstance(node, list) or shape.metadata.get("exception"):
                return own(self, shape, node)
            return parser_of(shape, self)(node)

        cls._handle_structure = handle


class LoadedOnce(ssl.SSLContext):
    """A context that reads its CA file once, however many connections ask it to."""

    loaded = False

    def load_verify_locations(self, *arguments: Any, **named: Any) -> None:
        if not self.loaded:
            self.loaded = True
            super().load_verify_locations(*arguments, **named)


def run_tasks(own: list[Any], path: Path) -> None:
    """Make the calls of one process and write what they answer."""
    session = botocore.session.get_session()
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=lambda value: value)
    config = Config(max_pool_connections=16, retries={"mode": "standard", "max_attempts": 8})
    clients: dict[tuple[str, str], Any] = {}
    making, writing = threading.Lock(), threading.Lock()

    def client_of(service: str, region: str) -> Any:
        with making:
            if (service, region) not in clients:
                made = session.create_client(service, region_name=region, config=config)
                clients[service, region] = made
            return clients[service, region]

    def run(task: Any) -> None:
        region, service, operation, path, arguments = task
        client, method = client_of(service, region), xform_name(operation)
        items, head = jmespath.compile(path), {"service": service, "region": region}
        if client.can_paginate(method):
            pages = client.get_paginator(method).paginate(**arguments)
        else:
            pages = [getattr(client, method)(**arguments)]
        for page in pages:
            found = items.search(page) or []
            lines = [json.dumps({**head, "raw": raw}, default=str) + "\n" for raw in found]
            with writing:
                out.writelines(lines)

    with path.open("w") as out, ThreadPoolExecutor(32) as pool:
        for done in [pool.submit(run, task) for task in own]:
            done.result()


if __name__ == "__main__":
    compile_parsers()
    shared = LoadedOnce(ssl.PROTOCOL_TLS_CLIENT)
    botocore.httpsession.create_urllib3_context = lambda *_, **__: shared
    besides = () if sys.argv[2:3] == ["lists"] else BESIDES
    if sys.argv[2:3] == ["rarely"]:
        gc.set_threshold(*WHILE_GATHERING)
    processes = int(sys.argv[3]) if len(sys.argv) > 3 else os.cpu_count() or 1
    parts: list[list[Any]] = [[] for _ in range(processes)]
    for one in (*besides, *tasks()):
        parts[zlib.crc32(f"{one[1]}{one[0]}".encode()) % processes].append(one)
    multiprocessing.set_start_method("fork")
    with multiprocessing.Pool(processes) as workers:
        names = [Path(f"{sys.argv[1]}.{number}") for number in range(processes)]
        workers.starmap(run_tasks, zip(parts, names, strict=True))
