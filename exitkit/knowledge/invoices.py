"""Recognize an invoice by its columns, and translate its words for charges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from exitkit.errors import InputError
from exitkit.knowledge.own_yaml import read_own_yaml

CATEGORIES = ("usage", "commitment", "tax", "credit", "refund", "adjustment", "support")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where an invoice says what; every column is one that the file has, as the file spells it.

    A column that no dialect member needs and the file has not is empty.
    """

    name: str
    resource: str
    service: str
    cost: str
    currency: str
    charge: str
    account: str
    region: str
    charge_class: str
    start: str
    categories: Mapping[str, str]
    classes: Mapping[str, str]

    def category(self, charge: str, charge_class: str, service: str) -> str:
        """Return our word for a charge; one that nobody knows is `other`."""
        if charge_class in self.classes:
            return self.classes[charge_class]
        found = self.categories.get(charge, "other")
        is_support = any(fnmatchcase(service, pattern) for pattern in _document()["support"])
        return "support" if is_support and found in ("usage", "commitment") else found


def dialect_of(columns: Sequence[str], named: str) -> Dialect:
    """Return the dialect of a file by its columns; `named` is what to call the file in a fault."""
    spelled = {column.lower(): column for column in columns}
    for row in _document()["dialects"]:
        if all(name.lower() in spelled for name in row["needs"]):
            return _dialect(row, spelled)
    raise InputError(
        f"{named}: no invoice that exitkit reads; give FOCUS 1.0 to 1.3, AWS CUR or an Azure cost"
        f" export (its columns begin {', '.join(columns[:4])[:80]})"
    )


def _dialect(row: Mapping[str, Any], spelled: Mapping[str, str]) -> Dialect:
    def first(names: Sequence[str]) -> str:
        return next((spelled[name.lower()] for name in names if name.lower() in spelled), "")

    version = next(
        (one["version"] for one in row.get("versions", ())
         if all(name.lower() in spelled for name in one["has"])), "",
    )  # fmt: skip
    currency = first(row["currency"])
    if not currency:
        raise InputError(f"{row['name']}: no column {row['currency'][0]}; export it with currency")
    return Dialect(
        name=f"{row['name']} {version}".strip(),
        resource=first([row["resource"]]),
        service=first([row["service"]]),
        cost=first([row["cost"]]),
        currency=currency,
        charge=first([row["charge"]]),
        account=first(row["account"]),
        region=first(row["region"]),
        charge_class=first(row.get("class", ())),
        start=first(row["start"]),
        categories=row["category"],
        classes=row.get("classes", {}),
    )


@cache
def _document() -> Mapping[str, Any]:
    text = (files("exitkit.knowledge") / "invoices.yaml").read_text(encoding="utf-8")
    document: Mapping[str, Any] = read_own_yaml(text)
    return document
