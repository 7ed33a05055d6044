"""The steps of an exit take in written words and measure what only an exit can measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.model.plan import Mode, Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.plugins import load_by_name
from exitkit.ports import StepContext
from exitkit.store.reader import open_bundle

Perform = Callable[..., Outcome]


@pytest.fixture
def perform(estate: Any, tmp_path: Path) -> Perform:
    """Return a function that checks and runs one step in the workspace."""
    bundle = sorted((estate.root / "bundles").iterdir())[-1]
    folder = tmp_path / "attempt"
    folder.mkdir()

    def run(kind: str, **params: Any) -> Outcome:
        step = Step("one", kind, params)
        plugin = load_by_name("steps", kind)
        assert list(plugin.problems(step)) == []
        context = StepContext(
            "exit-1", Mode.EXIT, estate.root, folder, bundle, {}, {}, {}, "exit-1/one",
            {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        )  # fmt: skip
        outcome: Outcome = plugin.run(step, context)
        return outcome

    return run


def deletion(**more: Any) -> dict[str, Any]:
    signed = {"role": "operator", "on": "2026-11-20", "place": "Lyon"}
    return {
        "schema": "exitkit/attestation/1", "kind": "deletion", "contract": "CTR-1",
        "party": {"name": "Sub One", "role": "subprocessor"},
        "dates": {
            "service_end": "2026-10-01", "acceptance": "2026-10-10",
            "retrieval_end": "2026-10-31", "notice": "2026-10-20", "deletion": "2026-11-20",
        },
        "scope": {
            "assets": ["db-1"], "data_categories": ["orders"], "personal_data": True,
            "environments": ["production"], "replicas": True, "backups": True, "logs": True,
            "technical_data": True,
        },
        "sanitization": {
            "type": "purge", "technique": "key_erasure", "tool": "kms", "tool_version": "3",
            "keys": {
                "ids": ["key-1"], "encryption_scope": "all volumes", "custody": "customer",
                "destruction_log": "log 17",
            },
        },
        "verification": {
            "method": "full", "result": "nothing readable", "verifier": "B. Check",
            "date": "2026-11-20",
        },
        "residual_copies": [], "subcontractors": [],
        "statement": "No usable copy is retained other than listed.",
        "signatures": [{"name": "A. Operator", **signed}, {"name": "B. Check", **signed}],
        **more,
    }  # fmt: skip


STEP = {"document": "attestations/sub-one.yaml", "attests": "deletion", "party": "Sub One"}


def test_a_whole_deletion_attestation_is_taken_in(estate: Any, perform: Perform) -> None:
    estate.write_yaml("attestations/sub-one.yaml", deletion())
    outcome = perform("attestation", **STEP)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    assert outcome.metrics["attested"] is True
    assert outcome.metrics["residual_copies"] == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"party": {"name": "Other", "role": "provider"}}, "party.name: Other"),
        ({"residual_copies": [{"category": "logs"}]}, "residual_copies.1.basis"),
        ({"subcontractors": [{"party": "Sub Two"}]}, "subcontractors.1.attestation"),
        ({"signatures": []}, "signatures: 0 of 2"),
        ({"statement": "unknown"}, "statement"),
        ({"evidence": ["scans/none.pdf"]}, "evidence scans/none.pdf: not there"),
        ({"evidence": ["../../etc/passwd"]}, "evidence ../../etc/passwd: not there"),
        (
            {"dates": deletion()["dates"] | {"deletion": "2026-10-05"}},
            "dates.deletion: before dates.acceptance",
        ),
        (
            {"sanitization": deletion()["sanitization"] | {"keys": {"ids": ["key-1"]}}},
            "sanitization.keys.encryption_scope",
        ),
    ],
)
def test_an_attestation_that_leaves_something_out_fails_and_says_what(
    estate: Any, perform: Perform, change: dict[str, Any], said: str
) -> None:
    estate.write_yaml("attestations/sub-one.yaml", deletion(**change))
    outcome = perform("attestation", **STEP)
    assert outcome.status is StepStatus.FAILED
    assert said in outcome.message


def test_joint_minutes_speak_of_the_very_inventory_of_the_run(
    estate: Any, perform: Perform
) -> None:
    bundle = open_bundle(sorted((estate.root / "bundles").iterdir())[-1])
    signed = {"role": "lead", "on": "2026-11-20", "place": "Lyon"}
    minutes = {
        "schema": "exitkit/attestation/1", "kind": "joint_inventory", "contract": "CTR-1",
        "party": {"name": "Provider", "role": "provider"}, "dates": {"agreed": "2026-11-20"},
        "inventory": {"bundle": bundle.id, "assets": len(list(bundle.records("assets")))},
        "differences": [], "statement": "Agreed.",
        "signatures": [{"name": "A", **signed}, {"name": "B", **signed}],
    }  # fmt: skip
    step = {"document": "minutes.yaml", "attests": "joint_inventory", "party": "Provider"}
    estate.write_yaml("minutes.yaml", minutes)
    assert perform("attestation", **step).status is StepStatus.SUCCEEDED
    another = "urn:exitkit:bundle:sha256:" + "0" * 64
    estate.write_yaml("minutes.yaml", minutes | {"inventory": {"bundle": another, "assets": 1}})
    assert f"inventory.bundle: not {bundle.id}" in perform("attestation", **step).message


def test_a_notice_counts_from_its_proven_receipt(estate: Any, perform: Perform) -> None:
    notice = {
        "schema": "exitkit/notice/1", "kind": "deletion", "to": "Provider",
        "sent_on": "2026-10-01", "received_on": "2026-10-03", "effective_on": "2026-10-24",
        "proof": "receipts/1.txt",
    }  # fmt: skip
    estate.write_yaml("notices/deletion.yaml", notice)
    step = {"document": "notices/deletion.yaml", "notifies": "deletion"}
    unproven = perform("notice", **step)
    assert unproven.status is StepStatus.FAILED
    assert "no dated proof of receipt" in unproven.message
    (estate.root / "receipts").mkdir()
    (estate.root / "receipts" / "1.txt").write_text("received 2026-10-03")
    proven = perform("notice", **step)
    assert proven.metrics["notice_days"] == 21


def test_a_door_counts_as_closed_only_where_it_refuses_and_others_answer(
    perform: Perform,
) -> None:
    def door(name: str, tried: str, control: str = "exit 0") -> dict[str, Any]:
        return {
            "name": name, "try": ["sh", "-c", tried], "refusal": "Permission denied",
            "control": ["sh", "-c", control],
        }  # fmt: skip

    refused = "echo 'Permission denied (publickey)' >&2; exit 255"
    outcome = perform(
        "prove-revoked",
        doors=[
            door("closed", refused),
            door("open", "exit 0"),
            door("dead network", refused, "exit 255"),
            door("another fault", "echo 'No route to host' >&2; exit 255"),
        ],
    )
    assert [outcome.metrics[name] for name in ("doors_closed", "doors_open", "doors_unclear")] == [
        1, 1, 2,
    ]  # fmt: skip
    assert outcome.metrics["revoked"] is False
    assert perform("prove-revoked", doors=[door("closed", refused)]).metrics["revoked"]


def test_a_parallel_run_compares_the_answers_of_both_systems(perform: Perform) -> None:
    def ask(name: str, old: str, new: str) -> dict[str, Any]:
        return {"name": name, "old": ["sh", "-c", old], "new": ["sh", "-c", new]}

    outcome = perform(
        "parallel-run",
        questions=[
            ask("same but for the time", "echo total 7 at 10:00", "echo total 7 at 10:01"),
            ask("different", "echo 7", "echo 8"),
            ask("one is down", "echo 7", "exit 1"),
        ],
        ignore=[r"at \d\d:\d\d"],
    )
    assert outcome.metrics["questions_compared"] == 3
    assert outcome.metrics["answers_different"] == 1
    assert outcome.metrics["answers_missing"] == 1
    assert outcome.metrics["agreement_pct"] == 33


def test_a_snapshot_within_a_run_measures_what_changed_since_the_one_before(
    estate: Any, make_milestone: Callable[..., dict[str, Any]]
) -> None:
    more = {"criteria": [{"id": "F.1", "metric": "changes", "op": "==", "value": 0}]}
    estate.write_plan(make_milestone("F", {"id": "delta", "kind": "snapshot"}, **more))
    frozen = estate.run("rehearse", "--yes")
    assert frozen.returncode == 0, frozen.stdout + frozen.stderr
    assert len(list((estate.root / "bundles").glob("acme-*"))) == 3
    with (estate.root / "licenses.csv").open("a") as table:
        table.write("Another,Acme,yes,seats,5,,30,,\n")
    thawed = estate.run("rehearse", "--yes")
    assert thawed.returncode == 1
    assert "the plan asks == 0" in thawed.stdout


def test_the_template_of_an_exit_is_a_plan_that_can_run(estate: Any) -> None:
    printed = estate.run("exit", "--template")
    plan = 'schema: exitkit/plan/1\nid: P\nversion: "1"\ncontract_ref: CTR-1\n'
    (estate.root / "exit-plan.yaml").write_text(plan + printed.stdout)
    checked = estate.run("plan", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
