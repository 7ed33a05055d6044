"""Keep a playbook on the hosts it was given, and data out of its templates."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from exitkit.drivers.ansible_files import PlaybookFiles, members
from exitkit.errors import InputError

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
    """Say by what a playbook, or a file that Ansible reads for it, could leave its hosts."""
    files = PlaybookFiles(playbook)
    files.read()
    yield from files.faults
    for path, document in files.documents.items():
        for key, value in members(document):
            name = key.rpartition(".")[2]
            if name in _LEADS_AWAY and not (name == "connection" and isinstance(value, Mapping)):
                yield f"{path.name}: `{key}` {_LEADS_AWAY[name]}"


def variable_faults(variables: Mapping[str, Any]) -> Iterator[str]:
    """Say which of the variables would send a host's tasks somewhere else."""
    for name in variables:
        if str(name).startswith("ansible_"):
            yield f"variable `{name}` is Ansible's own; set it in the inventory of the target"


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
