"""Names come from anywhere: none may steer a terminal, or write a line of its own."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from exitkit.cli.main import LONGEST_MESSAGE, run
from exitkit.cli.output import Screen, show_table, write_output
from exitkit.errors import InputError


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[2Jgone", "⟨U+001B⟩[2Jgone"),
        ("\x1b]0;title\x07", "⟨U+001B⟩]0;title⟨U+0007⟩"),
        ("ok\rMISSING", "ok⟨U+000D⟩MISSING"),
        ("droite\u202ehs.exe", "droite⟨U+202E⟩hs.exe"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("\x1b[1mHeading\x1b[0m\n", "\x1b[1mHeading\x1b[0m\n"),
        ("\r\x1b[Kprod: 3 assets", "\r\x1b[Kprod: 3 assets"),
        ("été\tà\n", "été\tà\n"),
    ],
)
def test_a_terminal_is_shown_what_it_must_not_obey(written: str, shown: str) -> None:
    terminal = io.StringIO()
    Screen(terminal).write(written)
    assert terminal.getvalue() == shown


def test_a_real_terminal_is_guarded_and_a_pipe_gets_every_byte(tmp_path: Path) -> None:
    (tmp_path / "\x1b[2Ja.sh").write_text("aws s3 ls\n")
    command = [sys.executable, "-m", "exitkit", "scan", str(tmp_path), "--json"]
    piped = subprocess.run(command, capture_output=True, check=False).stdout
    assert b"\\u001b[2Ja.sh" in piped
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb") as screen:
        missing = [sys.executable, "-m", "exitkit", "gaps", "no\x1b[2Jbundle", "-w", str(tmp_path)]
        done = subprocess.run(missing, stdout=theirs, stderr=theirs, check=False)
        os.close(theirs)
        seen = os.read(screen.fileno(), 4096)
    assert done.returncode == 2
    assert b"\x1b" not in seen
    assert "no⟨U+001B⟩[2Jbundle".encode() in seen


def test_a_name_with_a_line_feed_stays_in_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("name", "state"), [("two\nlines", "ok"), ("one", "ok")])
    assert capsys.readouterr().out.splitlines()[1:] == [
        "two⟨U+000A⟩lines  ok",
        "one               ok",
    ]


def test_an_error_is_one_line_of_bounded_length_whatever_it_quotes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = "schema: exitkit/workspace/1\nseries: acme\nsources:\n"
    source = "  - {id: a, type: licenses, paths: [licenses.csv]}\n"
    (tmp_path / "exitkit.yaml").write_text(f"{workspace}{source}")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/masking.key").write_text("ab" * 32)
    (tmp_path / "licenses.csv").write_text('"two\nlines"' + "x" * 100_000 + "\n")
    assert run(["snapshot", "-w", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert len(said) < LONGEST_MESSAGE + 200
    assert said.startswith("exitkit: licenses.csv:1: no column 'two")
    assert said.endswith("legal_advice\n")


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ("exitkit.yaml", "a file of the workspace"),
        ("sub/../exit-plan.yaml", "a file of the workspace"),
        ("bundles/acme-000001/data/report.html", "inside acme-000001, which is evidence"),
        ("runs/r1/artifacts/report.html", "inside r1, which is evidence"),
    ],
)
def test_an_output_never_replaces_a_workspace_or_evidence(
    place: str, fault: str, tmp_path: Path
) -> None:
    kept = ("exitkit.yaml", "exit-plan.yaml", "bundles/acme-000001/bagit.txt", "runs/r1/journal.db")
    for name in (*kept, "sub/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    with pytest.raises(InputError, match=fault):
        write_output(tmp_path / place, b"new")
    assert all((tmp_path / name).read_text() == name for name in kept)
    assert not list(tmp_path.rglob("report.html"))


def test_an_output_replaces_an_earlier_one_and_is_written_into_a_pipe(tmp_path: Path) -> None:
    for body in (b"one", b"two"):
        write_output(tmp_path / "new/report.html", body)
        assert (tmp_path / "new/report.html").read_bytes() == body
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        write_output(tmp_path / "pipe", b"through")
        assert reader.communicate()[0] == b"through"
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["policy"], "Choose from: aws, azure, network, hosts"),
        (["keygen", "--out", "/"], "/: is a folder; name the file of the private key"),
        (["keygen", "-w", "nowhere"], "nowhere: no such folder; correct --workspace"),
        (["verify", "--trust", "/dev/zero", "."], "/dev/zero: not a PEM public key"),
    ],
)
def test_a_mistaken_option_is_one_line_and_changes_nothing(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
