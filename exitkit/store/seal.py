"""Sign what a bundle or an approval says, so that anyone holding the public key can check it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from exitkit.errors import InvalidBundle
from exitkit.store.canonical import canonical_bytes
from exitkit.store.files import write_atomically
from exitkit.store.keys import fingerprint

SEAL_PATH = "signatures/seal.dsse.json"
STATEMENT_MEDIA_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
SEAL_PREDICATE = "https://w3id.org/exitkit/attestation/seal/v1"
BUNDLE_PREFIX = "urn:exitkit:bundle:sha256:"


@dataclass(frozen=True, slots=True)
class Signed:
    """A payload taken out of its envelope; `signers` are the given keys that really signed it."""

    payload: bytes
    signers: tuple[str, ...]
    key_ids: tuple[str, ...]


def sign_statement(payload: bytes, key: Ed25519PrivateKey) -> dict[str, Any]:
    """Return the DSSE envelope of `payload` with one Ed25519 signature."""
    signature = key.sign(_pre_authentication(STATEMENT_MEDIA_TYPE, payload))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": STATEMENT_MEDIA_TYPE,
        "signatures": [
            {
                "keyid": fingerprint(key.public_key()),
                "sig": base64.b64encode(signature).decode(),
            }
        ],
    }


def verify_statement(envelope: Mapping[str, Any], keys: Sequence[Ed25519PublicKey]) -> Signed:
    """Open a DSSE envelope and say which of `keys` signed it; InvalidBundle where it is malformed.

    An envelope that names one of `keys` and bears a wrong signature is malformed, not unsigned.
    """
    try:
        media_type = envelope["payloadType"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [
            (str(entry["keyid"]), base64.b64decode(entry["sig"], validate=True))
            for entry in envelope["signatures"]
        ]
    except (KeyError, TypeError, binascii.Error, ValueError) as error:
        raise InvalidBundle(f"signature envelope: not DSSE ({error})") from error
    if media_type != STATEMENT_MEDIA_TYPE:
        raise InvalidBundle(f"signature envelope: payload type {str(media_type)[:60]!r}")
    signed = _pre_authentication(media_type, payload)
    signers = []
    for key in keys:
        name = fingerprint(key)
        if any(_is_signature(key, signature, signed) for _, signature in signatures):
            signers.append(name)
        elif name in {key_id for key_id, _ in signatures}:
            raise InvalidBundle(f"signature envelope: the signature of {name} is wrong")
    return Signed(payload, tuple(signers), tuple(key_id for key_id, _ in signatures))


def seal_bundle(bundle: Path, key: Ed25519PrivateKey) -> Path:
    """Sign the tag manifests of a written bundle; return the path of the seal."""
    envelope = sign_statement(canonical_bytes(seal_statement(bundle)), key)
    path = bundle / SEAL_PATH
    path.parent.mkdir(mode=0o755, exist_ok=True)
    path.parent.chmod(0o755)
    write_atomically(path, canonical_bytes(envelope) + b"\n")
    return path


def seal_statement(bundle: Path) -> dict[str, Any]:
    """Return the in-toto statement that a seal of this bundle must carry."""
    descriptor = json.loads((bundle / "data" / "exitkit.json").read_bytes())
    kept = ("formatVersion", "series", "sequence", "previous", "sealedAt", "observationWindow",
            "contentRoot", "counts", "chains")  # fmt: skip
    predicate = {name: descriptor[name] for name in kept if name in descriptor}
    return {
        "_type": STATEMENT_TYPE,
        "predicateType": SEAL_PREDICATE,
        "subject": [_subject(bundle, "sha256"), _subject(bundle, "sha512")],
        "predicate": predicate | {"bundle": bundle_id(bundle)},
    }


def bundle_id(bundle: Path) -> str:
    """Return the name of a bundle: the digest of its SHA-256 tag manifest."""
    manifest = (bundle / "tagmanifest-sha256.txt").read_bytes()
    return BUNDLE_PREFIX + hashlib.sha256(manifest).hexdigest()


def _subject(bundle: Path, algorithm: str) -> dict[str, Any]:
    name = f"tagmanifest-{algorithm}.txt"
    digest = hashlib.new(algorithm, (bundle / name).read_bytes()).hexdigest()
    return {"name": name, "digest": {algorithm: digest}}


def _pre_authentication(media_type: str, payload: bytes) -> bytes:
    kind = media_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _is_signature(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True
