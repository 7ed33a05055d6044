"""Read what runs on a host: services, timers, cron, ports, file systems, containers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Files = Mapping[str, str]
Row = dict[str, Any]
PSEUDO = frozenset((
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts",
    "devtmpfs", "efivarfs", "fusectl", "fuse.lxcfs", "hugetlbfs", "mqueue", "nsfs", "overlay",
    "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs", "selinuxfs", "squashfs", "sysfs",
    "tmpfs", "tracefs",
))  # fmt: skip
"""File systems that hold nothing of their own, or what stands elsewhere."""
_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)=(.*)$")
_CRON_LINE = re.compile(r"^(@\w+|(?:\S+\s+){4}\S+)\s+(.*)$")
_CRON_VARIABLE = re.compile(r"^[A-Za-z_]\w*\s*=")
_PERIODS = re.compile(r"/(?:cron\.(hourly|daily|weekly|monthly)|periodic/([\w]+))/")
_PROCESS = re.compile(r"\(\"([^\"]+)\"")


def words(files: Files) -> Iterator[Row]:
    """The words of a one-line answer."""
    for text in files.values():
        yield {"words": text.split()}


def number(files: Files) -> Iterator[Row]:
    """A one-number answer."""
    for text in files.values():
        if text.strip().isdecimal():
            yield {"number": int(text)}


def assignments(files: Files) -> Iterator[Row]:
    """`NAME=value` lines, without quotes."""
    found = {
        match[1]: match[2].strip().strip("\"'")
        for text in files.values()
        for line in text.splitlines()
        if (match := _ASSIGNMENT.match(line))
    }
    if found:
        yield found


def hardware(files: Files) -> Iterator[Row]:
    """Memory and processors."""
    text = "\n".join(files.values())
    memory = re.search(r"MemTotal:\s+(\d+) kB", text)
    yield {
        "memory_mib": int(memory[1]) // 1024 if memory else 0,
        "processors": len(re.findall(r"^processor", text, re.MULTILINE)),
    }


def mounts(files: Files) -> Iterator[Row]:
    """File systems that hold something, without those the kernel makes up."""
    for text in files.values():
        yield from _mounted(text)


def sizes(files: Files) -> Iterator[Row]:
    """Sizes of `df -Pk`, in bytes; a target may hold spaces."""
    for text in files.values():
        for line in text.splitlines()[1:]:
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[1].isdecimal() and fields[2].isdecimal():
                total, used = int(fields[1]) * 1024, int(fields[2]) * 1024
                yield {"target": fields[5], "size_bytes": total, "used_bytes": used}


def fstab(files: Files) -> Iterator[Row]:
    """File systems as the host mounts them at start."""
    for text in files.values():
        yield from _mounted(text)


def _mounted(text: str) -> Iterator[Row]:
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 4 and not line.startswith("#") and fields[2] not in PSEUDO:
            source, target, kind, options = (_unescaped(one) for one in fields[:4])
            yield {"source": source, "target": target, "type": kind, "options": options}


def _unescaped(field: str) -> str:
    # The kernel writes a space in a path as \\040.
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)


def files_as_they_are(files: Files) -> Iterator[Row]:
    """Each file with its text."""
    for path, text in files.items():
        yield {"path": path, "text": text}


def units(files: Files) -> Iterator[Row]:
    """Services and timers of systemd with their state at start."""
    for text in files.values():
        for line in text.splitlines():
            fields = line.split()
            if len(fields) >= 2 and fields[0].endswith((".service", ".timer")):
                yield {"name": fields[0], "state": fields[1]}


def openrc(files: Files) -> Iterator[Row]:
    """Services of OpenRC: `sshd | default`."""
    for text in files.values():
        for line in text.splitlines():
            name, _, levels = line.partition("|")
            if name.strip() and levels.strip():
                yield {"name": name.strip(), "state": "enabled", "runlevels": levels.split()}


def sysv(files: Files) -> Iterator[Row]:
    """Start scripts by the links that start them: `/etc/rc3.d/S02ssh`."""
    for text in files.values():
        names = {re.sub(r"^S\d*", "", line.rpartition("/")[2]) for line in text.splitlines()}
        for name in sorted(names - {""}):
            yield {"name": name, "state": "enabled"}


def cron(files: Files) -> Iterator[Row]:
    """Lines of cron tables; a table of a user has no user column, its name is the user."""
    for path, text in files.items():
        owner = path.rpartition("/")[2] if "/spool/" in path or "/crontabs/" in path else ""
        for line in text.splitlines():
            line = line.strip()
            if not line or line.startswith("#") or _CRON_VARIABLE.match(line):
                continue
            if path.endswith("anacrontab"):
                yield from _anacron(path, line)
            elif found := _CRON_LINE.match(line):
                user, command = owner, found[2].strip()
                if not owner:
                    user, *rest = command.split(maxsplit=1)
                    command = "".join(rest)
                schedule = " ".join(found[1].split())
                yield {"path": path, "schedule": schedule, "user": user, "command": command}


def _anacron(path: str, line: str) -> Iterator[Row]:
    fields = line.split(maxsplit=3)
    if len(fields) == 4:
        days, _, name, command = fields
        schedule = f"every {days} days" if days.isdecimal() else days
        yield {
            "path": path, "schedule": schedule, "user": "root", "command": command, "name": name,
        }  # fmt: skip


def cron_scripts(files: Files) -> Iterator[Row]:
    """Scripts that run by the folder they stand in."""
    for path, text in files.items():
        if (found := _PERIODS.search(path)) and not path.endswith("/.placeholder"):
            schedule = found[1] or found[2]
            yield {"path": path, "schedule": schedule, "user": "root", "text": text}


def listening(files: Files) -> Iterator[Row]:
    """Ports of `ss -Hlntup`, each once; a port of many processes is still one port."""
    seen: set[tuple[str, str, int]] = set()
    for text in files.values():
        for line in text.splitlines():
            fields = line.split(maxsplit=6)
            if len(fields) < 5 or not fields[4].rpartition(":")[2].isdecimal():
                continue
            address, _, port = fields[4].rpartition(":")
            key = (fields[0], address, int(port))
            if key in seen:
                continue
            seen.add(key)
            process = _PROCESS.search(fields[6]) if len(fields) > 6 else None
            row: Row = {"protocol": fields[0], "address": address, "port": int(port)}
            yield {**row, "process": process[1]} if process else row


def images(files: Files) -> Iterator[Row]:
    """Container images: Docker prints an object a line, Podman one list."""
    for one in _objects(files):
        names = one.get("Names") or one.get("RepoTags") or []
        name = names[0] if isinstance(names, list) and names else ""
        if one.get("Repository") and one["Repository"] != "<none>":
            name = f"{one['Repository']}:{one.get('Tag', '')}".removesuffix(":<none>")
        digest = str(one.get("Digest") or "")
        row = {
            "name": str(name),
            "id": str(one.get("ID") or one.get("Id") or "").removeprefix("sha256:"),
            "digest": "" if digest == "<none>" else digest,
            "size": str(one.get("Size") or ""),
        }
        if row["id"]:
            yield {member: value for member, value in row.items() if value}


def containers(files: Files) -> Iterator[Row]:
    """Containers by name, with what they were made from and what they hold on to."""
    for one in _objects(files):
        names = one.get("Names") or ""
        labels = one.get("Labels") or {}
        if isinstance(labels, str):
            labels = dict(pair.partition("=")[::2] for pair in labels.split(",") if pair)
        row = {
            "name": names[0] if isinstance(names, list) and names else str(names),
            "image": str(one.get("Image") or ""),
            "state": str(one.get("State") or ""),
            "mounts": one.get("Mounts") or "",
            "ports": one.get("Ports") or "",
            "project": str(labels.get("com.docker.compose.project", "")),
            "compose": str(labels.get("com.docker.compose.project.config_files", "")),
        }
        if row["name"]:
            yield {member: value for member, value in row.items() if value}


def _objects(files: Files) -> Iterator[dict[str, Any]]:
    for text in files.values():
        stripped = text.strip()
        parts = [stripped] if stripped.startswith("[") else stripped.splitlines()
        for part in parts:
            try:
                document = json.loads(part)
            except (ValueError, RecursionError):
                continue
            several = document if isinstance(document, list) else [document]
            yield from (one for one in several if isinstance(one, dict))
