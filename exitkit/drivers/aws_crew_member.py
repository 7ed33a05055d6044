"""Sweep a share of an account in a process of its own: one line in, one line out."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from exitkit.drivers.aws import reopened
from exitkit.drivers.aws_kept import kept_of
from exitkit.drivers.aws_plan import Ask, Plan, Selection, plan_for
from exitkit.drivers.aws_sweep import Sweep
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.ports import Limits, Source


def main() -> None:
    """Do what each line asks for, until there are no more."""
    orders: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    load_catalog()
    while True:
        sweep_share(json.loads(orders.get()))
        sys.stdout.buffer.write(b"done\n")
        sys.stdout.buffer.flush()


def _listen(orders: SimpleQueue[bytes]) -> None:
    """Take orders in; when whoever gives them is gone, so are we, in the middle of a call."""
    for line in sys.stdin.buffer:
        orders.put(line)
    os._exit(0)


def sweep_share(task: Mapping[str, Any]) -> None:
    """Ask our share of an account and keep all answers, also those that failed."""
    given = task["source"]
    source = Source(given["id"], "aws", given["settings"], Path(given["base"]))
    limits = Limits(**task["limits"])
    account = reopened(source, os.environ, limits, task["account"])
    selection = Selection(source.id, tuple(task["services"]), tuple(task["regions"]))
    plan = plan_for(account, load_catalog(), selection)
    number, parts = task["part"]
    shares = services_together(plan)
    plan.roots = [ask for ask in plan.roots if share_of(ask, shares) % parts == number]
    plan.left_out = []
    now = dt.datetime.fromisoformat(task["now"])
    with kept_of(Path(task["kept"]), account.id, now, part=str(number)) as kept:
        mask_key = bytes.fromhex(task["mask_key"])
        for _ in Sweep(plan, limits, lambda line: None, mask_key=mask_key, kept=kept).run():
            pass


def share_of(ask: Ask, together: Mapping[str, str]) -> int:
    """Number the unit of a call, equal for all calls that AWS counts together."""
    return zlib.crc32(f"{together[ask.service]}/{ask.region}".encode())


def services_together(plan: Plan) -> dict[str, str]:
    """Name for each service the group it is in: services whose things hang below each other's."""
    group = {row.service: row.service for row in plan.catalog.rows()}

    def head(service: str) -> str:
        while group[service] != service:
            service = group[service]
        return service

    for parent, rows in sorted(plan.children.items()):
        for row in rows:
            group[head(row.service)] = head(plan.catalog.types[parent].service)
    return {service: head(service) for service in group}


if __name__ == "__main__":
    main()
