"""Sweep a share of an account in a process of its own: one line in, one line out."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from exitkit.drivers.aws import reopened
from exitkit.drivers.aws_answers import Item
from exitkit.drivers.aws_kept import kept_of
from exitkit.drivers.aws_plan import Ask, Plan, Selection, plan_for
from exitkit.drivers.aws_sweep import Sweep
from exitkit.drivers.gathering import gathering
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.ports import Limits, Source


def main() -> None:
    """Do what each line asks for, until there are no more."""
    orders: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    with gathering():
        load_catalog()
        while True:
            task = json.loads(orders.get())
            sweep_share(task, _plan(task))
            sys.stdout.buffer.write(b"done\n")
            sys.stdout.buffer.flush()


def _listen(orders: SimpleQueue[bytes]) -> None:
    """Take orders in; when whoever gives them is gone, so are we, in the middle of a call."""
    for line in sys.stdin.buffer:
        orders.put(line)
    os._exit(0)


def _plan(task: Mapping[str, Any]) -> Plan:
    given = task["source"]
    source = Source(given["id"], "aws", given["settings"], Path(given["base"]))
    account = reopened(source, os.environ, Limits(**task["limits"]), task["account"])
    selection = Selection(source.id, tuple(task["services"]), tuple(task["regions"]), task["depth"])
    return plan_for(account, load_catalog(), selection)


def sweep_share(
    task: Mapping[str, Any], plan: Plan, see: Callable[[Item], None] = lambda item: None
) -> None:
    """Ask one share of an account and keep all answers, also those that failed."""
    number, parts = task["part"]
    roots = shares_of(plan, parts)[number]
    share = dataclasses.replace(plan, roots=roots, left_out=[], inner=set())
    limits, mask_key = Limits(**task["limits"]), bytes.fromhex(task["mask_key"])
    now = dt.datetime.fromisoformat(task["now"])
    with kept_of(Path(task["kept"]), plan.account.id, now, part=str(number)) as kept:
        for found in Sweep(share, limits, lambda line: None, mask_key=mask_key, kept=kept).run():
            if isinstance(found, Item):
                see(found)


def shares_of(plan: Plan, parts: int) -> list[list[Ask]]:
    """Part the root calls evenly; calls that AWS counts together stay together."""
    together = services_together(plan)
    units: dict[tuple[str, str], list[Ask]] = defaultdict(list)
    for ask in plan.roots:
        units[together[ask.service], ask.region].append(ask)
    shares: list[list[Ask]] = [[] for _ in range(parts)]
    for _, asks in sorted(units.items(), key=lambda unit: (-len(unit[1]), unit[0])):
        min(shares, key=len).extend(asks)
    return [_by_turns(asks) for asks in shares]


def _by_turns(asks: Sequence[Ask]) -> list[Ask]:
    """Take the regions by turns: each shows early what it holds, and its tags are asked for."""
    turns: Counter[str] = Counter()
    taken: list[tuple[int, Ask]] = []
    for ask in asks:
        taken.append((turns[ask.region], ask))
        turns[ask.region] += 1
    return [ask for _, ask in sorted(taken, key=lambda pair: pair[0])]


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
