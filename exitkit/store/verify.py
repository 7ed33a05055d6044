"""Verify a bundle level by level, trusting only keys that come from outside of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from exitkit.errors import (
    EXIT_CLEAN,
    EXIT_DECLARED_HOLES,
    EXIT_FOUND,
    EXIT_UNTRUSTED,
    InputError,
    InvalidBundle,
)
from exitkit.store.keys import load_public
from exitkit.store.layout import FORMAT_VERSION, SCHEMAS, schema_path
from exitkit.store.schemas import fault_of, schema_bytes, validator
from exitkit.store.seal import SEAL_PATH, bundle_id, verify_statement
from exitkit.store.verify_bundle import QUESTIONS, Examination, read


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: at which level, where, what."""

    level: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class LevelReached:
    """A level of verification; `outcome` is `holds`, `fails`, `not-reached` or `not-trusted`."""

    level: str
    question: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Verification:
    """All that verifying a bundle found.

    `signers` are the trusted keys that signed the seal; `key_ids` every key the seal names, for a
    reader who has to find out whose they are. `holes` are files declared to be elsewhere.
    """

    bundle: str
    levels: tuple[LevelReached, ...]
    faults: tuple[Fault, ...]
    holes: tuple[str, ...]
    signers: tuple[str, ...]
    key_ids: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 all holds, 1 invalid, 4 not signed by a trusted key, 5 with declared holes."""
        if self.faults:
            return EXIT_FOUND
        if not self.signers:
            return EXIT_UNTRUSTED
        return EXIT_DECLARED_HOLES if self.holes else EXIT_CLEAN


def verify_bundle(path: Path, trusted_keys: Sequence[Path]) -> Verification:
    """Check every level; the rules are those of the verifier that travels inside the bundle."""
    if path.is_symlink() or not path.is_dir():
        raise InputError(f"{path}: no bundle folder; give one of bundles/")
    keys = [load_public(key) for key in trusted_keys]
    found = Examination(path, partial(_record_fault, path, {}))
    found.examine([])
    signers, key_ids = _signers(found, path, keys)
    return Verification(
        bundle=bundle_id(path) if _holds(found, "V0") else "",
        levels=tuple(_level(found, level, bool(signers)) for level in QUESTIONS),
        faults=tuple(Fault(*fault) for fault in found.faults),
        holes=tuple(found.holes),
        signers=signers,
        key_ids=key_ids,
    )


def _level(found: Examination, level: str, trusted: bool) -> LevelReached:
    outcome = "holds" if level in found.reached else "not-reached"
    if level == "V1" and "V0" in found.reached:
        outcome = "holds" if trusted else "not-trusted"
    if any(fault[0] == level for fault in found.faults):
        outcome = "fails"
    return LevelReached(level, QUESTIONS[level], outcome)


def _holds(found: Examination, level: str) -> bool:
    return level in found.reached


def _signers(
    found: Examination, path: Path, keys: Sequence[Ed25519PublicKey]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the trusted signers and all key ids of a seal that covers this bundle."""
    misfit = any(level == "V1" for level, _, _ in found.faults)
    if misfit or not _holds(found, "V0") or not (path / SEAL_PATH).exists():
        return (), ()
    try:
        signed = verify_statement(json.loads(read(path / SEAL_PATH)), keys)
    except InvalidBundle as error:
        found.fault("V1", SEAL_PATH, str(error))
        return (), ()
    return signed.signers, signed.key_ids


def _record_fault(
    bundle: Path, cache: dict[str, list[Any]], schema: str, record: Mapping[str, Any]
) -> str:
    """Check a record by the schema inside the bundle and, for our own version, by ours too.

    A bundle that brings a schema allowing anything is caught by the second.
    """
    if schema not in cache:
        cache[schema] = _validators(bundle, schema)
    faults = (fault_of(checker, record) for checker in cache[schema])
    return next(filter(None, faults), "")


def _validators(bundle: Path, schema: str) -> list[Any]:
    shipped = read(bundle / "data" / schema)
    checkers = [validator(shipped)]
    own = {schema_path(name): name for name in SCHEMAS}
    if schema in own and schema_bytes(own[schema]) != shipped:
        descriptor = json.loads(read(bundle / "data" / "exitkit.json"))
        if descriptor.get("formatVersion") == FORMAT_VERSION:
            checkers.append(validator(schema_bytes(own[schema])))
    return checkers
