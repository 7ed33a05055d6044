"""Read invoices of any size through DuckDB, added up by what was billed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from exitkit.errors import InputError
from exitkit.knowledge.invoices import Dialect, dialect_of

MEMORY_MIB = 600
THREADS = 2
_MONEY = "decimal(38, 12)"
"""Cloud prices have up to ten decimals; sums of 10^14 units stay exact."""


@dataclass(frozen=True, slots=True)
class Billed:
    """All charges of one resource, service, account, region and category, added up exactly.

    `resource` is empty where the invoice names none; `rows` is how many lines were added.
    """

    resource: str
    service: str
    account: str
    region: str
    category: str
    currency: str
    cost: Decimal
    rows: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice, read: its dialect, the first and last day it charges for, and its sums."""

    path: Path
    dialect: str
    rows: int
    first_day: str
    last_day: str
    billed: tuple[Billed, ...]


def read_invoice(path: Path) -> Invoice:
    """Read a CSV (plain or gzip) or Parquet file; an InputError says in one line what is wrong."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; name an exported invoice")
    duckdb = _duckdb()
    with duckdb.connect(config={"threads": THREADS, "memory_limit": f"{MEMORY_MIB}MB"}) as base:
        source = _source(path)
        try:
            base.execute("set autoinstall_known_extensions = false")
            base.execute(f"create view lines as select * from {source}")  # noqa: S608 - quoted
            columns = [row[0] for row in base.execute("describe lines").fetchall()]
            dialect = dialect_of(columns, str(path))
            return _invoice(base, path, dialect)
        except duckdb.Error as fault:
            # After that comes the query, which is ours and helps nobody who has the file.
            said = " ".join(str(fault).partition("\nLINE ")[0].split())[:200]
            raise InputError(
                f"{path}: cannot be read: {said}; check its permissions, or export it again"
            ) from fault


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as missing:
        raise InputError(
            "reconcile: duckdb is not installed; pip install 'exitkit-reversibility[analytics]'"
        ) from missing
    return duckdb


def _source(path: Path) -> str:
    quoted = str(path).replace("'", "''")
    if re.search(r"[*?\[\]{}]", str(path)):
        raise InputError(f"{path}: a name with wildcards; rename the file")
    if path.suffix == ".parquet":
        return f"read_parquet('{quoted}')"
    packed = "gzip" if path.suffix == ".gz" else "none"
    return (
        f"read_csv('{quoted}', all_varchar=true, header=true, compression='{packed}',"
        " sample_size=1000, strict_mode=true)"
    )


def _invoice(base: Any, path: Path, dialect: Dialect) -> Invoice:
    cost = f"try_cast({_column(dialect.cost)} as {_MONEY})"
    blank = f"coalesce(cast({_column(dialect.cost)} as varchar), '') = ''"
    start = f"cast({_column(dialect.start)} as varchar)" if dialect.start else "''"
    rows, broken, first, last = base.execute(
        f"select count(*), count(*) filter (where {cost} is null and not {blank}),"  # noqa: S608
        f" min({start}), max({start}) from lines"
    ).fetchone()
    if broken:
        said = f"{broken} of {rows} lines have a {dialect.cost} that is no number"
        raise InputError(f"{path}: {said}; export it again")
    names = (
        dialect.resource, dialect.service, dialect.account, dialect.region, dialect.charge,
        dialect.charge_class, dialect.currency,
    )  # fmt: skip
    parts = [f"coalesce(trim(cast({_column(n)} as varchar)), '')" if n else "''" for n in names]
    query = (
        f"select {', '.join(parts)}, sum(coalesce({cost}, 0)), count(*) from lines group by "  # noqa: S608
        + ", ".join(str(number) for number in range(1, len(parts) + 1))
    )
    billed = tuple(_billed(base.execute(query).fetchall(), dialect))
    return Invoice(path, dialect.name, rows, str(first or "")[:10], str(last or "")[:10], billed)


def _billed(rows: list[tuple[Any, ...]], dialect: Dialect) -> Iterator[Billed]:
    for resource, service, account, region, charge, charge_class, currency, cost, count in rows:
        yield Billed(
            resource=resource,
            service=service,
            account=account,
            region=region,
            category=dialect.category(charge, charge_class, service),
            currency=currency or "?",
            cost=Decimal(cost),
            rows=int(count),
        )


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
