"""Keep the specification, the schemas and the code telling the same story."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Level, Responsible
from exitkit.store.layout import SCHEMAS, TABLES, schema_path
from exitkit.store.schemas import schema_bytes
from exitkit.store.shipped import RELATIONS
from exitkit.store.verify_bundle import TABLES as SHIPPED_TABLES

ROOT = Path(__file__).parents[3]


def test_the_specification_that_travels_is_the_one_in_the_docs(bundle: Path) -> None:
    docs = (ROOT / "docs" / "format.md").read_bytes()
    assert (bundle / "data" / "spec" / "ebf-1.0.txt").read_bytes() == docs


@pytest.mark.parametrize("schema", sorted(set(SCHEMAS)))
def test_every_schema_is_strict_and_travels(schema: str, bundle: Path) -> None:
    text = schema_bytes(schema)
    document = json.loads(text)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"https://w3id.org/exitkit/schemas/{schema}/1"
    assert document["additionalProperties"] is False
    assert document["description"]
    jsonschema_rs.meta.validate(document)
    assert (bundle / "data" / schema_path(schema)).read_bytes() == text


def test_both_verifiers_know_the_same_tables() -> None:
    assert {f"data/{table.path}" for table in TABLES.values()} == set(SHIPPED_TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_the_specification_explains_every_table(table: str) -> None:
    assert f"| `{table}` |" in (ROOT / "docs" / "format.md").read_text()


def test_the_schemas_use_the_words_of_the_model() -> None:
    exportability = json.loads(schema_bytes("exportability"))["properties"]
    assert set(exportability["aspect"]["enum"]) == set(Aspect)
    assert set(exportability["level"]["enum"]) == set(Level)
    assert set(exportability["responsibleParty"]["enum"]) == set(Responsible)
    call = json.loads(schema_bytes("call"))["properties"]
    assert set(call["outcome"]["enum"]) == set(CallOutcome)
    needs_reason = json.loads(schema_bytes("exportability"))["allOf"][0]["if"]
    assert set(needs_reason["properties"]["level"]["enum"]) == {
        level for level in Level if level.needs_reason
    }


def test_the_relations_are_those_of_the_model() -> None:
    text = (ROOT / "exitkit" / "model" / "asset.py").read_text()
    named = text[text.index("`relation` is one of") : text.index("`basis` says")]
    assert set(re.findall(r"`([a-z][A-Za-z]+)`", named)) - {"relation"} == set(RELATIONS)


def test_the_read_me_names_the_bundle_and_what_came_before(bundle: Path) -> None:
    text = (bundle / "READ-ME-FIRST.txt").read_text()
    assert "acme-000001" in text
    assert "2026-11-22T09:30:00.123Z" in text
    assert "none, this is the first of its series" in text
    assert len(text.splitlines()) <= 70
