"""Describe a bundle as a whole: whose it is, when it was taken, and what it holds, counted."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exitkit.errors import PluginError
from exitkit.model.identity import stable_urn
from exitkit.store.bag import Bag, manifest
from exitkit.store.canonical import timestamp
from exitkit.store.layout import FORMAT_VERSION, TABLES, schema_path

CONTENT_FOLDERS = ("records/", "native/")
FIRST_LINK = "0" * 64


@dataclass(frozen=True, slots=True)
class BundleInputs:
    """Everything about a bundle that no table says; clocks and versions are inputs.

    `kinds` gives the aspects that apply to each kind and `reasons` the text of each reason code:
    both travel inside, so that a reader can check completeness without us. `purpose` is
    `snapshot`, `rehearsal`, `exit`, `audit` or `litigation-hold`; `signer` the fingerprint of the
    key that will seal the bundle, named in READ-ME-FIRST.txt.
    """

    series: str
    sequence: int
    sealed_at: dt.datetime
    observation_start: dt.datetime
    observation_end: dt.datetime
    generator_version: str
    kinds: Mapping[str, Sequence[str]]
    reasons: Mapping[str, str] = field(default_factory=dict)
    previous_bundle: str = ""
    purpose: str = "snapshot"
    customer: str = ""
    scope_statement: str = ""
    configuration_digest: str = ""
    signer: str = ""


@dataclass(slots=True)
class Tally:
    """What the tables hold, counted line by line while they are written."""

    records: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    chains: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, table: str, line: bytes) -> None:
        """Count one line."""
        self.records[table] += 1
        if table == "assets":
            self.kinds[json.loads(line)["kind"]] += 1
        elif table == "calls":
            self.outcomes[json.loads(line)["outcome"]] += 1
        elif table == "exportability":
            record = json.loads(line)
            self.levels[record["level"]] += 1
            if "reasonCode" in record:
                self.reasons[record["reasonCode"]] += 1
        elif table == "events":
            self._link(json.loads(line), line)

    def _link(self, event: Mapping[str, Any], line: bytes) -> None:
        count, head = self.chains.get(event["run"], (0, FIRST_LINK))
        if (event["sequence"], event["previousSha256"]) != (count + 1, head):
            raise PluginError(
                f"events: {event['@id']} does not follow event {count} of its run;"
                " write the journal as it stands"
            )
        self.chains[event["run"]] = (count + 1, hashlib.sha256(line).hexdigest())


def descriptor(inputs: BundleInputs, bag: Bag, tally: Tally) -> dict[str, Any]:
    """Return `data/exitkit.json`."""
    window = {
        "startAt": timestamp(inputs.observation_start),
        "endAt": timestamp(inputs.observation_end),
    }
    optional = {
        "previous": inputs.previous_bundle,
        "customer": inputs.customer,
        "scopeStatement": inputs.scope_statement,
    }
    return {
        "@id": stable_urn("ebf-bundle-1", inputs.series, str(inputs.sequence)),
        "@type": "ExitBundle",
        "formatVersion": FORMAT_VERSION,
        "series": inputs.series,
        "sequence": inputs.sequence,
        "purpose": inputs.purpose,
        "sealedAt": timestamp(inputs.sealed_at),
        "observationWindow": window,
        "generator": _generator(inputs),
        "tables": [_table(bag, name, tally) for name in sorted(TABLES)],
        "counts": {
            "assetsByKind": dict(tally.kinds),
            "callsByOutcome": dict(tally.outcomes),
            "exportabilityByLevel": dict(tally.levels),
            "exportabilityByReason": dict(tally.reasons),
        },
        "chains": [
            {"run": run, "events": count, "head": head}
            for run, (count, head) in sorted(tally.chains.items())
        ],
        "contentRoot": content_root(bag),
    } | {name: value for name, value in optional.items() if value}


def content_root(bag: Bag) -> str:
    """Return one digest over the estate alone: equal for two snapshots of an unchanged one.

    It is the SHA-256 of those lines of `manifest-sha256.txt` that name records or native packs.
    """
    kept = {
        f"data/{path}": entry
        for path, entry in bag.payload.items()
        if path.startswith(CONTENT_FOLDERS)
    }
    return hashlib.sha256(manifest(kept, "sha256")).hexdigest()


def _generator(inputs: BundleInputs) -> dict[str, str]:
    generator = {"name": "exitkit", "version": inputs.generator_version}
    if inputs.configuration_digest:
        generator["configurationSha256"] = inputs.configuration_digest
    return generator


def _table(bag: Bag, name: str, tally: Tally) -> dict[str, Any]:
    table = TABLES[name]
    entry = bag.payload[table.path]
    return {
        "path": table.path,
        "schema": schema_path(table.schema),
        "records": tally.records[name],
        "sizeBytes": entry.size_bytes,
        "sha256": entry.sha256,
    }
