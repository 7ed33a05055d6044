"""Mask secrets in JSON by place, by name and by looks, and leave everything else."""

from __future__ import annotations

from exitkit.store.redact_members import MemberRedactor

KEY = b"k" * 32


def test_what_the_provider_marks_as_secret_is_masked() -> None:
    redactor = MemberRedactor(("properties.secrets.[].value",), KEY)
    clean = redactor.apply(
        {"properties": {"secrets": [{"name": "db", "value": "abc"}], "value": "x"}}
    )
    assert clean["properties"]["secrets"][0]["value"].startswith("<masked:")
    assert clean["properties"]["value"] == "x"


def test_what_is_named_like_a_secret_is_masked() -> None:
    given = {"adminPassword": "a", "sharedKey": "b", "connectionString": "c", "customData": "d"}
    assert all(v.startswith("<masked:") for v in MemberRedactor((), KEY).apply(given).values())


def test_a_named_pair_is_masked_and_its_neighbor_is_not() -> None:
    pairs = [{"name": "API_KEY", "value": "a"}, {"name": "COLOR", "value": "green"}]
    first, second = MemberRedactor((), KEY).apply({"appSettings": pairs})["appSettings"]
    assert first["value"].startswith("<masked:")
    assert second["value"] == "green"


def test_what_looks_like_a_credential_is_masked_in_any_text() -> None:
    clean = MemberRedactor((), KEY).apply({"note": "postgres://app:hunter2@db/x"})
    assert "hunter2" not in clean["note"]


def test_references_and_switches_stay() -> None:
    given = {
        "keyVaultSecretUri": "https://v/s",
        "disablePasswordAuthentication": True,
        "secrets": [],
    }
    assert MemberRedactor((), KEY).apply(given) == given


def test_masking_twice_changes_nothing() -> None:
    redactor = MemberRedactor((), KEY)
    once = redactor.apply({"password": "a", "list": [{"name": "TOKEN", "value": "b"}]})
    assert redactor.apply(once) == once


def test_a_star_stands_for_every_member_of_a_map() -> None:
    redactor = MemberRedactor(("properties.*.bitKey", "properties.fixed.other"), KEY)
    clean = redactor.apply(
        {"properties": {"one": {"BitKey": "a"}, "fixed": {"bitKey": "b", "other": "c"}, "x": "d"}}
    )["properties"]
    masked = [clean["one"]["BitKey"], clean["fixed"]["bitKey"], clean["fixed"]["other"]]
    assert all(value.startswith("<masked:") for value in masked)
    assert clean["x"] == "d"
    dotted = MemberRedactor(("login.pin", "map.*.pin"), KEY)
    clean = dotted.apply({"login.pin": "a", "map": {"b.c": {"pin": "d"}}})
    assert clean["login.pin"].startswith("<masked:")
    assert clean["map"]["b.c"]["pin"].startswith("<masked:")


def test_all_texts_in_an_object_that_is_secret_are_masked() -> None:
    redactor = MemberRedactor(("properties.login",), KEY)
    given = {"properties": {"login": {"who": "a", "how": [{"what": "b", "often": 3}]}}}
    login = redactor.apply(given)["properties"]["login"]
    assert login["who"].startswith("<masked:")
    assert login["how"][0]["what"].startswith("<masked:")
    assert login["how"][0]["often"] == 3
