"""Make keys that stay private and signatures that openssl checks."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from exitkit.errors import InputError, InvalidBundle
from exitkit.store.keys import fingerprint, generate_key, load_private, load_public
from exitkit.store.seal import sign_statement, verify_statement


def test_a_new_key_is_private_and_is_what_was_generated(tmp_path: Path) -> None:
    private, public = tmp_path / "keys" / "k.pem", tmp_path / "keys" / "k.pub"
    key = generate_key(private, public)
    assert private.stat().st_mode & 0o777 == 0o600
    assert public.stat().st_mode & 0o777 == 0o644
    assert fingerprint(load_public(public)) == fingerprint(key)
    assert fingerprint(load_private(private).public_key()) == fingerprint(key)


@pytest.mark.parametrize("existing", ["k.pem", "k.pub"])
def test_a_key_is_never_overwritten(existing: str, tmp_path: Path) -> None:
    (tmp_path / existing).write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        generate_key(tmp_path / "k.pem", tmp_path / "k.pub")
    assert [path.name for path in tmp_path.iterdir()] == [existing]


def test_the_fingerprint_is_found_again_with_openssl(tmp_path: Path) -> None:
    key = generate_key(tmp_path / "k.pem", tmp_path / "k.pub")
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", str(tmp_path / "k.pub"), "-outform", "DER"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    digest = base64.b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
    assert fingerprint(key) == f"SHA256:{digest}"


def test_keys_of_another_kind_are_refused(tmp_path: Path) -> None:
    other = rsa.generate_private_key(65537, 2048)
    private, public = tmp_path / "rsa.pem", tmp_path / "rsa.pub"
    private.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(InputError, match="Ed25519"):
        load_private(private)
    with pytest.raises(InputError, match="Ed25519"):
        load_public(public)
    with pytest.raises(InputError, match=r"\.pub"):
        load_public(private)
    with pytest.raises(InputError, match="No such file"):
        load_public(tmp_path / "nothing")


def test_a_statement_is_opened_by_the_key_that_signed_it(key: Ed25519PrivateKey) -> None:
    stranger = Ed25519PrivateKey.generate().public_key()
    envelope = sign_statement(b"we leave", key)
    signed = verify_statement(envelope, [stranger, key.public_key()])
    assert signed.payload == b"we leave"
    assert signed.signers == (fingerprint(key.public_key()),)
    assert verify_statement(envelope, [stranger]).signers == ()


def test_a_changed_statement_is_refused(key: Ed25519PrivateKey) -> None:
    envelope = sign_statement(b"we leave", key)
    envelope["payload"] = base64.b64encode(b"we stay").decode()
    with pytest.raises(InvalidBundle, match="wrong"):
        verify_statement(envelope, [key.public_key()])


@pytest.mark.parametrize("member", ["payload", "payloadType", "signatures"])
def test_a_malformed_envelope_is_refused(member: str, key: Ed25519PrivateKey) -> None:
    envelope = sign_statement(b"we leave", key)
    with pytest.raises(InvalidBundle):
        verify_statement({**envelope, member: "?"}, [key.public_key()])
    del envelope[member]
    with pytest.raises(InvalidBundle):
        verify_statement(envelope, [key.public_key()])
