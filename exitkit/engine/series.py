"""Say what the bundles of a series have in common, so that each names the one before."""

from __future__ import annotations

import datetime as dt
from importlib.metadata import version

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exitkit.knowledge.kinds import all_kinds
from exitkit.knowledge.portability import load_knowledge
from exitkit.store.keys import fingerprint
from exitkit.store.reader import open_bundle
from exitkit.store.writer import BundleInputs
from exitkit.workspace.files import Workspace, latest_bundle, next_sequence

DISTRIBUTION = "exitkit-reversibility"


def next_inputs(
    workspace: Workspace,
    purpose: str,
    observed: tuple[dt.datetime, dt.datetime],
    sealed_at: dt.datetime,
    key: Ed25519PrivateKey | None,
) -> BundleInputs:
    """Return the inputs of the next bundle; `observed` is from when to when sources were read."""
    before = latest_bundle(workspace)
    return BundleInputs(
        series=workspace.series,
        sequence=next_sequence(workspace),
        sealed_at=sealed_at,
        observation_start=observed[0],
        observation_end=observed[1],
        generator_version=version(DISTRIBUTION),
        kinds={
            name: [aspect.value for aspect in kind.aspects] for name, kind in all_kinds().items()
        },
        reasons={code: reason.text for code, reason in load_knowledge().reasons.items()},
        previous_bundle=open_bundle(before).id if before else "",
        purpose=purpose,
        customer=workspace.customer,
        scope_statement=workspace.scope,
        configuration_digest=workspace.digest,
        signer=fingerprint(key.public_key()) if key else "",
    )
