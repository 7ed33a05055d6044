"""Read who may push where from the administration repository of a Gitolite server."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from exitkit.drivers.git import Mirror, TreeEntry
from exitkit.model.asset import Ref
from exitkit.model.holdings import Access

ROOT = "conf/gitolite.conf"
USER, GROUP = "Gitolite/User", "Gitolite/Group"
LARGEST_BYTES = 1024 * 1024
MOST_LINES, MOST_MEMBERS, MOST_RIGHTS = 20_000, 2_000, 50_000
DEEPEST = 8
_GROUP = re.compile(r"(@\S+)\s*=\s*(.*)")
_RULE = re.compile(r"(-|C|R|RW\+?C?D?M?)(?:\s+([^=]*?))?\s*=\s*(.*)")
_INCLUDE = re.compile(r"include\s+[\"'](.+)[\"']")


def is_administration(tree: Sequence[TreeEntry]) -> bool:
    """Tell whether a repository is the one that a Gitolite server is governed by."""
    return any(entry.path == ROOT for entry in tree)


def granted_in(repository: Ref, mirror: Mirror, tree: Sequence[TreeEntry]) -> Iterator[Access]:
    """Yield every right that the server grants or denies, by user, repository and branch."""
    told = 0
    groups: dict[str, list[str]] = {}
    places: list[str] = []
    for line, file in _lines(mirror, tree):
        if found := _GROUP.fullmatch(line):
            groups.setdefault(found[1], []).extend(found[2].split())
        elif line.startswith("repo "):
            places = [one for word in line.split()[1:] for one, _ in _members(word, groups)]
        elif found := _RULE.fullmatch(line):
            for access in _rights(repository, found, places, groups, file):
                if told == MOST_RIGHTS:
                    return
                told += 1
                yield access


def _rights(
    repository: Ref,
    rule: re.Match[str],
    places: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    file: str,
) -> Iterator[Access]:
    permission, branches, users = rule[1], (rule[2] or "").split(), rule[3].split()
    for user, through in (one for word in users for one in _members(word, groups)):
        native_type = GROUP if user.startswith("@") else USER
        principal = Ref(repository.provider, repository.scope, "", native_type, user)
        for place in places:
            for branch in branches or [""]:
                yield Access(
                    principal, native_type.rpartition("/")[2].lower(),
                    "write" if permission == "-" else permission,
                    f"{place}:{branch}" if branch else place,
                    effect="deny" if permission == "-" else "allow", via=(file, *through),
                )  # fmt: skip


def _members(
    word: str, groups: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each name that a word stands for and the groups it was reached through."""
    waiting: deque[tuple[str, tuple[str, ...]]] = deque([(word, ())])
    seen: set[str] = set()
    while waiting and len(seen) < MOST_MEMBERS:
        name, through = waiting.popleft()
        if name in seen:
            continue
        seen.add(name)
        if name not in groups:
            yield name, through
        elif len(through) < DEEPEST:
            waiting.extend((member, (*through, name)) for member in groups[name])


def _lines(mirror: Mirror, tree: Sequence[TreeEntry]) -> Iterator[tuple[str, str]]:
    """Yield the lines that say something, included files in their place and once."""
    by_path = {entry.path: entry.object_id for entry in tree if entry.kind == "file"}
    seen: set[str] = set()

    def read(path: str) -> Iterator[tuple[str, str]]:
        seen.add(path)
        (body,) = mirror.bodies([by_path[path]], LARGEST_BYTES)
        for raw in (body or b"").decode("utf-8", "replace").splitlines()[:MOST_LINES]:
            line = raw.partition("#")[0].strip()
            if found := _INCLUDE.fullmatch(line):
                wanted = (name for name in by_path if fnmatchcase(name, f"conf/{found[1]}"))
                for name in sorted(set(wanted) - seen):
                    yield from read(name)
            elif line:
                yield line, path

    yield from read(ROOT) if ROOT in by_path else ()
