"""A real cron with a clock of its own starts what the rules say, and nothing of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitkit.drivers import cron_clock
from exitkit.drivers.cron_clock import departures

ALIKE = (
    ("*/5 * * * *", "*/5 * * * *"), ("0 3 * * 0", "0 3 * * sun"), ("@daily", "0 0 * * *"),
    ("@reboot", "@reboot"), ("15 4 1-7 * mon", "15 4 1-7 * 1"), ("0 0 29 2 *", "0 0 29 feb *"),
)  # fmt: skip
SLIPPED_IN = "* * * * *\n* * * * * root touch {}"


def test_a_real_cron_starts_at_every_minute_what_the_rules_say() -> None:
    wanted, found = zip(*ALIKE, strict=True)
    assert departures(wanted, found) == ([""] * len(ALIKE), True)


def test_what_a_cron_would_start_otherwise_or_never_is_told(tmp_path: Path) -> None:
    owned = SLIPPED_IN.format(tmp_path / "owned")
    pairs = {
        ("0 3 10 * *", "0 3 11 * *"):
            "starts at 2024-01-11 03:00:00 instead of 2024-01-10 03:00:00",
        ("@reboot", "@daily"): "starts at other times",
        ("0 0 * * *", ""): "no cron reads its schedule (not five fields)",
        ("61 * * * *", "61 * * * *"): "no cron reads its schedule (Bad minute)",
        ("0 0 31 2 *", "0 0 31 2 *"): "no cron reads its schedule (Bad day-of-month)",
        # The rules know the last day of a month; Debian's cron does not.
        ("0 0 L * *", "0 0 L * *"): "cron does not start it at 2024-01-31 00:00",
        (owned, owned): "no cron reads its schedule (not five fields)",
        ("0 1 * * *", "0 1 * * *"): "",
    }  # fmt: skip
    wanted, found = zip(*pairs, strict=True)
    assert departures(wanted, found) == (list(pairs.values()), True)
    assert not (tmp_path / "owned").exists()


def test_without_a_real_cron_the_rules_alone_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron_clock.os, "geteuid", lambda: 1000)
    wanted, found = ("*/5 * * * *", "0 3 * * *"), ("*/5 * * * *", "0 4 * * *")
    faults, by_cron = departures(wanted, found)
    assert (faults[0], by_cron) == ("", False)
    assert faults[1] == "starts at 2024-01-01 04:00:00 instead of 2024-01-01 03:00:00"
