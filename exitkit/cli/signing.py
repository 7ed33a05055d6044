"""Let people sign with the key they have: an Ed25519 PEM, an SSH key, or a signature made apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from exitkit.drivers.ssh_keygen import sign_with_ssh_key
from exitkit.engine.signed_words import ssh_envelope, statement_bytes
from exitkit.errors import InputError
from exitkit.store.keys import fingerprint, load_private
from exitkit.store.seal import sign_statement
from exitkit.store.ssh_signature import key_fingerprint, signing_key


def signing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say with what to sign."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def waiver_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same options to a command that signs only where it is asked to."""
    by = click.option("--by", default="", metavar="NAME", help="Who waives the rehearsal.")
    for option in reversed([*_OPTIONS[:3], by, _OPTIONS[4]]):
        command = option(command)
    return command


def signed(
    kind: str,
    predicate: Mapping[str, Any],
    key: Path | None,
    ssh_key: Path | None,
    signature: Path | None,
) -> tuple[dict[str, Any], str]:
    """Return the envelope of a word and the fingerprint of the key that signed it."""
    return signed_bytes(statement_bytes(kind, predicate), key, ssh_key, signature)


def signed_bytes(
    payload: bytes, key: Path | None, ssh_key: Path | None, signature: Path | None
) -> tuple[dict[str, Any], str]:
    """Return the envelope of a statement and the fingerprint of the key that signed it."""
    if sum(one is not None for one in (key, ssh_key, signature)) != 1:
        raise InputError("name one of --key, --ssh-key and --signature")
    if key is not None:
        private = load_private(key)
        return sign_statement(payload, private), fingerprint(private.public_key())
    armored = sign_with_ssh_key(payload, ssh_key) if ssh_key is not None else _read(signature)
    return ssh_envelope(payload, armored), key_fingerprint(signing_key(armored, payload))


def _read(path: Path | None) -> str:
    try:
        return path.read_text(encoding="ascii") if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; give the .sig of `ssh-keygen -Y sign`") from error


_OPTIONS = (
    click.option("--key", type=click.Path(path_type=Path), metavar="PEM",
                 help="Your Ed25519 private key; its public half must be in `signing: trust:`."),
    click.option("--ssh-key", "ssh_key", type=click.Path(path_type=Path), metavar="KEY",
                 help="Your SSH key (or its .pub, with an agent); listed in `allowed_signers`."),
    click.option("--signature", type=click.Path(path_type=Path), metavar="SIG",
                 help="A signature by `ssh-keygen -Y sign -n exitkit` over what --print shows."),
    click.option("--by", required=True, metavar="NAME", help="Your name, as the report shows it."),
    click.option("--print", "prints", is_flag=True,
                 help="Print the bytes to sign, without a line feed, and sign nothing."),
)  # fmt: skip
