"""Write down what a step is about to touch before it does, so that undo works after any crash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from exitkit.ports import StepContext
from exitkit.store.files import write_atomically

FILE = "touched.json"


def note_touched(context: StepContext, touched: Mapping[str, Any]) -> None:
    """Make `touched` durable in the attempt's folder; what it names may exist from now on."""
    document = {"idempotency_key": context.idempotency_key, "touched": dict(touched)}
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
    context.attempt_dir.mkdir(parents=True, exist_ok=True)
    write_atomically(context.attempt_dir / FILE, text.encode())


def noted_touched(context: StepContext) -> list[dict[str, Any]]:
    """Return what every attempt at this step noted, oldest first; attempts are sibling folders."""
    noted: list[dict[str, Any]] = []
    for path in sorted(context.attempt_dir.parent.glob(f"*/{FILE}"), key=_age):
        document = json.loads(path.read_text())
        if document["idempotency_key"] == context.idempotency_key:
            noted.append(document["touched"])
    return noted


def _age(path: Any) -> tuple[int, str]:
    return path.stat().st_mtime_ns, str(path)
