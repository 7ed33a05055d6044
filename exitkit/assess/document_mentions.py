"""Find the things that a document names, so that each is known to be explained somewhere."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from exitkit.assess.joint_inventory import BESIDE, DECLARED
from exitkit.model.asset import Asset, Ref

MOST_MENTIONS = 2000
SHORTEST_NAME, LONGEST_NAME = 4, 200
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@-]{2,}")
_DISTINCT = re.compile(r"[0-9_.:/@-]")
"""A name counts only where it is no plain word: `web1` and `crm-db`, never `orders` or `root`."""


@dataclass(slots=True)
class NameIndex:
    """The distinctive names of assets that are among `words`; one that two share leads to none."""

    words: Container[str]
    _by_name: dict[str, Ref | None] = field(default_factory=dict)

    def add(self, asset: Asset) -> None:
        """Take in the name, the last part of the native id, and the identifiers of an asset."""
        if asset.kind in BESIDE or asset.ref.provider == DECLARED:
            # What is declared bears the name of the thing itself, which is the one to tie.
            return
        native_id = asset.ref.native_id
        names = {asset.name, native_id, native_id.rpartition("/")[2]}
        names |= {value for _, value in asset.identifiers}
        for name in names:
            lowered = name.lower()
            if lowered in self.words and _is_distinctive(lowered):
                known = self._by_name.setdefault(lowered, asset.ref)
                if known != asset.ref:
                    self._by_name[lowered] = None

    def named_in(self, text: str) -> Iterator[Ref]:
        """Yield each asset that a text names, once, in the order of the text."""
        seen: dict[Ref, None] = {}
        for word in _words(text):
            ref = self._by_name.get(word)
            if ref is not None and ref not in seen:
                seen[ref] = None
                yield ref
                if len(seen) == MOST_MENTIONS:
                    return


def mentions(texts: Mapping[Ref, str], assets: Iterable[Asset]) -> Iterator[tuple[Ref, Ref]]:
    """Yield (asset, document) for every document whose text names the asset."""
    # An estate has more names than its documents have words.
    index = NameIndex({word for text in texts.values() for word in _words(text)})
    for asset in assets:
        index.add(asset)
    for document, text in sorted(texts.items()):
        for ref in index.named_in(text):
            if ref != document:
                yield ref, document


def _is_distinctive(name: str) -> bool:
    return SHORTEST_NAME <= len(name) <= LONGEST_NAME and bool(_DISTINCT.search(name))


def _words(text: str) -> Iterator[str]:
    for found in _WORD.finditer(text):
        yield from _forms(found[0].lower())


def _forms(word: str) -> Iterator[str]:
    """Yield a word as it stands, without the point of a sentence, and without its domain."""
    bare = word.rstrip(".:/@-")
    yield bare
    if "." in bare and not bare[0].isdigit():
        yield bare.partition(".")[0]
