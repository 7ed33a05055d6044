"""Write the AWS catalog: `python -m tools.build_aws_catalog [DESTINATION]`."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from tools.build_aws_catalog.rows import make_rows
from tools.build_aws_catalog.services import Services
from tools.build_aws_catalog.sources import Sources

DESTINATION = Path(__file__).parents[2] / "exitkit/knowledge/aws/catalog.json.gz"


def in_order(value: Any) -> Any:
    """Sort every mapping by key but the parts of an id: their order is CloudFormation's own."""
    if isinstance(value, list):
        return [in_order(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {key: value[key] if key == "id" else in_order(value[key]) for key in sorted(value)}


def main() -> None:
    """Generate the catalog and say what came out."""
    destination = Path(sys.argv[1]) if len(sys.argv) > 1 else DESTINATION
    sources = Sources()
    services = Services(sources)
    rows = make_rows(sources, services)
    document = {
        "sources": sources.versions(),
        "services": {name: services.describe(name) for name in sources.models},
        "types": rows,
    }
    text = json.dumps(in_order(document), separators=(",", ":"))
    destination.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    listed = sum("op" in row for row in rows.values())
    within = sum("within" in row for row in rows.values())
    print(f"{len(rows)} types: {listed} with a list call, {within} within another type's answer")
    print(f"wrote {destination}")


if __name__ == "__main__":
    main()
