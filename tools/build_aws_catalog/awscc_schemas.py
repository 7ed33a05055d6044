"""Write where Terraform's Cloud Control provider departs from what CloudFormation's schemas say.

Its names and kinds follow from the schemas by rule (exitkit/assess/iac_awscc.py). What it has in
truth stands in the prebuilt bindings `cdktn-provider-awscc` (PyPI): `make catalog` gives their
wheel, and only the differences are kept.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exitkit.assess.iac_awscc import (
    BLOCK,
    NONE,
    inner_type,
    kind_of,
    members,
    resolved,
    top_name,
    type_name,
)  # fmt: skip
from exitkit.assess.iac_terraform import attribute_name
from exitkit.knowledge.aws_iac import FOLDER, TypeSchema, load_schemas
from tools.build_aws_catalog.terraform_schemas import Bindings

DESTINATION = Path(__file__).parents[2] / "exitkit/knowledge/aws/iac/awscc.json.gz"
DEEPEST = 9
KINDS = {"any": "map", "number": "plain", "bool": "plain", "string": "plain"}


def main() -> None:
    """Compare every type with the bindings and say what came out."""
    wheel = Path(sys.argv[1])
    bindings = Bindings(wheel)
    schemas = load_schemas(_all_types())
    absent, departs = [], {}
    for name, schema in sorted(schemas.items()):
        if type_name(name) not in bindings.configs:
            absent.append(name)
        elif found := dict(departures(schema, bindings)):
            departs[name] = found
    document = {"source": wheel.name, "absent": absent, "departs": departs}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    DESTINATION.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    count = sum(map(len, departs.values()))
    print(f"{len(absent)} types absent, {count} properties depart, wrote {DESTINATION}")


def _all_types() -> set[str]:
    with gzip.open(FOLDER.joinpath("schemas.jsonl.gz").open("rb"), "rt", encoding="utf-8") as lines:
        next(lines)
        return {line.partition("\t")[0] for line in lines}


def departures(schema: TypeSchema, bindings: Bindings) -> Iterator[tuple[str, str]]:
    """Yield (path of a property, kind the provider has) for those the rule gets wrong."""
    struct = bindings.configs[type_name(schema.native_type)]
    root = schema.schema
    tops = {
        name: node for name, node in members(root, root).items() if name not in schema.read_only
    }
    yield from _compared(schema, tops, struct, "", bindings)


def _compared(
    schema: TypeSchema, nodes: Mapping[str, Any], struct: str, path: str, bindings: Bindings
) -> Iterator[tuple[str, str]]:
    is_top = not path
    there = {
        name: (kind, inner) for name, _, kind, inner in bindings.arguments(struct, is_top=is_top)
    }
    for name, node in nodes.items():
        place = f"{path}.{name}" if path else name
        argument = top_name(name, schema.native_type) if is_top else attribute_name(name)
        if argument not in there:
            # What AWS alone sets is never written, whatever the provider calls it.
            if not _is_read_only(place, schema):
                yield place, NONE
            continue
        kind, inner = there[argument]
        ours = kind_of(resolved(node, schema.schema), schema.schema)
        theirs = BLOCK if inner else _kind(kind, ours)
        if ours != theirs:
            yield place, theirs
        elif inner and path.count(".") < DEEPEST:
            below = members(inner_type(node, schema.schema), schema.schema)
            yield from _compared(schema, below, inner, place, bindings)


def _kind(told: str, ours: str) -> str:
    """Return a kind of the bindings in our words: a text may be one, or JSON."""
    if told.startswith("map:"):
        return "map"
    if told == "string" and ours in ("json", "plain"):
        return ours
    if told == "string":
        return "json"
    return "plain" if told.startswith("list:") else KINDS.get(told, told)


def _is_read_only(place: str, schema: TypeSchema) -> bool:
    return any(path.replace("/*", "").replace("/", ".") == place for path in schema.read_only)


if __name__ == "__main__":
    main()
