"""Say with polars which assets and verdicts came, went and changed, and in which members.

python peer_polars.py FOLDER
"""

from __future__ import annotations

import sys

import polars as pl


def main() -> None:
    for table, columns in (
        ("assets", ("kind", "name", "status", "tags", "identifiers", "artifacts")),
        ("exportability", ("level", "reasonCode", "reasonText")),
    ):
        old, new = (
            pl.scan_ndjson(f"{sys.argv[1]}/{side}/data/records/{table}.jsonl").select(
                "@id", *(pl.col(name).hash() for name in columns)
            )
            for side in ("old", "new")
        )
        both = old.join(new, on="@id", how="full", coalesce=False, suffix=" new")
        gone, come = pl.col("@id new").is_null(), pl.col("@id").is_null()
        moved = pl.any_horizontal(*(pl.col(name) != pl.col(f"{name} new") for name in columns))
        found = both.filter(gone | come | moved).select(
            pl.when(come).then(pl.lit("added")).when(gone).then(pl.lit("removed"))
            .otherwise(pl.lit("changed")).alias("what")
        )  # fmt: skip
        print(table, found.collect(engine="streaming").group_by("what").len().sort("what").rows())


if __name__ == "__main__":
    main()
