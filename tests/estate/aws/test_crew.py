"""Let several processes sweep one account: together they find what one alone finds."""

from __future__ import annotations

import datetime as dt
import gc
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exitkit.collectors.aws import AwsCollector
from exitkit.drivers import aws_clients, aws_crew
from exitkit.drivers.aws import Account
from exitkit.drivers.aws_crew import crew_of
from exitkit.drivers.aws_crew_member import services_together, shares_of
from exitkit.drivers.aws_plan import Plan, Selection, plan_for
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Finding, Source

NOW = dt.datetime(2026, 11, 20, 8, tzinfo=dt.UTC)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAREADER", "AWS_SECRET_ACCESS_KEY": "y"}
SERVICES = ["dynamodb:ListTables", "sns:ListTopics", "sqs:ListQueues", "sqs:GetQueueAttributes"]
REGIONS = ["eu-west-1", "eu-central-1", "us-east-1"]


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share even the smallest sweep, whatever machine this is."""
    monkeypatch.setattr(aws_crew, "LARGE", 1)
    monkeypatch.setattr(aws_crew, "_cores", lambda: 2)


def regions(reply: Callable[..., Any], asked: Any) -> Any:
    if asked.operation != "ec2:DescribeRegions":
        return None
    rows = "".join(f"<item><regionName>{name}</regionName></item>" for name in REGIONS)
    return reply(f"<R><regionInfo>{rows}</regionInfo></R>", content_type="text/xml")


def collected(stand_in: Any, folder: Path, **settings: Any) -> list[Finding]:
    folder.mkdir(exist_ok=True)
    kept = folder / "kept"
    kept.mkdir(exist_ok=True)
    wanted = {
        "endpoint_url": stand_in.url, "regions": REGIONS, "services": SERVICES, **settings,
    }  # fmt: skip
    context = Context(NOW, folder, b"k" * 32, KEYS, kept=kept)
    return list(AwsCollector().collect(Source("prod", "aws", wanted, folder), context))


def comparable(findings: list[Finding]) -> list[str]:
    kept = [replace(one, duration_ms=0) if isinstance(one, Call) else one for one in findings]
    return sorted(map(repr, kept))


def asked_of(stand_in: Any) -> Counter[tuple[str, str]]:
    """How often each call was made in each region, since the last look."""
    counts = Counter(
        (one.operation, one.region) for one in stand_in.seen if one.operation in SERVICES
    )
    stand_in.seen.clear()
    return counts


def test_a_crew_finds_what_one_process_finds_and_asks_each_thing_once(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = reply('{"__type": "x#AccessDeniedException"}', 403)

    def answer(asked: Any) -> Any:
        refused = asked.operation == "dynamodb:ListTables" and asked.region == "us-east-1"
        return denied if refused else regions(reply, asked)

    stand_in.answer = answer
    role = [{"role_arn": "arn:aws:iam::111111111111:role/shop"}]
    alone = collected(stand_in, tmp_path / "alone", accounts=role)
    asked_alone = asked_of(stand_in)
    monkeypatch.setattr(aws_crew, "LARGE", 1)
    monkeypatch.setattr(aws_crew, "_cores", lambda: 2)
    together = collected(stand_in, tmp_path / "together", accounts=role)
    assert comparable(together) == comparable(alone)
    assert asked_of(stand_in) == asked_alone
    assert set(asked_alone.values()) == {1}
    files = {path.name for path in (tmp_path / "together/kept").iterdir()}
    assert files == {"111111111111.jsonl", "111111111111.0.jsonl", "111111111111.1.jsonl"}
    refused = [
        one for one in together if isinstance(one, Call) and one.outcome is CallOutcome.REFUSED
    ]
    assert [(one.operation, one.region) for one in refused] == [
        ("dynamodb:ListTables", "us-east-1")
    ]
    # What was refused holds for that run alone: the next one asks again.
    stand_in.answer = lambda asked: regions(reply, asked)
    later = [f for f in again(stand_in, tmp_path / "together", role) if isinstance(f, Call)]
    assert asked_of(stand_in) == {("dynamodb:ListTables", "us-east-1"): 1}
    assert not [call for call in later if call.is_open]


def again(stand_in: Any, folder: Path, accounts: list[dict[str, str]]) -> list[Finding]:
    wanted = {
        "endpoint_url": stand_in.url, "regions": REGIONS, "services": SERVICES,
        "accounts": accounts,
    }  # fmt: skip
    later = NOW + dt.timedelta(hours=1)
    context = Context(later, folder, b"k" * 32, KEYS, kept=folder / "kept")
    return list(AwsCollector().collect(Source("prod", "aws", wanted, folder), context))


def asked_by_name(stand_in: Any) -> Counter[str]:
    """How often each operation was called, but for those that tell who we are."""
    counts = Counter(one.operation for one in stand_in.seen)
    stand_in.seen.clear()
    return Counter({name: n for name, n in counts.items() if not name.startswith("sts:")})


@pytest.mark.usefixtures("two_cores")
def test_what_a_process_that_dies_had_not_reached_is_asked_all_the_same(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.answer = lambda asked: regions(reply, asked)
    own = aws_crew.Crew.start

    def start_and_lose_one(crew: aws_crew.Crew) -> None:
        own(crew)
        crew.processes[0].kill()
        crew.processes[0].wait()

    monkeypatch.setattr(aws_crew.Crew, "start", start_and_lose_one)
    found = collected(stand_in, tmp_path / "one")
    assert len([one for one in found if isinstance(one, Asset)]) == 3 * len(REGIONS)
    assert not [one for one in found if isinstance(one, Call) and one.is_open]


@pytest.mark.usefixtures("two_cores")
def test_every_process_goes_as_deep_as_the_settings_ask(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.answer = lambda asked: regions(reply, asked)
    wanted = {"services": [*SERVICES, "dynamodb", "sns", "sqs"], "depth": "list"}
    together = collected(stand_in, tmp_path / "together", **wanted)
    asked_together = asked_by_name(stand_in)
    monkeypatch.setattr(aws_crew, "_cores", lambda: 1)
    alone = collected(stand_in, tmp_path / "alone", **wanted)
    assert comparable(together) == comparable(alone)
    assert asked_by_name(stand_in) == asked_together


def test_calls_that_aws_counts_together_are_never_shared_out(tmp_path: Path) -> None:
    session: Any = _session()
    account = Account("123456789012", "aws", "us-east-1", None, session)
    plan: Plan = plan_for(account, load_catalog(), Selection("prod", ("*",), tuple(REGIONS)))
    together = services_together(plan)
    for parent, rows in plan.children.items():
        own = plan.catalog.types[parent].service
        assert {together[row.service] for row in rows} == {together[own]}, parent
    first, second = shares_of(plan, 2)
    assert {ask.unit for ask in first}.isdisjoint(ask.unit for ask in second)
    assert sorted(map(repr, first + second)) == sorted(map(repr, plan.roots))
    assert abs(len(first) - len(second)) <= 1


def test_accounts_and_regions_that_are_done_leave_no_client_behind(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path
) -> None:
    gc.collect()
    before = set(aws_clients._buckets)
    stand_in.answer = lambda asked: regions(reply, asked)
    roles = [
        {"role_arn": f"arn:aws:iam::{number}:role/{name}"}
        for number, name in (("111111111111", "shop"), ("222222222222", "store"))
    ]
    found = collected(stand_in, tmp_path / "both", accounts=roles)
    assert len({one.ref.scope for one in found if isinstance(one, Asset)}) == 2
    gc.collect()
    assert set(aws_clients._buckets) - before == set()


def _session() -> Any:
    import botocore.session

    return botocore.session.Session()


def test_tags_are_asked_for_while_others_are_still_listed(
    stand_in: Any, reply: Callable[..., Any], tmp_path: Path
) -> None:
    tags_asked = threading.Event()
    waited: list[bool] = []

    def answer(asked: Any) -> Any:
        if asked.operation == "tagging:GetResources":
            tags_asked.set()
        if (asked.operation, asked.region) == ("dynamodb:ListTables", "us-east-1"):
            waited.append(tags_asked.wait(timeout=10))
        return regions(reply, asked)

    stand_in.answer = answer
    collected(stand_in, tmp_path)
    assert waited == [True]


@pytest.mark.usefixtures("two_cores")
def test_a_small_sweep_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_crew, "LARGE", 10_000)
    account = Account("123456789012", "aws", "us-east-1", None, _session())
    plan = plan_for(account, load_catalog(), Selection("prod", ("sqs",), tuple(REGIONS)))
    source = Source("prod", "aws", {"services": ["sqs"]}, tmp_path)
    with crew_of(source, Context(NOW, tmp_path, b"k" * 32, KEYS, kept=tmp_path)) as crew:
        crew.sweep(plan, lambda item: None)
        assert crew.processes == []
