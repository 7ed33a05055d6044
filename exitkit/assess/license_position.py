"""Say of every license whether it may come along, what is due before the exit, and what lapses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Position:
    """One license before a planned exit.

    `used` is how many assets carry it, by a `licensedBy` relation or by what they are called;
    None where none does and nobody wrote down what to count, for then nobody measured. `page` is
    where the agreement says so. `due` are the things to do or to know, in words: notice, lapse,
    shortage.
    """

    record: Record
    used: int | None
    notice_on: dt.date | None
    expires_on: dt.date | None
    due: tuple[str, ...]
    page: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """What measures the use of licenses.

    `names` are the products that each asset carries; `schedule` the schedule's own fields of each
    agreement (`page`, `counted_as`), both by asset id.
    """

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    schedule: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def carriers(self, row: Record) -> frozenset[str] | None:
        """Return the assets that carry a license; None where nothing tells.

        Only agreements are counted: a name must be the product's, but for case, or match a
        pattern of `counted_as`.
        """
        own = self.schedule.get(str(row["asset"]))
        if own is None:
            return None
        written = (part.strip().casefold() for part in own.get("counted_as", "").split("|"))
        patterns = [part for part in written if part]
        product = str(row["product"]).casefold()
        found = frozenset(
            asset
            for asset, names in self.names.items()
            for name in (one.casefold() for one in names)
            if (any(fnmatchcase(name, p) for p in patterns) if patterns else name == product)
        )
        return found if found or patterns else None


@dataclass(frozen=True, slots=True)
class Signal:
    """What the configuration of a cloud asset says of a license that nobody has to write down.

    `code` is `included` (the provider's license, which ends with the asset), `own` (brought along)
    or `marketplace` (bought through the provider).
    """

    code: str
    product: str
    native_type: str
    native_id: str
    scope: str
    because: str


MEANING = {
    "included": "the license ends with the asset: buy one for the target",
    "own": "brought along: check that its terms allow the target",
    "marketplace": "bought through the provider: it ends with the account; ask the vendor",
}


def positions(
    licenses: Iterable[Record],
    relations: Iterable[Record],
    exit_on: dt.date | None,
    today: dt.date,
    use: Use | None = None,
) -> list[Position]:
    """Return every license, those with something due first; `exit_on` is the planned exit."""
    use = use or Use()
    tied: dict[str, set[str]] = {}
    for row in relations:
        if row["relation"] == "licensedBy":
            tied.setdefault(str(row["to"]), set()).add(str(row["from"]))
    found = [_position(row, tied.get(str(row["asset"])), use, exit_on, today) for row in licenses]
    return sorted(found, key=lambda one: (not one.due, str(one.record["product"]).lower()))


def _position(
    row: Record, tied: set[str] | None, use: Use, exit_on: dt.date | None, today: dt.date
) -> Position:
    carriers = use.carriers(row)
    used = None if tied is None and carriers is None else len({*(tied or ()), *(carriers or ())})
    expires_on, notice_on = _day(row, "expirationDate"), _day(row, "noticeDate")
    days = row.get("noticeDays")
    if isinstance(days, int) and exit_on:
        # The record may count back from the expiry; notice is due before the earlier of the two.
        counted = exit_on - dt.timedelta(days=days)
        notice_on = min(notice_on, counted) if notice_on else counted
    due = list(_due(row, used, notice_on, expires_on, exit_on, today))
    page = use.schedule.get(str(row["asset"]), {}).get("page", "")
    return Position(row, used, notice_on, expires_on, tuple(due), page)


def _due(
    row: Record,
    used: int | None,
    notice_on: dt.date | None,
    expires_on: dt.date | None,
    exit_on: dt.date | None,
    today: dt.date,
) -> Iterator[str]:
    if expires_on and expires_on < today:
        yield f"lapsed on {expires_on}"
    elif expires_on and exit_on and expires_on < exit_on:
        yield f"lapses on {expires_on}, before the exit on {exit_on}"
    if notice_on and notice_on < today:
        yield f"notice was due on {notice_on}"
    elif notice_on:
        yield f"notice by {notice_on}"
    transferable = str(row["transferable"])
    if transferable == "no":
        yield "may not come along: buy one for the target"
    elif transferable == "with-consent":
        yield f"needs the consent of {row.get('publisher') or 'the publisher'}"
    elif transferable == "unknown":
        yield "nobody knows whether it may come along"
    quantity = row.get("quantity")
    if used is not None and isinstance(quantity, int) and quantity and used > quantity:
        yield f"{used} in use where {quantity} are bought"


def _day(row: Record, member: str) -> dt.date | None:
    text = row.get(member)
    return dt.date.fromisoformat(str(text)) if text else None


def signals(assets: Iterable[tuple[Record, Record]]) -> Iterator[Signal]:
    """Yield what configurations say of licenses; `assets` gives (asset record, configuration)."""
    for row, config in assets:
        for code, product, because in _signals_of(str(row["provider"]["nativeType"]), config):
            provider = row["provider"]
            yield Signal(
                code, product, str(provider["nativeType"]), str(provider["nativeId"]),
                str(provider["scope"]), because,
            )  # fmt: skip


def _signals_of(native_type: str, config: Record) -> Iterator[tuple[str, str, str]]:
    if native_type.startswith(("AWS::RDS::DBInstance", "AWS::RDS::DBCluster")):
        model = str(config.get("LicenseModel") or "")
        engine = str(config.get("Engine", "database"))
        if model in ("license-included", "bring-your-own-license"):
            code = "included" if model == "license-included" else "own"
            yield code, engine, f"LicenseModel {model}"
    elif native_type == "AWS::EC2::Instance":
        platform = str(config.get("PlatformDetails") or "")
        if platform and platform != "Linux/UNIX" and "BYOL" not in platform:
            yield "included", platform, f"PlatformDetails {platform}"
        elif "BYOL" in platform:
            yield "own", platform, f"PlatformDetails {platform}"
        for one in config.get("ProductCodes") or ():
            if isinstance(one, Mapping) and one.get("ProductCodeId"):
                code = str(one["ProductCodeId"])
                yield "marketplace", f"product code {code}", f"ProductCodes {code}"
    elif native_type.lower().startswith("microsoft."):
        yield from _azure(config)


def _azure(config: Record) -> Iterator[tuple[str, str, str]]:
    properties = config.get("properties")
    found = properties if isinstance(properties, Mapping) else {}
    kind = str(found.get("licenseType") or "")
    if kind in ("Windows_Server", "Windows_Client", "RHEL_BYOS", "SLES_BYOS", "BasePrice", "AHUB"):
        yield "own", "Azure Hybrid Benefit", f"licenseType {kind}"
    elif kind in ("LicenseIncluded", "PAYG"):
        yield "included", str(found.get("sqlServerLicenseType") or kind), f"licenseType {kind}"
    plan = config.get("plan")
    if isinstance(plan, Mapping) and plan.get("publisher"):
        product = f"{plan['publisher']}/{plan.get('product', '?')}"
        yield "marketplace", product, f"plan {plan.get('name', '?')}"
