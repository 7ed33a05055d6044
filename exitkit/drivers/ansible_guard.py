"""Keep a playbook on the hosts it was given, and data out of its templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from exitkit.errors import InputError

BESIDE = ("tasks", "roles", "handlers")
MOST_FILES = 5_000
_SUFFIXES = (".yml", ".yaml")
_LEADS_AWAY = {
    "delegate_to": "hands a task to another host",
    "local_action": "runs a task on this machine",
    "add_host": "adds a host that no inventory names",
    "connection": "changes how its hosts are reached",
    "ansible_host": "sends a host's tasks to another address",
    "ansible_port": "sends a host's tasks to another address",
    "ansible_connection": "changes how its hosts are reached",
}
"""Keys by which tasks leave the hosts that `--limit` leaves them."""
_INCLUDES = ("import_playbook", "include_tasks", "import_tasks", "include", "vars_files",
             "include_vars")  # fmt: skip
_BRINGS_ROLE = ("import_role", "include_role")
_NAMED = re.compile(r"\bname=([^\s,]+)")


class _Loader(yaml.SafeLoader):
    """Reads what Ansible marks as sealed or unsafe as the text it is."""


for _tag in ("!unsafe", "!vault"):
    _Loader.add_constructor(_tag, lambda loader, node: str(node.value))


class _Dumper(yaml.SafeDumper):
    """Writes every text so that Ansible leaves it alone."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write a value that is there twice twice: Ansible's reader knows no aliases of texts."""
        return True


class _Inert(str):
    """A text that looks like a template and is none."""


_Dumper.add_representer(
    _Inert, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"')
)


def written_inert(variables: Mapping[str, Any]) -> str:
    """Return variables as YAML in which a text with braces is data, whoever wrote it.

    Ansible fills in templates wherever it finds them: the name of a file in a bundle could run a
    command here.
    """
    return yaml.dump(_inert(dict(variables)), Dumper=_Dumper, allow_unicode=True, sort_keys=True)


def outside_faults(playbook: Path) -> Iterator[str]:
    """Say by which of its keys a playbook, or a file beside it, would leave its hosts."""
    yield from _linked_folders(playbook)
    waiting, seen = [*_files(playbook)], set[Path]()
    while waiting:
        path = waiting.pop(0).resolve()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        if len(seen) > MOST_FILES:
            raise InputError(f"{playbook.parent}: more than {MOST_FILES} files of tasks")
        document = _read(path)
        for role in _roles(document, path):
            if not _is_beside(role, playbook):
                yield (
                    f"{path.name}: role `{role}` is not below {playbook.parent.name}/roles, so"
                    " nothing has looked at it; put it there"
                )
        for key, value in _members(document):
            name = key.rpartition(".")[2]
            if name in _LEADS_AWAY and not (name == "connection" and isinstance(value, Mapping)):
                yield f"{path.name}: `{key}` {_LEADS_AWAY[name]}"
            elif name in _INCLUDES:
                waiting += _included(value, path, playbook)


def variable_faults(variables: Mapping[str, Any]) -> Iterator[str]:
    """Say which of the variables would send a host's tasks somewhere else."""
    for name in variables:
        if str(name).startswith("ansible_"):
            yield f"variable `{name}` is Ansible's own; set it in the inventory of the target"


def _files(playbook: Path) -> Iterator[Path]:
    yield playbook
    for name in BESIDE:
        for path in sorted((playbook.parent / name).rglob("*")):
            if path.suffix not in _SUFFIXES or not path.is_file():
                continue
            # Not `roles/web/files/x.yml`: what is copied to a host is no task.
            if "files" not in path.parts and "templates" not in path.parts:
                yield path


def _linked_folders(playbook: Path) -> Iterator[str]:
    """Say which folders of tasks are somewhere else: nothing below them is read."""
    for name in BESIDE:
        for path in (playbook.parent / name, *sorted((playbook.parent / name).rglob("*"))):
            if path.is_symlink() and path.is_dir():
                yield f"`{path.relative_to(playbook.parent)}` is a link to a folder; copy it there"


def _roles(document: Any, path: Path) -> Iterator[str]:
    """Yield the names of the roles that a file brings in, by whichever of the ways there are."""
    given: list[Any] = []
    for play in document if isinstance(document, list) else ():
        if isinstance(play, Mapping) and "hosts" in play:
            given += play.get("roles") or ()
    if isinstance(document, Mapping) and path.parent.name == "meta":
        given += document.get("dependencies") or ()
    given += [value for key, value in _members(document) if key.rpartition(".")[2] in _BRINGS_ROLE]
    for one in given:
        if isinstance(one, Mapping):
            yield str(one.get("role") or one.get("name") or "")
        else:
            yield named.group(1) if (named := _NAMED.search(str(one))) else str(one)


def _is_beside(role: str, playbook: Path) -> bool:
    """Tell whether a role is one of those whose files are read."""
    return Path(role).name == role and (playbook.parent / "roles" / role).is_dir()


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}: not YAML ({' '.join(str(fault).split())[:120]})") from fault


def _included(value: Any, path: Path, playbook: Path) -> Iterator[Path]:
    """Return the files that an include may mean; a template may mean any file beside it."""
    for one in value if isinstance(value, list) else [value]:
        name = one.get("file", "") if isinstance(one, Mapping) else str(one)
        for folder in (path.parent, playbook.parent):
            if "{{" in name:
                yield from (file for file in folder.glob("*") if file.suffix in _SUFFIXES)
            else:
                yield folder / name


def _members(document: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield str(key), value
            yield from _members(value)
    elif isinstance(document, list):
        for one in document:
            yield from _members(one)


def _inert(value: Any) -> Any:
    if isinstance(value, Mapping):
        for key in value:
            if "{" in str(key):
                raise InputError(f"{json.dumps(str(key))[:80]}: a name with braces; rename it")
        return {str(key): _inert(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_inert(one) for one in value]
    if isinstance(value, str):
        return _Inert(value) if "{" in value else str(value)
    return value
