"""Open what ansible-vault sealed, so that the secrets of an inventory stay in one place."""

from __future__ import annotations

import binascii
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7

from exitkit.errors import InputError

HEADER = "$ANSIBLE_VAULT;"
ITERATIONS, KEY_BYTES, BLOCK_BYTES = 10_000, 32, 16
MAX_PASSWORD_BYTES = 64 * 1024
PASSWORD_VARIABLE = "EXITKIT_VAULT_PASSWORD"  # noqa: S105 - the name of a variable


class Unsealed(str):
    """Text that came out of a vault: it may be a secret, and is shown nowhere."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'<from a vault>'"


def vault_password(named: Path | None, environ: Mapping[str, str]) -> str:
    """Return the password from `named`, EXITKIT_VAULT_PASSWORD or Ansible's own password file."""
    if named is None and environ.get(PASSWORD_VARIABLE):
        return environ[PASSWORD_VARIABLE]
    ansible = environ.get("ANSIBLE_VAULT_PASSWORD_FILE", "")
    path = named or (Path(ansible).expanduser() if ansible else None)
    if path is None:
        return ""
    if os.access(path, os.X_OK) and path.is_file():
        raise InputError(
            f"{path}: a program; exitkit runs none, put the password into {PASSWORD_VARIABLE}"
        )
    try:
        with path.open("rb") as file:
            return file.read(MAX_PASSWORD_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"{path}: the vault password cannot be read; check path and permissions"
        ) from None


def is_sealed(text: str) -> bool:
    """Tell whether `text` is an ansible-vault envelope."""
    return text.lstrip().startswith(HEADER)


def unseal(envelope: str, password: str, where: str) -> Unsealed:
    """Return the text in `envelope`; `where` names the place in an error."""
    if not password:
        raise InputError(f"{where}: sealed by ansible-vault; export {PASSWORD_VARIABLE}")
    header, *body = envelope.split()
    if not header.startswith((f"{HEADER}1.1;AES256", f"{HEADER}1.2;AES256")):
        raise InputError(f"{where}: {header[:40]} is not AES256; seal it again with ansible-vault")
    try:
        salt, signature, sealed = (
            binascii.unhexlify(part) for part in binascii.unhexlify("".join(body)).split(b"\n", 2)
        )
        return Unsealed(_opened(salt, signature, sealed, password).decode())
    except InvalidSignature:
        raise InputError(
            f"{where}: the vault password does not open it; check {PASSWORD_VARIABLE}"
        ) from None
    except ValueError:
        raise InputError(f"{where}: a damaged ansible-vault envelope; seal it again") from None


def _opened(salt: bytes, signature: bytes, sealed: bytes, password: str) -> bytes:
    length = 2 * KEY_BYTES + BLOCK_BYTES
    derived = PBKDF2HMAC(hashes.SHA256(), length, salt, ITERATIONS).derive(password.encode())
    key, signing_key, counter = (
        derived[:KEY_BYTES], derived[KEY_BYTES : 2 * KEY_BYTES], derived[2 * KEY_BYTES :],
    )  # fmt: skip
    check = HMAC(signing_key, hashes.SHA256())
    check.update(sealed)
    check.verify(signature)
    decryptor = Cipher(AES(key), CTR(counter)).decryptor()
    unpadder = PKCS7(8 * BLOCK_BYTES).unpadder()
    plain = unpadder.update(decryptor.update(sealed) + decryptor.finalize())
    return plain + unpadder.finalize()
