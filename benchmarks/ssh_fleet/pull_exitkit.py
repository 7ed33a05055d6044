"""Collect the fleet as `exitkit snapshot` does, masks and all: FOLDER N WORKERS."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

from exitkit.collectors.network import NetworkCollector
from exitkit.model.ledger import Call
from exitkit.model.verdict import Draft
from exitkit.ports import Context, Limits, Source


def main() -> None:
    folder, count, workers = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    key = " ".join((folder / "hostkey.pub").read_text().split()[:2])
    hosts = [(f"rtr-{i:03d}", f"127.1.{i // 250}.{i % 250}") for i in range(1, count + 1)]
    (folder / "known_hosts").write_text("".join(f"[{host}]:2222 {key}\n" for _, host in hosts))
    (folder / "fleet.ini").write_text(
        "[fleet]\n" + "".join(f"{name} ansible_host={host}\n" for name, host in hosts)
        + "[fleet:vars]\nansible_port=2222\nansible_network_os=cisco.ios.ios\n"
        f"ansible_user={os.environ['FLEET_USER']}\nexitkit_password_env=FLEET_PASSWORD\n"
    )  # fmt: skip
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    context = Context(
        dt.datetime.now(dt.UTC), spool, b"k" * 32, os.environ, Limits(120, workers)
    )  # fmt: skip
    settings = {"inventory": "fleet.ini", "known_hosts": "known_hosts"}
    held, failed = 0, []
    for finding in NetworkCollector().collect(Source("x", "network", settings, folder), context):
        held += isinstance(finding, Draft) and finding.volume_bytes > 180_000
        if isinstance(finding, Call) and finding.is_open:
            failed.append(finding.reason)
    if held != count:
        raise SystemExit(f"{held} of {count} configurations: {failed[:1]}")


if __name__ == "__main__":
    main()
