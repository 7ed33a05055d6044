"""Only the pinned collections are unpacked, and an absent or other version is said to be so."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from exitkit.drivers import ansible_collections
from exitkit.drivers.ansible_collections import (
    PINNED,
    collection_checks,
    collections_path,
    fetch_collections,
    installed_version,
    require_collections,
)
from exitkit.errors import CannotRun


def wheel(folder: Path, version: str) -> Path:
    path = folder / "ansible.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("amazon/aws", "cisco/ios"):
            manifest = json.dumps({"collection_info": {"version": version}})
            archive.writestr(f"ansible_collections/{name}/MANIFEST.json", manifest)
            archive.writestr(f"ansible_collections/{name}/plugins/modules/one.py", "")
        archive.writestr("ansible_collections/amazon/aws/../../../../escaped", "no")
    return path


def test_the_pinned_collection_alone_comes_out_of_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = wheel(tmp_path, PINNED["amazon.aws"])
    monkeypatch.setattr(ansible_collections, "_downloaded", lambda scratch: made)
    place = fetch_collections(tmp_path / "place")
    assert installed_version("amazon.aws", place) == PINNED["amazon.aws"]
    assert installed_version("cisco.ios", place) == ""
    assert not list(tmp_path.rglob("escaped"))
    made.unlink()
    assert fetch_collections(place) == place, "what is there is not fetched again"


def test_another_version_is_no_pinned_one_and_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    folder = tmp_path / "share/exitkit/collections/ansible_collections/amazon/aws"
    folder.mkdir(parents=True)
    [check] = collection_checks(["amazon.aws"])
    assert (check.ok, check.detail) == (False, "not installed")
    (folder / "MANIFEST.json").write_text('{"collection_info": {"version": "1.0.0"}}')
    [check] = collection_checks(["amazon.aws"])
    assert (check.ok, check.detail) == (False, "1.0.0")
    with pytest.raises(CannotRun, match=r"run python tools/fetch_collections\.py, or pip"):
        require_collections(["amazon.aws"])


def test_one_that_pip_installed_with_all_the_others_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    folder = tmp_path / "site/ansible_collections/amazon/aws"
    folder.mkdir(parents=True)
    pinned = json.dumps({"collection_info": {"version": PINNED["amazon.aws"]}})
    (folder / "MANIFEST.json").write_text(pinned)
    assert [check.ok for check in collection_checks(["amazon.aws", "acme.own"])] == [False, True]


def test_the_pinned_ones_come_before_those_of_the_user() -> None:
    first, second = collections_path({"ANSIBLE_COLLECTIONS_PATH": "/opt/own"}).split(":")
    assert first.endswith("share/exitkit/collections")
    assert second == "/opt/own"
