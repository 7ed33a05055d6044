"""Write a new workspace from the templates, whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable
from importlib.resources import as_file, files
from pathlib import Path

from exitkit.errors import InputError
from exitkit.workspace.plan_profile import plan_text

SOURCE_TYPES = ("aws", "azure", "network", "licenses", "scripts", "postgres")
SIDES = {"rehearsal": "the rehearsal (foreign ground)", "exit": "the exit (the real estate)"}


def write_workspace(
    folder: Path, *, series: str | None, sources: Iterable[str], profile: str = ""
) -> list[Path]:
    """Fill `folder`, which must be new or empty; return what was written, relative to it.

    With a `profile` the exit plan has every milestone of a usual exit, without one a few to start.
    """
    name = series if series is not None else _series_from(folder)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
        raise InputError(f'--series "{name}": use lower case letters, digits and dashes')
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: not an empty folder; name a new one")
    target = folder.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _fill(draft, name, set(sources))
        if profile:
            _write(draft / "exit-plan.yaml", plan_text(profile, name))
        draft.chmod(0o755)
        _move_into(draft, target) if target.is_dir() else draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return sorted(path.relative_to(target) for path in target.rglob("*") if path.is_file())


def _move_into(draft: Path, target: Path) -> None:
    """Fill a folder that is there already: it may be the one somebody's shell stands in."""
    # exitkit.yaml last: without it the folder is no workspace yet.
    names = sorted((path.name for path in draft.iterdir()), key="exitkit.yaml".__eq__)
    try:
        for name in names:
            (draft / name).rename(target / name)
    except BaseException:
        for path in (target / name for name in names):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise
    draft.rmdir()


def _series_from(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-")
    return name[:40] or "estate"


def _fill(root: Path, series: str, sources: set[str]) -> None:
    with as_file(files("exitkit.workspace").joinpath("templates")) as templates:
        for name in ("exitkit.yaml", "contract.yaml", "exit-plan.yaml"):
            text = (templates / name).read_text(encoding="utf-8").replace("@SERIES@", series)
            _write(root / name, _choose(text, sources) if name == "exitkit.yaml" else text)
        for side, which in SIDES.items():
            for name in ("network.yml", "hosts.yml"):
                text = (templates / "inventories" / name).read_text(encoding="utf-8")
                _write(root / "inventories" / side / name, text.replace("@WHICH@", which))
        _write(root / ".gitignore", (templates / "gitignore.txt").read_text(encoding="utf-8"))
        if "licenses" in sources:
            shutil.copyfile(templates / "licenses.csv", root / "licenses.csv")
    if "scripts" in sources:
        (root / "scripts").mkdir()
    _copy_playbooks(root / "playbooks")
    _write_masking_key(root / "keys" / "masking.key")


def _choose(text: str, sources: set[str]) -> str:
    """Leave the chosen types of source, and turn the others into comments."""
    lines = []
    for line in text.splitlines():
        match = re.match(r"  - \{id: [a-z]+, type: ([a-z]+),", line)
        lines.append(f"  # {line[2:]}" if match and match[1] not in sources else line)
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy_playbooks(folder: Path) -> None:
    folder.mkdir()
    with as_file(files("exitkit").joinpath("playbooks")) as shipped:
        if shipped.is_dir():
            leave = shutil.ignore_patterns("__pycache__", "*.py")
            shutil.copytree(shipped, folder, dirs_exist_ok=True, ignore=leave)


def _write_masking_key(path: Path) -> None:
    """The key behind the masks of secrets: whoever has it can test guesses against a mask."""
    path.parent.mkdir(mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
