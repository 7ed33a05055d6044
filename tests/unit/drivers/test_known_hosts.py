"""Look host keys up as OpenSSH does: names, hashed names, revoked keys, broken lines."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import paramiko
import pytest

from exitkit.demo.ssh_device import host_key
from exitkit.drivers.known_hosts import host_key_identities, known_keys

TICKS = itertools.count(1)
KEY, OTHER = host_key("one"), host_key("two")
TEXT = f"{KEY.get_name()} {KEY.get_base64()}"


def found(tmp_path: Path, text: str, host: str = "gate", port: int = 22) -> list[str]:
    path = tmp_path / "known_hosts"
    path.write_text(text)
    # Two tests may write the file within one tick of the clock.
    os.utime(path, ns=(0, next(TICKS)))
    return [key.get_base64() for key in known_keys(host, port, path).values()]


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        (f"gate {TEXT}", "gate", 22),
        (f"other,gate,10.0.0.1 {TEXT} a comment", "gate", 22),
        (f"[gate]:2222 {TEXT}", "gate", 2222),
        (f"{paramiko.HostKeys.hash_host('[gate]:2222')} {TEXT}", "gate", 2222),
        (f"# a remark\n\ngate\t{TEXT}", "gate", 22),
        (f"gate ssh-ed25519 AAAAbroken\ngate {TEXT}", "gate", 22),
    ],
)
def test_a_key_is_found_by_the_names_of_its_line(
    tmp_path: Path, line: str, host: str, port: int
) -> None:
    assert found(tmp_path, line + "\n", host, port) == [KEY.get_base64()]


@pytest.mark.parametrize(
    "text",
    [
        f"gate2 {TEXT}", f"[gate]:2222 {TEXT}", f"# gate {TEXT}", f"@cert-authority gate {TEXT}",
        f"gate {TEXT}\n@revoked * {TEXT}", f"@revoked gate {TEXT}\ngate {TEXT}", "gate", "gate x",
        f"|1|not base64|nor this {TEXT}", f"|1| {TEXT}",
        f"{paramiko.HostKeys.hash_host('gate2')} {TEXT}", "\x00\xff",
    ],
)  # fmt: skip
def test_no_key_is_found_by_another_name_nor_a_revoked_one(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text + "\n") == []


def test_a_revoked_key_takes_no_other_key_away(tmp_path: Path) -> None:
    other = f"{OTHER.get_name()} {OTHER.get_base64()}"
    assert found(tmp_path, f"@revoked * {TEXT}\ngate {other}\n") == [OTHER.get_base64()]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert found(tmp_path, f"gate {TEXT}\n") == [KEY.get_base64()]
    other = f"{OTHER.get_name()} {OTHER.get_base64()}"
    assert found(tmp_path, f"gate {other}\n") == [OTHER.get_base64()]


def test_identities_are_the_fingerprints_that_openssh_writes(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"gate {TEXT}\n")
    assert host_key_identities("gate", 22, path) == (f"ssh-host-key:{KEY.fingerprint}",)
    assert host_key_identities("gate", 22, tmp_path / "none") == ()
