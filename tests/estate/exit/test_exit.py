"""An exit starts only on what was rehearsed, undoes nothing, and knows how late it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

Build = Callable[..., dict[str, Any]]


def test_an_exit_runs_the_rehearsed_plan_and_leaves_what_it_did(
    estate: Any, make_milestone: Build, write_step: dict[str, Any]
) -> None:
    close = {"id": "close", "kind": "command", "effect": "destructive", "argv": ["touch", "closed"]}
    shut = make_milestone(
        "M2", close, depends_on=["M1"], rehearsal={"included": False}, penalty_ref="PEN-1"
    )
    estate.write_plan(make_milestone("M1", write_step), shut)
    start = ["exit", "--yes", "--anchor", f"T0={estate.days_ago(3)}"]
    refused = estate.run(*start)
    assert refused.returncode == 2
    assert "no rehearsal of this plan within 12 months (none was run)" in refused.stderr

    assert estate.run("rehearse", "--yes").returncode == 0
    assert (estate.root / "effects").read_text().split() == ["did", "undid"]
    assert not (estate.root / "closed").exists()

    undated = estate.run("exit", "--yes")
    assert undated.returncode == 2
    assert "no date to count from" in undated.stderr
    left = estate.run(*start)
    assert left.returncode == 0, left.stdout + left.stderr
    assert (estate.root / "effects").read_text().split() == ["did", "undid", "did"]
    assert (estate.root / "closed").exists()

    shown = estate.run("status", estate.run_name("exit"), "--json")
    assert shown.returncode == 0
    clock = json.loads(shown.stdout)["clock"]
    assert [(one["milestone"], one["state"]) for one in clock] == [
        ("M1", "reached"), ("M2", "reached"),
    ]  # fmt: skip
    newest = sorted((estate.root / "bundles").iterdir())[-1]
    assert json.loads((newest / "data" / "exitkit.json").read_bytes())["purpose"] == "exit"
    assert estate.run("verify", str(newest)).returncode == 0


def test_a_changed_plan_needs_a_rehearsal_of_its_own(
    estate: Any, make_milestone: Build, write_step: dict[str, Any]
) -> None:
    estate.write_plan(make_milestone("M1", write_step))
    assert estate.run("rehearse", "--yes").returncode == 0
    estate.write_plan(make_milestone("M1", write_step, objective="another"))
    refused = estate.run("exit", "--yes", "--anchor", f"T0={estate.days_ago(1)}")
    assert refused.returncode == 2
    assert "ran another version of the plan" in refused.stderr


def test_a_missed_rehearsal_carries_no_exit(estate: Any, make_milestone: Build) -> None:
    bad = {"id": "bad", "kind": "command", "argv": ["false"]}
    estate.write_plan(make_milestone("M1", bad))
    assert estate.run("rehearse", "--yes").returncode == 1
    refused = estate.run("exit", "--yes", "--anchor", f"T0={estate.days_ago(1)}")
    assert "is failed, not completed" in refused.stderr


def test_only_a_trusted_key_waives_the_rehearsal(
    estate: Any, make_milestone: Build, write_step: dict[str, Any]
) -> None:
    estate.write_plan(make_milestone("M1", write_step))
    waive = [
        "exit", "--yes", "--anchor", f"TSTRESS={estate.days_ago(1)}", "--waive",
        "The provider is insolvent.", "--by", "Board",
    ]  # fmt: skip
    unsigned = estate.run(*waive)
    assert unsigned.returncode == 2
    assert "nobody signs it" in unsigned.stderr
    strange = estate.run(*waive, "--key", "keys/stranger.pem")
    assert strange.returncode == 2
    assert "not signed by a trusted key" in strange.stderr
    assert not list((estate.root / "runs").glob("exit-*"))
    signed = estate.run(*waive, "--key", "keys/exitkit.pem", "--json")
    first = json.loads(signed.stdout.splitlines()[0])
    assert first["data"]["exit"]["waiver"]["signatures"]
    assert "rehearsal" not in first["data"]["exit"]


def test_an_ssh_key_waives_the_rehearsal_for_whom_it_speaks(
    estate: Any, make_milestone: Build, write_step: dict[str, Any]
) -> None:
    estate.write_plan(make_milestone("M1", write_step))
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "keys/board"]
    subprocess.run(make, cwd=estate.root, check=True)
    allowed = f"board@example.org {(estate.root / 'keys/board.pub').read_text()}"
    (estate.root / "keys/allowed").write_text(allowed)
    workspace = (estate.root / "exitkit.yaml").read_text()
    with_signers = workspace.replace("signing: {", "signing: {allowed_signers: keys/allowed, ")
    (estate.root / "exitkit.yaml").write_text(with_signers)
    waive = [
        "exit", "--yes", "--anchor", f"TSTRESS={estate.days_ago(1)}", "--waive",
        "The provider is insolvent.",
    ]  # fmt: skip
    other = estate.run(*waive, "--by", "cfo@example.org", "--ssh-key", "keys/board")
    assert (other.returncode, "does not speak for cfo@example.org" in other.stderr) == (2, True)
    # Signed on another machine, by what --print shows.
    by = ["--by", "board@example.org"]
    prints = [sys.executable, "-m", "exitkit", *waive, *by, "--print"]
    payload = subprocess.run(prints, cwd=estate.root, check=True, stdout=subprocess.PIPE).stdout
    (estate.root / "waiver").write_bytes(payload)
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "exitkit", "-f", "keys/board", "waiver"]
    subprocess.run(sign, cwd=estate.root, check=True)
    signed = estate.run(*waive, *by, "--signature", "waiver.sig", "--json")
    assert signed.returncode == 0, signed.stderr
    first = json.loads(signed.stdout.splitlines()[0])
    assert first["data"]["exit"]["waiver"]["sshSignature"]
    assert estate.run("verify-run", estate.run_name("exit")).returncode == 0
    trusts_another = ["--trust", "keys/stranger.pub"]
    assert estate.run("verify-run", estate.run_name("exit"), *trusts_another).returncode == 1


def test_the_status_of_a_late_exit_names_the_clause_and_the_way_back(
    estate: Any, make_milestone: Build, write_step: dict[str, Any]
) -> None:
    estate.write_contract(
        penalties=[
            {"id": "PEN-1", "clause": "Annex 5 3.2", "formula": "1 % a week", "cap_pct": 10}
        ],
        reversibility={
            "transition": {
                "duration": "P30D",
                "customer_extension": {"allowed": True, "max": "P90D", "clause": "Annex 5 3.4"},
            }
        },
    )
    wait = {"id": "agree", "kind": "wait-for-approval", "statement": "The data is accepted."}
    late = make_milestone(
        "M1", wait, deadline={"anchor": "TX", "offset": "P2D"}, penalty_ref="PEN-1",
        contract_clause="Annex 5 3.1",
        criteria=[{"id": "M1.1", "metric": "approved", "op": "==", "value": True}],
    )  # fmt: skip
    after = make_milestone(
        "M2", write_step, depends_on=["M1"], deadline={"anchor": "TX", "offset": "P3D"}
    )
    estate.write_plan(late, after)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "exitkit", "exit", "--yes", "--json", "--anchor",
            f"TS={estate.days_ago(40)}", "--waive", "No time.", "--by", "Board", "--key",
            "keys/exitkit.pem",
        ],
        cwd=estate.root, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "approval.requested":
            break
    run = estate.run_name("exit")
    shown = estate.run("status", run)
    process.terminate()
    process.communicate()
    assert shown.returncode == 1
    assert "PEN-1: Annex 5 3.2, 1 % a week, cap 10 %" in shown.stdout
    assert f"to bring it back: `exitkit approve {run} agree`" in shown.stdout
    assert "the customer may extend the transition by up to P90D (Annex 5 3.4)" in shown.stdout
    assert "to bring it back: bring back M1 first" in shown.stdout
    assert not (estate.root / "effects").exists()
