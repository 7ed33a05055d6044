"""Take stock as a first script does: one boto3 call after the other, a new client for each."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3
import jmespath
from botocore import xform_name
from calls import tasks

with Path(sys.argv[1]).open("w") as out:
    for region, service, operation, path, arguments in tasks():
        client, method = boto3.client(service, region_name=region), xform_name(operation)
        if client.can_paginate(method):
            pages = client.get_paginator(method).paginate(**arguments)
        else:
            pages = [getattr(client, method)(**arguments)]
        for page in pages:
            for raw in jmespath.search(path, page) or []:
                line = {"service": service, "op": operation, "region": region, "raw": raw}
                out.write(json.dumps(line, default=str) + "\n")
