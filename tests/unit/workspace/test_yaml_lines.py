"""Operators' YAML: line by line, without the traps of YAML 1.1."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path

import pytest

from exitkit.errors import InputError
from exitkit.workspace.plan_file import load_plan
from exitkit.workspace.yaml_lines import parse_yaml, read_yaml

FILE = Path("exitkit.yaml")


def test_scalars_mean_what_operators_mean() -> None:
    text = "{country: NO, on: yes, account: 012345678901, cap: 2.5, day: 2026-11-20, at: 12:30}"
    assert parse_yaml(text, FILE).value == {
        "country": "NO",
        "on": "yes",
        "account": "012345678901",
        "cap": Decimal("2.5"),
        "day": dt.date(2026, 11, 20),
        "at": "12:30",
    }


def test_a_quoted_day_is_a_day() -> None:
    assert parse_yaml('day: "2026-11-20"', FILE).value == {"day": dt.date(2026, 11, 20)}


def test_every_place_knows_its_line() -> None:
    document = parse_yaml("a: 1\nb:\n  - x: 1\n    y: 2\n  - {x: 3}\n", FILE)
    assert document.line_of(("b", 0, "y")) == 4
    assert document.line_of(("b", 1)) == 5
    assert document.line_of(("b", 1, "gone")) == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "exitkit.yaml:3: a: written twice (first on line 1)"),
        ("a:\n  b: 1\n  b: 1\n", "exitkit.yaml:3: a.b: written twice (first on line 2)"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "exitkit.yaml:3: c: a key must be plain text"),
        ("a: &a [*a]\n", "an alias that contains itself"),
        ("[" * 60 + "]" * 60, "nested more than 40 deep"),
        ("a: 2026-02-30\n", "exitkit.yaml:1: a: 2026-02-30 is not a day"),
        ("a: !!python/object/apply:os.system [id]\n", "exitkit.yaml:1: a: tag"),
        ("a: 99999999999999999999\n", "exitkit.yaml:1: a: too large a number"),
        ("a: !!int x\n", "exitkit.yaml:1: a: does not fit its tag"),
        ("a: [\n", "fix the YAML"),
        ("a: 1\n\tb: 2\n", "exitkit.yaml:2: found character '\\t'"),
        ("a: \x01\n", "fix the YAML"),
        ("", "exitkit.yaml:1: the file is empty"),
        ("--- a\n--- b\n", "exitkit.yaml:2: "),
        ("? [a]\n: b\n", "exitkit.yaml:1: a key must be plain text"),
    ],
)
def test_a_mistake_is_one_line(text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, FILE)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_aliases_cannot_unfold_without_bound() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(InputError, match="once aliases are followed"):
        parse_yaml("\n".join(rows), FILE)


def test_a_file_that_is_missing_too_large_or_not_text_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    with pytest.raises(InputError, match="no such file; `exitkit init DIR` writes one"):
        read_yaml(path)
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_yaml(path)
    path.write_bytes(b"#" * (5 * 1024 * 1024))
    with pytest.raises(InputError, match="at most"):
        read_yaml(path)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "exitkit.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(InputError, match=r"exitkit\.yaml: not a plain file"):
        read_yaml(path)


def test_what_looks_like_a_day_is_text_where_text_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "exit-plan.yaml"
    path.write_text(
        "schema: exitkit/plan/1\nid: 2026-11-26\nversion: 2026-01-01\ncontract_ref: C\n"
        "phases: [{id: 2027-01-01, name: {en: A}, start: {anchor: TS}, end: {anchor: TX}}]\n"
        "milestones:\n  - id: 2027-02-01\n    title: 2027-03-01\n    phase: 2027-01-01\n"
        "    deadline: {anchor: TS}\n    criteria: []\n    steps: []\n"
    )
    plan = load_plan(path)
    assert (plan.id, plan.phases[0].id, plan.milestones[0].id) == (
        "2026-11-26", "2027-01-01", "2027-02-01"
    )  # fmt: skip
    assert plan.milestones[0].title == {"en": "2027-03-01"}
