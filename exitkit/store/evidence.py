"""Turn what a run did and how long things took into records, apart from what the estate is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from exitkit.model.asset import Asset
from exitkit.model.identity import stable_urn
from exitkit.model.ledger import Call
from exitkit.model.run import Event, Measurement, RunSummary
from exitkit.store.canonical import canonical_bytes, storable, timestamp
from exitkit.store.records import Record, without_empty


def event_record(event: Event) -> Record:
    """Return the line of `events.jsonl`; its SHA-256 is the event's digest."""
    return without_empty(
        {
            "@id": f"urn:exitkit:event:{event.run}:{event.sequence:010d}",
            "@type": "Event",
            "run": event.run,
            "sequence": event.sequence,
            "at": timestamp(event.at),
            "type": event.type,
            "actor": event.actor,
            "milestone": event.milestone,
            "step": event.step,
            "attempt": event.attempt or None,
            "data": storable(dict(event.data)),
            "previousSha256": event.previous,
        },
        keep=("data",),
    )


def event_digest(record: Mapping[str, Any]) -> str:
    """Return the digest of an event record: SHA-256 over its line without LF."""
    return hashlib.sha256(canonical_bytes(record)).hexdigest()


def run_record(run: RunSummary, plan: str, bundle: str, milestones: Mapping[str, str]) -> Record:
    """Return the line of `runs.jsonl`; `milestones` gives the judge's word by milestone id."""
    return without_empty(
        {
            "@id": f"urn:exitkit:run:{run.run}",
            "@type": "Run",
            "run": run.run,
            "mode": run.mode.value,
            "state": run.state,
            "plan": plan,
            "planSha256": run.plan_digest,
            "bundle": bundle,
            "startedAt": timestamp(run.started_at),
            "endedAt": run.ended_at and timestamp(run.ended_at),
            "chainHead": run.head,
            "milestones": [
                {"milestone": name, "verdict": milestones[name]} for name in sorted(milestones)
            ],
        }
    )


def observation_measurement(asset: Asset) -> Record:
    """Return the line of `measurements.jsonl` that says when an asset was last read."""
    urn = asset.ref.urn
    return {
        "@id": stable_urn("ebf-msr-1", "observation", urn),
        "@type": "Measurement",
        "measure": "observation",
        "subject": urn,
        "observedAt": timestamp(asset.observed_at),
    }


def call_measurement(call: Call) -> Record:
    """Return the line of `measurements.jsonl` that says how long a call took."""
    urn = call.urn
    return {
        "@id": stable_urn("ebf-msr-1", "call", urn),
        "@type": "Measurement",
        "measure": "call",
        "subject": urn,
        "durationMillis": call.duration_ms,
    }


def transfer_measurement(run: str, step: str, measured: Measurement) -> Record:
    """Return the line of `measurements.jsonl` that says how fast a rehearsal moved something."""
    # A step may measure one category several times: each measurement has its own line.
    figures = map(str, (measured.items, measured.size_bytes, measured.duration_ms))
    return {
        "@id": stable_urn("ebf-msr-1", "transfer", run, step, measured.category, *figures),
        "@type": "Measurement",
        "measure": "transfer",
        "subject": f"urn:exitkit:run:{run}",
        "step": step,
        "category": measured.category,
        "items": measured.items,
        "sizeBytes": measured.size_bytes,
        "durationMillis": measured.duration_ms,
    }
