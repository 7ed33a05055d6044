"""exit-plan.yaml: becomes the plan, or says on which line it contradicts itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitkit.errors import InputError
from exitkit.model.plan import Effect, OnInterrupt
from exitkit.store.canonical import storable
from exitkit.workspace.plan_file import load_plan, plan_from_document

PLAN = """\
schema: exitkit/plan/1
id: leave-acme
version: "1.0"
contract_ref: CTR-1
review: {last_reviewed_on: 2026-10-01}
cost: {estimate: 2.5}
defaults: {timeout: 30m}
phases:
  - {id: P1, name_en: Prepare, name_fr: Préparation, start: {anchor: T0}, end: {anchor: TS}}
milestones:
  - id: M1
    phase: P1
    title: {en: Objects returned, fr: Objets restitués}
    deadline: {anchor: TS, offset: P10D}
    criteria:
      - {id: M1.1, kind: count_match, metric: items_missing, op: "==", value: 0, step: compare-objects}
    steps:
      - {id: restore-objects, kind: restore, what: objects, target: store, effect: external-write, retries: 2}
      - {id: compare-objects, kind: compare, what: objects, target: store, needs: [restore-objects], timeout: 2h}
  - id: M2
    title: Old store closed
    depends_on: [M1]
    deadline: {anchor: TX}
    rehearsal: {included: false}
    criteria: []
    steps:
      - {id: close, kind: command, effect: destructive}
"""  # noqa: E501


def plan_of(folder: Path, text: str) -> Path:
    path = folder / "exit-plan.yaml"
    path.write_text(text)
    return path


def test_the_whole_plan_loads(tmp_path: Path) -> None:
    plan = load_plan(plan_of(tmp_path, PLAN))
    first, second, last = plan.steps()
    assert first.params == {"what": "objects", "target": "store"}
    assert (first.effect, first.retries, first.timeout_s) == (Effect.EXTERNAL_WRITE, 2, 1800)
    assert (second.needs, second.timeout_s) == (("restore-objects",), 7200)
    assert last.on_interrupt is OnInterrupt.ASK
    assert [milestone.in_rehearsal for milestone in plan.milestones] == [True, False]
    assert plan.milestones[1].title == {"en": "Old store closed"}
    assert plan.phases[0].name == {"en": "Prepare", "fr": "Préparation"}


def test_the_digest_follows_the_content_and_not_the_layout(tmp_path: Path) -> None:
    plan = load_plan(plan_of(tmp_path, PLAN))
    assert load_plan(plan_of(tmp_path, f"# a comment\n{PLAN}")).digest == plan.digest
    assert load_plan(plan_of(tmp_path, PLAN.replace("P10D", "P11D"))).digest != plan.digest


def test_a_plan_read_back_from_a_journal_is_the_same_plan(tmp_path: Path) -> None:
    plan = load_plan(plan_of(tmp_path, PLAN))
    again = plan_from_document(storable(plan.document))
    assert again.digest == plan.digest
    assert again.milestones == plan.milestones


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("phase: P1", "phase: P2", 'exit-plan.yaml:12: milestones[0].phase: no phase "P2"'),
        ("depends_on: [M1]", "depends_on: [M9]", 'milestones[1].depends_on[0]: no milestone "M9"'),
        ("depends_on: [M1]", "depends_on: [M2]", "milestones wait for each other: M2 -> M2"),
        ("needs: [restore-objects]", "needs: [restore-object]", 'did you mean "restore-objects"?'),
        (
            "what: objects, target: store, effect",
            "needs: [compare-objects], effect",
            "steps wait for",
        ),
        ("step: compare-objects", "step: close", 'no step "close" in this milestone'),
        ("id: close", "id: restore-objects", 'step "restore-objects" is there already'),
        ("id: M2", "id: M1", 'exit-plan.yaml:20: milestones[1].id: milestone "M1" is there'),
        ("timeout: 2h", "timeout: 2", "steps[1].timeout: 2 is not text"),
        ("timeout: 2h", "timeout: two", "expected: a number and its unit: 90s, 30m, 1h, 2d"),
        ("offset: P10D", "offset: 10 days", "deadline.offset: "),
        ("anchor: TS,", "anchor: TZ,", 'deadline.anchor: "TZ" is not one of'),
        ("effect: destructive", "effect: destructiv", 'did you mean "destructive"?'),
        ('op: "=="', 'op: "="', 'criteria[0].op: "=" is not one of'),
        ("depends_on", "depend_on", 'did you mean "depends_on"?'),
    ],
)
def test_a_contradiction_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_plan(plan_of(tmp_path, PLAN.replace(old, new, 1)))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
