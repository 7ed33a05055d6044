"""An estate that does not fit in memory ends in the same bundle, and leaves nothing behind."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exitkit import plugins
from exitkit.assess.document_stock import FILE, REQUIRED
from exitkit.engine import collect
from exitkit.engine.harvest import Harvest
from exitkit.engine.snapshot import Snapshot, take_snapshot
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access, Automation, Dataset, License
from exitkit.model.ledger import Acknowledgement, Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.keys import generate_key
from exitkit.store.reader import open_bundle
from exitkit.store.room import Room
from exitkit.workspace.files import load_workspace

NOW = dt.datetime(2026, 11, 26, 8, tzinfo=dt.UTC)
WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources: [{id: first, type: aws}, {id: second, type: aws}]
signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}
reconcile: {invoices: [invoice.csv]}
acknowledgements:
  - {source: first, operation: "s3:*", reason: closed, by: Lead, on: 2026-01-01, until: 2027-01-01}
"""
INVOICE = """\
BillingPeriodStart,ChargeCategory,ServiceName,ResourceId,SubAccountId,RegionId,BilledCost,BillingCurrency
2026-11-01,Usage,EC2,i-0000000000000001,1,eu-west-1,10.00,EUR
2026-11-01,Usage,EC2,i-0000000000000009,1,eu-west-1,0.01,EUR
"""
TYPES = (
    "AWS::EC2::Instance", "AWS::S3::Bucket", "AWS::EC2::VPNConnection", "AWS::Lambda::Function",
    "AWS::EC2::CustomerGateway", "AWS::EC2::VPCPeeringConnection", "AWS::SQS::Queue",
)  # fmt: skip


def asset(number: int, name: str) -> Asset:
    region = ("eu-west-1", "eu-central-1", "")[number % 3]
    ref = Ref("aws", str(1 + number % 2), region, TYPES[number % 7], f"i-{number:016x}")
    config = {
        "Id": ref.native_id, "VpcId": f"i-{number * 5 % 60:016x}", "Threshold": 0.5,
        "Role": f"arn:aws:iam::7:role/r{number % 4}", "IpAddress": "192.0.2.1",
        "CustomerGatewayId": f"i-{number * 7 % 60:016x}", "When": NOW, "Raw": b"\xff",
        "RequesterVpcInfo": {"OwnerId": "9", "VpcId": "vpc-9"}, "AccepterVpcInfo": {"OwnerId": "1"},
    }  # fmt: skip
    return Asset(
        ref,
        "compute.instance",
        name,
        config,
        NOW,
        (("Name", name),),
        (("arn", f"arn:aws:x:::{number}"),),
    )


class Estate:
    """Sixty assets of each source, of which the other has half; whatever a source can yield."""

    type, needs = "aws", ()

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield a draft before its asset, calls twice, and what a document answers."""
        begin = 0 if source.id == "first" else 30
        required = Ref("documents", "d", "", REQUIRED, "network")
        paper = Ref("documents", "d", "", FILE, "network.md")
        text = b"The machine web-12 stands behind web-31 and web-50.\n"
        content = Content("documents/network.md", text, "text/plain", "document", "human")
        yield Draft(paper, Aspect.DOCUMENTATION, Level.OPEN, "copy", "text", (content,))
        yield Relation(required, "documentedBy", paper, "declared")
        yield from (
            Asset(ref, "document.file", ref.native_id, {}, NOW) for ref in (paper, required)
        )
        for number in range(begin, begin + 60):
            if context.environ.get("INTERRUPTED") == source.id:
                raise KeyboardInterrupt
            found = asset(number, f"web-{number}" if begin else f"web-{number % 59}")
            yield found
            yield Access(found.ref, "role", "s3:GetObject", f"bucket-{number}", via=(source.id,))
            for repeat in range(1 + number % 2):
                outcome = (CallOutcome.COLLECTED, CallOutcome.REFUSED)[(number + repeat) % 5 == 0]
                yield Call(
                    source.id, "1", "eu-west-1", f"{('ec2', 's3')[number % 2]}:List{number}",
                    outcome, count=repeat + 1, duration_ms=number,
                )  # fmt: skip
            yield Relation(found.ref, "memberOf", asset((number + 1) % 95, "").ref)
        yield License(found.ref, f"by {source.id}", "", "no", restrictions=("r",))
        yield Automation(found.ref, "python", "adapt")
        yield Dataset(found.ref, "objects", 3, 4)
        yield Gap(
            asset(31, "").ref, Aspect.DATA, Level.NONE, "other", f"by {source.id}",
            Responsible.TOOL, "w",
        )  # fmt: skip


class Code:
    """Holds the code of a function, or says why not."""

    native_types, aspect, needs = ("AWS::Lambda::Function",), Aspect.CODE, ()

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield a file, inline or of the spool."""
        path = f"datasets/{asset.ref.native_id}/code.py"
        yield Call(source.id, "1", "", "lambda:GetFunction", CallOutcome.COLLECTED, 1)
        body: bytes | Path = b"# " + asset.config["VpcId"].encode()
        if asset.config["Id"].endswith("a"):
            spooled = context.spool / asset.ref.native_id
            spooled.write_bytes(bytes(body))
            body = spooled
        yield Draft(
            asset.ref, Aspect.CODE, Level.OPEN, "api", "text",
            (Content(path, body, "text/plain", "script"),),
        )  # fmt: skip


