"""Read every file that Ansible would read for a playbook, and say what else it might read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from exitkit.errors import InputError

BESIDE = ("tasks", "handlers", "roles", "group_vars", "host_vars")
MOST_FILES = 5_000
_SUFFIXES = (".yml", ".yaml", ".json")
_READ_BY_ANY_NAME = frozenset({"tasks", "handlers", "meta", "vars", "defaults"})
"""Folders of a role of which Ansible also reads a file without a suffix, or with an odd one."""
_COPIED = frozenset({"files", "templates"})
"""What is copied to a host is no task."""
_TASKS = ("import_playbook", "include_tasks", "import_tasks", "include")
_VARIABLES = ("vars_files", "include_vars")
_BRINGS_ROLE = ("import_role", "include_role")
_NAMED = re.compile(r"\bname=([^\s,]+)")


class _Loader(yaml.SafeLoader):
    """Reads what Ansible marks as sealed or unsafe as the text it is."""


for _tag in ("!unsafe", "!vault"):
    _Loader.add_constructor(_tag, lambda loader, node: str(node.value))


@dataclass(slots=True)
class PlaybookFiles:
    """The files of a playbook by path, and why Ansible may read others than these."""

    playbook: Path
    documents: dict[Path, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _folders: list[Path] = field(default_factory=list)

    def read(self) -> None:
        """Follow all that the playbook brings in; InputError where a file is not YAML."""
        waiting = [self.playbook, *self._beside(self.playbook.parent)]
        while waiting:
            path = Path(os.path.normpath(waiting.pop(0)))
            if path in self.documents or not path.is_file():
                continue
            if len(self.documents) >= MOST_FILES:
                raise InputError(f"{self.playbook.parent}: more than {MOST_FILES} files of tasks")
            document = self.documents[path] = _read(path)
            if _is_playbook(document):
                # Ansible looks for the roles of an imported playbook beside that one.
                waiting += self._beside(path.parent)
            waiting += self._included(document, path)
        self.faults += self._roles_elsewhere()

    def _beside(self, folder: Path) -> Iterator[Path]:
        """Yield the files that Ansible may read because they lie beside a playbook."""
        if folder in self._folders:
            return
        self._folders.append(folder)
        for name in BESIDE:
            for path in (folder / name, *sorted((folder / name).rglob("*"))):
                if path.is_symlink() and path.is_dir():
                    self.faults.append(
                        f"`{path.relative_to(folder)}` is a link to a folder; copy it there"
                    )
                elif path.is_file() and _may_be_read(path.relative_to(folder)):
                    yield path

    def _included(self, document: Any, path: Path) -> Iterator[Path]:
        """Yield the files that an include may mean; a template may mean any file beside it."""
        folders = [path.parent, path.parent.parent]
        folders += [one / name for one in self._folders for name in ("", "tasks", "handlers")]
        for key, value in members(document):
            verb = key.rpartition(".")[2]
            if verb not in _TASKS + _VARIABLES:
                continue
            for one in value if isinstance(value, list) else [value]:
                said = one if isinstance(one, Mapping) else {"file": one}
                name = str(said.get("file") or "")
                if said.get("dir"):
                    for folder in folders:
                        yield from (folder / str(said["dir"])).rglob("*")
                if "{{" in name:
                    yield from (file for file in path.parent.glob("*") if file.suffix in _SUFFIXES)
                    continue
                found = [folder / name for folder in folders if (folder / name).is_file()]
                if verb in _TASKS and not found:
                    self.faults.append(
                        f"{path.name}: `{verb}` of {name or 'no name'}, which is not beside it, so"
                        " nothing has looked at it; put it there"
                    )
                yield from found

    def _roles_elsewhere(self) -> Iterator[str]:
        """Say which roles Ansible may take from where nothing was read."""
        brings_roles, searches = False, []
        for path, document in self.documents.items():
            own = [path.parent] if _is_playbook(document) else self._folders
            for role in _roles(document, path):
                brings_roles = True
                for folder in own:
                    if Path(role).name != role or not (folder / "roles" / role).is_dir():
                        yield (
                            f"{path.name}: role `{role}` is not below {folder.name}/roles, so"
                            " nothing has looked at it; put it there"
                        )
                        break
            if any(key == "collections" and value for key, value in members(document)):
                searches.append(path)
        for path in searches if brings_roles else ():
            yield (
                f"{path.name}: `collections` is where Ansible looks for roles first; leave it out"
                " and name modules in full"
            )


def members(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield every member of a document, at every depth."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield str(key), value
            yield from members(value)
    elif isinstance(document, list):
        for one in document:
            yield from members(one)


def _may_be_read(path: Path) -> bool:
    """Tell whether Ansible may read a file by itself; the path begins with one of `BESIDE`."""
    beside, *inner = path.parts
    if beside in ("group_vars", "host_vars"):
        return True
    kind = inner[1] if beside == "roles" and len(inner) > 2 else ""
    if kind in _READ_BY_ANY_NAME:
        return True
    return path.suffix in _SUFFIXES and kind not in _COPIED


def _is_playbook(document: Any) -> bool:
    plays = document if isinstance(document, list) else ()
    return any(isinstance(play, Mapping) and "hosts" in play for play in plays)


def _roles(document: Any, path: Path) -> Iterator[str]:
    """Yield the names of the roles that a file brings in, by whichever of the ways there are."""
    given: list[Any] = []
    if _is_playbook(document):
        for play in document:
            given += play.get("roles") or () if isinstance(play, Mapping) else ()
    if isinstance(document, Mapping) and path.parent.name == "meta":
        given += document.get("dependencies") or ()
    given += [value for key, value in members(document) if key.rpartition(".")[2] in _BRINGS_ROLE]
    for one in given:
        if isinstance(one, Mapping):
            yield str(one.get("role") or one.get("name") or "")
        else:
            yield named.group(1) if (named := _NAMED.search(str(one))) else str(one)


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}: not YAML ({' '.join(str(fault).split())[:120]})") from fault
