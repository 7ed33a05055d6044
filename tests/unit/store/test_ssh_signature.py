"""A signature counts for the very bytes, purpose, person and time it was made for, or never."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest

from exitkit.errors import InputError, InvalidBundle
from exitkit.store.ssh_signature import key_fingerprint, read_allowed_signers, signing_key

NOW = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


def make_key(folder: Path, kind: str, *more: str) -> Path:
    path = folder / f"id_{kind}"
    command = ["ssh-keygen", "-q", "-t", kind, *more, "-N", "", "-C", "ann", "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def sign(key: Path, payload: bytes, namespace: str = "exitkit") -> str:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(key)]
    done = subprocess.run(command, input=payload, capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.parametrize(
    "kind", [("ed25519",), ("rsa", "-b", "2048"), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "521")]
)
def test_a_signature_of_openssh_names_its_key(tmp_path: Path, kind: tuple[str, ...]) -> None:
    key = make_key(tmp_path, *kind)
    found = signing_key(sign(key, b"words"), b"words")
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(key)], capture_output=True, check=True)
    assert key_fingerprint(found) == shown.stdout.decode().split()[1]


def test_other_bytes_another_purpose_or_a_damaged_signature_do_not_count(tmp_path: Path) -> None:
    key = make_key(tmp_path, "ed25519")
    armored = sign(key, b"words")
    with pytest.raises(InvalidBundle, match="wrong"):
        signing_key(armored, b"other words")
    with pytest.raises(InvalidBundle, match="signed for b'git'"):
        signing_key(sign(key, b"words", "git"), b"words")
    lines = armored.splitlines()
    for damaged in (
        "words",
        "\n".join([lines[0], lines[1], lines[-1]]),
        "\n".join([lines[0], "AAAA", *lines[1:]]),
        armored.replace("SIGNATURE", "NOTHING"),
    ):
        with pytest.raises(InvalidBundle):
            signing_key(damaged, b"words")


def test_a_key_speaks_for_whom_and_while_its_line_says_so(tmp_path: Path) -> None:
    public = make_key(tmp_path, "ed25519").with_suffix(".pub").read_text()
    path = tmp_path / "allowed"
    path.write_text(
        f"ann@example.org,*@lead.example.org {public}"
        f'ben@example.org namespaces="git,exitkit",valid-before="20261201Z" {public}'
        f'eve@example.org namespaces="git" {public}'
        f'joe@example.org valid-after="20261201" namespaces="exit*" {public}'
    )
    ann, ben, eve, joe = read_allowed_signers(path)
    assert ann.may_sign("ann@example.org", NOW)
    assert ann.may_sign("cio@lead.example.org", NOW)
    assert not ann.may_sign("ben@example.org", NOW)
    assert ben.may_sign("ben@example.org", NOW - dt.timedelta(days=1))
    assert not ben.may_sign("ben@example.org", NOW)
    assert not eve.may_sign("eve@example.org", NOW)
    assert joe.may_sign("joe@example.org", NOW + dt.timedelta(days=1))


@pytest.mark.parametrize(
    "line",
    ["ann", "ann ssh-ed25519", "ann ssh-ed25519 AAAA", "ann cert-authority ssh-ed25519 AAAA",
     "ann ssh-ed25519 ?!"],
)  # fmt: skip
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "allowed"
    path.write_text(f"# people\n\n{line}\n")
    with pytest.raises(InputError, match=r"allowed:3: "):
        read_allowed_signers(path)
