"""Say who has written in a repository, who owns which of its files, and where it is pushed to."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exitkit.drivers.git import Mirror, TreeEntry
from exitkit.model.asset import Ref
from exitkit.model.holdings import Access

MOST_AUTHORS = 5000
MOST_OWNER_LINES = 5000
CODE_OWNERS = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")
LARGEST_OWNERS_BYTES = 1024 * 1024
AUTHOR, OWNER = "Git/Author", "Git/CodeOwner"
_USER_INFO = re.compile(r"(?<=://)[^/@\s]*@")
_OWNER = re.compile(r"@[\w./-]+|[^\s@]+@[^\s@]+")


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody whose commits are in the repository, by the address that the commits carry."""

    address: str
    commits: int
    last_on: dt.date


def authors_of(mirror: Mirror) -> list[Author]:
    """Return every author of every ref, the most recent first."""
    counted: dict[str, Author] = {}
    for address, day in mirror.authors():
        known = counted.get(address)
        if known is None:
            counted[address] = Author(address, 1, day)
        else:
            counted[address] = Author(address, known.commits + 1, max(known.last_on, day))
    return sorted(counted.values(), key=lambda one: (-one.last_on.toordinal(), one.address))


def code_owners(mirror: Mirror, tree: Sequence[TreeEntry]) -> Iterator[tuple[str, str, str]]:
    """Yield (file, pattern, owner) of the first file of code owners, as the servers read it."""
    by_path = {entry.path: entry for entry in tree if entry.kind in ("file", "executable")}
    path = next((name for name in CODE_OWNERS if name in by_path), "")
    if not path:
        return
    (body,) = mirror.bodies([by_path[path].object_id], LARGEST_OWNERS_BYTES)
    for line in (body or b"").decode("utf-8", "replace").splitlines()[:MOST_OWNER_LINES]:
        pattern, *owners = line.partition(" #")[0].split() or [""]
        if not pattern.startswith(("#", "[", "^[")):
            yield from ((path, pattern, owner) for owner in owners if _OWNER.fullmatch(owner))


def rights_in(repository: Ref, mirror: Mirror, tree: Sequence[TreeEntry]) -> Iterator[Access]:
    """Yield what the repository itself tells of who may write: its authors and its code owners."""
    name = repository.native_id
    for author in authors_of(mirror)[:MOST_AUTHORS]:
        yield Access(
            Ref(repository.provider, repository.scope, "", AUTHOR, author.address), "git-author",
            "has committed", name, via=("git log",), last_used_on=author.last_on,
        )  # fmt: skip
    for path, pattern, owner in code_owners(mirror, tree):
        yield Access(
            Ref(repository.provider, repository.scope, "", OWNER, owner), "code-owner",
            "approves changes", f"{name}:{pattern}", via=(path,),
        )  # fmt: skip


def plain_url(url: str) -> str:
    """Return a remote without user and password."""
    return _USER_INFO.sub("", url)
