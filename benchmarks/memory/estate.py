"""Take a snapshot of a made-up estate of any size, through the interface of every collector."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exitkit import plugins
from exitkit.engine.snapshot import take_snapshot
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Finding, Source
from exitkit.workspace.files import load_workspace

PER_PLACE = 500
REGIONS = ("eu-central-1", "eu-west-1")
TYPES = (
    "AWS::EC2::Instance", "AWS::EC2::Volume", "AWS::EC2::NetworkInterface", "AWS::SQS::Queue",
    "AWS::EC2::SecurityGroup", "AWS::IAM::Role", "AWS::Lambda::Function", "AWS::S3::Bucket",
    "AWS::Logs::LogGroup", "AWS::EC2::Subnet",
)  # fmt: skip
SCRIPT = b"resource = lookup(event)\n" * 40


class EstateCollector:
    """Yields so many assets of 3 kB each, and so many lines of the ledger."""

    type, needs = "aws", ()

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield them account by account, region by region, as a sweep does."""
        for number in range(int(os.environ["ASSETS"])):
            yield asset_of(number, context.now)
        for number in range(int(os.environ["CALLS"])):
            region = REGIONS[number % 2]
            yield Call(
                source.id, f"{number // 2000:012}", region,
                f"service{number % 200}:List{number % 2000 // 200}",
                CallOutcome.COLLECTED if number % 3 else CallOutcome.EMPTY,
                count=number % 3, duration_ms=60,
            )  # fmt: skip


class ScriptExtractor:
    """Holds a kilobyte of code of every function."""

    native_types, aspect, needs = ("AWS::Lambda::Function",), Aspect.CODE, ()

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the code."""
        path = f"datasets/{asset.ref.urn[9:]}/code.py"
        content = Content(path, SCRIPT, "text/plain", "script")
        yield Draft(asset.ref, Aspect.CODE, Level.OPEN, "api", "text", (content,))


def asset_of(number: int, now: dt.datetime) -> Asset:
    """Return one asset; it names four others of its account and one that nobody has."""
    place = number // PER_PLACE
    account, region = f"{place // 2:012}", REGIONS[place % 2]
    native_type = TYPES[number % len(TYPES)]
    ref = Ref(os.environ["PROVIDER"], account, region, native_type, _id(number))
    first = place * PER_PLACE
    neighbours = [_id(first + (number + step) % PER_PLACE) for step in (1, 7, 49, 343)]
    name = f"workload-{number % 97}-{number}"
    tags = [("Name", name), ("CostCenter", str(number % 40)), ("Environment", "production")]
    config: dict[str, Any] = {
        "Id": ref.native_id,
        "Arn": _arn(number),
        "VpcId": neighbours[0],
        "SubnetId": neighbours[1],
        "Groups": [{"GroupId": one, "GroupName": f"group of {one}"} for one in neighbours[2:]],
        "Role": f"arn:aws:iam::{account}:role/elsewhere-{number % 11}",
        "Placement": {"AvailabilityZone": f"{region}a", "Tenancy": "default", "HostId": ""},
        "State": {"Code": 16, "Name": "running"},
        "LaunchTime": "2026-03-01T08:00:00Z",
        "Tags": [{"Key": key, "Value": value} for key, value in tags],
        "Devices": [
            {
                "DeviceName": f"/dev/sd{letter}", "VolumeSize": 100 + number % 400,
                "Encrypted": True, "DeleteOnTermination": False, "Iops": 3000,
                "Description": f"disk {letter} of {name}, attached by the machine's own template",
            }
            for letter in "abcdef"
        ],
        "Metadata": {f"Option{option}": f"value {option} of {name}" for option in range(24)},
    }  # fmt: skip
    return Asset(
        ref, kind_of(native_type), name, config, now, tuple(tags), (("arn", _arn(number)),)
    )


def _id(number: int) -> str:
    return f"i-{number:017x}"


def _arn(number: int) -> str:
    place = number // PER_PLACE
    return f"arn:aws:ec2:{REGIONS[place % 2]}:{place // 2:012}:instance/{_id(number)}"


def _plugins(folder: str) -> Iterator[Any]:
    yield from [ScriptExtractor()] if folder == "extractors" else []


def main() -> None:
    """Take the snapshot of the workspace named on the command line."""
    plugins.load_by_name = lambda folder, name: EstateCollector()  # type: ignore[assignment]
    plugins.load_all = _plugins
    snapshot = take_snapshot(
        load_workspace(Path(sys.argv[1])),
        only_sources=(),
        now=lambda: dt.datetime(2026, 11, 26, 8, tzinfo=dt.UTC),
        environ={},
        progress=lambda subject, line: None,
    )
    print(snapshot.bundle, file=sys.stderr)


if __name__ == "__main__":
    main()
