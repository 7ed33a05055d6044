"""Know which documents an exit cannot do without, and recognize them by what they are called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from exitkit.knowledge.own_yaml import read_own_yaml

FILE = "required_documents.yaml"


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A type of document, and the phrases that name it in a path or a title.

    `required` is whether every contract needs it; `ages` whether an old one is stale.
    """

    id: str
    title: Mapping[str, str]
    phrases: tuple[str, ...]
    contract_kind: str
    required: bool
    ages: bool

    def is_named_by(self, *names: str) -> bool:
        """Tell whether one of `names` holds one of the phrases, word by word."""
        worded = [f" {plain_words(name)} " for name in names]
        return any(f" {phrase} " in words for phrase in self.phrases for words in worded)


def plain_words(name: str) -> str:
    """Return the words of a name in lower case, without accents and punctuation."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z]+|[0-9]+", bare.lower()))


@lru_cache(maxsize=1)
def document_types() -> tuple[DocumentType, ...]:
    """Return every type of document, in the order in which they are tried."""
    return tuple(
        DocumentType(
            id=row["id"],
            title=row["title"],
            phrases=tuple(row["phrases"]),
            contract_kind=row.get("contract_kind", ""),
            required=row["required"],
            ages=row["ages"],
        )
        for row in _document()["documents"]
    )


def default_stale_after_months() -> int:
    """Return after how many months a document counts as stale where nobody said otherwise."""
    return int(_document()["stale_after_months"])


def type_of(*names: str) -> DocumentType | None:
    """Return the first type that one of `names` names, or None."""
    return next((one for one in document_types() if one.is_named_by(*names)), None)


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    text = (files("exitkit.knowledge") / FILE).read_text(encoding="utf-8")
    document: dict[str, Any] = read_own_yaml(text)
    return document
