"""What a Compose file says of a process is read as the programs of others read it."""

from __future__ import annotations

from typing import Any

import pytest

from exitkit.assess.compose_service import filled, service_of


@pytest.mark.parametrize(("text", "value"), [
    ("$$HOME", "$HOME"), ("${KEY:?give it a value}", "placeholder"), ("$KEY/x", "placeholder/x"),
    ("${A:-b}c", "bc"), ("${A-}", ""), ("${A}", "placeholder"), ("a $ b", "a $ b"), ("", ""),
])  # fmt: skip
def test_variables_are_filled_in(text: str, value: str) -> None:
    assert filled(text) == value


@pytest.mark.parametrize(("said", "member", "value"), [
    ({"command": "serve --motd 'a b' $$1"}, "command", ("serve", "--motd", "a b", "$1")),
    ({"command": ["a b", 7]}, "command", ("a b", "7")),
    ({"entrypoint": "/run me"}, "entrypoint", ("/run", "me")),
    ({"environment": ["A=b=c", "D"]}, "environment", {"A": "b=c", "D": "placeholder"}),
    ({"environment": {"A": True, "B": 7, "C": None, "D": ""}}, "environment",
     {"A": "true", "B": "7", "C": "placeholder", "D": ""}),
    ({"volumes": ["data:/data:ro", "/logs", {"type": "volume", "target": "/x"}]}, "folders",
     ("/data", "/logs", "/x")),
    ({"healthcheck": {"test": "ping -c 1"}}, "health", ("/bin/sh", "-c", "ping -c 1")),
    ({"healthcheck": {"test": ["CMD-SHELL", "a $$b"]}}, "health", ("/bin/sh", "-c", "a $b")),
    ({"healthcheck": {"test": ["CMD", "a", "b"]}}, "health", ("a", "b")),
    ({"healthcheck": {"test": ["NONE"]}}, "health", ()),
    ({"healthcheck": {"test": "x", "disable": True}}, "health", ()),
    ({"healthcheck": {}}, "health", ()),
])  # fmt: skip
def test_a_service_says(said: dict[str, Any], member: str, value: object) -> None:
    assert getattr(service_of({"image": "shop:1", **said}), member) == value


@pytest.mark.parametrize("image", ["", None, "--privileged"])
def test_a_service_without_an_image_is_none(image: str | None) -> None:
    with pytest.raises(ValueError, match="names no image"):
        service_of({"image": image})


@pytest.mark.parametrize("said", ["shop", None, ["image"]])
def test_what_is_no_service_is_told_as_such(said: object) -> None:
    with pytest.raises(ValueError, match="says nothing"):
        service_of(said)


def test_members_of_another_form_say_nothing() -> None:
    odd = {"command": 1, "entrypoint": {"a": 1}, "environment": 2, "volumes": {"x": 1},
           "healthcheck": {"test": 3}}  # fmt: skip
    assert service_of({"image": "shop:1", **odd}) == service_of({"image": "shop:1"})
