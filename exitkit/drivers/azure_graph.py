"""Ask Azure Resource Graph what a subscription holds: a witness beside the lists of ARM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from exitkit.drivers.azure import Answer, ArmReader

PATH = "/providers/Microsoft.ResourceGraph/resources"
API_VERSION = "2021-03-01"
OPERATION = "Microsoft.ResourceGraph/resources:POST"
QUERY = "Resources | project id, name, type, location, tags, kind, sku, managedBy | order by id asc"
MOST_PAGES = 10_000


def graph_pages(arm: ArmReader, subscription: str) -> Iterator[Answer]:
    """Yield every page of what Resource Graph knows; the last is the failure where one ends it.

    It needs no permission of its own: it shows what the caller may read.
    """
    token = ""
    for _ in range(MOST_PAGES):
        answer = arm.query(PATH, API_VERSION, _body(subscription, token))
        yield answer
        token = str(answer.body.get("$skipToken") or "")
        if answer.status != 200 or not token:
            return
    yield Answer(0, {}, "EndlessPages", f"not ended after {MOST_PAGES} pages")


def rows_of(answer: Answer) -> list[Mapping[str, Any]]:
    """Return the resources of a page that name themselves."""
    rows = answer.body.get("data") if answer.status == 200 else None
    whole = (row for row in rows or () if isinstance(row, dict))
    return [row for row in whole if row.get("id") and row.get("type") and row.get("name")]


def _body(subscription: str, token: str) -> dict[str, Any]:
    options = {"resultFormat": "objectArray", **({"$skipToken": token} if token else {})}
    return {"subscriptions": [subscription], "query": QUERY, "options": options}
