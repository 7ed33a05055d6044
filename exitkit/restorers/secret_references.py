"""Give every secret a fresh value where its users can refer to it, and copy none.

Step params: `{what: secret-references, target: <folder target>, assets: {native_type:
"AWS::SecretsManager::Secret", names: ["*"]}}`; optional `rename` (of the folder, `{name}` is
`secrets`). Each secret becomes a file of mode 0600 with a new random value, and
`references.jsonl` says under which name its users find it, and how the old one was kept and
rotated. No value leaves that folder: neither an outcome nor the evidence holds one or its digest.
"""

from __future__ import annotations

import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from exitkit.assess.comparison import Canaries, compared
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, Proof
from exitkit.ports import StepContext, Target
from exitkit.store.canonical import canonical_bytes, parse_line
from exitkit.store.holdings import chosen, restored_name
from exitkit.store.local_ground import LocalGround, fill, ground_of
from exitkit.store.paths import segment
from exitkit.store.reader import Bundle, open_bundle

FOLDER = "secrets"
INDEX = "references.jsonl"
FRESH_BYTES = 32
_TOLD = ("KmsKeyId", "KeyId", "RotationEnabled", "RotationRules", "RotationLambdaARN", "Type")


@dataclass(frozen=True, slots=True)
class _Secret:
    """A secret of the source, by name; nobody here knows its value."""

    urn: str
    name: str
    file: str
    told: Mapping[str, Any]


class SecretReferencesRestorer(LocalGround):
    """Move secrets by name, with fresh values."""

    what: ClassVar[str] = "secret-references"
    target_types: ClassVar[tuple[str, ...]] = ("folder",)
    needs: ClassVar[tuple[str, ...]] = ()

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Draw a value for every secret, write it where only its owner reads, and say where."""
        found, folder = _found(open_bundle(context.bundle), step), _folder(step)
        body = b"".join(canonical_bytes(_reference(one, folder)) + b"\n" for one in found)
        root: Path = ground_of(target) / folder

        def drawn() -> Iterator[ItemResult]:
            root.mkdir(mode=0o700)
            for one in found:
                path = root / one.file
                path.touch(mode=0o600)
                path.write_text(secrets.token_urlsafe(FRESH_BYTES))
            (root / INDEX).write_bytes(body)
            yield from _compare(found, root, folder)

        return fill(
            {folder}, drawn, target, context, losses=_losses(found),
            what="secret-references", count=len(found), size_bytes=len(body),
            said=f"{len(found)} secrets given fresh values, {{different}} not as they have to be",
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """See that every reference leads to a value of its own that only its owner reads."""
        found, folder = _found(open_bundle(context.bundle), step), _folder(step)
        root = ground_of(target) / folder
        items = list(_compare(found, root, folder))
        canaries = Canaries.of(step.params)
        for one in found:
            canaries.expect(one.name.encode())
        if (root / INDEX).is_file():
            canaries.see((root / INDEX).read_bytes())
        wrong = {item.item for item in items if item.result != "equal"}
        proofs = [
            Proof(one.urn, "credentials") for one in found if f"secret {one.name}" not in wrong
        ]
        return compared(
            "secrets", items, canaries=canaries, losses=_losses(found), proofs=proofs
        )  # fmt: skip


def _folder(step: Step) -> str:
    return segment(restored_name(step, FOLDER))


def _found(bundle: Bundle, step: Step) -> Sequence[_Secret]:
    found = []
    for holding in chosen(bundle, step):
        config = bundle.native(dict(holding.record))
        told = {name: config[name] for name in _TOLD if name in config}
        found.append(_Secret(holding.urn, holding.name, segment(holding.name), told))
    return found


def _reference(one: _Secret, folder: str) -> dict[str, Any]:
    return {"name": one.name, "reference": f"file:{folder}/{one.file}", "was": dict(one.told)}


def _losses(found: Sequence[_Secret]) -> tuple[str, ...]:
    return tuple(
        f"secret {one.name}: its old value stays where it is; switch its users, then revoke it"
        for one in found
    )


def _compare(found: Sequence[_Secret], root: Path, folder: str) -> Iterator[ItemResult]:
    index = root / INDEX
    listed = {}
    if index.is_file():
        listed = {one["name"]: one for one in map(parse_line, index.read_bytes().splitlines())}
    seen: set[str] = set()
    for one in found:
        label, path = f"secret {one.name}", root / one.file
        if path.is_symlink() or not path.is_file() or one.name not in listed:
            yield ItemResult(label, "missing")
            continue
        value = path.read_text(errors="replace")
        if listed[one.name] != _reference(one, folder):
            yield ItemResult(label, "different", "its reference says something else")
        elif len(value) < FRESH_BYTES or value in seen:
            yield ItemResult(label, "different", "its value is short, or that of another one")
        elif stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield ItemResult(label, "different", "others may read its value")
        else:
            yield ItemResult(label, "equal")
        seen.add(value)
