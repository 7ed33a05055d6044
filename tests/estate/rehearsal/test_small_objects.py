"""The quick way to a store never renames, never truncates, and leaves every fault to the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exitkit.demo.object_store import RunningStore
from exitkit.drivers.object_store import ObjectStore, StoreError, open_object_store
from exitkit.drivers.small_objects import SMALL_BYTES, SmallObjects

KEYS = (
    "a b+c", "%41", "a%2Fb", "é", "?q#h&a=b", "~*:;", "<x>{y}|^`[]", "..a", "a..",
    "...", "a/.hidden", "日本", "\U0001f600", "\xa0",
)  # fmt: skip


@pytest.fixture
def client(object_store: RunningStore) -> Iterator[ObjectStore]:
    store = client_of(object_store, object_store.secret_key)
    store.create_bucket("small")
    yield store
    for key in list(store.keys("small")):
        store.delete("small", key)
    store.delete_bucket("small")


@pytest.fixture
def small(object_store: RunningStore) -> SmallObjects:
    login = {
        "aws_access_key_id": object_store.access_key,
        "aws_secret_access_key": object_store.secret_key,
    }
    return SmallObjects(object_store.endpoint_url, "us-east-1", login, 60)


@pytest.fixture
def body(tmp_path: Path) -> Path:
    (tmp_path / "body").write_bytes(b"hello")
    return tmp_path / "body"


def client_of(store: RunningStore, secret: str) -> ObjectStore:
    settings = {
        "endpoint_url": store.endpoint_url, "access_key_env": "KEY", "secret_key_env": "SECRET",
    }  # fmt: skip
    return open_object_store(settings, {"KEY": store.access_key, "SECRET": secret}, "test")


def test_every_key_arrives_as_it_is_spelt(
    small: SmallObjects, client: ObjectStore, body: Path
) -> None:
    for key in KEYS:
        assert small.write("small", key, body, "text/x-note", {}), key
        assert small.read("small", key) == (b"hello", "text/x-note"), key
    assert set(client.keys("small")) == set(KEYS)


@pytest.mark.parametrize("key", ["a/", "/a", "a//b", "a/../b", "./a", ""])
def test_a_key_that_would_be_read_as_a_path_is_left_alone(
    small: SmallObjects, client: ObjectStore, body: Path, key: str
) -> None:
    client.write("small", "a", body, "text/x-note", {})
    assert not small.write("small", key, body, "text/x-note", {})
    assert small.read("small", key) is None
    assert list(client.keys("small")) == ["a"]


def test_what_is_large_or_carries_metadata_is_left_alone(
    small: SmallObjects, client: ObjectStore, body: Path
) -> None:
    client.write("small", "described", body, "text/x-note", {"owner": "me"})
    assert small.read("small", "described") is None
    body.write_bytes(bytes(SMALL_BYTES + 1))
    assert not small.write("small", "large", body, "text/x-note", {})
    client.write("small", "large", body, "text/x-note", {})
    assert small.read("small", "large") is None
    described, chunks = client.fetch("small", "large")
    assert described.size_bytes == sum(map(len, chunks)) == SMALL_BYTES + 1


def test_faults_are_told_in_the_words_of_the_store(
    client: ObjectStore, object_store: RunningStore, body: Path
) -> None:
    with pytest.raises(StoreError, match="object small/none: NoSuchKey") as missing:
        client.fetch("small", "none")
    assert missing.value.absent
    with pytest.raises(StoreError, match="object nowhere/a: NoSuchBucket"):
        client.write("nowhere", "a", body, "", {})
    with pytest.raises(StoreError, match="object small/a: SignatureDoesNotMatch"):
        client_of(object_store, "wrong").write("small", "a", body, "", {})
