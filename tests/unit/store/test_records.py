"""Hold what a record says of the bytes kept for an asset."""

from __future__ import annotations

import hashlib

import pytest

from exitkit.errors import PluginError
from exitkit.model.asset import Ref
from exitkit.model.holdings import License
from exitkit.model.verdict import Content
from exitkit.store.records import artifact, license_record
from exitkit.store.schemas import record_fault


def test_a_kept_file_never_takes_the_role_of_the_pack() -> None:
    # A reader looks for the asset's configuration in whatever has that role.
    with pytest.raises(PluginError, match=r"compose\.yml: native-config is the pack's own role"):
        artifact(Content("hosts/compose.yml", b"services: {}\n", "text/plain", "native-config"))


def test_a_kept_file_is_named_with_its_role_digest_and_size() -> None:
    record = artifact(Content("hosts/compose.yml", b"services: {}\n", "text/plain", "script"))
    assert (record["role"], record["sizeBytes"]) == ("script", 13)
    assert record["sha256"] == hashlib.sha256(b"services: {}\n").hexdigest()


def test_a_publisher_that_nobody_names_is_an_empty_text_and_no_fault() -> None:
    # Many a package has no maintainer; the format wants the member all the same.
    ref = Ref("hosts", "prod", "", "Host/Package", "vm/pip/x")
    record = license_record(License(ref, "x", "", "unknown", quantity=1))
    assert record["publisher"] == ""
    assert record_fault("license", record) == ""
