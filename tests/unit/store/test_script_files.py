"""Lay out scripts as the files they were, and none outside their folder."""

from __future__ import annotations

import io
import tarfile

import pytest

from exitkit.errors import InvalidBundle
from exitkit.store.script_files import ScriptFile, _safe, archive_of, folders_of

FILES = (
    ScriptFile("urn:x", "code", "ops/jobs/run.sh", b"#!/bin/sh\n", True),
    ScriptFile("urn:x", "code", "ops/read.me", b"text\n", False),
)


def test_an_archive_has_outer_folders_first_and_keeps_what_may_be_executed() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive_of(FILES))) as archive:
        members = [(member.name, member.mode) for member in archive]
    assert members == [
        ("ops", 0o755), ("ops/jobs", 0o755), ("ops/jobs/run.sh", 0o755), ("ops/read.me", 0o644),
    ]  # fmt: skip
    assert folders_of(FILES) == ("ops", "ops/jobs")


def test_the_same_files_give_the_same_archive() -> None:
    assert archive_of(FILES) == archive_of(FILES)


@pytest.mark.parametrize("name", ["/etc/passwd", "../out", "a/../../out", "", "a\nb"])
def test_a_name_that_leads_out_of_its_folder_is_refused(name: str) -> None:
    with pytest.raises(InvalidBundle, match="leads out of its folder"):
        _safe(name)
