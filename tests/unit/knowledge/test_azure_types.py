"""Ask the Azure type table what the collector asks it, and make one of a small checkout."""

from __future__ import annotations

import gzip
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from exitkit.knowledge.azure_types import canonical_type, newest_stable, secret_paths
from tools.build_azure_types import REPOSITORY, types_of


def test_a_type_gets_its_provider_s_spelling() -> None:
    assert canonical_type("microsoft.insights/COMPONENTS") == "Microsoft.Insights/components"
    assert canonical_type("Own.Provider/things") == "Own.Provider/things"


def test_a_preview_is_asked_for_only_where_nothing_else_is() -> None:
    assert newest_stable(["2024-01-01", "2025-01-01-preview", "2023-01-01"]) == "2024-01-01"
    assert newest_stable(["2025-01-01-preview"]) == "2025-01-01-preview"
    assert newest_stable([]) == ""


def test_secret_members_are_known_by_type() -> None:
    assert "properties.configuration.secrets.[].value" in secret_paths(
        "microsoft.app/containerapps"
    )


def test_a_secret_that_two_members_share_a_type_with_is_one_in_both() -> None:
    profiles = [
        path.partition(".osProfile.")[0] + ".osProfile"
        for path in secret_paths("Microsoft.Workloads/sapVirtualInstances")
        if path.endswith(".adminPassword")
    ]
    assert len(profiles) == len(set(profiles)) > 1


def test_the_table_says_what_it_was_made_of() -> None:
    packed = (files("exitkit.knowledge.azure") / "types.json.gz").read_bytes()
    source = json.loads(gzip.decompress(packed))["source"]
    assert source["repository"] == REPOSITORY
    assert re.fullmatch(r"[0-9a-f]{40}", source["commit"])


def member(number: int) -> dict[str, Any]:
    return {"type": {"$ref": f"#/{number}"}, "flags": 0}


def write_types(folder: Path, version: str, *resources: tuple[str, int]) -> None:
    table: list[dict[str, Any]] = [
        {"$type": "StringType", "sensitive": True},
        {"$type": "StringType"},
        {"$type": "ObjectType", "properties": {"key": member(0), "note": member(1)}},
        {"$type": "ArrayType", "itemType": {"$ref": "#/2"}},
        {"$type": "ObjectType", "additionalProperties": {"$ref": "#/2"}},
        {"$type": "UnionType", "elements": [{"$ref": "#/1"}, {"$ref": "#/0"}]},
        {"$type": "ObjectType", "sensitive": True, "properties": {"inner": member(1)}},
        {
            "$type": "ObjectType",
            "properties": {
                "first": member(2), "second": member(2), "list": member(3), "map": member(4),
                "either": member(5), "whole": member(6), "again": member(7), "kind": member(8),
            },
        },
        {
            "$type": "DiscriminatedObjectType", "discriminator": "kind",
            "baseProperties": {"shared": member(0)}, "elements": {"A": {"$ref": "#/2"}},
        },
    ]  # fmt: skip
    for name, body in resources:
        resource = {"$type": "ResourceType", "name": f"{name}@{version}"}
        table.append({**resource, "body": {"$ref": f"#/{body}"}})
    place = folder / "shop" / "microsoft.shop" / version
    place.mkdir(parents=True)
    (place / "types.json").write_text(json.dumps(table))


def test_each_type_is_that_of_its_newest_version_with_every_way_to_a_secret(tmp_path: Path) -> None:
    write_types(tmp_path, "2024-01-01", ("Microsoft.Shop/stores", 7), ("Microsoft.Shop/olds", 2))
    write_types(tmp_path, "2023-01-01", ("microsoft.shop/STORES", 2))
    write_types(tmp_path, "2025-01-01-preview", ("Microsoft.Shop/stores", 2), ("M.Shop/news", 1))
    assert types_of(tmp_path) == {
        "Microsoft.Shop/stores": {
            "api": "2024-01-01",
            "secure": [
                "either", "first.key", "kind.key", "kind.shared", "list.[].key", "map.*.key",
                "second.key", "whole",
            ],
        },
        "Microsoft.Shop/olds": {"api": "2024-01-01", "secure": ["key"]},
        "M.Shop/news": {"api": "2025-01-01-preview", "secure": []},
    }  # fmt: skip
