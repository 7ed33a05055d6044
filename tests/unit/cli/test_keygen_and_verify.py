"""Make a key, seal with it, and see what verify says to people and to programs."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from exitkit.cli.main import run
from exitkit.store.keys import load_private
from exitkit.store.writer import BundleInputs, write_bundle

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


@pytest.fixture
def workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    root = tmp_path / "acme"
    assert run(["init", str(root)]) == 0
    assert run(["keygen", "-w", str(root)]) == 0
    capsys.readouterr()
    return root


def bundle_of(workspace: Path, *, sealed: bool = True) -> Path:
    path = workspace / "bundles" / "acme-000001"
    inputs = BundleInputs("acme", 1, NOW, NOW, NOW, "0.1.0", kinds={})
    write_bundle(
        path, inputs, {}, [], load_private(workspace / "keys/exitkit.pem") if sealed else None
    )
    return path


def test_a_users_own_bundle_is_trusted_in_the_users_own_workspace(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle_of(workspace)
    assert run(["verify", "-w", str(workspace)]) == 0
    said = capsys.readouterr().out
    assert "which you trust" in said
    assert said.count("  yes\n") == 6
    assert run(["verify", "-w", str(workspace), "--lang", "fr"]) == 0
    said = capsys.readouterr().out
    assert said.count("  oui\n") == 6
    assert "à laquelle vous faites confiance." in said


def test_keygen_says_how_others_come_to_trust_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keygen", "-w", str(tmp_path), "--out", str(tmp_path / "seal.pem")]) == 0
    said = capsys.readouterr().out
    assert f"list it in exitkit.yaml under signing: trust: [{tmp_path / 'seal.pub'}]" in said
    assert "SHA256:" in said
    assert "openssl pkey -pubin" in said
    assert "PRIVATE" not in said


def test_keygen_in_a_workspace_that_lists_the_key_says_that_it_is_trusted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["init", str(tmp_path / "acme")])
    assert run(["keygen", "-w", str(tmp_path / "acme")]) == 0
    assert "This workspace trusts it" in capsys.readouterr().out


def test_keygen_never_overwrites(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (workspace / "keys/exitkit.pem").read_bytes()
    assert run(["keygen", "-w", str(workspace)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (workspace / "keys/exitkit.pem").read_bytes() == before


def test_outside_a_workspace_nothing_is_trusted(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundle_of(workspace)
    assert run(["verify", "-w", str(tmp_path), str(path)]) == 4
    assert "you named no key to trust" in capsys.readouterr().out
    key = str(workspace / "keys/exitkit.pub")
    assert run(["verify", "-w", str(tmp_path), str(path), "--trust", key]) == 0


def test_a_bundle_that_nobody_sealed_is_not_trusted(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundle_of(workspace, sealed=False)
    assert run(["verify", "-w", str(workspace), str(path)]) == 4
    assert "nobody sealed it" in capsys.readouterr().out


def test_a_changed_bundle_is_invalid_and_the_place_is_named(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundle_of(workspace)
    (path / "data/spec/ebf-1.0.txt").write_text("Trust me.")
    assert run(["verify", "-w", str(workspace), str(path)]) == 1
    said = capsys.readouterr()
    assert "INVALID" in said.out
    assert "fault: V0 data/spec/ebf-1.0.txt: changed" in said.err
    assert run(["verify", "-w", str(workspace), str(path), "--lang", "fr"]) == 1
    said = capsys.readouterr()
    assert "INVALIDE" in said.out
    assert "son empreinte n'est pas celle du manifeste" in said.err


def test_programs_get_the_same_as_people(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle_of(workspace)
    assert run(["verify", "-w", str(workspace), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["exitCode"] == 0
    assert {level["outcome"] for level in said["levels"]} == {"holds"}
    assert said["signers"] == said["keyIds"]


def test_verifying_nothing_is_the_users_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", "-w", str(tmp_path)]) == 2
    assert run(["verify", "-w", str(tmp_path), str(tmp_path / "nothing")]) == 2
    assert run(["verify", "-w", str(tmp_path), str(tmp_path), "--trust", "no.pub"]) == 2
    assert "Traceback" not in capsys.readouterr().err
