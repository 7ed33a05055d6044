"""Check that a call which never returns costs its deadline and nothing else."""

from __future__ import annotations

import threading

import pytest

from exitkit.drivers.deadlines import Beat, run_all


def test_every_job_is_answered_once() -> None:
    jobs = [lambda beat, n=n: n * n for n in range(50)]
    assert dict(run_all(jobs, 8, 60)) == {n: n * n for n in range(50)}


def test_a_hung_job_is_given_up_and_the_others_are_answered() -> None:
    never = threading.Event()

    def hung(beat: Beat) -> str:
        never.wait()
        return "too late"

    jobs = [hung, lambda beat: "one", hung, lambda beat: "two"]
    answers = dict(run_all(jobs, 1, 0.2))
    never.set()
    assert answers == {0: None, 1: "one", 2: None, 3: "two"}


def test_a_job_that_shows_it_is_alive_may_take_longer_than_the_deadline() -> None:
    waited = threading.Event()

    def slow_pages(beat: Beat) -> str:
        for _ in range(40):
            waited.wait(0.02)
            beat()
        return "all pages"

    assert list(run_all([slow_pages], 1, 0.5)) == [(0, "all pages")]


def test_a_crash_reaches_the_one_who_waits() -> None:
    def crash(beat: Beat) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(run_all([crash], 1, 60))
