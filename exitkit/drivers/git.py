"""Read a git repository that may be hostile: through a mirror of our own, running nothing of it."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from exitkit.errors import CannotRun

BUNDLE_V2, BUNDLE_V3 = b"# v2 git bundle\n", b"# v3 git bundle\n@object-format=sha256\n"
_SETTINGS = """[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tcompression = 6
[pack]
\tthreads = 1
\twindow = 10
\tdepth = 50
\tuseBitmaps = false
[gc]
\tauto = 0
"""


class GitFailed(CannotRun):
    """Git could not do what was asked of it."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of the tree at HEAD; `kind` is `file`, `executable`, `link` or `submodule`."""

    path: str
    kind: str
    object_id: str


class Mirror:
    """A fresh bare copy of every ref and reachable object; only git's upload-pack meets the source.

    Our copy has none of the source's configuration, hooks, attributes or replacement objects.
    """

    def __init__(self, source: Path, workspace: Path, deadline_s: float) -> None:
        self._source = source.absolute()
        self._folder = workspace
        self._deadline_s = deadline_s
        self._settings = workspace.with_suffix(".gitconfig")
        self._settings.write_text(_SETTINGS)
        self._run(
            "clone", "--quiet", "--mirror", "--no-local", "--template=", "--",
            str(source.absolute()), str(workspace), inside=False,
        )  # fmt: skip
        self.is_shallow = self._text("rev-parse", "--is-shallow-repository") == "true"
        self.refs = tuple(
            (name, object_id)
            for line in self._text("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
            for name, _, object_id in (line.partition(" "),)
        )
        self.head = self._head()

    def commits(self) -> int:
        """Return the number of commits that any ref reaches."""
        return int(self._text("rev-list", "--all", "--count")) if self.refs else 0

    def authors(self) -> Iterator[tuple[str, dt.date]]:
        """Yield the author's address and the day of every commit that any ref reaches."""
        if not self.refs:
            return
        told = self._run("log", "--all", "--format=%ae%x09%cs").decode("utf-8", "backslashreplace")
        for line in told.splitlines():
            address, _, day = line.rpartition("\t")
            yield address.strip().lower() or "unknown", dt.date.fromisoformat(day)

    def remotes(self) -> tuple[str, ...]:
        """Return the addresses that the source's own configuration names as its remotes."""
        folders = (self._source / ".git", self._source)
        file = next((one / "config" for one in folders if (one / "config").is_file()), None)
        if file is None or file.is_symlink():
            return ()
        asked = ("config", "--file", str(file), "--no-includes", "--get-regexp", r"^remote\..*url$")
        try:
            told = self._run(*asked, inside=False).decode("utf-8", "backslashreplace")
        except GitFailed:
            # It names none, or is no configuration that git can read.
            return ()
        return tuple(sorted({line.partition(" ")[2] for line in told.splitlines()} - {""}))

    def tree(self) -> Iterator[TreeEntry]:
        """Yield what stands in the tree at HEAD, in git's order."""
        if not self.head:
            return
        kinds = {"100644": "file", "100755": "executable", "120000": "link", "160000": "submodule"}
        listing = self._run("ls-tree", "-r", "-z", "--full-tree", "HEAD")
        for entry in listing.split(b"\0")[:-1]:
            facts, _, path = entry.partition(b"\t")
            mode, _, object_id = facts.decode().split(" ")
            name = path.decode("utf-8", "backslashreplace")
            yield TreeEntry(name, kinds.get(mode, "file"), object_id)

    def paths(self) -> dict[str, str]:
        """Return a path for every object of the history that has one."""
        listing = self._run("rev-list", "--objects", "--all").decode("utf-8", "backslashreplace")
        named = (line.partition(" ") for line in listing.splitlines())
        return {object_id: path for object_id, _, path in named if path}

    def objects(self, largest: int) -> Iterator[tuple[str, str, bytes | None]]:
        """Yield id, type and bytes of every object; None for bytes over `largest`."""
        yield from self._batch(["--batch-all-objects"], b"", largest)

    def bodies(self, object_ids: list[str], largest: int) -> Iterator[bytes | None]:
        """Yield the bytes of each object asked for, in that order."""
        asked = "".join(f"{object_id}\n" for object_id in object_ids).encode()
        for _, _, body in self._batch([], asked, largest):
            yield body

    def write_bundle(self, destination: Path) -> None:
        """Write every ref with its history, to the same bytes however the source is packed."""
        # `git bundle create` reuses the deltas it finds, so a gc at the source would change bytes.
        pack = ("pack-objects", "--revs", "--all", "--stdout", "--quiet", "--threads=1",
                "--no-reuse-delta", "--no-reuse-object")  # fmt: skip
        is_sha256 = self._text("rev-parse", "--show-object-format") == "sha256"
        named = [*self.refs, *([("HEAD", self.head)] if self.head else [])]
        with destination.open("wb") as bundle:
            bundle.write(BUNDLE_V3 if is_sha256 else BUNDLE_V2)
            bundle.write("".join(f"{object_id} {name}\n" for name, object_id in named).encode())
            bundle.write(b"\n")
            bundle.flush()
            self._run(*pack, into=bundle)

    def verify_bundle(self, bundle: Path) -> None:
        """Clone the bundle elsewhere and hold every ref and object against the source's.

        Raises GitFailed where the bundle is not the whole repository.
        """
        self._run("bundle", "verify", "--quiet", str(bundle))
        again = self._folder.with_suffix(".restored")
        try:
            self._run(
                "clone", "--quiet", "--mirror", "--template=", "--", str(bundle), str(again),
                inside=False,
            )  # fmt: skip
            self._run(f"--git-dir={again}", "fsck", "--full", "--no-progress", inside=False)
            form = "--format=%(refname) %(objectname)"
            restored = self._run(f"--git-dir={again}", "for-each-ref", form, inside=False)
        finally:
            shutil.rmtree(again, ignore_errors=True)
        expected = [f"{name} {object_id}" for name, object_id in self.refs]
        if restored.decode("utf-8", "backslashreplace").splitlines() != expected:
            raise GitFailed("git bundle: a clone of it has other refs; run git fsck at the source")

    def _head(self) -> str:
        try:
            return self._text("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        except GitFailed:
            return ""

    def _batch(
        self, options: list[str], asked: bytes, largest: int
    ) -> Iterator[tuple[str, str, bytes | None]]:
        requests = self._folder.with_suffix(".asked")
        requests.write_bytes(asked)
        with (
            requests.open("rb") as given,
            subprocess.Popen(
                self._command("cat-file", "--batch", *options),
                stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=self._environment(),
            ) as process,
        ):  # fmt: skip
            # cat-file writes each object as a head line, its bytes and a line feed.
            answer = cast("IO[bytes]", process.stdout)
            while head := answer.readline():
                object_id, kind, *size = head.decode().split()
                if not size:
                    raise GitFailed(f"git object {object_id} is {kind}; run git fsck at the source")
                yield object_id, kind, _body(answer, int(size[0]), largest)

    def _text(self, *arguments: str) -> str:
        return self._run(*arguments).decode("utf-8", "backslashreplace").strip()

    def _run(self, *arguments: str, inside: bool = True, into: IO[bytes] | None = None) -> bytes:
        try:
            done = subprocess.run(
                self._command(*arguments, inside=inside),
                stdin=subprocess.DEVNULL, stdout=into or subprocess.PIPE, stderr=subprocess.PIPE,
                env=self._environment(), timeout=self._deadline_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise GitFailed(f"git {arguments[0]}: not done in {self._deadline_s} s") from None
        except FileNotFoundError:
            raise GitFailed("git is not installed; install it") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise GitFailed(f"git {arguments[0]}: {said[-1] if said else 'failed'}")
        return done.stdout or b""

    def _command(self, *arguments: str, inside: bool = True) -> list[str]:
        return ["git", *([f"--git-dir={self._folder}"] if inside else []), *arguments]

    def _environment(self) -> dict[str, str]:
        # upload-pack drops what `-c` sets, so the settings that make it safe are in a file.
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "TZ": "UTC",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self._settings),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": "file",
            "GIT_TERMINAL_PROMPT": "0",
        }


def is_repository(folder: Path) -> bool:
    """Tell whether `folder` is the top of a git working tree or a bare repository."""
    bare = all((folder / name).exists() for name in ("HEAD", "objects", "refs"))
    return bare or (folder / ".git").exists()


def _body(stream: IO[bytes], size: int, largest: int) -> bytes | None:
    body: bytes | None = None
    if size <= largest:
        body = stream.read(size)
    else:
        left = size
        while left:
            left -= len(stream.read(min(left, 1 << 20)))
    stream.read(1)
    return body
