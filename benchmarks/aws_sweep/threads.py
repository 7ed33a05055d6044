"""Take stock as a good script does: one session, a client per service and region, 32 threads."""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.config import Config
from calls import tasks

session, clients = boto3.Session(), {}
making, writing = threading.Lock(), threading.Lock()
config = Config(max_pool_connections=16, retries={"mode": "standard", "max_attempts": 8})


def client_of(service: str, region: str) -> Any:
    """Return the one client of a service in a region."""
    with making:
        if (service, region) not in clients:
            clients[service, region] = session.client(service, region_name=region, config=config)
        return clients[service, region]


def run(task: tuple[str, str, str, str, dict[str, Any]]) -> None:
    """Ask for all pages of one list and write them down."""
    region, service, operation, path, arguments = task
    client, method, items = (
        client_of(service, region),
        xform_name(operation),
        jmespath.compile(path),
    )
    if client.can_paginate(method):
        pages = client.get_paginator(method).paginate(**arguments)
    else:
        pages = [getattr(client, method)(**arguments)]
    for page in pages:
        head = {"service": service, "op": operation, "region": region}
        lines = [
            json.dumps({**head, "raw": raw}, default=str) + "\n" for raw in items.search(page) or []
        ]
        with writing:
            out.writelines(lines)


with Path(sys.argv[1]).open("w") as out, ThreadPoolExecutor(32) as pool:
    for done in [pool.submit(run, task) for task in tasks()]:
        done.result()
