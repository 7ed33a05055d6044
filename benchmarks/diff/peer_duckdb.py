"""Say with DuckDB which assets and verdicts came, went and changed, and in which members.

python peer_duckdb.py FOLDER
"""

from __future__ import annotations

import sys

import duckdb


def main() -> None:
    base = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    for table, columns in (
        ("assets", ("kind", "name", "status", "tags", "identifiers", "artifacts")),
        ("exportability", ("level", "reasonCode", "reasonText")),
    ):
        kinds = ", ".join(f"{name}: 'varchar'" for name in ("@id", *columns))
        for side in ("old", "new"):
            path = f"{sys.argv[1]}/{side}/data/records/{table}.jsonl"
            fields = kinds.replace("@id", '"@id"')
            base.execute(
                f"create or replace view {side} as select * from read_json('{path}',"
                f" format='newline_delimited', columns={{{fields}}})"
            )
        differs = " or ".join(f"a.{name} is distinct from b.{name}" for name in columns)
        members = ", ".join(f"a.{name} is distinct from b.{name} as d_{name}" for name in columns)
        rows = base.execute(
            f"select what, count(*) from (select case when a.\"@id\" is null then 'added'"
            f" when b.\"@id\" is null then 'removed' else 'changed' end as what, {members}"
            f' from old a full join new b on a."@id" = b."@id"'
            f' where a."@id" is null or b."@id" is null or {differs}) group by 1 order by 1'
        ).fetchall()
        print(table, rows)


if __name__ == "__main__":
    main()
