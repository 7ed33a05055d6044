"""Tie what the required documents name to them, once every source has told what there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from exitkit.assess.document_mentions import mentions
from exitkit.assess.document_stock import FILE, REQUIRED
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.verdict import Aspect, Content, Draft, Gap

DOCUMENTED_BY = "documentedBy"


def documented(
    assets: Mapping[Ref, Asset],
    relations: Iterable[Relation],
    aspects: Mapping[tuple[Ref, Aspect], Draft | Gap],
) -> Iterator[Relation]:
    """Yield a relation for every asset that a document names which answers a requirement."""
    answering = {
        one.object
        for one in relations
        if one.relation == DOCUMENTED_BY and one.subject.native_type == REQUIRED
    }
    texts: dict[Ref, str] = {}
    for ref in answering:
        held = aspects.get((ref, Aspect.DOCUMENTATION))
        if ref.native_type == FILE and isinstance(held, Draft):
            texts[ref] = "\n".join(_text(one) for one in held.contents if _is_text(one))
    if not texts:
        return
    for asset, document in mentions(texts, assets.values()):
        yield Relation(asset, DOCUMENTED_BY, document, basis="inferred")


def _is_text(content: Content) -> bool:
    return content.media_type.startswith("text/")


def _text(content: Content) -> str:
    body = content.body.read_bytes() if isinstance(content.body, Path) else content.body
    return body.decode("utf-8", "replace")
