"""Take stock with exitkit's own collector: ids, ARNs, tags, masked secrets and the whole ledger."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import sys
import tempfile
from pathlib import Path

from calls import REGIONS, tasks

from exitkit.collectors.aws import AwsCollector
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call
from exitkit.ports import Context, Source

SERVICES = (
    "EC2", "LAMBDA", "RDS", "DYNAMODB", "SQS", "SNS", "KMS", "CLOUDWATCH_LOGS", "SSM", "ECR",
    "ELASTIC_LOAD_BALANCING_V2", "SECRETS_MANAGER", "CLOUDFORMATION", "S3", "IAM", "STS",
)  # fmt: skip
"""The services of the benchmark, as the SDK's variables for endpoints call them."""
unanswered: list[socket.socket] = []


def let_die(service: str) -> None:
    """Send one service to an address that takes no connection and refuses none."""
    for name in SERVICES:
        os.environ[f"AWS_ENDPOINT_URL_{name}"] = os.environ["AWS_ENDPOINT_URL"]
    del os.environ["AWS_ENDPOINT_URL"]
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(0)
    unanswered.append(server)
    for _ in range(4):
        unanswered.append(waiting := socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(server.getsockname())
    os.environ[f"AWS_ENDPOINT_URL_{service}"] = f"http://127.0.0.1:{server.getsockname()[1]}"


def main() -> None:
    """Write every asset and every ledger line to the file named on the command line.

    A second argument names a service that is dead in all regions.
    """
    for service in sys.argv[2:]:
        let_die(service)
    services = sorted({f"{task[1]}:{task[2]}" for task in tasks()})
    settings = {"regions": list(REGIONS), "services": services}
    with tempfile.TemporaryDirectory(dir=Path(sys.argv[1]).parent) as folder:
        kept = Path(folder) / "kept"
        kept.mkdir()
        now = dt.datetime.now(dt.UTC)
        context = Context(now, Path(folder), b"k" * 32, dict(os.environ), kept=kept)
        source = Source("bench", "aws", settings, Path(folder))
        with Path(sys.argv[1]).open("w") as out:
            for found in AwsCollector().collect(source, context):
                if isinstance(found, Asset):
                    ref = found.ref
                    line = {
                        "id": [ref.scope, ref.region, ref.native_type, ref.native_id],
                        "kind": found.kind, "name": found.name, "tags": found.tags,
                        "identifiers": found.identifiers, "config": found.config,
                    }  # fmt: skip
                    out.write(json.dumps(line) + "\n")
                elif isinstance(found, Call):
                    out.write(json.dumps([found.region, found.operation, found.outcome]) + "\n")


if __name__ == "__main__":
    main()
