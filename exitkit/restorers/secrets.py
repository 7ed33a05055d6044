"""Give every secret a fresh value in the store of another account, and copy none.

Step params: `{what: secrets, target: <aws target>, assets: {native_type:
"AWS::SecretsManager::Secret", names: ["*"]}}`; optional `rename`, `canaries`, `canary_pattern`.
Users refer to a secret by its name, which stays; no value of the source is read, and none of ours
is in an outcome or the evidence.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.assess.comparison import Canaries, compared, restored, taken
from exitkit.drivers.aws_ground import open_ground
from exitkit.drivers.aws_secret_store import AwsSecretStore
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import chosen, restored_name
from exitkit.store.reader import open_bundle
from exitkit.store.touched import note_touched, noted_touched

FRESH_BYTES = 32


class SecretsRestorer:
    """Move secrets by name to a store, with fresh values."""

    what: ClassVar[str] = "secrets"
    target_types: ClassVar[tuple[str, ...]] = ("aws",)
    needs: ClassVar[tuple[str, ...]] = ("boto3:rehearsal",)

    def identities(self, target: Target, environ: Mapping[str, str]) -> frozenset[str]:
        """Name the account and the address it answers at."""
        return open_ground(target.settings, environ, f"target {target.id}").identities()

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """List the secrets by name and version, never by value."""
        found = _store(target, environ).secrets().values()
        return tuple(sorted(f"secret {one.name} version {one.version}" for one in found))

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Make every secret with a value nobody has seen, and read back that it is there."""
        store, names = _store(target, context.environ), _names(step, context)
        there, owner = store.secrets(), context.idempotency_key
        foreign = [name for name in names.values() if name in there and there[name].owner != owner]
        if foreign:
            return taken(f"secret {foreign[0]}", target.id)
        touched = {"names": sorted(names.values())}
        note_touched(context, touched)
        started = time.monotonic()
        for name in names.values():
            if name not in there:
                store.create(name, secrets.token_urlsafe(FRESH_BYTES), owner)
        items = list(_compare(store, names))
        took_ms = int((time.monotonic() - started) * 1000)
        size = sum(len(name.encode()) for name in names.values())
        moved = Measurement("secrets", len(names), size, took_ms)
        what = f"{len(names)} secrets given fresh values, {{different}} not as they have to be"
        return restored(what, items, moved=moved, losses=_losses(names), touched=touched)

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """See that every name leads to a long value of its own."""
        store, names = _store(target, context.environ), _names(step, context)
        canaries = Canaries.of(step.params)
        items = list(_compare(store, names))
        there = store.secrets()
        for name in names.values():
            canaries.expect(name.encode())
            canaries.see(there[name].name.encode() if name in there else b"")
        wrong = {item.item for item in items if item.result != "equal"}
        proofs = [
            Proof(urn, "credentials")
            for urn, name in names.items()
            if f"secret {name}" not in wrong
        ]
        return compared("secrets", items, canaries=canaries, losses=_losses(names), proofs=proofs)

    def undo(
        self, step: Step, touched: Mapping[str, Any], target: Target, context: StepContext
    ) -> Outcome:
        """Delete the secrets this step made, and no other."""
        noted = [touched] if touched else noted_touched(context)
        if not noted:
            return Outcome(StepStatus.SUCCEEDED, "nothing was made")
        store = _store(target, context.environ)
        there = store.secrets()
        mine = [
            name
            for name in noted[0]["names"]
            if name in there and there[name].owner == context.idempotency_key
        ]
        for name in mine:
            store.delete(name)
        return Outcome(StepStatus.SUCCEEDED, f"{len(mine)} secrets deleted", {"removed": len(mine)})


def _store(target: Target, environ: Mapping[str, str]) -> AwsSecretStore:
    return AwsSecretStore(open_ground(target.settings, environ, f"target {target.id}"))


def _names(step: Step, context: StepContext) -> dict[str, str]:
    """Return the asset of each secret and its name on the target."""
    bundle = open_bundle(context.bundle)
    return {one.urn: restored_name(step, one.name) for one in chosen(bundle, step)}


def _losses(names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"secret {name}: its old value stays where it is; switch its users, then revoke it"
        for name in sorted(names.values())
    )


def _compare(store: AwsSecretStore, names: Mapping[str, str]) -> Iterator[ItemResult]:
    there, seen = store.secrets(), set[str]()
    for name in names.values():
        if name not in there:
            yield ItemResult(f"secret {name}", "missing")
            continue
        value = store.value(name)
        if len(value) < FRESH_BYTES or value in seen:
            yield ItemResult(
                f"secret {name}", "different", "its value is short, or that of another one"
            )
        else:
            yield ItemResult(f"secret {name}", "equal")
        seen.add(value)
