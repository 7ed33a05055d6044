"""Look host keys up by name, so that thousands of known hosts cost nobody but their own device."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramiko import PKey

SSH_PORT = 22
REVOKED = "@revoked"
_READING = threading.Lock()
"""One thread reads the file; the others take what it read."""


@dataclass(slots=True)
class KnownHosts:
    """The lines of a known_hosts file: by name, and those whose names are hashed.

    paramiko's own reader compares each line with all before it, and parses every key in it.
    """

    named: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    hashed: list[tuple[str, str, str]] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)

    def add(self, line: str) -> None:
        """Take one line; comments, markers of authorities and broken lines name no host."""
        words = line.split()
        if len(words) >= 4 and words[0] == REVOKED:
            self.revoked.add(words[3])
        if len(words) < 3 or words[0][0] in "#@":
            return
        names, key_type, key = words[:3]
        for name in names.split(","):
            if name.startswith("|1|"):
                self.hashed.append((name, key_type, key))
            else:
                self.named.setdefault(name, []).append((key_type, key))

    def keys_of(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield type and text of each key that stands beside `name` and is not revoked."""
        found = list(self.named.get(name, ()))
        found += [
            (key_type, key) for hashed, key_type, key in self.hashed if _is_hash_of(hashed, name)
        ]
        yield from (pair for pair in found if pair[1] not in self.revoked)


def known_keys(host: str, port: int, known_hosts: Path) -> dict[str, PKey]:
    """Return the keys by type that `known_hosts` holds for a server."""
    from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

    with _READING:
        found = _read(known_hosts, known_hosts.stat().st_mtime_ns)
    keys: dict[str, PKey] = {}
    for key_type, text in found.keys_of(host if port == SSH_PORT else f"[{host}]:{port}"):
        try:
            entry = HostKeyEntry.from_line(f"{host} {key_type} {text}")
        except InvalidHostKey:
            continue
        if entry is not None and entry.key is not None:
            keys.setdefault(entry.key.get_name(), entry.key)
    return keys


def host_key_identities(host: str, port: int, known_hosts: Path) -> tuple[str, ...]:
    """Return `ssh-host-key:SHA256:...` for each key that `known_hosts` holds for a device."""
    if not known_hosts.is_file():
        return ()
    keys = known_keys(host, port, known_hosts)
    return tuple(sorted(f"ssh-host-key:{fingerprint(key.asbytes())}" for key in keys.values()))


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a public key as OpenSSH writes it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


@functools.lru_cache(maxsize=16)
def _read(path: Path, changed_ns: int) -> KnownHosts:
    found = KnownHosts()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        found.add(line)
    return found


def _is_hash_of(hashed: str, name: str) -> bool:
    try:
        _, _, salt, digest = hashed.split("|")
        # OpenSSH itself hashes the names with SHA-1; nothing is trusted for it.
        expected = hmac.digest(base64.b64decode(salt), name.encode(), "sha1")
        return hmac.compare_digest(expected, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False
