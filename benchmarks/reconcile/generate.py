"""Write a FOCUS invoice of N lines over 200,000 resources, and a bundle that holds most of them.

python generate.py FOLDER N
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import duckdb

from exitkit.model.asset import Asset, Ref
from exitkit.store import records
from exitkit.store.writer import BundleInputs, write_bundle

RESOURCES = 200_000
NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def main() -> None:
    folder, lines = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True)
    duckdb.sql(
        "copy (select case when i % 50 = 0 then '' else 'i-' || printf('%017x', i * 7919 % "
        f"{RESOURCES}) end as ResourceId, 'Amazon EC2' as ServiceName, '123456789012' as"
        " SubAccountId, 'eu-west-1' as RegionId, cast((i % 997) / 1e6 as decimal(18, 8)) as"
        " BilledCost, 'USD' as BillingCurrency, case when i % 500 = 0 then 'Tax' else 'Usage' end"
        " as ChargeCategory, '' as ChargeClass, '2026-10-01T00:00:00Z' as ChargePeriodStart,"
        f" repeat('x', 120) as Tags from range({lines}) t(i)) to '{folder}/invoice.csv' (header)"
    )
    duckdb.sql(f"copy (from '{folder}/invoice.csv') to '{folder}/invoice.parquet'")
    assets = [
        Asset(
            Ref("aws", "123456789012", "eu-west-1", "AWS::EC2::Instance", f"i-{number:017x}"),
            "compute.instance", "", {}, NOW,
        )
        for number in range(RESOURCES - 20)
    ]  # fmt: skip
    inputs = BundleInputs("bench", 1, NOW, NOW, NOW, "0", {"compute.instance": ("configuration",)})
    write_bundle(
        folder / "bench-000001", inputs, {"assets": map(records.asset_record, assets)}, [], None
    )


if __name__ == "__main__":
    main()
