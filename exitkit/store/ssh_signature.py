"""Check signatures that people made with the SSH key they already have (`ssh-keygen -Y sign`)."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from exitkit.errors import InputError, InvalidBundle

NAMESPACE = "exitkit"
"""What the signature is for: one made for git or for mail is not one made for a run."""
_MAGIC = b"SSHSIG"
_ARMOR = re.compile(
    r"-----BEGIN SSH SIGNATURE-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END SSH SIGNATURE-----"
)
_KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-")
_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*")+')
_OPTION = re.compile(r'([a-z-]+)(?:=(?:"([^"]*)"|([^,]*)))?(?:,|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AllowedSigner:
    """One line of an `allowed_signers` file, as ssh-keygen(1) describes it."""

    principals: tuple[str, ...]
    key: bytes
    namespaces: tuple[str, ...] = ()
    valid_after: dt.datetime | None = None
    valid_before: dt.datetime | None = None

    def may_sign(self, name: str, at: dt.datetime) -> bool:
        """Whether this key speaks for `name`, here and at this time."""
        begun = self.valid_after is None or at >= self.valid_after
        over = self.valid_before is not None and at >= self.valid_before
        meant = not self.namespaces or any(fnmatchcase(NAMESPACE, one) for one in self.namespaces)
        return begun and not over and meant and any(fnmatchcase(name, p) for p in self.principals)


def read_allowed_signers(path: Path) -> tuple[AllowedSigner, ...]:
    """Read an `allowed_signers` file; InputError names the line that is not one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; write one `NAME KEYTYPE KEY` a line") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                found.append(_allowed_signer(line))
            except ValueError as error:
                raise InputError(f"{path}:{number}: {error}; see ssh-keygen(1)") from error
    return tuple(found)


def key_fingerprint(key: bytes) -> str:
    """Return `SHA256:...` as `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def signing_key(armored: str, payload: bytes) -> bytes:
    """Return the public key that signed `payload`; InvalidBundle where the signature is wrong."""
    match = _ARMOR.fullmatch(armored.strip())
    if match is None:
        raise InvalidBundle("not an SSH signature; make one with `ssh-keygen -Y sign`")
    try:
        key, namespace, algorithm, signature = _parts(base64.b64decode(match[1]))
        if namespace != NAMESPACE.encode():
            raise InvalidBundle(f"signed for {namespace[:40]!r}; sign with -n {NAMESPACE}")
        digest = hashlib.new({b"sha512": "sha512", b"sha256": "sha256"}[algorithm], payload)
        message = _MAGIC + b"".join(
            _string(part) for part in (namespace, b"", algorithm, digest.digest())
        )
        _verify(key, signature, message)
    except (KeyError, ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise InvalidBundle(f"SSH signature: cannot be read ({error})") from error
    except InvalidSignature as error:
        raise InvalidBundle("SSH signature: wrong; what was signed is something else") from error
    return key


def _parts(blob: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    if not blob.startswith(_MAGIC) or blob[6:10] != b"\0\0\0\1":
        raise ValueError("unknown version")
    key, namespace, _, algorithm, signature = _strings(blob[10:])
    return key, namespace, algorithm, signature


def _strings(data: bytes) -> Iterator[bytes]:
    while data:
        length = int.from_bytes(data[:4], "big")
        if len(data) < 4 + length:
            raise ValueError("cut short")
        yield data[4 : 4 + length]
        data = data[4 + length :]


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _verify(key_blob: bytes, signature_blob: bytes, message: bytes) -> None:
    name = next(_strings(key_blob))
    key = load_ssh_public_key(name + b" " + base64.b64encode(key_blob))
    algorithm, signature = _strings(signature_blob)
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, message)
    elif isinstance(key, RSAPublicKey):
        digest = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}[algorithm]
        key.verify(signature, message, padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        r, s = (int.from_bytes(part, "big") for part in _strings(signature))
        bits = key.curve.key_size
        curve_digest = (
            hashes.SHA256() if bits <= 256 else hashes.SHA384() if bits <= 384 else hashes.SHA512()
        )
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(curve_digest))
    else:
        raise ValueError(f"a key of type {name.decode('ascii', 'replace')}")


def _allowed_signer(line: str) -> AllowedSigner:
    tokens = _TOKEN.findall(line)
    at = next((i for i, one in enumerate(tokens) if i and one.startswith(_KEY_TYPES)), None)
    if at is None or at + 1 >= len(tokens):
        raise ValueError("no key of type ssh-ed25519, ssh-rsa or ecdsa-sha2-*")
    options = _options(tokens[1:at])
    if "cert-authority" in options:
        raise ValueError("certificate authorities are not followed; name the keys themselves")
    key = base64.b64decode(tokens[at + 1], validate=True)
    load_ssh_public_key(f"{tokens[at]} {tokens[at + 1]}".encode())
    return AllowedSigner(
        principals=tuple(tokens[0].strip('"').split(",")),
        key=key,
        namespaces=tuple(filter(None, options.get("namespaces", "").split(","))),
        valid_after=_moment(options.get("valid-after", "")),
        valid_before=_moment(options.get("valid-before", "")),
    )


def _options(tokens: list[str]) -> Mapping[str, str]:
    return {
        match[1].lower(): match[2] or match[3] or ""
        for token in tokens
        for match in _OPTION.finditer(token)
    }


def _moment(text: str) -> dt.datetime | None:
    """Read YYYYMMDD[HHMM[SS]][Z]; without Z it is local time, as ssh-keygen takes it."""
    if not text:
        return None
    digits = text.removesuffix("Z")
    form = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(digits))
    if form is None:
        raise ValueError(f"{text}: not YYYYMMDD or YYYYMMDDHHMM")
    moment = dt.datetime.strptime(digits, form)  # noqa: DTZ007 - its zone follows
    return moment.replace(tzinfo=dt.UTC) if text.endswith("Z") else moment.astimezone()
