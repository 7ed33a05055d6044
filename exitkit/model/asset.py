"""Name the things an exit has to take along, and how they hang together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exitkit.model.identity import stable_urn


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Where a thing lives and what its provider calls it.

    `provider` is `aws`, `azure`, `network`, `licenses`, `scripts` ...; `scope` the account,
    subscription, site or file set; `region` is empty where the provider has none.
    `native_type` is the provider's own type name: the CloudFormation type on AWS, the ARM type
    on Azure, `<family>/<thing>` elsewhere.
    """

    provider: str
    scope: str
    region: str
    native_type: str
    native_id: str

    @property
    def urn(self) -> str:
        """The `@id` of the asset record, equal in every snapshot."""
        return stable_urn(
            "ebf-asset-1", self.provider, self.scope, self.region, self.native_type, self.native_id
        )


@dataclass(frozen=True, slots=True)
class Asset:
    """One thing found at a source.

    `kind` is neutral (`compute.instance`, see knowledge/kinds.yaml); `config` is the provider's
    answer as JSON-compatible data (times as ISO 8601 strings, decimals as strings), without
    secret values. `identifiers` are further names as (scheme, value): `arn`, `purl`, `serial`.
    `volatile` names top-level config members that change by themselves (last used, uptime);
    they are left out of what is stored. `observed_at` never enters a record (see docs/format.md).
    """

    ref: Ref
    kind: str
    name: str
    config: Mapping[str, Any]
    observed_at: dt.datetime
    tags: tuple[tuple[str, str], ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    status: str = "active"
    volatile: frozenset[str] = frozenset()
    ext: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed relation between two assets, from `vocab/relations.jsonl`.

    `relation` is one of `dependsOn`, `contains`, `runsOn`, `connectsTo`, `storesDataIn`,
    `encryptedWith`, `grants`, `memberOf`, `managedBy`, `licensedBy`, `documentedBy`, `governedBy`.
    `basis` says how we know: `declared`, `observed` or `inferred`.
    """

    subject: Ref
    relation: str
    object: Ref
    basis: str = "observed"

    @property
    def urn(self) -> str:
        """The `@id` of the relation record."""
        return stable_urn("ebf-rel-1", self.subject.urn, self.relation, self.object.urn)
