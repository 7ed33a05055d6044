"""Clone a git bundle into a bare repository and read it back, without any setting but our own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from exitkit.drivers.git import GitFailed

_MOST_HEADS = 1_000_000
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "file",
    "GIT_TERMINAL_PROMPT": "0",
}


def bundle_heads(bundle: Path) -> dict[str, str]:
    """Return every ref of a git bundle with its object, from the bundle's own head lines."""
    heads: dict[str, str] = {}
    with bundle.open("rb") as stream:
        if not stream.readline().startswith((b"# v2 git bundle", b"# v3 git bundle")):
            raise GitFailed(f"{bundle.name}: not a git bundle")
        for _ in range(_MOST_HEADS):
            line = stream.readline().strip()
            if not line:
                break
            if not line.startswith((b"@", b"-")):
                object_id, _, ref = line.decode("utf-8", "backslashreplace").partition(" ")
                heads[ref] = object_id
    return {ref: object_id for ref, object_id in heads.items() if ref != "HEAD"}


def clone_bundle(bundle: Path, destination: Path, deadline_s: float) -> None:
    """Make a bare mirror of every ref the bundle holds."""
    _git(
        deadline_s, "-c", "core.hooksPath=/dev/null", "clone", "--quiet", "--mirror",
        "--template=", "--", str(bundle), str(destination),
    )  # fmt: skip


def check_whole(repository: Path, deadline_s: float) -> str:
    """Return what `git fsck` holds against a repository, or nothing."""
    try:
        _git(deadline_s, f"--git-dir={repository}", "fsck", "--full", "--no-progress")
    except GitFailed as fault:
        return str(fault)
    return ""


def heads_of(repository: Path, deadline_s: float) -> dict[str, str]:
    """Return every ref of a repository with its object."""
    listing = _git(
        deadline_s, f"--git-dir={repository}", "for-each-ref", "--format=%(objectname) %(refname)"
    )
    pairs = (line.partition(" ") for line in listing.splitlines())
    return {ref: object_id for object_id, _, ref in pairs}


def text_at_head(repository: Path, deadline_s: float) -> str:
    """Return every file at HEAD as one archive, for words to be looked for in it."""
    return _git(deadline_s, f"--git-dir={repository}", "archive", "--format=tar", "HEAD")


def _git(deadline_s: float, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", *arguments], stdin=subprocess.DEVNULL,
            capture_output=True, env=_ENVIRONMENT, timeout=deadline_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git: not done in {deadline_s} s") from None
    except FileNotFoundError:
        raise GitFailed("git is not installed; install it") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitFailed(f"git: {said[-1] if said else 'failed'}")
    return done.stdout.decode("utf-8", "backslashreplace")
