"""Hold that a document is tied to what it names, and to nothing that a plain word may mean."""

from __future__ import annotations

import datetime as dt

from exitkit.assess.document_mentions import mentions
from exitkit.model.asset import Asset, Ref

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
RUNBOOK = Ref("documents", "papers", "", "Document/File", "papers/runbook-web1.md")


def asset(
    native_id: str, name: str = "", kind: str = "compute.instance", scope: str = "a"
) -> Asset:
    ref = Ref("aws", scope, "", "T::X", native_id)
    return Asset(ref, kind, name or native_id, {}, NOW)


def named(text: str, *assets: Asset) -> list[str]:
    return [found.native_id for found, _ in mentions({RUNBOOK: text}, assets)]


def test_names_with_a_digit_or_a_hyphen_are_found_whatever_stands_around_them() -> None:
    things = (asset("i-0abc1234", "web1"), asset("crm-db"), asset("db-9", "edge1"))
    text = "Stop `crm-db`, then WEB1. Tell the desk: edge1.customer.example is down."
    assert named(text, *things) == ["crm-db", "i-0abc1234", "db-9"]


def test_a_plain_word_names_nothing() -> None:
    assert named("the orders of the root account", asset("orders"), asset("root")) == []


def test_a_name_that_two_things_share_is_not_guessed() -> None:
    assert named("restart web1", asset("web1", scope="a"), asset("web1", scope="b")) == []


def test_a_part_of_a_longer_name_is_not_the_thing() -> None:
    assert named("see crm-db-old", asset("crm-db")) == []


def test_packages_and_policies_are_not_looked_for() -> None:
    assert named("uses python3.11", asset("python3.11", kind="software.package")) == []


def test_a_declaration_of_the_same_name_does_not_make_it_doubtful() -> None:
    declared = Asset(Ref("declared", "cmdb", "", "Declared/Item", "CI-1"), "declared.item", "web1",
                     {}, NOW)  # fmt: skip
    assert named("restart web1", asset("web1"), declared) == ["web1"]
