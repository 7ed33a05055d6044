"""Have OpenSSH sign: keys with passphrases, agents and hardware tokens are its business."""

from __future__ import annotations

import subprocess
from pathlib import Path

from exitkit.errors import CannotRun, InputError
from exitkit.store.ssh_signature import NAMESPACE


def sign_with_ssh_key(payload: bytes, key: Path) -> str:
    """Return the armored SSH signature of `payload`; ssh-keygen asks for what it needs."""
    if not key.is_file():
        raise InputError(f"{key}: no such key; give for example ~/.ssh/id_ed25519")
    try:
        done = subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)],
            input=payload, capture_output=True, check=False,
        )  # fmt: skip
    except OSError as error:
        raise CannotRun(f"ssh-keygen: {error.strerror}; install OpenSSH, or use --key") from error
    if done.returncode:
        fault = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(f"{key}: ssh-keygen cannot sign ({fault[-1] if fault else 'no reason'})")
    return done.stdout.decode("ascii")
