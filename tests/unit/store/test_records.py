"""Hold what a record says of the bytes kept for an asset."""

from __future__ import annotations

import hashlib

import pytest

from exitkit.errors import PluginError
from exitkit.model.verdict import Content
from exitkit.store.records import artifact


def test_a_kept_file_never_takes_the_role_of_the_pack() -> None:
    # A reader looks for the asset's configuration in whatever has that role.
    with pytest.raises(PluginError, match=r"compose\.yml: native-config is the pack's own role"):
        artifact(Content("hosts/compose.yml", b"services: {}\n", "text/plain", "native-config"))


def test_a_kept_file_is_named_with_its_role_digest_and_size() -> None:
    record = artifact(Content("hosts/compose.yml", b"services: {}\n", "text/plain", "script"))
    assert (record["role"], record["sizeBytes"]) == ("script", 13)
    assert record["sha256"] == hashlib.sha256(b"services: {}\n").hexdigest()
