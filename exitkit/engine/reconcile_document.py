"""Write a reconciliation down: as a document of its own, and as records of a bundle."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from exitkit.assess.reconcile import Coverage, End, Line
from exitkit.engine.reconcile import Reconciled
from exitkit.model.identity import stable_urn
from exitkit.store.canonical import canonical_bytes
from exitkit.store.files import write_atomically

SCHEMA = "exitkit/reconcile/1"
_MATCHES = {
    End.MATCHED: "matched",
    End.UNACCOUNTED: "invoice-only",
    End.EXPLAINED: "not-billable",
}
NOT_CHARGED = "no invoice that was read charges for it"


def keep(document: Mapping[str, Any], reports: Path, bundle_name: str) -> Path:
    """Write the document of a bundle into `reports`; the same result has the same name."""
    body = canonical_bytes(document) + b"\n"
    digest = hashlib.sha256(body).hexdigest()[:8]
    reports.mkdir(exist_ok=True)
    path = reports / f"reconcile-{bundle_name}-{digest}.json"
    write_atomically(path, body)
    return path


def reconciliation_records(found: Reconciled) -> Iterator[Mapping[str, Any]]:
    """Yield the bundle's line for every sum on the invoices, and for every asset on none."""
    period = _period(found)
    for line in found.result.lines:
        charge = line.charge
        names = (charge.resource, charge.service, charge.account, charge.region,
                 charge.category, charge.currency)  # fmt: skip
        # As many decimals as the amount has, and two at least: cents, where nothing is finer.
        exponent = max(2, -int(charge.cost.normalize().as_tuple().exponent))
        record: dict[str, Any] = {
            "@id": stable_urn("ebf-rec-1", period, *names),
            "@type": "Reconciliation",
            "period": period,
            "resource": charge.resource or charge.service,
            "match": _MATCHES[line.end],
            "cost": {
                "amountMinor": int(charge.cost.scaleb(exponent)),
                "currency": charge.currency,
                "exponent": exponent,
            },
        }
        if line.asset:
            record["asset"] = line.asset
        if line.reason:
            record["explanation"] = line.reason
        yield record
    for row in found.unbilled:
        yield {
            "@id": stable_urn("ebf-rec-1", period, str(row["@id"])),
            "@type": "Reconciliation",
            "period": period,
            "resource": str(row["provider"]["nativeId"]),
            "asset": str(row["@id"]),
            "match": "inventory-only",
            "explanation": NOT_CHARGED,
        }


def _period(found: Reconciled) -> str:
    days = [day for one in found.invoices for day in (one.first_day, one.last_day) if day]
    return f"{min(days)}/{max(days)}" if days else "unknown"


def explanations(found: Reconciled) -> list[tuple[tuple[str, str], Decimal]]:
    """Return what was explained by (reason, currency), largest first."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in found.result.lines:
        if line.end is End.EXPLAINED:
            sums[line.reason, line.charge.currency] += line.charge.cost
    return sorted(sums.items(), key=lambda pair: (-abs(pair[1]), pair[0]))


def document_of(bundle: str, found: Reconciled) -> dict[str, Any]:
    """Return the whole result (`exitkit/reconcile/1`), each coverage with its complement."""
    return {
        "schema": SCHEMA,
        "bundle": bundle,
        "invoices": [
            {"name": one.path.name, "dialect": one.dialect, "rows": one.rows,
             "firstDay": one.first_day, "lastDay": one.last_day}
            for one in found.invoices
        ],
        "calls": {
            "planned": found.calls.planned, "ended": found.calls.ended,
            "waived": len(found.calls.waived), "open": len(found.calls.open),
            "openCalls": [call_name(row) for row in found.calls.open],
            "waivedCalls": [call_name(row) for row in found.calls.waived],
        },
        "assets": {
            "total": found.result.assets, "unbilled": len(found.unbilled),
            "unbilledAssets": [
                {"asset": row["@id"], "nativeType": row["provider"]["nativeType"],
                 "nativeId": row["provider"]["nativeId"]}
                for row in found.unbilled
            ],
        },
        "spend": [_coverage_json(one) for one in found.result.coverage],
        "explained": [
            {"reason": reason, "currency": currency, "cost": exact(cost)}
            for (reason, currency), cost in explanations(found)
        ],
        "unaccounted": [
            _line_json(line) for line in found.result.lines if line.end is End.UNACCOUNTED
        ],
        "byAsset": {
            asset: {currency: exact(cost) for currency, cost in sorted(spend.items())}
            for asset, spend in sorted(found.result.by_asset.items())
        },
        "waivers": [
            {"resource": one.resource, "reason": one.reason, "by": one.by,
             "on": one.on.isoformat(), "until": one.until.isoformat()}
            for one in found.waivers
        ],
        "findings": list(found.findings),
    }  # fmt: skip


def _coverage_json(one: Coverage) -> dict[str, Any]:
    return {
        "currency": one.currency,
        "accountedPpm": one.accounted_ppm,
        "total": exact(one.total),
        "matched": exact(one.matched),
        "explained": exact(one.explained),
        "unaccounted": exact(one.unaccounted),
    }


def _line_json(line: Line) -> dict[str, str]:
    charge = line.charge
    return {
        "resource": charge.resource, "service": charge.service, "account": charge.account,
        "region": charge.region, "category": charge.category, "currency": charge.currency,
        "cost": exact(charge.cost), "reason": line.reason,
    }  # fmt: skip


def exact(cost: Decimal) -> str:
    """Write an amount with all the decimals it has, and no exponent."""
    text = f"{cost:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def call_name(row: Mapping[str, Any]) -> str:
    """Name a call of the ledger on one line; a waived one with who answered, why and until when."""
    where = "/".join(str(row[key]) for key in ("source", "scope", "region") if row.get(key))
    answer = row.get("acknowledgement")
    said = ""
    if answer:
        said = (
            f": {answer['reason']} ({answer['by']}, {answer['onDate']} until {answer['untilDate']})"
        )
    return f"{row['outcome']} {where} {row['operation']}{said}"
