"""Whatever an operator writes into a member of a step is told as a problem, never as a crash."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from exitkit import plugins
from exitkit.model.plan import Effect, OnInterrupt, Step

ODD: list[Any] = [
    None, "", 0, -1, 10**30, 1.5, True, [], {}, ["x"], [1], [None], [[]], [{}], {"a": 1}, "x", "(",
    {"native_type": 1}, {"native_type": "A", "names": 1}, {"hosts": "x", "seed": {}}, ["("],
    [{"name": 1}], [{"name": "q", "old": 1, "new": []}], "2026-02-30", "P99999999999Y",
]  # fmt: skip
_CHOICE = {
    "what": "documents", "target": "t", "assets": {"native_type": "A", "names": ["*"]},
    "canaries": ["x"], "canary_pattern": "x",
}  # fmt: skip
_DOOR = {"name": "x", "try": ["a"], "refusal": "x", "control": ["a"]}
SOUND: dict[str, dict[str, Any]] = {
    "restore": _CHOICE,
    "compare": _CHOICE,
    "canary": _CHOICE,
    "command": {"argv": ["a"], "check_argv": ["a"], "undo": ["a"], "probe": ["a"], "env": ["A"]},
    "playbook": {
        "playbook": "p", "target": "t", "variables": {}, "sample": {"hosts": 1, "seed": "1"},
        "twice": False, "check": False,
    },
    "wait-for-approval": {"statement": "s", "parties": 1, "roles": ["x"]},
    "wait-until": {"at": "2027-01-01"},
    "wait-for": {"fact": "f", "check": ["a"], "every": "1h", "at_most": "P1D"},
    "attestation": {"document": "d", "attests": "deletion", "party": "p"},
    "notice": {"document": "d", "notifies": "exit"},
    "snapshot": {"sources": ["a"]},
    "prove-revoked": {"sources": ["a"], "doors": [_DOOR]},
    "parallel-run": {
        "questions": [{"name": "q", "old": ["a"], "new": ["b"]}], "ignore": ["x"],
    },
}  # fmt: skip
KINDS = {kind.kind: kind for kind in plugins.load_all("steps")}


def problems(kind: str, params: dict[str, Any], **more: Any) -> list[str]:
    return list(KINDS[kind].problems(Step("s", kind, params, **more)))


def test_every_kind_of_step_is_here() -> None:
    assert KINDS.keys() == SOUND.keys()


@pytest.mark.parametrize("kind", sorted(SOUND))
def test_a_member_of_any_form_is_a_problem_or_none_and_never_a_crash(kind: str) -> None:
    for name, value, effect in product(SOUND[kind], ODD, (Effect.NONE, Effect.EXTERNAL_WRITE)):
        more = {"effect": effect, "on_interrupt": OnInterrupt.PROBE}
        told = problems(kind, {**SOUND[kind], name: value}, **more)
        assert all(isinstance(line, str) and "\n" not in line for line in told)


@pytest.mark.parametrize(
    ("kind", "name", "value", "said"),
    [
        ("restore", "assets", "AWS::S3::Bucket", "`assets` needs a `native_type`"),
        ("compare", "assets", {"names": ["*"]}, "`assets` needs a `native_type`"),
        ("canary", "assets", {"native_type": "A", "names": "*"}, "`names` is a list of patterns"),
        ("compare", "canary_pattern", "(", "not a regular expression"),
        ("playbook", "sample", "3", "`sample` needs `hosts`, a number"),
        ("parallel-run", "ignore", 3, "not a list of regular expressions"),
        ("attestation", "attests", [], "attests: one of"),
        ("wait-for-approval", "roles", 3, "roles: not a list of names"),
    ],
)
def test_a_member_of_the_wrong_form_is_told(kind: str, name: str, value: Any, said: str) -> None:
    told = problems(kind, {**SOUND[kind], name: value})
    assert any(said in line for line in told), told
