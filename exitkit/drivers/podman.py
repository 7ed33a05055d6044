"""Run one container after the other by Podman, each alone, without network, and not for long.

Everything Podman keeps is in a folder of its own that goes away at the end; images come from
archives that the operator laid ready, and from nowhere else. A container sees no file of this
machine, and Podman ends it where nobody else did.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exitkit.assess.compose_service import Service
from exitkit.errors import CannotRun

CALL_S = 60
LOAD_S = 1800
LIFE_S = 120
HEALTH_S = 60.0
SETTLE_S = 1.0
PAUSE_S = 0.2
MEMORY, PROCESSES, OPEN_FILES = "1g", 512, 1024
_FAULT_CHARACTERS = 200


class Podman:
    """Podman with a storage of its own and the images that were loaded into it."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._command, self._environ = command, environ

    def has_image(self, name: str) -> bool:
        """Tell whether an archive held this image."""
        return self._ask("image", "exists", name).returncode == 0

    def load(self, archive: Path) -> None:
        """Take in the images of an archive; CannotRun where it is none."""
        done = self._ask("load", "--quiet", "--input", str(archive), deadline_s=LOAD_S)
        if done.returncode:
            raise CannotRun(f"{archive}: podman does not load it: {_fault(done)}")

    def try_out(self, running: Service, wanted: Service, deadline_s: float = HEALTH_S) -> str:
        """Start a service, hold it against `wanted`, ask after its health, stop it; say a fault."""
        started = self._ask("run", *_options(running), "--", running.image, *running.command)
        try:
            if started.returncode:
                return f"does not start: {_fault(started)}"
            name = started.stdout.decode().strip()
            other = self._unlike(self._seen(name), wanted)
            if other:
                return f"runs with another {other}"
            return self._watched(name, wanted.health, deadline_s)
        finally:
            self._ask("rm", "--all", "--force", "--time", "0")

    def _watched(self, name: str, health: Sequence[str], deadline_s: float) -> str:
        end = time.monotonic() + (deadline_s if health else SETTLE_S)
        while True:
            state = self._seen(name)["State"]
            if state["Status"] != "running":
                code = int(state["ExitCode"])
                return f"ended with {code}" if code or health else ""
            if health and not self._ask("exec", name, *health).returncode:
                return ""
            if time.monotonic() > end:
                return f"not healthy in {deadline_s:g} s" if health else ""
            time.sleep(PAUSE_S)

    def _unlike(self, seen: Mapping[str, Any], wanted: Service) -> str:
        """Name what a running container does not have of its definition, or nothing."""
        config = seen["Config"]
        began, environment = config.get("Entrypoint") or "", set(config.get("Env") or ())
        if not isinstance(began, str):
            began = " ".join(began)
        known = self._ask("image", "inspect", "--format", "{{.Id}}", wanted.image)
        told = {
            "image": known.stdout.decode().strip() == seen["Image"],
            "entrypoint": not wanted.entrypoint or began == " ".join(wanted.entrypoint),
            "command": not wanted.command or config.get("Cmd") == list(wanted.command),
            "environment": environment.issuperset(
                f"{name}={value}" for name, value in wanted.environment.items()
            ),
            "user": not wanted.user or config.get("User") == wanted.user,
            "folder": not wanted.working_dir or config.get("WorkingDir") == wanted.working_dir,
            "root": seen["HostConfig"]["ReadonlyRootfs"] == wanted.read_only,
        }
        return next((what for what, same in told.items() if not same), "")

    def _seen(self, name: str) -> dict[str, Any]:
        done = self._ask("inspect", "--type", "container", name)
        if done.returncode:
            raise CannotRun(f"podman: {_fault(done)}")
        seen: dict[str, Any] = json.loads(done.stdout)[0]
        return seen

    def _ask(
        self, verb: str, *words: str, deadline_s: float = CALL_S
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [*self._command, verb, *words], env=dict(self._environ), cwd="/",
                stdin=subprocess.DEVNULL, capture_output=True, timeout=deadline_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(verb, 1, b"", b"no answer in time")


@contextmanager
def podman(images: Path, environ: Mapping[str, str]) -> Iterator[Podman]:
    """Lend Podman with the images of every archive (`*.tar`) of a folder."""
    program = shutil.which("podman", path=environ.get("PATH"))
    if program is None:
        raise CannotRun("podman is not installed; apt-get install podman runc")
    passed = {name: environ[name] for name in ("PATH", "HOME", "LANG") if name in environ}
    folder = Path(tempfile.mkdtemp(prefix="exitkit-podman-"))
    lent = Podman(
        [program, "--root", str(folder / "root"), "--runroot", str(folder / "run"),
         "--tmpdir", str(folder / "tmp"), "--storage-driver", "vfs",
         "--cgroup-manager", "cgroupfs", "--events-backend", "none"],
        {**passed, "TMPDIR": str(folder)},
    )  # fmt: skip
    try:
        for archive in sorted(images.glob("*.tar")):
            lent.load(archive)
        yield lent
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _options(service: Service) -> Iterator[str]:
    yield from (
        "--detach", "--pull", "never", "--network", "none", "--timeout", str(LIFE_S),
        "--log-driver", "none", "--security-opt", "no-new-privileges",
        "--memory", MEMORY, "--pids-limit", str(PROCESSES),
        "--ulimit", f"nofile={OPEN_FILES}", "--ulimit", f"nproc={PROCESSES}",
    )  # fmt: skip
    if service.entrypoint:
        yield from ("--entrypoint", json.dumps(list(service.entrypoint)))
    for name, value in sorted(service.environment.items()):
        yield f"--env={name}={value}"
    for folder in service.folders:
        yield f"--tmpfs={folder}"
    if service.user:
        yield f"--user={service.user}"
    if service.working_dir:
        yield f"--workdir={service.working_dir}"
    if service.read_only:
        yield "--read-only"


def _fault(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").splitlines()
    told = next((line for line in lines if line.startswith("Error")), f"code {done.returncode}")
    return told.removeprefix("Error: ")[:_FAULT_CHARACTERS]
