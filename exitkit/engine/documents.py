"""Read a bundle for its documents: what is there, of what age, and what is missing or stale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from exitkit.assess.document_stock import FILE, REQUIRED, Described, Documents, document_stock
from exitkit.errors import InvalidBundle
from exitkit.ports import Source
from exitkit.store.reader import Bundle


def read_documents(bundle: Bundle, today: dt.date, months: Mapping[str, int]) -> Documents:
    """Tell of the documents as they stand on `today`; `months` is when each source calls stale."""
    return document_stock(bundle.id, _described(bundle), today, months)


def stale_months(sources: Iterable[Source]) -> dict[str, int]:
    """Return after how many months each source calls a document stale, where it says so."""
    return {
        source.id: int(source.settings["stale_after_months"])
        for source in sources
        if source.type == "documents" and "stale_after_months" in source.settings
    }


def _described(bundle: Bundle) -> Iterator[Described]:
    verdict_of = {
        str(row["asset"]): row
        for row in bundle.records("exportability")
        if row["aspect"] == "documentation"
    }
    for asset in bundle.records("assets"):
        if asset["provider"]["nativeType"] in (FILE, REQUIRED):
            verdict = verdict_of.get(str(asset["@id"]))
            if verdict is None:
                raise InvalidBundle(
                    f"{bundle.path}: {asset['@id']} has no verdict; run 'exitkit verify'"
                )
            yield asset, bundle.native(asset), verdict
