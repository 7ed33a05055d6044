"""Write a bundle: the records, the bytes kept as they were, and all that is needed to read them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exitkit.errors import InputError
from exitkit.model.verdict import Content
from exitkit.store.bag import Bag
from exitkit.store.canonical import canonical_bytes, timestamp
from exitkit.store.descriptor import BundleInputs, Tally, descriptor
from exitkit.store.files import sync_directory
from exitkit.store.packs import write_packs, write_tables
from exitkit.store.seal import BUNDLE_PREFIX, seal_bundle
from exitkit.store.shipped import read_me_first, spec_files

__all__ = ["BundleInputs", "write_bundle"]


def write_bundle(
    destination: Path,
    inputs: BundleInputs,
    tables: Mapping[str, Iterable[Mapping[str, Any]]],
    contents: Iterable[Content],
    key: Ed25519PrivateKey | None = None,
) -> str:
    """Write the bundle whole or not at all, and return its id; with `key` it is born sealed.

    Tables come in any order and may be generators; `native` (of `records.native_record`) is
    packed by provider, scope, region and type.
    """
    if destination.exists() or destination.is_symlink():
        raise InputError(f"{destination}: exists already; a bundle is never changed")
    destination.parent.mkdir(parents=True, exist_ok=True)
    staging = destination.parent / f".{destination.name}.partial"
    spill = destination.parent / f".{destination.name}.spill"
    for folder in (staging, spill):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    try:
        staging.chmod(0o755)
        digest = _write(Bag(staging), spill, inputs, tables, contents)
        if key is not None:
            seal_bundle(staging, key)
        staging.rename(destination)
        sync_directory(destination.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(spill, ignore_errors=True)
    return BUNDLE_PREFIX + digest


def _write(
    bag: Bag,
    spill: Path,
    inputs: BundleInputs,
    tables: Mapping[str, Iterable[Mapping[str, Any]]],
    contents: Iterable[Content],
) -> str:
    tally = Tally()
    write_packs(bag, tables.get("native", ()), spill)
    write_tables(bag, tables, spill, tally)
    for content in contents:
        bag.add(content.path, content.body)
    for path, body in spec_files(inputs.kinds, inputs.reasons):
        bag.add(path, body)
    bag.add("exitkit.json", canonical_bytes(descriptor(inputs, bag, tally)) + b"\n")
    return bag.finish(_information(inputs), {"READ-ME-FIRST.txt": read_me_first(inputs)})


def _information(inputs: BundleInputs) -> list[tuple[str, str]]:
    fields = (
        ("Source-Organization", inputs.customer),
        ("External-Description", inputs.scope_statement),
        ("External-Identifier", f"{inputs.series}-{inputs.sequence:06d}"),
        ("Bag-Group-Identifier", inputs.series),
        ("Bagging-Date", timestamp(inputs.sealed_at)[:10]),
        ("Bag-Software-Agent", f"exitkit {inputs.generator_version}"),
    )
    return [(label, value) for label, value in fields if value]