def snapshot_of(
    root: Path, room: Room, monkeypatch: pytest.MonkeyPatch, **environ: str
) -> Snapshot:
    keys = root / "keys"
    generate_key(keys / "exitkit.pem", keys / "exitkit.pub")
    (keys / "masking.key").write_text("00" * 32)
    (root / "exitkit.yaml").write_text(WORKSPACE)
    (root / "invoice.csv").write_text(INVOICE)
    monkeypatch.setattr(plugins, "load_by_name", lambda folder, name: Estate())
    monkeypatch.setattr(plugins, "load_all", lambda folder: [Code()])
    monkeypatch.setattr(collect, "Room", lambda: room)
    return take_snapshot(
        load_workspace(root), only_sources=(), now=lambda: NOW, environ=environ,
        progress=lambda subject, line: None,
    )  # fmt: skip


def files_of(bundle: Path) -> dict[str, bytes]:
    """Return what a bundle says of the estate."""
    payload = (path for path in (bundle / "data").rglob("*") if path.is_file())
    return {str(path.relative_to(bundle)): path.read_bytes() for path in payload}


def report_of(root: Path) -> dict[str, Any]:
    """Return the reconciliation, which else only names its bundle."""
    (path,) = (root / "reports").iterdir()
    return {**json.loads(path.read_bytes()), "bundle": ""}


def test_the_bundle_is_the_same_whatever_room_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = snapshot_of(tmp_path / "whole", Room(), monkeypatch)
    assert (whole.assets, len(whole.open_calls)) == (92, 24)
    bundle = open_bundle(whole.path)
    related = Counter(row["relation"] for row in bundle.records("relations"))
    assert related["documentedBy"] == 4
    assert related["dependsOn"] > 30
    assert {row["principalType"] for row in bundle.records("access")} == {"role", "network-path"}
    for most_bytes in (0, 60_000):
        root = tmp_path / str(most_bytes)
        spilled = snapshot_of(root, Room(most_bytes), monkeypatch)
        assert spilled.open_calls == whole.open_calls
        assert spilled.findings == whole.findings
        assert spilled.verdicts_by_level == whole.verdicts_by_level
        assert files_of(spilled.path) == files_of(whole.path)
        assert report_of(root) == report_of(tmp_path / "whole")
        assert [path.name for path in (root / "bundles").iterdir()] == ["acme-000001"]


def test_an_interruption_takes_back_what_lay_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        snapshot_of(tmp_path, Room(0), monkeypatch, INTERRUPTED="second")
    assert list((tmp_path / "bundles").iterdir()) == []


@pytest.mark.parametrize("most_bytes", [0, 10**9], ids=["none", "enough"])
def test_a_failed_call_stays_failed_and_is_answered_for_once(
    most_bytes: int, tmp_path: Path
) -> None:
    harvest = Harvest(tmp_path, Room(most_bytes))
    ends = [CallOutcome.REFUSED, CallOutcome.COLLECTED, CallOutcome.UNAVAILABLE]
    for count, outcome in enumerate(ends, start=1):
        harvest.add("s", Call("s", "1", "r", "ec2:A", outcome, count))
    harvest.add("s", Call("s", "1", "r", "ec2:B", CallOutcome.EMPTY))
    harvest.add("s", Call("s", "1", "r", "ec2:B", CallOutcome.COLLECTED, 2))
    (failed,) = harvest.open_calls()
    assert (failed.outcome, failed.count, len(harvest.calls)) == (CallOutcome.REFUSED, 6, 2)
    answer = Acknowledgement("s", "ec2:*", "closed", "Lead", NOW.date(), NOW.date())
    harvest.acknowledge([replace(answer, source="t"), answer], NOW.date())
    assert harvest.open_calls() == []
    assert [call.acknowledgement for call in harvest.calls.values()] == [answer, None]
    assert not harvest.is_all_reached
    harvest.close()
