"""Invoices in every dialect against a real bundle: whatever is billed ends with its money."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from exitkit.cli.main import run
from exitkit.drivers.invoices import read_invoice
from exitkit.errors import InputError
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import Acknowledgement, Call, CallOutcome
from exitkit.store import records
from exitkit.store.keys import generate_key
from exitkit.store.writer import BundleInputs, write_bundle

NOW = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
ACCOUNT = "123456789012"
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-111122223333"
VAULT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:worker"
GRAPH = f"arn:aws:neptune-graph:eu-west-1:{ACCOUNT}:graph/g-lost"


def asset(native_type: str, native_id: str, kind: str, arn: str = "", **place: str) -> Asset:
    where = {"provider": "aws", "scope": ACCOUNT, "region": "eu-west-1", **place}
    ref = Ref(where["provider"], where["scope"], where["region"], native_type, native_id)
    identifiers = (("arn", arn),) if arn else ()
    return Asset(ref, kind, native_id, {}, NOW, identifiers=identifiers)


ASSETS = [
    asset("AWS::EC2::Instance", "i-0123456789abcdef0", "compute.instance",
          f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0123456789abcdef0"),
    asset("AWS::S3::Bucket", "crm-documents", "storage.bucket", "arn:aws:s3:::crm-documents"),
    asset("AWS::Lambda::Function", "worker", "compute.function", FUNCTION),
    asset("AWS::SQS::Queue", "idle", "integration.queue",
          f"arn:aws:sqs:eu-west-1:{ACCOUNT}:idle"),
    asset("Microsoft.KeyVault/vaults", VAULT.lower(), "secret.reference", provider="azure",
          scope=SUBSCRIPTION, region="westeurope"),
]  # fmt: skip

FOCUS = {
    "ResourceId": "", "ServiceName": "Amazon EC2", "SubAccountId": ACCOUNT,
    "RegionId": "eu-west-1", "BilledCost": "0", "BillingCurrency": "USD",
    "ChargeCategory": "Usage", "ChargeClass": "", "ChargePeriodStart": "2026-10-01T00:00:00Z",
}  # fmt: skip
CUR = {
    "line_item_resource_id": "", "line_item_product_code": "AmazonEC2",
    "line_item_usage_account_id": ACCOUNT, "product_region_code": "eu-west-1",
    "line_item_unblended_cost": "0", "line_item_currency_code": "USD",
    "line_item_line_item_type": "Usage", "line_item_usage_start_date": "2026-10-01 00:00:00",
}  # fmt: skip
LEGACY = {
    "lineItem/ResourceId": "", "lineItem/ProductCode": "AmazonEC2",
    "lineItem/UsageAccountId": ACCOUNT, "product/region": "eu-west-1",
    "lineItem/UnblendedCost": "0", "lineItem/CurrencyCode": "USD",
    "lineItem/LineItemType": "Usage", "lineItem/UsageStartDate": "2026-10-01T00:00:00Z",
}  # fmt: skip
AZURE = {
    "resourceId": "", "meterCategory": "Key Vault", "SubscriptionId": SUBSCRIPTION,
    "resourceLocation": "westeurope", "costInBillingCurrency": "0", "billingCurrency": "EUR",
    "chargeType": "Usage", "date": "10/01/2026",
}  # fmt: skip
ENTERPRISE = {
    "ResourceId": "", "MeterCategory": "Key Vault", "SubscriptionGuid": SUBSCRIPTION,
    "ResourceLocation": "westeurope", "Cost": "0", "BillingCurrencyCode": "EUR",
    "ChargeType": "Usage", "Date": "10/01/2026",
}  # fmt: skip


def write(path: Path, base: dict[str, str], rows: list[dict[str, str]]) -> Path:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(base))
    writer.writeheader()
    writer.writerows({**base, **row} for row in rows)
    body = text.getvalue().encode()
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "acme-000001"
    tables = {
        "assets": [records.asset_record(one) for one in ASSETS],
        "calls": [
            records.call_record(Call("prod", ACCOUNT, "", "s3:ListBuckets", CallOutcome.COLLECTED))
        ],
    }
    kinds = {one.kind: ("configuration",) for one in ASSETS}
    write_bundle(path, BundleInputs("acme", 1, NOW, NOW, NOW, "0.1.0", kinds), tables, [], None)
    return path


def reconciled(
    bundle: Path, *invoices: Path, capsys: pytest.CaptureFixture[str], code: int
) -> dict[str, Any]:
    nowhere = ["-w", str(bundle.parent)]
    assert run(["reconcile", str(bundle), *map(str, invoices), "--json", *nowhere]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.parametrize(
    ("base", "resource", "cost", "more", "dialect"),
    [
        (FOCUS, "ResourceId", "BilledCost", {}, "FOCUS 1.0"),
        (FOCUS, "ResourceId", "BilledCost", {"CommitmentDiscountQuantity": ""}, "FOCUS 1.1"),
        (FOCUS, "ResourceId", "BilledCost", {"InvoiceId": "", "BillingAccountType": ""},
         "FOCUS 1.2"),
        (FOCUS, "ResourceId", "BilledCost",
         {"InvoiceId": "", "BillingAccountType": "", "ServiceProviderName": ""}, "FOCUS 1.3"),
        (CUR, "line_item_resource_id", "line_item_unblended_cost", {}, "AWS CUR 2.0"),
        (LEGACY, "lineItem/ResourceId", "lineItem/UnblendedCost", {}, "AWS CUR (legacy)"),
        (AZURE, "resourceId", "costInBillingCurrency", {}, "Azure cost export"),
        (ENTERPRISE, "ResourceId", "Cost", {}, "Azure cost export (enterprise)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_every_dialect_is_recognized_and_its_money_is_exact(
    tmp_path: Path, base: dict[str, str], resource: str, cost: str, more: dict[str, str],
    dialect: str, suffix: str,
) -> None:  # fmt: skip
    rows = [{resource: "thing", cost: "0.1"}, {resource: "thing", cost: "2E-7"}, {cost: ""}]
    path = write(tmp_path / f"bill{suffix.replace('.parquet', '.csv')}", {**base, **more}, rows)
    if suffix == ".parquet":
        packed = tmp_path / "bill.parquet"
        duckdb.sql(f"copy (from read_csv('{path}', all_varchar=true, header=true)) to '{packed}'")
        path = packed
    invoice = read_invoice(path)
    assert (invoice.dialect, invoice.rows) == (dialect, 3)
    sums = {one.resource: (one.cost, one.rows, one.category) for one in invoice.billed}
    assert sums == {
        "thing": (Decimal("0.1000002"), 2, "usage"),
        "": (Decimal(0), 1, "usage"),
    }


@pytest.mark.parametrize(
    "billed",
    [
        "i-0123456789abcdef0",
        f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0123456789abcdef0",
        "crm-documents",
        "arn:aws:s3:::crm-documents/archive/2026",
        FUNCTION,
        f"{FUNCTION}:live",
        VAULT,
        VAULT.upper().replace("/SUBSCRIPTIONS", "/subscriptions"),
        f"{VAULT}/keys/orders",
    ],
)
def test_an_id_matches_in_every_form_and_a_part_counts_to_its_whole(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], billed: str
) -> None:
    path = write(tmp_path / "b.csv", FOCUS, [{"ResourceId": billed, "BilledCost": "7.5"}])
    document = reconciled(bundle, path, capsys=capsys, code=0)
    assert document["unaccounted"] == []
    (spend,) = document["byAsset"].values()
    assert spend == {"USD": "7.5"}
    idle = document["assets"]
    assert (idle["total"], idle["unbilled"]) == (5, 4)
    assert len({one["asset"] for one in idle["unbilledAssets"]} - set(document["byAsset"])) == 4


def test_what_nobody_found_is_named_with_its_money_and_fails_the_gate(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "b.csv", FOCUS, [
        {"ResourceId": "crm-documents", "BilledCost": "80.00"},
        {"ResourceId": GRAPH, "BilledCost": "20.00", "ServiceName": "Amazon Neptune"},
    ])  # fmt: skip
    document = reconciled(bundle, path, capsys=capsys, code=1)
    (lost,) = document["unaccounted"]
    assert (lost["resource"], lost["cost"], lost["currency"]) == (GRAPH, "20", "USD")
    (spend,) = document["spend"]
    assert (spend["accountedPpm"], spend["unaccounted"]) == (800_000, "20")
    assert len(document["findings"]) == 2
    assert run(["reconcile", str(bundle), str(path), "-w", str(tmp_path), "--lang", "fr"]) == 1
    said = capsys.readouterr()
    text = said.out.replace("\N{NO-BREAK SPACE}", " ")
    assert f"non justifié : 20,00 USD : {GRAPH} : aucune ressource de ce nom" in text
    assert "dépense en USD : 80,00 % justifiée ; rapproché 80,00" in text
    assert said.err.count("constat\N{NO-BREAK SPACE}: ") == 2
    assert "80,00" in said.err


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"ChargeCategory": "Tax"}, "tax"),
        ({"ChargeCategory": "Credit", "BilledCost": "-9"}, "a credit"),
        ({"ChargeCategory": "Purchase"}, "a purchase or commitment, not a thing that runs"),
        ({"ChargeCategory": "Adjustment"}, "a discount or correction"),
        ({"ChargeClass": "Correction"}, "a discount or correction"),
        ({"ServiceName": "AWS Support (Business)"}, "support, not a thing that runs"),
        ({}, "usage without a resource: data transfer, requests and the like"),
    ],
)
def test_what_is_no_thing_is_explained_with_its_money(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    row: dict[str, str], reason: str,
) -> None:  # fmt: skip
    path = write(tmp_path / "b.csv", FOCUS, [{"BilledCost": "9", **row}])
    document = reconciled(bundle, path, capsys=capsys, code=0)
    (explained,) = document["explained"]
    assert explained["reason"] == reason
    assert explained["cost"].removeprefix("-") == "9"


def test_currencies_stay_apart_and_credits_hide_nothing(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "b.csv", FOCUS, [
        {"ResourceId": "crm-documents", "BilledCost": "10", "BillingCurrency": "EUR"},
        {"ResourceId": "nobody", "BilledCost": "5"},
        {"ChargeCategory": "Credit", "BilledCost": "-5"},
    ])  # fmt: skip
    spend = {
        one["currency"]: one for one in reconciled(bundle, path, capsys=capsys, code=1)["spend"]
    }
    assert spend["EUR"]["accountedPpm"] == 1_000_000
    assert (spend["USD"]["total"], spend["USD"]["accountedPpm"]) == ("10", 500_000)


def test_a_waiver_is_printed_and_explains_until_it_ends(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def workspace(until: str) -> None:
        (tmp_path / "exitkit.yaml").write_text(
            "schema: exitkit/workspace/1\nseries: acme\n"
            "sources: [{id: agreements, type: licenses, paths: [licenses.csv]}]\n"
            "reconcile:\n  waivers:\n"
            "    - {resource: '*graph/*', reason: gone since, by: Exit lead, on: 2026-01-01,"
            f" until: {until}}}\n"
        )

    path = write(tmp_path / "b.csv", FOCUS, [{"ResourceId": GRAPH, "BilledCost": "20"}])
    command = ["reconcile", str(bundle), str(path), "-w", str(tmp_path)]
    workspace("2099-01-01")
    assert run(command) == 0
    said = capsys.readouterr().out
    assert "waived by Exit lead: gone since" in said
    assert "waiver until 2099-01-01: *graph/*, by Exit lead" in said
    (kept,) = (tmp_path / "reports").iterdir()
    assert json.loads(kept.read_text())["findings"] == []
    workspace("2026-02-01")
    assert run(command) == 1


def test_the_unaccounted_are_written_as_csv(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"ResourceId": name, "BilledCost": "1"} for name in ("lost", "=cmd()", "crm-documents")]
    path = write(tmp_path / "b.csv", FOCUS, rows)
    assert run(["reconcile", str(bundle), str(path), "--csv", "-w", str(tmp_path)]) == 1
    found = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["resource"], row["cost"]) for row in found] == [("'=cmd()", "1"), ("lost", "1")]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("a,b\n1,2\n", "no invoice that exitkit reads"),
        (
            ",".join(FOCUS) + "\n,EC2,1,eu,ten,USD,Usage,,2026\n",
            "have a BilledCost that is no number",
        ),
        ("", "no invoice that exitkit reads"),
    ],
)
def test_a_file_that_is_no_invoice_is_one_line(tmp_path: Path, body: str, fault: str) -> None:
    path = tmp_path / "b.csv"
    path.write_text(body)
    with pytest.raises(InputError, match=fault) as raised:
        read_invoice(path)
    assert "\n" not in str(raised.value)


def test_a_damaged_invoice_is_told_without_our_query(tmp_path: Path) -> None:
    path = tmp_path / "b.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" * 1000)[:20])
    with pytest.raises(InputError, match=r"cannot be read: .*; check its permissions") as raised:
        read_invoice(path)
    assert "create view" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_invoice(tmp_path / "none.csv")


WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources: [{id: agreements, type: licenses, paths: [licenses.csv]}]
"""


