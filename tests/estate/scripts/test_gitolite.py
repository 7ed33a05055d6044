"""Read the rights of a Gitolite server from a real administration repository, hostile ones too."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest

from exitkit.collectors.scripts import ScriptsCollector
from exitkit.drivers import gitolite
from exitkit.model.holdings import Access
from exitkit.ports import Context, Limits, Source

CONF = """\
# who is who
@ops    = ann bob
@staff  = @ops carl
@loop   = @loop eve
@shops  = shop basket

repo gitolite-admin
    RW+     =   ann

repo @shops
    - master =  carl
    RW+     =   @staff   # includes @ops
    R       =   @all
    option deny-rules = 1
include "parts/*.conf"
"""
PARTS = {"conf/parts/legacy.conf": "repo legacy\n    RW refs/tags/v = provider-ci @loop\n"}


def rights(folder: Path, files: dict[str, str]) -> list[Access]:
    where = folder / "gitolite-admin"
    where.mkdir()
    for name, text in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)
    for command in (["init", "--quiet"], ["add", "."], [
        "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "rights",
    ]):  # fmt: skip
        subprocess.run(["git", *command], cwd=where, check=True, capture_output=True)
    (folder / "spool").mkdir()
    now = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
    context = Context(now, folder / "spool", b"k" * 32, {}, Limits())
    source = Source("repositories", "scripts", {"paths": ["gitolite-admin"]}, folder)
    found = (one for one in ScriptsCollector().collect(source, context) if isinstance(one, Access))
    return [one for one in found if one.principal.native_type.startswith("Gitolite/")]


def test_the_rights_of_the_server_are_told_by_user_repository_and_branch(tmp_path: Path) -> None:
    found = rights(tmp_path, {gitolite.ROOT: CONF, **PARTS})
    told = {(one.principal.native_id, one.permission, one.resource, one.effect) for one in found}
    assert told == {
        ("ann", "RW+", "gitolite-admin", "allow"),
        *(("carl", "write", f"{place}:master", "deny") for place in ("shop", "basket")),
        *((who, "RW+", place, "allow")
          for who in ("ann", "bob", "carl") for place in ("shop", "basket")),
        *(("@all", "R", place, "allow") for place in ("shop", "basket")),
        ("provider-ci", "RW", "legacy:refs/tags/v", "allow"),
        ("eve", "RW", "legacy:refs/tags/v", "allow"),
    }  # fmt: skip
    paths = {one.principal.native_id: one.via for one in found if one.resource == "shop"}
    assert paths["ann"] == (gitolite.ROOT, "@staff", "@ops")
    assert {one.via[0] for one in found if one.resource.startswith("legacy")} == set(PARTS)


def test_a_file_that_includes_itself_is_read_once(tmp_path: Path) -> None:
    conf = 'include "gitolite.conf"\nrepo shop\n    RW = ann\ninclude "*.conf"\n'
    assert len(rights(tmp_path, {gitolite.ROOT: conf})) == 1


@pytest.mark.timeout(60)
def test_rights_without_end_are_cut_short(tmp_path: Path) -> None:
    groups = "\n".join(f"@g{n} = @g{n + 1} @g{n + 1} u{n}" for n in range(300))
    users = " ".join(f"u{n}" for n in range(3000))
    conf = f"{groups}\n@g300 = {users}\n@many = {users}\nrepo {users}\n    RW = @many @g0\n"
    assert len(rights(tmp_path, {gitolite.ROOT: conf})) == gitolite.MOST_RIGHTS
