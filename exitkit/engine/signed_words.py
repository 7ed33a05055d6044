"""Make and open the words that people sign about a run, whatever sort of key they hold."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exitkit.errors import InvalidBundle
from exitkit.store.canonical import canonical_bytes, parse_line
from exitkit.store.seal import STATEMENT_MEDIA_TYPE, STATEMENT_TYPE, verify_statement
from exitkit.store.signers import Signers
from exitkit.store.ssh_signature import key_fingerprint, signing_key

APPROVAL_PREDICATE = "https://w3id.org/exitkit/attestation/approval/v1"
SKIP_PREDICATE = "https://w3id.org/exitkit/attestation/skip/v1"


@dataclass(frozen=True, slots=True)
class Word:
    """What was signed, by which key, and whom an SSH key speaks for (`` for other keys)."""

    predicate: Mapping[str, Any]
    fingerprint: str
    person: str


def statement_bytes(kind: str, predicate: Mapping[str, Any]) -> bytes:
    """Wrap a word as an in-toto statement about the journal as it stood: the bytes to sign."""
    subject = {
        "name": f"journal of {predicate['run']}", "digest": {"sha256": predicate.get("head")}
    }  # fmt: skip
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE, "subject": [subject], "predicateType": kind,
            "predicate": dict(predicate),
        }
    )  # fmt: skip


def ssh_envelope(payload: bytes, armored: str) -> dict[str, Any]:
    """Put a statement and its detached SSH signature into one envelope."""
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": STATEMENT_MEDIA_TYPE,
        "sshSignature": armored,
    }


def open_word(envelope: Mapping[str, Any], kind: str, signers: Signers, at: dt.datetime) -> Word:
    """Return the word of an envelope; InvalidBundle where no trusted key signed just that."""
    payload, fingerprint, person = signed_payload(envelope, signers, at)
    try:
        predicate = parse_line(payload)["predicate"]
        named = all(isinstance(predicate[name], str) for name in ("run", "step", "by"))
        whole = named and statement_bytes(kind, predicate) == payload
    except (KeyError, TypeError) as error:
        raise InvalidBundle(f"what was signed is no such word ({error})") from error
    if not whole:
        raise InvalidBundle("what was signed is no such word")
    if person and predicate["by"] != person:
        raise InvalidBundle(f"signed by {person} in the name of another")
    return Word(predicate, fingerprint, person)


def signed_payload(
    envelope: Mapping[str, Any], signers: Signers, at: dt.datetime
) -> tuple[bytes, str, str]:
    """Return what was signed, by which key, and whom an SSH key speaks for."""
    if "sshSignature" in envelope:
        return _by_ssh_key(envelope, signers, at)
    signed = verify_statement(envelope, signers.trusted_keys)
    if not signed.signers:
        raise InvalidBundle("not signed by a trusted key; add its .pub to signing: trust:")
    return signed.payload, signed.signers[0], ""


def _by_ssh_key(
    envelope: Mapping[str, Any], signers: Signers, at: dt.datetime
) -> tuple[bytes, str, str]:
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        key = signing_key(str(envelope["sshSignature"]), payload)
        by = str(parse_line(payload)["predicate"]["by"])
    except (KeyError, TypeError, binascii.Error, ValueError) as error:
        raise InvalidBundle(f"signature envelope: cannot be read ({error})") from error
    lines = [one for one in signers.allowed_signers if one.key == key]
    if not lines:
        raise InvalidBundle("its SSH key is not in signing: allowed_signers:")
    if not any(one.may_sign(by, at) for one in lines):
        raise InvalidBundle(f"its SSH key does not speak for {by} now")
    return payload, key_fingerprint(key), by
