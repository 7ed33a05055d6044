"""Make, read and name the Ed25519 keys that seals and approvals are signed with."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from exitkit.errors import InputError
from exitkit.store.files import write_new

LARGEST_KEY_BYTES = 64 * 1024


def generate_key(private: Path, public: Path) -> Ed25519PublicKey:
    """Write a new key pair (PKCS#8 PEM, mode 0600, and its public half); never overwrite one."""
    for path in (private, public):
        if path.exists() or path.is_symlink():
            raise InputError(f"{path}: exists already; move it away or name another file")
    key = Ed25519PrivateKey.generate()
    for folder in {private.parent, public.parent}:
        folder.mkdir(parents=True, exist_ok=True)
    write_new(private, private_pem(key), mode=0o600)
    write_new(public, public_pem(key.public_key()))
    return key.public_key()


def load_private(path: Path) -> Ed25519PrivateKey:
    """Read a private key; InputError where it is not an unencrypted Ed25519 PEM."""
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"{path}: not an unencrypted PEM private key; see 'exitkit keygen'"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: not an Ed25519 key; make one with 'exitkit keygen'")
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """Read a public key; InputError where it is not an Ed25519 PEM."""
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"{path}: not a PEM public key; give the .pub of 'exitkit keygen'"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path}: not an Ed25519 public key; give the .pub of 'exitkit keygen'")
    return key


def fingerprint(public: Ed25519PublicKey) -> str:
    """Return `SHA256:` and the unpadded base64 of SHA-256 over the DER public key."""
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """Return the key as unencrypted PKCS#8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return the public key as PEM, readable by openssl."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST_KEY_BYTES)
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}; run `exitkit keygen`, or correct the path"
        ) from error
