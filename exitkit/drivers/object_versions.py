"""Keep the order in which a bucket lists versions and delete markers, which the SDK takes apart.

Times tell the order only to the second; the answer itself has it right at Amazon and wherever
versions and markers stand mixed. Some makers list the markers last: there the time decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

LIST = "list_object_versions"
_ENTRY = re.compile(rb"<(Version|DeleteMarker)>")
_ORDER = "ExitkitOrder"


def note_order(client: Any) -> None:
    """Have a client's answers say how versions and delete markers stood among each other."""
    client.meta.events.register(
        "before-parse.s3.ListObjectVersions", _noted, unique_id="exitkit-version-order"
    )


def rows_in_order(page: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Yield the rows of an answer by key, the newest first, each with whether it is a marker."""
    versions, markers = list(page.get("Versions", ())), list(page.get("DeleteMarkers", ()))
    waiting = {True: iter(markers), False: iter(versions)}
    named = [kind == b"DeleteMarker" for kind in page.get(_ORDER, ())]
    if (named.count(True), named.count(False)) != (len(markers), len(versions)):
        named = [False] * len(versions) + [True] * len(markers)
    rows = [(next(waiting[is_marker]), is_marker) for is_marker in named]
    # Sorts are stable: what has the same time stays as it stood.
    rows.sort(key=lambda row: str(row[0].get("LastModified", "")), reverse=True)
    yield from sorted(rows, key=lambda row: (_bytes(row[0]["Key"]), not row[0].get("IsLatest")))


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _noted(
    response_dict: Mapping[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    body = response_dict.get("body")
    if isinstance(body, bytes):
        customized_response_dict[_ORDER] = _ENTRY.findall(body)
