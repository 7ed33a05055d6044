"""Write what CloudFormation accepts for each type that exitkit can list, in a compact form."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
from botocore.loaders import Loader

from exitkit.knowledge.aws_catalog import Catalog, ListedType, load_catalog
from exitkit.knowledge.aws_iac import FORMATS, load_mapped
from tools.build_aws_catalog.nouns import plain

DESTINATION = Path(__file__).parents[2] / "exitkit/knowledge/aws/iac/schemas.jsonl.gz"
KEPT = frozenset(
    {
        "type", "properties", "required", "enum", "const", "pattern", "items", "prefixItems",
        "patternProperties", "additionalProperties", "oneOf", "anyOf", "allOf", "if", "then",
        "else", "not", "definitions", "$ref", "dependentRequired", "dependentSchemas", "format",
        "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minProperties", "maxProperties",
    }
)  # fmt: skip
"""Keywords that say what a value has to be; the rest is prose or for the registry's own use."""
DEEPEST = 6


def main() -> None:
    """Distill the schemas and say what came out."""
    destination = Path(sys.argv[1]) if len(sys.argv) > 1 else DESTINATION
    catalog, answers = load_catalog(), Answers()
    calls = calls_by_type(catalog)
    sources = {name: version(name) for name in ("botocore", "cfn-lint")}
    lines = [json.dumps({"sources": sources, "calls": digest(calls)})]
    for name, schema in sorted(registry_schemas()):
        if name in calls:
            row = catalog.types.get(name)
            lines.append(_line(name, schema, answers.members(catalog, row) if row else set()))
    text = "".join(f"{line}\n" for line in lines)
    destination.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(lines) - 1} schemas, wrote {destination}")


def calls_by_type(catalog: Catalog) -> dict[str, list[str]]:
    """Return the types whose schema is wanted, each with the calls that answer for it."""
    parts = {name for name, why in catalog.unlisted.items() if why.startswith("part of ")}
    mapped = {part.native_type for rules in load_mapped().values() for part in rules.parts}
    calls: dict[str, list[str]] = {name: [] for name in sorted({*parts, *mapped})}
    for row in catalog.rows():
        made = (f"{row.service}:{operation}" for operation in row.operations)
        calls[row.native_type] = sorted({*calls.get(row.native_type, ()), *made})
    return calls


def digest(calls: Mapping[str, list[str]]) -> str:
    """Name a set of calls, so that a test sees when the schemas were made for others."""
    return hashlib.sha256(json.dumps(calls, sort_keys=True).encode()).hexdigest()


def registry_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schema of each type in the region that has most of them."""
    folder = Path(str(files("cfnlint"))) / "data/schemas"
    for name, digest in json.loads((folder / "providers/us-east-1.json").read_text()).items():
        yield name, json.loads((folder / f"resources/{digest}.json").read_text())


def _line(name: str, schema: Mapping[str, Any], answered: set[str]) -> str:
    """Return the line of a type: its name, a tab, what is known of it."""
    small = compact(schema)
    settable = set(schema["properties"]) - {path.split("/")[2] for path in _read_only(schema)}
    document = {
        "schema": small,
        "identifier": [path.removeprefix("/properties/") for path in schema["primaryIdentifier"]],
        "read_only": [path.removeprefix("/properties/") for path in _read_only(schema)],
        "write_only": sorted(
            path.removeprefix("/properties/") for path in schema.get("writeOnlyProperties", ())
        ),
        "importable": "read" in schema.get("handlers", {}),
        "tags": _tag_property(schema),
        # What the calls never answer with is not known; what they leave out is not set.
        "answered": sorted(prop for prop in settable if plain(prop) in answered),
    }
    return f"{name}\t{json.dumps(document, sort_keys=True, separators=(',', ':'))}"


def _read_only(schema: Mapping[str, Any]) -> list[str]:
    return sorted(schema.get("readOnlyProperties", ()))


def _tag_property(schema: Mapping[str, Any]) -> str:
    tagging = schema.get("tagging", {})
    if tagging.get("taggable") is False:
        return ""
    return str(tagging.get("tagProperty", "/properties/Tags")).removeprefix("/properties/")


def compact(node: Any, *, names: bool = False) -> Any:
    """Keep what judges a value; `names` where the keys of `node` are names and not keywords."""
    if isinstance(node, list):
        return [compact(part) for part in node]
    if not isinstance(node, Mapping):
        return node
    if names:
        return {name: compact(part) for name, part in node.items()}
    kept = {
        key: value
        if key in ("enum", "const", "required", "dependentRequired")
        else compact(value, names=key in ("properties", "definitions", "patternProperties"))
        for key, value in node.items()
        if key in KEPT
    }
    if "format" in kept and kept["format"] not in FORMATS:
        del kept["format"]
    if "pattern" in kept and not _is_readable(kept["pattern"]):
        del kept["pattern"]
    if "patternProperties" in kept:
        kept["patternProperties"] = {
            pattern if _is_readable(pattern) else ".*": part
            for pattern, part in kept["patternProperties"].items()
        }
    if isinstance(kept.get("items"), list):
        kept["prefixItems"] = kept.pop("items")
    rules = list(_in_common_words(node))
    if rules:
        kept["allOf"] = [*kept.get("allOf", ()), *rules]
    return kept


def _in_common_words(node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Say the linter's own keywords in those of JSON Schema."""
    if isinstance(found := node.get("requiredXor"), list):
        yield {"oneOf": [{"required": [name]} for name in found]}
    if isinstance(found := node.get("requiredOr"), list):
        yield {"anyOf": [{"required": [name]} for name in found]}
    if isinstance(excluded := node.get("dependentExcluded"), Mapping):
        for name, others in excluded.items():
            for other in others:
                yield {"not": {"required": [name, other]}}


def _is_readable(pattern: str) -> bool:
    """Whether the validator of exitkit reads the pattern; some are written for other engines."""
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


class Answers:
    """What members the answers of AWS can have, by the SDK's models."""

    def __init__(self) -> None:
        self._loader = Loader()
        self._shapes: dict[str, Mapping[str, Any]] = {}

    def members(self, catalog: Catalog, row: ListedType) -> set[str]:
        """Return the names of all members that the calls of a row can answer with."""
        found: set[str] = set()
        for each in (row, *row.also):
            model = self._model(each.service)
            for operation in each.operations:
                output = model["operations"][operation].get("output")
                if output:
                    self._collect(model["shapes"], output["shape"], 0, found)
        return found

    def _model(self, service: str) -> Mapping[str, Any]:
        if service not in self._shapes:
            self._shapes[service] = self._loader.load_service_model(service, "service-2")
        return self._shapes[service]

    def _collect(self, shapes: Mapping[str, Any], name: str, depth: int, found: set[str]) -> None:
        shape = shapes[name]
        if depth > DEEPEST:
            return
        for member, ref in shape.get("members", {}).items():
            found.add(plain(member))
            self._collect(shapes, ref["shape"], depth + 1, found)
        for inner in ("member", "value"):
            if inner in shape:
                self._collect(shapes, shape[inner]["shape"], depth + 1, found)
        if "key" in shape and (words := shapes[shape["key"]["shape"]].get("enum")):
            # A map of attributes: the names are words of an enumeration.
            found.update(plain(word) for word in words)


if __name__ == "__main__":
    main()
