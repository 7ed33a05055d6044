"""Sort what does not fit in memory, and write files that are there whole or not at all."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from exitkit.errors import PluginError
from exitkit.store.files import write_atomically, write_new
from exitkit.store.tables import record_id, sorted_lines, unique_lines


@pytest.mark.parametrize("run_bytes", [1, 500, 10**9])
def test_lines_are_sorted_whether_they_fit_in_memory_or_not(run_bytes: int, tmp_path: Path) -> None:
    lines = [b'{"@id":"%04d"}' % number for number in range(200)]
    mixed = list(lines)
    random.Random(3).shuffle(mixed)
    assert list(sorted_lines(iter(mixed), tmp_path, run_bytes)) == lines
    assert list(tmp_path.iterdir()) == []


def test_repeated_lines_are_kept_once_and_contradictions_are_bugs() -> None:
    one, other = b'{"@id":"a","n":1}', b'{"@id":"a","n":2}'
    assert list(unique_lines([one, one], "calls")) == [one]
    with pytest.raises(PluginError, match="calls: two different records are called a"):
        list(unique_lines([one, other], "calls"))


def test_a_record_is_known_by_its_first_member() -> None:
    assert record_id(b'{"@id":"urn:x","a":1}') == b"urn:x"
    assert record_id(b"{}") == b""


def test_an_atomic_write_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for body in (b"one", b"two"):
        write_atomically(path, body, mode=0o600)
        assert path.read_bytes() == body
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "inside").write_text("x")
    with pytest.raises(OSError, match="folder"):
        write_atomically(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_a_new_file_never_replaces_one(tmp_path: Path) -> None:
    write_new(tmp_path / "a", b"one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", b"two")
