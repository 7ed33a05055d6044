"""A command step is checked before anything runs, and runs with what it needs and no more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exitkit.model.plan import Effect, Mode, OnInterrupt, Step
from exitkit.model.run import StepStatus
from exitkit.ports import StepContext
from exitkit.steps.approval import WaitForApproval
from exitkit.steps.command import Command

STEP = Step("a", "command", {"argv": ["true"]})


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    return StepContext(
        run="r1", mode=Mode.REHEARSAL, workspace=tmp_path, attempt_dir=tmp_path / "attempt",
        bundle=tmp_path / "bundle", targets={}, sources={}, earlier={}, idempotency_key="r1/a",
        environ={"PATH": "/usr/bin:/bin", "TOKEN": "PlantedSecret-4711", "REGION": "eu-west-1"},
    )  # fmt: skip


def with_params(**params: Any) -> Step:
    return replace(STEP, params={**STEP.params, **params})


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (with_params(argv="true"), "argv: not a list"),
        (with_params(argv=[]), "argv: not a list"),
        (with_params(argv=["sleep", 1]), "argv: not a list"),
        (with_params(undo="true"), "undo: not a list"),
        (with_params(probe=[1]), "probe: not a list"),
        (with_params(check_argv="true"), "check_argv: not a list"),
        (with_params(env={"TOKEN": "x"}), "env: not a list"),
        (replace(STEP, effect=Effect.EXTERNAL_WRITE), "writes and has no undo"),
        (replace(STEP, on_interrupt=OnInterrupt.PROBE), "no probe"),
    ],
)
def test_a_wrong_step_is_named(step: Step, fault: str) -> None:
    assert [fault in problem for problem in Command().problems(step)] == [True]


def test_a_step_that_writes_and_undoes_is_fine() -> None:
    step = replace(with_params(undo=["true"]), effect=Effect.EXTERNAL_WRITE)
    assert list(Command().problems(step)) == []


def test_a_dry_run_says_what_it_would_run_and_runs_nothing(
    context: StepContext, tmp_path: Path
) -> None:
    make = with_params(argv=["touch", "a file"], undo=["touch", "undone"], check=True)
    step = replace(make, effect=Effect.EXTERNAL_WRITE)
    outcome = Command().run(step, context)
    assert (outcome.status, outcome.message) == (
        StepStatus.SUCCEEDED, "would run: touch 'a file'"
    )  # fmt: skip
    assert outcome.touched == {}
    assert Command().undo(step, outcome.touched, context).message == "nothing to undo"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("code", "status"), [(0, StepStatus.SUCCEEDED), (3, StepStatus.FAILED)])
def test_a_dry_run_runs_the_dry_form_that_a_program_has(
    context: StepContext, tmp_path: Path, code: int, status: StepStatus
) -> None:
    dry = ["sh", "-c", f"touch dry; exit {code}"]
    outcome = Command().run(
        with_params(argv=["touch", "real"], check=True, check_argv=dry), context
    )
    assert (outcome.status, outcome.metrics) == (status, {"exit_code": code})
    assert [path.name for path in tmp_path.iterdir()] == ["dry"]


def test_a_dry_run_needs_no_way_back() -> None:
    assert not list(
        Command().problems(replace(with_params(check=True), effect=Effect.EXTERNAL_WRITE))
    )
    held = list(Command().problems(replace(with_params(check=False), effect=Effect.EXTERNAL_WRITE)))
    assert ["writes and has no undo" in one for one in held] == [True]


def test_a_program_sees_the_variables_it_named_and_no_others(context: StepContext) -> None:
    look = 'test -z "$TOKEN" -a "$REGION" = eu-west-1 -a "$EXITKIT_IDEMPOTENCY_KEY" = r1/a'
    step = with_params(argv=["sh", "-c", look], env=["REGION"])
    assert Command().run(step, context).status is StepStatus.SUCCEEDED


def test_no_shell_reads_the_arguments(context: StepContext, tmp_path: Path) -> None:
    Command().run(with_params(argv=["echo", "$(touch made)", ";", "touch", "made"]), context)
    assert not (tmp_path / "made").exists()


def test_a_program_that_fails_or_is_absent_fails_the_step(context: StepContext) -> None:
    codes = [
        Command().run(with_params(argv=argv), context).metrics["exit_code"]
        for argv in (["sh", "-c", "exit 3"], ["no-such-program"])
    ]
    assert codes == [3, 127]


def test_a_probe_says_what_its_exit_code_says(context: StepContext) -> None:
    assert Command().probe(with_params(probe=["true"]), context)
    assert not Command().probe(with_params(probe=["false"]), context)


@pytest.mark.parametrize(
    ("params", "effect", "faults"),
    [
        ({"statement": "Go on.", "parties": 2}, Effect.NONE, 0),
        ({}, Effect.NONE, 1),
        ({"statement": " "}, Effect.NONE, 1),
        ({"statement": "Go on.", "parties": 0}, Effect.NONE, 1),
        ({"statement": "Go on.", "parties": True}, Effect.NONE, 1),
        ({"statement": "Go on."}, Effect.DESTRUCTIVE, 1),
    ],
)
def test_an_approval_states_what_is_signed(
    params: dict[str, Any], effect: Effect, faults: int
) -> None:
    step = Step("go", "wait-for-approval", params, effect)
    assert len(list(WaitForApproval().problems(step))) == faults


def test_no_process_can_give_an_approval(context: StepContext) -> None:
    step = Step("go", "wait-for-approval", {"statement": "Go on."})
    assert WaitForApproval().run(step, context).status is StepStatus.REFUSED
    assert not WaitForApproval().probe(step, context)
