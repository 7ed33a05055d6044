"""The entrance: cheap to open, one line per fault, exit codes that schedulers can trust."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exitkit.cli.main import exitkit, run

HEAVY = {
    "boto3", "botocore", "azure", "netmiko", "paramiko", "psycopg", "ansible_runner", "moto",
    "pydantic", "rich", "jinja2", "yaml", "jsonschema_rs", "cryptography", "importlib.metadata",
}  # fmt: skip
SHOW_MODULES = """
import json, sys
from exitkit.cli.main import run
code = run({arguments!r})
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


def exitkit_process(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "exitkit", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environ},
    )  # fmt: skip


def test_help_imports_nothing_heavy_and_no_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW_MODULES.format(arguments=["--help"])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    modules = set(json.loads(done.stderr))
    assert not modules & HEAVY
    ours = {name for name in modules if name.startswith("exitkit")}
    assert ours == {
        "exitkit", "exitkit.cli", "exitkit.cli.interrupts", "exitkit.cli.main", "exitkit.errors",
    }  # fmt: skip


def test_what_every_start_reads_imports_nothing_heavy() -> None:
    program = "import sys, exitkit.cli.output; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & HEAVY


def test_help_lists_every_command_with_the_sentence_its_file_opens_with() -> None:
    help_text = " ".join(exitkit_process("--help").stdout.split())
    for name in exitkit.list_commands(None):  # type: ignore[arg-type] # the context is not used
        assert f" {name} " in help_text
    assert "Make a workspace to fill in" in help_text


@pytest.mark.parametrize("name", exitkit.list_commands(None))  # type: ignore[arg-type] # unused
def test_every_command_explains_itself(name: str) -> None:
    done = exitkit_process(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: exitkit {name}")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["inti"], 2, 'exitkit: no command "inti"; did you mean "init"?'),
        (["--nonsense"], 2, "exitkit: No such option '--nonsense'."),
        (["init"], 2, "exitkit: Missing argument 'DIR'."),
    ],
)
def test_a_mistake_is_one_line_on_stderr(arguments: list[str], code: int, line: str) -> None:
    done = exitkit_process(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"{line}\n")


def test_a_mistake_in_a_file_ends_with_two_and_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "exitkit.yaml").write_text("schema: exitkit/workspace/1\nseries: a\nsources: 7\n")
    done = exitkit_process("doctor", "-w", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        f"exitkit: {tmp_path}/exitkit.yaml:3: sources: 7 is not a list; "
        "expected: what to take stock of; never written to\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["exitkit.yaml"]


def test_a_mistake_is_told_without_the_secret_that_stands_in_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mistaken = "password: Never-Seen-51b2, postgresql://me:Never-Seen-51b2@db/x"
    (tmp_path / "exitkit.yaml").write_text(
        f"schema: exitkit/workspace/1\nseries: acme\nsources:\n  - {{id: a, type: '{mistaken}'}}\n"
    )
    assert run(["status", "-w", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "Never-Seen" not in said
    assert said.count("<masked:") == 2
    assert "is not one of aws, azure" in said


def test_the_version_is_that_of_the_package() -> None:
    done = exitkit_process("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "exitkit")


def test_help_without_a_command_is_not_a_success() -> None:
    assert exitkit_process().returncode == 2


def test_a_reader_that_leaves_early_is_not_a_fault() -> None:
    first, second = os.pipe()
    os.close(first)
    process = subprocess.Popen(
        [sys.executable, "-m", "exitkit", "--help"], stdout=second, stderr=subprocess.PIPE
    )
    os.close(second)
    _, errors = process.communicate()
    assert errors == b""


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exitkit, "main", interrupted)
    assert run(["init"]) == 130


def test_a_bug_is_one_line_and_never_looks_like_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret may stand here")

    monkeypatch.setattr(exitkit, "main", broken)
    assert run(["init"]) == 3
    told = capsys.readouterr().err
    assert told.startswith("exitkit: internal fault (ZeroDivisionError at test_main.py:")
    assert "secret" not in told
