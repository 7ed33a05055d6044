"""While any source gathers, garbage is looked for less often; afterwards as before."""

from __future__ import annotations

import gc

from exitkit.drivers.gathering import WHILE_GATHERING, gathering


def test_the_last_source_to_end_brings_the_usual_numbers_back() -> None:
    usual = gc.get_threshold()
    first, second = gathering(), gathering()
    first.__enter__()
    second.__enter__()
    assert gc.get_threshold() == WHILE_GATHERING != usual
    first.__exit__(None, None, None)
    assert gc.get_threshold() == WHILE_GATHERING
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual
