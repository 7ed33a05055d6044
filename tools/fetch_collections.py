"""Fetch the pinned Ansible collections into this environment, or into the folder that is named."""

from __future__ import annotations

import sys
from pathlib import Path

from exitkit.drivers.ansible_collections import PINNED, fetch_collections
from exitkit.errors import ExitkitError


def main(arguments: list[str]) -> int:
    """Fetch, and say what is there."""
    try:
        folder = fetch_collections(Path(arguments[0]) if arguments else None)
    except ExitkitError as error:
        print(f"fetch_collections.py: {error}", file=sys.stderr)
        return error.exit_code
    for name, version in PINNED.items():
        print(f"{name} {version} in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
