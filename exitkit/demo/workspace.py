"""Write the demo's workspace: the files an operator would have written for this estate."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from exitkit.demo.estate import Estate, Expected
from exitkit.demo.files import (
    PAPER_SECRETS,
    SCRIPT_SECRETS,
    write_licenses,
    write_papers,
    write_register,
    write_scripts,
)
from exitkit.store.files import write_atomically

REPOSITORIES = "git/runbooks, git/legacy-jobs, scripts"


def write_workspace(root: Path, estate: Estate) -> tuple[str, ...]:
    """Write every file, and `expected.json` beside them; return the secrets planted in all.

    The signing key is made by `exitkit keygen`, as on every workspace.
    """
    addresses = {**estate.addresses, "repositories": REPOSITORIES}
    for name in ("exitkit.yaml", "contract.yaml", "exit-plan.yaml"):
        _write(root / name, addresses)
    for which in ("exit", "rehearsal"):
        for name in ("network.yml", "hosts.yml", "machines.yml"):
            _write(root / "inventories" / which / name, addresses)
    known = "".join(f"{estate.addresses[key]}\n" for key in ("edge_key", "spare_key", "host_key"))
    write_atomically(root / "inventories" / "known_hosts", known.encode())
    (root / "keys").mkdir(mode=0o700, exist_ok=True)
    write_atomically(root / "keys" / "masking.key", secrets.token_hex(32).encode(), mode=0o600)
    today = dt.datetime.now(dt.UTC).date()
    found = [
        *write_licenses(root / "licenses.csv"), *write_scripts(root), *write_papers(root, today),
        *write_register(root / "declared" / "cmdb.csv"), *estate.expected,
    ]  # fmt: skip
    write_expected(root / "expected.json", sorted(found))
    return (*estate.secrets, *SCRIPT_SECRETS, *PAPER_SECRETS)


def write_expected(path: Path, expected: list[Expected]) -> None:
    """Write down what a snapshot must find: these assets, none missing, none extra."""
    write_atomically(path, json.dumps(expected, indent=1).encode() + b"\n")


def _write(path: Path, addresses: Mapping[str, str]) -> None:
    parts = path.parts[-3:] if "inventories" in path.parts else path.parts[-1:]
    source = files("exitkit.demo").joinpath("workspace_files", *parts)
    text = Template(source.read_text(encoding="utf-8")).substitute(addresses)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())
