"""Hold whose signatures count: Ed25519 keys, and SSH keys with the people they speak for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from exitkit.store.ssh_signature import AllowedSigner


@dataclass(frozen=True, slots=True)
class Signers:
    """The keys of `signing: trust:` and of `signing: allowed_signers:`."""

    trusted_keys: Sequence[Ed25519PublicKey] = ()
    allowed_signers: Sequence[AllowedSigner] = ()
