"""Say whose rights are whose, by the marks that the contract gives for each party."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from exitkit.assess.network_access import PEERED, VPN

Record = Mapping[str, Any]

SUPPLIER = "provider"
UNATTRIBUTED = "unattributed"
OTHER_END = ("assumed-by:", PEERED, VPN)
_PARTS = re.compile(r"[^A-Za-z0-9@._%+=*-]+")


@dataclass(frozen=True, slots=True)
class Holder:
    """A party and the marks of its rights (`access.holders` of contract.yaml)."""

    name: str
    accounts: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Right:
    """One access record with its holder; `because` is the mark that fits, empty where none does."""

    record: Record
    holder: str
    because: str

    @property
    def is_open(self) -> bool:
        """Whether the record allows something; one that denies leaves nothing open."""
        return str(self.record.get("effect", "allow")) == "allow"


def holders_of(contract: Mapping[str, Any]) -> tuple[Holder, ...]:
    """Return the parties of a contract's document in its order; none where it says nothing."""
    section = contract.get("access")
    rows = section.get("holders") if isinstance(section, Mapping) else None
    return tuple(
        Holder(
            str(row["holder"]),
            frozenset(str(one).lower() for one in row.get("accounts", ())),
            tuple(str(one).lower() for one in row.get("names", ())),
            frozenset(str(one) for one in row.get("keys", ())),
        )
        for row in rows or ()
        if isinstance(row, Mapping)
    )


def rights(records: Iterable[Record], holders: Sequence[Holder]) -> Iterator[Right]:
    """Yield every right with the first holder one of whose marks fits, else unattributed."""
    for record in records:
        yield attributed(record, holders)


def attributed(record: Record, holders: Sequence[Holder]) -> Right:
    """Return one right with its holder.

    A trust of another account is the right of that account, wherever the role lives, and a peering
    or VPN that of whoever is at its other end: what stands in the permission (`assumed-by:...`)
    counts before the principal's own place.
    """
    texts = list(_texts(record))
    parts = {part for text in texts for part in _PARTS.split(text.lower()) if part}
    numbers = {piece for part in parts for piece in part.split("@")} | parts
    for holder in holders:
        for account in sorted(holder.accounts):
            if account in numbers:
                return Right(record, holder.name, f"account {account}")
        for key in sorted(holder.keys):
            if any(key in text for text in texts):
                return Right(record, holder.name, f"key {key}")
        for pattern in holder.names:
            if any(fnmatchcase(part, pattern) for part in sorted(parts)):
                return Right(record, holder.name, f"name {pattern}")
    return Right(record, UNATTRIBUTED, "")


def _texts(record: Record) -> Iterator[str]:
    place = record["principalPlace"]
    permission = str(record["permission"])
    if permission.startswith(OTHER_END):
        # The role or gateway is ours; who may take it or stands behind it is the holder.
        yield permission
        return
    yield str(place["nativeId"])
    yield from (str(one) for one in record.get("via", ()))
