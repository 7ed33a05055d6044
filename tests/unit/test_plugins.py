"""Plugins without their clients: there, and able to say what they need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from exitkit import plugins
from exitkit.cli.main import run

# A name that is None in sys.modules cannot be imported: what a machine without the extras sees.
BARE = """
import sys
for name in ("boto3", "botocore", "azure", "paramiko", "netmiko", "psycopg", "ansible_runner", "ansible"):
    sys.modules[name] = None
from exitkit.cli.main import run
sys.exit(run(sys.argv[1:]))
"""  # noqa: E501


def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BARE, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("folder", plugins.FOLDERS)
def test_every_plugin_says_its_name_and_needs_without_any_client(folder: str) -> None:
    attribute = plugins.NAME_ATTRIBUTE.get(folder, "needs")
    script = (
        BARE.rpartition("from exitkit.cli")[0]
        + "from exitkit import plugins\n"
        + f"print(sorted(getattr(p, {attribute!r}) for p in plugins.load_all({folder!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    whole = sorted(getattr(plugin, attribute) for plugin in plugins.load_all(folder))
    assert done.stdout.strip() == str(whole)


def test_a_bare_install_takes_a_snapshot_of_what_needs_no_client(tmp_path: Path) -> None:
    root = str(tmp_path / "acme")
    assert bare("init", root, "--source", "licenses").returncode == 0
    assert bare("keygen", "-w", root).returncode == 0
    doctor = bare("doctor", "-w", root)
    assert doctor.returncode == 0, doctor.stdout
    snapshot = bare("snapshot", "-w", root)
    assert snapshot.returncode == 0, snapshot.stderr
    assert "sealed" in snapshot.stdout
    assert bare("verify", "-w", root).returncode == 0


@pytest.mark.parametrize(
    ("source", "module", "extra"),
    [
        ("aws", "boto3", "aws"),
        ("azure", "azure", "azure"),
        ("network", "netmiko", "network"),
        ("postgres", "psycopg", "rehearsal"),
    ],
)
def test_a_source_without_its_client_is_told_what_to_install(
    tmp_path: Path, source: str, module: str, extra: str
) -> None:
    root = str(tmp_path / "acme")
    assert run(["init", root, "--source", source]) == 0
    assert run(["keygen", "-w", root]) == 0
    move = f"pip install 'exitkit-reversibility[{extra}]'"
    doctor = bare("doctor", "-w", root)
    assert doctor.returncode == 1
    assert f"{module}: not installed; {move}" in doctor.stdout
    snapshot = bare("snapshot", "-w", root)
    assert snapshot.returncode == 3
    assert f"{module} is not installed; {move}" in snapshot.stderr
    assert snapshot.stderr.count("\n") == 1
