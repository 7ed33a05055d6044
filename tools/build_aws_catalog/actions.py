"""Write the IAM actions that a wildcard after `List` or `Describe` would match."""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.build_aws_catalog.services import Services
from tools.build_aws_catalog.sources import NEVER, Model, Sources

DESTINATION = Path(__file__).parents[2] / "exitkit/knowledge/aws/actions.json.gz"
VERB = re.compile(r"(list|describe)")


def main() -> None:
    """Distill the actions and say what came out."""
    destination = Path(sys.argv[1]) if len(sys.argv) > 1 else DESTINATION
    sources = Sources()
    known = {
        prefix: sorted(action for action in row["Actions"] if VERB.match(action))
        for prefix, row in sorted(sources.policies.items())
    }
    known = {prefix: actions for prefix, actions in known.items() if actions}
    harmless = harmless_actions(sources)
    document: dict[str, Any] = {
        "sources": sources.versions(),
        "known": known,
        "doubtful": {
            prefix: doubtful
            for prefix, actions in known.items()
            if (doubtful := sorted(set(actions) - harmless[prefix]))
        },
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    destination.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    doubtful = sum(map(len, document["doubtful"].values()))
    print(f"{sum(map(len, known.values()))} list and describe actions, {doubtful} of them doubtful")
    print(f"wrote {destination}")


def harmless_actions(sources: Sources) -> Mapping[str, set[str]]:
    """Return by IAM prefix the actions whose call only reads, and answers with nothing sensitive.

    Sensitive is what the provider's own model marks so.
    """
    services = Services(sources)
    found: dict[str, set[str]] = defaultdict(set)
    for service, model in sources.models.items():
        for name, row in model.document["operations"].items():
            if VERB.match(name.lower()) and not NEVER.match(name) and not _sensitive(model, row):
                found[services.iam_prefix(service)].add(name.lower())
    return found


def _sensitive(model: Model, operation: Mapping[str, Any]) -> bool:
    """Tell whether the answer reaches a shape marked as sensitive."""
    waiting = [operation["output"]["shape"]] if "output" in operation else []
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        shape = model.shapes[name]
        if shape.get("sensitive"):
            return True
        references = [*shape.get("members", {}).values()]
        references += [shape[part] for part in ("member", "key", "value") if part in shape]
        if any(reference.get("sensitive") for reference in references):
            return True
        waiting += [reference["shape"] for reference in references]
    return False


if __name__ == "__main__":
    main()
