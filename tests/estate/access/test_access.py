"""Find the provider's rights in a real snapshot, and prove that they are gone or are not."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exitkit.cli.main import run
from exitkit.demo import arm_estate
from exitkit.demo.arm_server import ArmServer
from exitkit.model.plan import Mode, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import StepContext
from exitkit.steps.prove_revoked import ProveRevokedStep
from exitkit.store.keys import generate_key
from exitkit.workspace.files import load_workspace

TOKEN = "pl4nted-arm-token-8Fg5"
CONTRACT = """\
schema: exitkit/contract/1
id: CTR-1
title: unknown
access:
  holders:
    - {holder: provider, names: ["%s"]}
"""


@dataclass
class Ground:
    """A workspace with one Azure subscription, and the provider's assignment in it."""

    root: Path
    double: ArmServer
    assignment: str
    principal: str


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    double = ArmServer(TOKEN)
    arm_estate.seed(double)
    double.start()
    monkeypatch.setenv("EXITKIT_AZURE_TOKEN", TOKEN)
    place, body = next(
        (i, b) for i, b in double.resources.items() if "/roleassignments/" in i.lower()
    )
    principal = body["properties"]["principalId"]
    generate_key(tmp_path / "keys/exitkit.pem", tmp_path / "keys/exitkit.pub")
    (tmp_path / "keys/masking.key").write_text("00" * 32)
    (tmp_path / "exitkit.yaml").write_text(
        "schema: exitkit/workspace/1\nseries: acme\n"
        f"sources: [{{id: az, type: azure, endpoint_url: '{double.endpoint}'}}]\n"
        "signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}\n"
    )
    (tmp_path / "contract.yaml").write_text(CONTRACT % principal)
    yield Ground(tmp_path, double, place, principal)
    double.stop()


def prove(ground: Ground, **params: Any) -> Outcome:
    attempt = ground.root / "attempt"
    attempt.mkdir(exist_ok=True)
    sources = {one.id: one for one in load_workspace(ground.root).sources}
    context = StepContext(
        run="r1", mode=Mode.EXIT, workspace=ground.root, attempt_dir=attempt,
        bundle=ground.root, targets={}, sources=sources, earlier={}, idempotency_key="r1/a",
        environ={"EXITKIT_AZURE_TOKEN": TOKEN},
    )  # fmt: skip
    step = Step("revoked", "prove-revoked", {"sources": ["az"], **params})
    assert list(ProveRevokedStep().problems(step)) == []
    return ProveRevokedStep().run(step, context)


def test_the_providers_rights_stand_first_and_have_a_way_back(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ["-w", str(ground.root)]
    assert run(["snapshot", *here]) == 0
    capsys.readouterr()
    assert run(["access", *here]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "provider: 1 right"
    assert any(line.startswith("unattributed: ") for line in said)
    assert run(["access", "--holder", "provider", "--csv", *here]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert (row["principal"], row["because"]) == (ground.principal, f"name {ground.principal}")
    assert run(["access", "--revocation-plan", "--json", *here]) == 0
    (step,) = json.loads(capsys.readouterr().out)["steps"]
    assert f"--assignee {ground.principal} --scope" in step["action"]
    assert step["probe"] == "`prove-revoked` step of source az"
    assert run(["access", "--lang", "fr", *here]) == 0
    assert capsys.readouterr().out.startswith("prestataire\N{NO-BREAK SPACE}: 1 droit\n")
    assert run(["access", "--revocation-plan", "--lang", "fr", *here]) == 0
    assert "étape `prove-revoked` de la source az" in capsys.readouterr().out


def test_a_right_that_is_left_is_named_and_one_that_is_gone_is_proved(ground: Ground) -> None:
    before = prove(ground)
    assert (before.metrics["rights_left"], before.metrics["revoked"]) == (1, False)
    assert ground.principal in before.items[0].item
    del ground.double.resources[ground.assignment]
    after = prove(ground)
    assert (after.metrics["rights_left"], after.metrics["revoked"]) == (0, True)
    assert int(after.metrics["rights_checked"]) > 0


def test_what_could_not_be_looked_at_is_never_proved(ground: Ground) -> None:
    del ground.double.resources[ground.assignment]
    ground.double.refused = ("roleassignments",)
    outcome = prove(ground)
    assert (outcome.metrics["rights_left"], outcome.metrics["revoked"]) == (0, False)


def test_a_right_that_is_gone_proves_nothing_while_a_door_is_open(ground: Ground) -> None:
    del ground.double.resources[ground.assignment]
    door = {"name": "desk", "try": ["true"], "refusal": "denied", "control": ["true"]}
    outcome = prove(ground, doors=[door])
    assert (outcome.metrics["rights_left"], outcome.metrics["doors_open"]) == (0, 1)
    assert outcome.metrics["revoked"] is False


def test_a_party_without_marks_proves_nothing(ground: Ground) -> None:
    outcome = prove(ground, holder="somebody")
    assert outcome.status is StepStatus.FAILED
    assert "access.holders" in outcome.message


def test_a_step_without_sources_is_a_fault_of_the_plan() -> None:
    step = Step("revoked", "prove-revoked", {})
    assert any("sources" in fault for fault in ProveRevokedStep().problems(step))
