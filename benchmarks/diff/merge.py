"""Merge the two sorted tables of both bundles and count what differs: the least a diff can do.

python merge.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    found = {"added": 0, "removed": 0, "changed": 0}
    for table in ("assets", "exportability"):
        old, new = (
            Path(sys.argv[1], side, f"data/records/{table}.jsonl") for side in ("old", "new")
        )
        with old.open("rb") as left, new.open("rb") as right:
            a, b = left.readline(), right.readline()
            while a or b:
                if a == b:
                    a, b = left.readline(), right.readline()
                    continue
                key_a, key_b = a[:54] or b"\xff", b[:54] or b"\xff"
                if key_a == key_b:
                    found["changed"] += 1
                    a, b = left.readline(), right.readline()
                elif key_a < key_b:
                    found["removed"] += 1
                    a = left.readline()
                else:
                    found["added"] += 1
                    b = right.readline()
    print(found)


if __name__ == "__main__":
    main()
