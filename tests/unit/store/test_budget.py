"""Give out bytes in turn, whoever asks first."""

from __future__ import annotations

import threading

from exitkit.store.budget import Budget


def test_who_comes_later_waits_for_who_comes_before() -> None:
    budget = Budget()
    granted: dict[int, bool] = {}

    def claim(number: int) -> None:
        granted[number] = budget.turn(number).claim(60, 100)

    late = threading.Thread(target=claim, args=(2,))
    late.start()
    budget.turn(1).close()
    assert granted == {}
    claim(0)
    late.join(5)
    assert granted == {0: True, 2: False}


def test_what_does_not_fit_leaves_room_for_what_does() -> None:
    budget = Budget()
    assert [budget.claim(size, 100) for size in (70, 40, 30, 1)] == [True, False, True, False]


def test_who_would_take_less_gets_it_where_more_does_not_fit() -> None:
    budget = Budget()
    granted = [budget.claim_first(sizes, 100) for sizes in ((80, 60), (50, 30), (50, 20), (10, 5))]
    assert granted == [0, None, 1, None]
