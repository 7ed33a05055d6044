"""Take stock of a folder whose file names are hostile, through to a bundle that verifies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exitkit.cli.main import run
from exitkit.store.reader import open_bundle

NAMES = [
    b"caf\xe9.sh", b"caf\xe8.sh", b"two\nlines.sh", b"\x1b[31mred.sh",
    "droite\u202ehs.exe".encode(),
    b"=cmd()|calc!A1.sh", b"<img src=x onerror=alert(1)>.sh", b" .sh", b"a" * 250 + b".sh",
]  # fmt: skip


def workspace(root: Path) -> Path:
    (root / "exitkit.yaml").write_text(
        "schema: exitkit/workspace/1\nseries: acme\nsources:\n"
        "  - {id: jobs, type: scripts, paths: [jobs]}\n"
        "  - {id: papers, type: documents, paths: [jobs]}\n"
    )
    (root / "keys").mkdir()
    (root / "keys" / "masking.key").write_text("ab" * 32)
    (root / "keys" / "masking.key").chmod(0o600)
    (root / "jobs").mkdir()
    return root


def test_every_file_is_taken_along_whatever_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workspace(tmp_path) / "jobs"
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("#!/bin/sh\necho\n")
    assert run(["snapshot", "-w", str(tmp_path)]) == 0
    assert run(["verify", str(tmp_path / "bundles" / "acme-000001")]) == 4
    bundle = open_bundle(tmp_path / "bundles" / "acme-000001")
    kept = [a for a in bundle.records("assets") if a["provider"]["nativeType"] == "Script/File"]
    assert len(kept) == len(NAMES)
    for command in (["documents"], ["scan", str(folder)], ["gaps"], ["report"]):
        place = [] if command[0] == "scan" else ["-w", str(tmp_path)]
        assert run([*command, *place]) in (0, 1)
    told = capsys.readouterr().out
    assert not [line for line in told.splitlines() if line.startswith("lines.sh")]
    assert {a["name"] for a in kept} >= {"caf\\xe9.sh", "caf\\xe8.sh", "two\nlines.sh"}


def test_what_cannot_be_read_is_a_line_of_the_ledger_and_costs_nothing_else(
    tmp_path: Path,
) -> None:
    folder = workspace(tmp_path) / "jobs"
    (folder / "zz.sh").write_text("#!/bin/sh\necho\n")
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    assert run(["snapshot", "-w", str(tmp_path)]) == 0
    bundle = open_bundle(tmp_path / "bundles" / "acme-000001")
    reasons = {
        call["binding"]: call["reason"]
        for call in bundle.records("calls")
        if call["operation"] == "scripts:Read"
    }
    assert reasons == {
        "jobs/pipe": "neither a file nor a folder",
        "jobs/loop": "symbolic link, not followed",
    }
    assert [a["name"] for a in bundle.records("assets") if a["kind"] == "automation.script"] == [
        "zz.sh"
    ]
