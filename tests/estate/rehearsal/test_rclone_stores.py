"""Move objects into Azure Blob (Azurite) and OpenStack Swift, and know what each of them drops."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from exitkit.demo import processes
from exitkit.drivers.object_store import StoreError
from exitkit.drivers.rclone_store import rclone_store
from exitkit.errors import InputError
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.ports import Finding, StepContext, Target
from exitkit.restorers.objects import ObjectsRestorer
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep

ROOT = Path(__file__).parents[3]
AZURITE = ROOT / ".test-parts/node_modules/azurite/dist/src/blob/main.js"
PARAMS: dict[str, Any] = {
    "what": "objects",
    "target": "sandbox",
    "assets": {"native_type": "AWS::S3::Bucket", "names": ["*"]},
    "canary_pattern": "EXITKIT-CANARY-[A-Z]+-[0-9]+",
}
RESTORE = Step("restore-objects", "restore", PARAMS)
COMPARE = Step("compare-objects", "compare", PARAMS)
EARLIER = "already-there"


@dataclass(frozen=True, slots=True)
class Ground:
    """A running store as a target, with its login."""

    target: Target
    environ: Mapping[str, str]


@pytest.fixture(scope="module")
def azure() -> Iterator[Ground]:
    account, key = "rehearsal", base64.b64encode(secrets.token_bytes(32)).decode()
    folder, port = processes.private_folder("azurite"), processes.free_port()
    environ = {**os.environ, "AZURITE_ACCOUNTS": f"{account}:{key}"}
    command: list[str | Path] = [
        shutil.which("node") or "node", AZURITE, "--blobHost", "127.0.0.1", "--blobPort", str(port),
        "--location", folder, "--silent", "--skipApiVersionCheck", "--disableTelemetry",
    ]  # fmt: skip
    process = processes.start(command, folder / "log", environ)
    url = f"http://127.0.0.1:{port}/{account}"
    settings = {
        "remote": "azureblob",
        "options": {"account": account, "endpoint": url},
        "options_env": {"key": "AZURE_SANDBOX_KEY"},
    }
    try:
        processes.wait_until(lambda: _answers(url), process, folder / "log")
        yield Ground(
            Target("sandbox", "rclone", settings, Path()),
            {"AZURE_SANDBOX_KEY": key, "PATH": os.environ["PATH"]},
        )
    finally:
        processes.stop(process.pid, process)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def swift() -> Iterator[Ground]:
    folder = processes.private_folder("swift")
    ports = {name: processes.free_port() for name in ("account", "container", "object", "proxy")}
    cache_port, password = processes.free_port(), secrets.token_hex(12)
    _configure_swift(folder, ports, cache_port, password)
    started = []
    cache = ["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(cache_port), "-U", "0"]
    try:
        started.append(processes.start(cache, folder / "memcached.log", os.environ))
        for name in ports:
            log = folder / f"{name}.log"
            command = [f"/usr/bin/swift-{name}-server", str(folder / f"{name}-server.conf")]
            started.append(processes.start(command, log, os.environ))
        url = f"http://127.0.0.1:{ports['proxy']}/auth/v1.0"
        processes.wait_until(lambda: _answers(url), started[-1], folder / "proxy.log")
        settings = {
            "remote": "swift",
            "options": {"user": "exit:admin", "auth": url},
            "options_env": {"key": "SWIFT_SANDBOX_KEY"},
        }
        yield Ground(
            Target("sandbox", "rclone", settings, Path()),
            {"SWIFT_SANDBOX_KEY": password, "PATH": os.environ["PATH"]},
        )
    finally:
        for process in reversed(started):
            processes.stop(process.pid, process)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["azure", "swift"])
def ground(request: pytest.FixtureRequest) -> Ground:
    found: Ground = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def lend(
    ground: Ground,
    bucket_findings: list[Finding],
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> Iterator[Callable[..., StepContext]]:
    bundle = bundle_of(bucket_findings)

    def give(key: str = "run-1/restore-objects", **more: Any) -> StepContext:
        return context_of(bundle, {"sandbox": ground.target}, ground.environ, key, **more)

    yield give
    RestoreStep().undo(RESTORE, {}, give())


def test_objects_restored_there_equal_those_in_the_bundle(
    lend: Callable[..., StepContext],
) -> None:
    restored = RestoreStep().run(RESTORE, lend())
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    assert restored.metrics["items_restored"] == 4
    assert restored.metrics["items_different"] == 0
    compared = CompareStep().run(COMPARE, lend("run-1/compare-objects"))
    assert compared.metrics["items_compared"] == 4
    assert compared.metrics["items_different"] == compared.metrics["items_missing"] == 0
    assert compared.metrics["canaries_found"] == compared.metrics["canaries_expected"] == 1
    assert [proof.aspect for proof in compared.proofs] == ["data"]


def test_what_azure_keeps_and_swift_loses_is_named(
    azure: Ground,
    swift: Ground,
    bucket_findings: list[Finding],
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> None:
    bundle, losses = bundle_of(bucket_findings), []
    for ground in (azure, swift):
        context = context_of(bundle, {"sandbox": ground.target}, ground.environ, "run-2/restore")
        losses.append(RestoreStep().run(RESTORE, context).losses)
        RestoreStep().undo(RESTORE, {}, context)
    tag = "bucket acme-docs: tag class of 1 objects"
    assert losses == [(tag,), ("bucket acme-docs: metadata owner of 4 objects", tag)]


def test_a_changed_object_is_named_and_undo_leaves_only_what_was_there(
    ground: Ground, lend: Callable[..., StepContext], tmp_path: Path
) -> None:
    (tmp_path / "body").write_bytes(b"here before")
    with rclone_store(ground.target.settings, ground.environ, "test") as store:
        store.create_bucket(EARLIER)
        store.write(EARLIER, "mine", tmp_path / "body", "text/plain", {})
        before = ObjectsRestorer().inventory(ground.target, ground.environ)
        RestoreStep().run(RESTORE, lend())
        (tmp_path / "body").write_bytes(b"changed")
        store.write("acme-docs", "plain.txt", tmp_path / "body", "text/plain", {})
        compared = CompareStep().run(COMPARE, lend("run-1/compare-objects"))
    wrong = [one.item for one in compared.items if one.result == "different"]
    assert wrong == ["object acme-docs/plain.txt"]
    assert compared.proofs == ()
    RestoreStep().undo(RESTORE, {}, lend())
    assert ObjectsRestorer().inventory(ground.target, ground.environ) == before


def test_a_wrong_key_fails_the_step_in_one_line_without_the_key(
    azure: Ground,
    bucket_findings: list[Finding],
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> None:
    wrong = {**azure.environ, "AZURE_SANDBOX_KEY": base64.b64encode(b"x" * 32).decode()}
    context = context_of(bundle_of(bucket_findings), {"sandbox": azure.target}, wrong, "run-3/r")
    outcome = RestoreStep().run(RESTORE, context)
    assert outcome.status is StepStatus.FAILED
    assert "\n" not in outcome.message
    assert wrong["AZURE_SANDBOX_KEY"] not in outcome.message


def test_a_target_says_where_it_is_before_anything_is_written(azure: Ground) -> None:
    endpoint = azure.target.settings["options"]["endpoint"]
    found = ObjectsRestorer().identities(azure.target, azure.environ)
    assert found == {f"endpoint:{endpoint}"}
    nowhere = Target("nowhere", "rclone", {"remote": "swift", "options": {"user": "x"}}, Path())
    with pytest.raises(InputError, match="storage_url or auth"):
        ObjectsRestorer().identities(nowhere, {})
    with pytest.raises(InputError, match=r"\$AZURE_SANDBOX_KEY is not set"):
        ObjectsRestorer().identities(azure.target, {})


def test_what_is_not_there_is_absent_and_deleting_it_is_no_fault(ground: Ground) -> None:
    with rclone_store(ground.target.settings, ground.environ, "test") as store:
        store.create_bucket("absence")
        with pytest.raises(StoreError) as fault:
            store.describe("absence", "no-such-key")
        assert fault.value.absent
        with pytest.raises(StoreError) as fault:
            list(store.read("absence", "no-such-key"))
        assert fault.value.absent
        store.delete("absence", "no-such-key")
        store.delete_bucket("absence")
        store.delete_bucket("absence")
        assert "absence" not in store.buckets()


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=2).close()
    except HTTPError:
        return True  # it refuses the anonymous, so it is up
    except OSError:
        return False
    return True


def _configure_swift(
    folder: Path, ports: Mapping[str, int], cache_port: int, password: str
) -> None:
    """Write the rings and the settings of one server of each kind, all on loopback."""
    (folder / "srv" / "d1").mkdir(parents=True)
    hashes = "[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n"
    policy = "[storage-policy:0]\nname = one\ndefault = yes\n"
    (folder / "swift.conf").write_text(hashes + policy)
    for name in ("account", "container", "object"):
        builder = folder / f"{name}.builder"
        for words in (
            ["create", "4", "1", "1"],
            ["add", f"r1z1-127.0.0.1:{ports[name]}/d1", "1"],
            ["rebalance"],
        ):
            subprocess.run(
                ["swift-ring-builder", str(builder), *words], check=True, capture_output=True
            )
        text = _SERVER.format(
            port=ports[name], folder=folder, app=f"{name}-server", name=name, workers=0
        )
        (folder / f"{name}-server.conf").write_text(text)
    proxy = _PROXY.format(
        port=ports["proxy"], folder=folder, cache_port=cache_port, password=password
    )
    (folder / "proxy-server.conf").write_text(proxy)


_SERVER = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = {workers}
user = root
swift_dir = {folder}
devices = {folder}/srv
mount_check = false
log_level = ERROR
[pipeline:main]
pipeline = {app}
[app:{app}]
use = egg:swift#{name}
"""

_PROXY = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = root
swift_dir = {folder}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors cache listing_formats tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_exit_admin = {password} .admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache_port}
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:listing_formats]
use = egg:swift#listing_formats
"""
