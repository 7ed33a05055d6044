"""Check quotes against the installed models: when a provider rewords one, a person reads again."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from typing import Any

import pytest
from botocore.loaders import Loader

from exitkit.knowledge.portability import FactSource, load_knowledge

SOURCES = load_knowledge().sources.values()
QUOTED = [source for source in SOURCES if source.kind == "botocore"]
ABSENT = [source for source in SOURCES if source.kind == "botocore-absent"]


@cache
def model(service: str) -> dict[str, Any]:
    loaded: dict[str, Any] = Loader().load_service_model(service, "service-2")
    return loaded


def documentation(reference: str) -> str:
    """Return what a model says at `ec2:CreateVpc`, `iam:shape:AccessKey$Status`, `ebs:service:`."""
    service, kind, *rest = reference.split(":")
    if kind == "service":
        text = model(service)["documentation"]
    elif kind == "shape":
        name, _, member = rest[0].partition("$")
        shape = model(service)["shapes"][name]
        text = shape["members"][member]["documentation"] if member else whole(shape)
    else:
        text = model(service)["operations"][kind]["documentation"]
    return plain(text)


def whole(shape: dict[str, Any]) -> str:
    members = shape.get("members", {}).values()
    return " ".join(
        [shape.get("documentation", ""), *(m.get("documentation", "") for m in members)]
    )


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", text))).strip()


@pytest.mark.parametrize("source", QUOTED, ids=lambda source: source.id)
def test_the_provider_still_says_so(source: FactSource) -> None:
    assert plain(source.quote) in documentation(source.reference)


@pytest.mark.parametrize("source", ABSENT, ids=lambda source: source.id)
def test_the_answer_still_lacks_the_member(source: FactSource) -> None:
    service, _, shape = source.reference.split(":")
    assert source.quote not in model(service)["shapes"][shape]["members"]


def test_a_source_that_claims_a_machine_check_can_be_checked_by_one() -> None:
    kinds = {source.kind for source in SOURCES if source.checked == "machine"}
    assert kinds <= {"botocore", "botocore-absent", "cfn", "bicep"}
