"""Walk the whole AWS catalog without a network: answers are made from the models' own shapes."""

from __future__ import annotations

import copy
import os
import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.exceptions import UnknownServiceError

from exitkit.drivers import aws
from exitkit.drivers.aws_answers import Item
from exitkit.drivers.aws_credentials import Opener
from exitkit.drivers.aws_models import ReadOnlyLoader
from exitkit.drivers.aws_plan import Selection, plan_for
from exitkit.drivers.aws_sweep import Sweep
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Limits

ACCOUNT = "123456789012"
REGION = "us-east-1"
ELSEWHERE = {"devicefarm": "us-west-2"}
"""Services that the first region has not."""
CASES = Path(__file__).parents[2] / "cases/aws_shapes.yaml"
"""What the shapes cannot say: `service:Operation` -> members to answer, one item per list entry."""

CATALOG = load_catalog()
PLAIN_PATH = re.compile(r"[A-Za-z.]+$")


@dataclass(slots=True)
class ShapeFake:
    """Answers every call of a botocore session from the output shape of its operation.

    Each list has one item, texts are named after their member and enums have their first value.
    A paginated answer has two pages: the first is empty and names the second, forever if `endless`.
    """

    session: botocore.session.Session
    said: Mapping[str, Any]
    endless: bool = False
    made: dict[tuple[str, bool], dict[str, Any]] = field(default_factory=dict)
    paged: set[str] = field(default_factory=set)
    paginators: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def attach(self) -> None:
        self.session.register("provide-client-params", self._note)
        self.session.register("before-call", self._answer)

    def _note(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        service = model.service_model.service_name
        with self.lock:
            paging = self._pagination(service).get(model.name, {})
            asked_on = any(mark in context["asked"] for mark in _texts(paging.get("input_token")))
            key = f"{service}:{model.name}", asked_on and not self.endless
            if _tokens(paging) and not key[1]:
                self.paged.add(key[0])
            if key not in self.made:
                self.made[key] = self._page(model, paging, key[1], self.said.get(key[0], {}))
            return _Reply(), copy.deepcopy(self.made[key])

    def _page(
        self, model: Any, paging: Mapping[str, Any], is_last: bool, said: Mapping[str, Any]
    ) -> dict[str, Any]:
        maker = model.service_model.signing_name
        body = _overlaid(_made(model.output_shape, maker) if model.output_shape else {}, said)
        tokens = _tokens(paging)
        flags = _texts(paging.get("more_results"))
        if tokens and not is_last:
            body = _emptied(body)
        for path in tokens if is_last else ():
            _put(body, path, None)
        for path in flags:
            _put(body, path, bool(tokens) and not is_last)
        body["ResponseMetadata"] = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
        return body

    def _pagination(self, service: str) -> Mapping[str, Any]:
        if service not in self.paginators:
            try:
                document = self.session.get_paginator_model(service)._paginator_config
            except UnknownServiceError:
                document = {}
            self.paginators[service] = document
        return self.paginators[service]


class _Reply:
    status_code = 200
    raw = None
    headers: Mapping[str, str] = {}


def _tokens(paging: Mapping[str, Any]) -> list[str]:
    return [path for path in _texts(paging.get("output_token")) if PLAIN_PATH.match(path)]


def _texts(found: Any) -> list[str]:
    return found if isinstance(found, list) else [found] if found else []


def _made(shape: Any, maker: str, name: str = "value", above: tuple[str, ...] = ()) -> Any:
    """Make a value for a shape, named after the member that holds it."""
    kind = shape.type_name
    inside = (*above, shape.name)
    if shape.name in above:
        return {} if kind in ("structure", "map") else [] if kind == "list" else None
    if kind == "structure":
        members = shape.members.items()
        return {part: _made(inner, maker, part, inside) for part, inner in members}
    if kind == "list":
        return [_made(shape.member, maker, name, inside)]
    if kind == "map":
        return {"key": _made(shape.value, maker, name, inside)}
    return _scalar(shape, maker, name)


def _scalar(shape: Any, maker: str, name: str) -> Any:
    match shape.type_name:
        case "string" | "character" if shape.enum:
            return shape.enum[0]
        case "string" | "character" if name.lower().endswith(("arn", "arns")):
            return f"arn:aws:{maker}:{REGION}:{ACCOUNT}:{name}/1"
        case "string" | "character":
            return f"{name}-1"
        case "integer" | "long":
            return 1
        case "float" | "double":
            return 1.0
        case "boolean":
            return False
        case "timestamp":
            return "2026-11-20T12:00:00Z"
        case _:
            return b"bytes"


def _overlaid(made: Any, said: Any) -> Any:
    """Lay what a case says over what the shape gave.

    A list gets one item for each that is said; a member that is said to be null is not answered.
    """
    if isinstance(said, dict) and isinstance(made, dict):
        laid = {name: _overlaid(made.get(name), part) for name, part in said.items()}
        return {name: part for name, part in {**made, **laid}.items() if part is not None}
    if isinstance(said, list) and isinstance(made, list) and made:
        return [_overlaid(made[0], part) for part in said]
    return said


def _emptied(made: Any) -> Any:
    """Return an answer without a single item: a first page that only names the next one."""
    if isinstance(made, dict):
        return {name: _emptied(part) for name, part in made.items()}
    return [] if isinstance(made, list) else made


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    """Set a token or a flag of an answer, or take it away."""
    *above, leaf = path.split(".")
    for name in above:
        body = body[name]
    if value is None:
        body.pop(leaf, None)
    else:
        body[leaf] = value


@dataclass(frozen=True, slots=True)
class Walk:
    """What one sweep over the whole catalog found."""

    items: dict[str, list[Item]]
    calls: list[Call]
    paged: set[str]


@pytest.fixture(scope="module")
def fake() -> ShapeFake:
    """A session whose models are read once and whose clients are made once, for all walks."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "none"}
    loader = ReadOnlyLoader(CATALOG.read_set(), os.environ)
    session = Opener(loader, keys, None, "", Limits()).session({})
    fake = ShapeFake(session, yaml.safe_load(CASES.read_text(encoding="utf-8")))
    fake.attach()
    create, made = session.create_client, {}

    def once(service: str, region_name: str, **more: Any) -> Any:
        if (service, region_name) not in made:
            made[service, region_name] = create(service, region_name=region_name, **more)
        return made[service, region_name]

    session.create_client = once
    return fake


def walked(fake: ShapeFake, endless: bool = False) -> Walk:
    """Sweep all services in one region, and those that it lacks in another."""
    fake.endless, fake.paged = endless, set()
    walk = Walk(defaultdict(list), [], fake.paged)
    _sweep(walk, fake, REGION, ("*",))
    for service, region in ELSEWHERE.items():
        _sweep(walk, fake, region, (service,))
    return walk


def _sweep(walk: Walk, fake: ShapeFake, region: str, services: tuple[str, ...]) -> None:
    account = aws.Account(ACCOUNT, "aws", region, None, fake.session)
    plan = plan_for(account, CATALOG, Selection("shapes", services, (region,)))
    for found in Sweep(plan, Limits(), lambda line: None).run():
        if isinstance(found, Item):
            walk.items[found.row.native_type].append(found)
        elif region == REGION or found.outcome is not CallOutcome.EXCLUDED:
            walk.calls.append(found)


@pytest.fixture(scope="module")
def walk(fake: ShapeFake) -> Walk:
    return walked(fake)


@pytest.fixture(scope="module")
def endless_walk(fake: ShapeFake) -> Walk:
    return walked(fake, endless=True)


def test_every_listed_type_is_found_behind_an_empty_first_page(walk: Walk) -> None:
    assert sorted(CATALOG.types.keys() - walk.items.keys()) == []


def test_the_catalog_finds_more_than_cloudformation_lists(walk: Walk) -> None:
    first = [items[0] for items in walk.items.values()]
    assert len(first) >= 1800
    assert sum(all(item.parts.values()) for item in first) >= 1700
    assert sum(item.arn.startswith("arn:") and ".*" not in item.arn for item in first) >= 1600


def test_every_call_is_answered(walk: Walk) -> None:
    open_calls = [call for call in walk.calls if call.outcome.needs_acknowledgement]
    assert [(call.operation, call.binding, call.reason) for call in open_calls] == []


def test_pages_that_go_round_in_circles_end_in_the_ledger(endless_walk: Walk) -> None:
    ended = {
        call.operation: call for call in endless_walk.calls if call.operation in endless_walk.paged
    }
    assert {name for name, call in ended.items() if "in circles" not in call.reason} == set()
    assert {call.outcome for call in ended.values()} == {CallOutcome.UNAVAILABLE}
