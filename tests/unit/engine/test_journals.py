"""Wherever a journal lies, one coordinator leads its run, and workers know when they are needed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from exitkit.drivers.postgres_journal import check_url
from exitkit.engine.coordinator import coordinator_document
from exitkit.engine.due import is_due
from exitkit.engine.journals import copy_of, open_journal
from exitkit.engine.outcomes import outcome_document
from exitkit.engine.run import Interrupts, advance, drive
from exitkit.errors import CannotRun, Fenced, InputError
from exitkit.model.plan import Mode
from exitkit.model.run import Outcome, StepStatus

Make = Callable[..., Any]
APPROVAL = {"id": "go", "kind": "wait-for-approval", "statement": "Go on."}


def due(run: Any, now: dt.datetime | None = None) -> bool:
    folder = run.journal.folder
    with open_journal(folder) as journal:
        return is_due(journal, journal.load(), now or dt.datetime.now(dt.UTC))


def spawned_elsewhere(run: Any) -> None:
    """Let another host have begun the step a."""
    run.record("milestone.started", {}, milestone="M1")
    run.record("step.started", {"kind": "command"}, milestone="M1", step="a", attempt=1)
    run.record(
        "step.spawned",
        {"action": "run", "label": "run", "pid": 1, "process_started": "1", "boot_id": "other",
         "host": "another"}, milestone="M1", step="a", attempt=1,
    )  # fmt: skip


def test_whoever_led_the_run_before_it_moved_is_fenced(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make,
    fresh_url: Callable[[], str],
) -> None:  # fmt: skip
    run = workshop.start(make_plan(make_milestone("M1", [make_step("a")])))
    advance(run)
    with open_journal(run.journal.folder) as source:
        source.load()
        now = dt.datetime.now(dt.UTC)
        source.append("coordinator.started", at=now, actor="user:b", data=coordinator_document())
        copy_of(source, fresh_url(), moves=True).close()
    with pytest.raises(Fenced):
        drive(run, Interrupts())
    run.close()
    assert drive(workshop.resume(), Interrupts()).ended == "completed"
    assert workshop.effects() == ["did a", "undid a"]


def test_a_run_is_due_until_somebody_leaves_it_in_peace(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    wait = {"id": "w", "kind": "wait-until", "after": "P30D"}
    plan = make_plan(make_milestone("M1", [wait, make_step("a", needs=["w"])]))
    run = workshop.start(plan, mode=Mode.EXIT)
    assert due(run)
    drive(run, Interrupts(), lambda state: False)
    assert not due(run)
    assert due(run, dt.datetime.now(dt.UTC) + dt.timedelta(days=31))
    run.journal.post({"command": "pause", "by": "user:lead"})
    assert due(run)
    drive(run, Interrupts(), lambda state: False)
    assert not due(run, dt.datetime.now(dt.UTC) + dt.timedelta(days=31))


def test_a_run_that_is_handed_over_is_due(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    run = workshop.start(make_plan(make_milestone("M1", [APPROVAL, make_step("a")])))
    drive(run, Interrupts(), lambda state: False, lambda: bool(workshop.of_type("step.succeeded")))
    assert run.state.word == "blocked"
    assert due(run)


def test_only_one_session_holds_a_run_and_its_end_lets_go(
    workshop: Any, make_plan: Make, make_milestone: Make
) -> None:
    run = workshop.start(make_plan(make_milestone("M1", [APPROVAL])))
    alone = not workshop.journal_url
    assert run.journal.hold()
    with open_journal(run.journal.folder) as other:
        assert other.hold() == alone
        run.close()
        assert other.hold()


def test_rows_of_a_database_can_neither_be_changed_nor_deleted(
    workshop: Any, make_plan: Make, make_milestone: Make, fresh_url: Callable[[], str]
) -> None:
    workshop.journal_url = fresh_url()
    run = workshop.start(make_plan(make_milestone("M1", [APPROVAL])))
    with psycopg.connect(workshop.journal_url, autocommit=True) as database:
        for statement in ("UPDATE event SET body = ''", "DELETE FROM event", "TRUNCATE event"):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                database.execute(statement)
    assert len(run.journal.load()) == 1


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("postgresql://a:secret@db/x", "holds a password"),
        ("postgresql://a@db/x?password=secret", "holds a password"),
        ("mysql://a@db/x", "not postgresql://"),
    ],
)
def test_a_url_that_says_a_secret_is_refused_without_repeating_it(url: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault) as raised:
        check_url(url)
    assert "secret" not in str(raised.value)


def test_a_server_that_is_away_is_said_in_one_line(
    workshop: Any, make_plan: Make, make_milestone: Make
) -> None:
    workshop.journal_url = "postgresql://exitkit@127.0.0.1:9/postgres"
    with pytest.raises(CannotRun, match="check that the server runs") as raised:
        workshop.start(make_plan(make_milestone("M1", [APPROVAL])))
    assert "\n" not in str(raised.value)


def test_a_step_on_another_host_is_left_alone_until_it_has_ended_itself(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    step = make_step("a", timeout="1h")
    run = workshop.start(make_plan(make_milestone("M1", [step])), mode=Mode.EXIT)
    now = run.surroundings.clock()
    spawned_elsewhere(run)
    run.close()
    clock = [now + dt.timedelta(seconds=3600 + 80)]
    again = workshop.resume(clock=lambda: clock[0])
    advance(again)
    assert again.state.step("a").job is not None
    clock[0] = now + dt.timedelta(seconds=3600 + 100)
    assert drive(again, Interrupts()).ended == "completed"
    assert workshop.effects() == ["did a"]
    assert [e.attempt for e in workshop.of_type("step.started")] == [1, 2]


def test_nothing_is_undone_beside_a_step_that_is_at_work_on_another_host(
    workshop: Any, make_plan: Make, make_step: Make, make_milestone: Make
) -> None:
    run = workshop.start(make_plan(make_milestone("M1", [make_step("a")])))
    spawned_elsewhere(run)
    run.journal.post({"command": "abort", "by": "user:lead"})
    for _ in range(3):
        advance(run)
    assert run.state.stopping == "interrupted"
    assert run.state.step("a").job is not None
    done = outcome_document(Outcome(StepStatus.SUCCEEDED, "done"))
    folder = run.journal.folder / "artifacts" / "a" / "1"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"outcome": done}))
    assert drive(run, Interrupts()).ended == "aborted"
    kinds = [one.type for one in workshop.events if one.step]
    assert kinds.index("step.succeeded") < kinds.index("step.compensated")
    assert workshop.effects() == ["undid a"]
