"""Ask the Azure type table what the collector asks it."""

from __future__ import annotations

from exitkit.knowledge.azure_types import canonical_type, newest_stable, secret_paths


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
