"""Read last logins out of what hosts print, whatever stands in it."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from exitkit.drivers.host_logins import last_login_days, last_logins, sessions

LASTLOG = """Username         Port     From                                       Latest
root             pts/0    192.0.2.10                                Mon Feb  2 08:15:09 +0000 2026
alice            tty1                                               Sat Jan  3 10:11:12 +0100 2026
bob                                                                 **Never logged in**
eve              pts/1    10.0.0.1                                  Mon Foo  2 08:15:09 +0000 2026
mallory          pts/1    10.0.0.1                                  Mon Feb 31 08:15:09 +0000 2026
"""


def test_lastlog_tells_day_and_origin_of_those_who_logged_in() -> None:
    rows = list(last_logins({"": LASTLOG}))
    assert rows[:2] == [
        {"name": "root", "last_login_on": "2026-02-02", "last_login_from": "192.0.2.10"},
        {"name": "alice", "last_login_on": "2026-01-03"},
    ]
    # A month that is none, and a day that no calendar has, are no login.
    days = {"root": dt.date(2026, 2, 2), "alice": dt.date(2026, 1, 3)}
    assert last_login_days(rows) == days


def test_the_latest_of_several_logs_counts() -> None:
    line = "[7] [001] [ts/0] [root    ] [pts/0] [{}] [192.0.2.9] [{}T08:15:09,400000+00:00]\n"
    text = line.format("gate", "2026-03-01") + line.format("   ", "2026-02-01")
    rows = [*last_logins({"": LASTLOG}), *sessions({"": text})]
    assert rows[-1] == {
        "name": "root", "last_login_on": "2026-03-01", "last_login_from": "gate",
    }  # fmt: skip
    assert last_login_days(rows)["root"] == dt.date(2026, 3, 1)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="[]7 abMonJanFeb:+0123456789-T,.\n*", max_size=400))
def test_nothing_a_host_prints_is_a_fault(text: str) -> None:
    rows = [*last_logins({"": text}), *sessions({"": text})]
    assert all(isinstance(day, dt.date) for day in last_login_days(rows).values())