def test_the_result_stands_in_the_report_and_weighs_the_scores(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "exitkit.yaml").write_text(WORKSPACE)
    (tmp_path / "bundles").symlink_to(bundle.parent)
    rows = [
        {"ResourceId": "crm-documents", "BilledCost": "30"},
        {"ResourceId": "<script>lost", "BilledCost": "70"},
    ]
    path = write(tmp_path / "b.csv", FOCUS, rows)
    here = ["-w", str(tmp_path)]
    assert run(["report", str(bundle), *here]) == 0
    silent = (tmp_path / "reports/acme-000001.html").read_text()
    assert "No invoice was held against this bundle" in silent
    assert run(["reconcile", str(bundle), str(path), *here]) == 1
    assert run(["report", str(bundle), *here]) == 0
    page = (tmp_path / "reports/acme-000001.html").read_text()
    assert "30.00 % of the spend is accounted for" in page
    assert "&lt;script&gt;lost" in page
    assert "<script>lost" not in page
    capsys.readouterr()
    run(["gaps", str(bundle), "--json", *here])
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert scores[0]["spendPermille"] is None, "no verdict applies, so nothing is weighed"


def test_a_broken_result_is_named(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "exitkit.yaml").write_text(WORKSPACE)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/reconcile-acme-000001-1.json").write_text("{")
    assert run(["report", str(bundle), "-w", str(tmp_path)]) == 2


def test_a_snapshot_holds_the_invoices_of_the_workspace_in_its_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate_key(tmp_path / "keys/exitkit.pem", tmp_path / "keys/exitkit.pub")
    (tmp_path / "keys/masking.key").write_text("00" * 32)
    (tmp_path / "licenses.csv").write_text(
        "id,product,publisher,transferable\nL1,Database,Vendor,yes\nL2,Editor,Vendor,no\n"
    )
    (tmp_path / "exitkit.yaml").write_text(
        WORKSPACE + "signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}\n"
        "reconcile: {invoices: ['invoices/*.csv']}\n"
    )
    command = ["snapshot", "-w", str(tmp_path)]
    assert run(command) == 2
    assert "invoices/*.csv: no such invoice" in capsys.readouterr().err
    assert not (tmp_path / "bundles").exists()
    (tmp_path / "invoices").mkdir()
    rows = [{"ResourceId": "L1", "BilledCost": "12.50"}, {"ResourceId": GRAPH, "BilledCost": "7"}]
    write(tmp_path / "invoices/2026-10.csv", FOCUS, rows)
    assert run(command) == 1
    (sealed,) = (tmp_path / "bundles").iterdir()
    assert run(["verify", str(sealed), "--trust", str(tmp_path / "keys/exitkit.pub")]) == 0
    lines = (sealed / "data/records/reconciliation.jsonl").read_text().splitlines()
    told = {one["resource"]: one for one in map(json.loads, lines)}
    assert {name: one["match"] for name, one in told.items()} == {
        "L1": "matched", GRAPH: "invoice-only", "L2": "inventory-only",
        "licenses.csv": "inventory-only",
    }  # fmt: skip
    assert told["L1"]["cost"] == {"amountMinor": 1250, "currency": "USD", "exponent": 2}
    assert told["L1"]["period"] == "2026-10-01/2026-10-01"
    (kept,) = (tmp_path / "reports").glob("reconcile-acme-000001-*.json")
    assert json.loads(kept.read_text())["bundle"].startswith("urn:exitkit:bundle:")


def test_an_acknowledged_call_is_told_with_who_answered_and_until_when(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = Acknowledgement(
        "prod", "support:*", "no plan", "A. Name", dt.date(2026, 11, 20), dt.date(2027, 2, 20)
    )
    call = Call("prod", ACCOUNT, "", "support:DescribeCases", CallOutcome.REFUSED,
                acknowledgement=answer)  # fmt: skip
    path = tmp_path / "acme-000001"
    inputs = BundleInputs("acme", 1, NOW, NOW, NOW, "0.1.0", {})
    write_bundle(path, inputs, {"calls": [records.call_record(call)]}, [], None)
    invoice = write(tmp_path / "invoice.csv", FOCUS, [{"BilledCost": "0"}])
    document = reconciled(path, invoice, capsys=capsys, code=0)
    [said] = document["calls"]["waivedCalls"]
    assert said.endswith("no plan (A. Name, 2026-11-20 until 2027-02-20)")
