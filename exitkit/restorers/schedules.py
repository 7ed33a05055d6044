"""Put cron jobs on a scratch folder as tables a cron reads, check every line, and run what may.

Step params: `{what: schedules, target: <folder target>, assets: {native_type: "Host/CronJob",
names: ["*"]}}`; optional `rename`, `canaries`, `canary_pattern`, and `run: [names]`, patterns of
the jobs that may be run once in the scratch folder with an empty environment (`seconds` each, 60).
Every other job is a dry run: the shell reads it (`sh -n`) and does not execute it. A table is read
back by the parser that reads those of hosts, so schedule, user and command are compared one by one.
When each line would start is compared as well, by the rules of cron and, where this machine has
Debian's cron, libfaketime and root's rights, by a real one that starts nothing of the job's.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

from exitkit.assess.comparison import Canaries, compared
from exitkit.drivers.cron_clock import departures
from exitkit.drivers.host_services import cron
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, Proof
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import Holding, chosen, restored_name
from exitkit.store.local_ground import LocalGround, fill, ground_of
from exitkit.store.paths import segment
from exitkit.store.placed_files import PlacedFile, beside, put, read_back
from exitkit.store.reader import Bundle, open_bundle

TABLE = "crontab"
MASK = "<masked:"
SECONDS = 60
_EVERY = "0 3 */"
_BY_DAYS = {"1": "@daily", "7": "0 3 * * 0"}
_MASKED = re.compile(r"<masked:([0-9a-f]+)>")
_PER_CENT = re.compile(r"(?<!\\)%")


@dataclass(frozen=True, slots=True)
class _Job:
    """A job: a line of a table, or a script that a folder runs."""

    urn: str
    name: str
    folder: str
    schedule: str
    user: str
    command: str
    had_secret: bool
    script: PlacedFile | None = None

    @property
    def label(self) -> str:
        return f"job {self.name}"

    @property
    def words(self) -> str:
        """The command on the one line that a table gives it."""
        return " ".join(self.command.splitlines())


class SchedulesRestorer(LocalGround):
    """Move cron jobs to another host, dry."""

    what: ClassVar[str] = "schedules"
    target_types: ClassVar[tuple[str, ...]] = ("folder",)
    needs: ClassVar[tuple[str, ...]] = ("cronsim:rehearsal",)

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Write tables and scripts, and read them back."""
        jobs, losses = _jobs(open_bundle(context.bundle), step)
        files = _files(jobs)

        def written() -> Iterator[ItemResult]:
            put(files, target)
            for job in jobs:
                yield from _read_back(job, target, None)

        return fill(
            {file.claimed for file in files}, written, target, context, losses=losses,
            what="schedules", count=len(jobs), size_bytes=sum(file.size_bytes for file in files),
            said=f"{len(jobs)} jobs written, {{different}} not as they were",
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Read every line back, have the shell read every command, run what may be run."""
        jobs, losses = _jobs(open_bundle(context.bundle), step)
        canaries = Canaries.of(step.params)
        items: list[ItemResult] = []
        proofs: list[Proof] = []
        ran = 0
        # Before a job is run: what it writes is its own.
        extra = list(beside(_files(jobs), target))
        starts, by_cron = _starts(jobs, target)
        for job, started in zip(jobs, starts, strict=True):
            found = [*_read_back(job, target, canaries), started, *_read_by_shell(job, target)]
            if any(fnmatchcase(job.name, one) for one in step.params.get("run") or ()):
                found.append(_run(job, target, int(step.params.get("seconds") or SECONDS)))
                ran += found[-1].result == "equal"
            items += found
            if all(item.result == "equal" for item in found) and not job.had_secret:
                proofs.append(Proof(job.urn, "configuration"))
        return compared(
            "schedules", [*items, *extra], canaries=canaries, losses=losses, proofs=proofs,
            metrics={"jobs_compared": len(jobs), "jobs_run": ran, "started_by_cron": by_cron},
        )  # fmt: skip


def _jobs(bundle: Bundle, step: Step) -> tuple[Sequence[_Job], tuple[str, ...]]:
    jobs: list[_Job] = []
    losses: list[str] = []
    for holding in chosen(bundle, step):
        config = bundle.native(dict(holding.record))
        place = holding.record["provider"]
        host = f"{place.get('scope', '')}-{str(place['nativeId']).partition('/')[0]}"
        folder = segment(restored_name(step, f"cron-{host}"))
        held = [*holding.paths("script", "native-config")]
        if not held and not config.get("command"):
            losses.append(f"job {holding.name}: its text is not in the bundle")
            continue
        text = str(config.get("command", ""))
        for path in held:
            text += bundle.content_path(path).read_text(encoding="utf-8", errors="replace")
        if MASK in text:
            losses.append(f"job {holding.name}: it held a secret; give it one by reference")
        job = _job(bundle, holding, config, folder, held, MASK in text)
        if job.schedule.startswith(_EVERY):
            losses.append(
                f"job {holding.name}: {config['schedule']}; on a table it counts from each month's"
                " first day"
            )
        jobs.append(job)
    return jobs, tuple(losses)


def _job(
    bundle: Bundle,
    holding: Holding,
    config: Mapping[str, Any],
    folder: str,
    held: Sequence[str],
    had_secret: bool,
) -> _Job:
    schedule, user = str(config.get("schedule", "")), str(config.get("user") or "root")
    if not held:
        # Where the old secret stood the new one is asked for: a job without it does not start.
        command = _MASKED.sub(r"${SECRET_\1:?}", str(config["command"]))
        return _Job(holding.urn, holding.name, folder, _fields(schedule), user, command, had_secret)
    name = segment(str(config.get("path") or holding.name))
    script = PlacedFile(
        holding.urn, f"job {holding.name}", f"{folder}/scripts/{name}",
        bundle.content_path(held[0]), 0o755,
    )  # fmt: skip
    command = f"./scripts/{name}"
    return _Job(
        holding.urn, holding.name, folder, _fields(schedule), user, command, had_secret, script
    )


def _fields(schedule: str) -> str:
    """Return a schedule as a table has it; most numbers of anacron's days have no exact like."""
    if schedule in ("hourly", "daily", "weekly", "monthly"):
        return f"@{schedule}"
    if schedule.startswith("every "):
        days = schedule.split()[1]
        return _BY_DAYS.get(days) or (f"{_EVERY}{days} * *" if days.isdecimal() else schedule)
    return schedule


def _files(jobs: Sequence[_Job]) -> list[PlacedFile]:
    files = [job.script for job in jobs if job.script]
    for folder in sorted({job.folder for job in jobs}):
        lines = [_line(job) for job in jobs if job.folder == folder]
        body = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        files.append(PlacedFile("", f"table {folder}", f"{folder}/{TABLE}", body))
    return files


def _line(job: _Job) -> str:
    return f"{job.schedule} {job.user} {job.words}"


def _table(job: _Job, target: Target) -> str | None:
    """Return the table of a job as it is on the target; None where there is none."""
    path: Path = ground_of(target) / job.folder / TABLE
    if not path.is_file() or path.is_symlink():
        return None
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def _lines(table: str | None) -> list[tuple[str, str, str]]:
    """Return schedule, user and command of each line."""
    rows = cron({"/etc/crontab": table or ""})
    return [(row["schedule"], row["user"], row["command"]) for row in rows]


def _starts(jobs: Sequence[_Job], target: Target) -> tuple[list[ItemResult], bool]:
    """Say for each job whether its line on the target starts when the job has to."""
    lines = {job.folder: _lines(_table(job, target)) for job in jobs}
    found = []
    for job in jobs:
        same = [line[0] for line in lines[job.folder] if line[1:] == (job.user, job.words)]
        # Two lines may run the same command: each is held against its own like.
        found.append(job.schedule if job.schedule in same else "".join(same[:1]))
    faults, by_cron = departures([job.schedule for job in jobs], found)
    results = [
        ItemResult(f"{job.label} starts", "different" if fault else "equal", fault)
        for job, fault in zip(jobs, faults, strict=True)
    ]
    return results, by_cron


def _read_back(job: _Job, target: Target, canaries: Canaries | None) -> Iterator[ItemResult]:
    text = _table(job, target)
    if canaries is not None:
        canaries.expect(job.command.encode("utf-8", "surrogateescape"))
    if text is None:
        yield ItemResult(job.label, "missing")
        return
    if (job.schedule, job.user, job.words) not in _lines(text):
        yield ItemResult(job.label, "different", "no line of the table is this job")
        return
    if canaries is not None:
        canaries.see(text.encode("utf-8", "surrogateescape"))
    yield ItemResult(job.label, "equal")
    if job.script:
        yield read_back(job.script, target, canaries)


def _read_by_shell(job: _Job, target: Target) -> Iterator[ItemResult]:
    label = f"{job.label} read by its shell"
    if job.script:
        path: Path = ground_of(target) / job.script.place
        given = path.read_bytes() if path.is_file() else b""
        first = given[:80].split(b"\n")[0].rstrip()
        if not first.startswith(b"#!") or not first.endswith((b"sh", b"bash", b"dash")):
            return  # another language: only its own interpreter could say
        given = _MASKED.sub("masked", given.decode("latin-1")).encode("latin-1")
        arguments = ["bash" if first.endswith(b"bash") else "sh", "-n"]
    else:
        arguments, given = ["sh", "-n"], _handed(job.command).encode(errors="surrogateescape")
    done = subprocess.run(arguments, input=given, capture_output=True, check=False, timeout=30)
    result = "equal" if done.returncode == 0 else "different"
    yield ItemResult(label, result, "" if result == "equal" else "the shell cannot read it")


def _handed(command: str) -> str:
    """Return what cron hands to the shell: it ends at the first per cent sign not escaped."""
    return _PER_CENT.split(command)[0].replace("\\%", "%")


def _run(job: _Job, target: Target, seconds: int) -> ItemResult:
    """Run a job once where it cannot find anything but the scratch folder by a relative name."""
    label = f"{job.label} run"
    folder = ground_of(target) / job.folder
    command = [f"./{job.script.place.partition('/')[2]}"] if job.script else [
        "sh", "-c", _handed(job.command)
    ]  # fmt: skip
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True,
            check=False, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ItemResult(label, "different", f"not done after {seconds} s")
    except OSError as fault:
        return ItemResult(label, "different", f"cannot be started ({fault.strerror})")
    if done.returncode:
        return ItemResult(label, "different", f"exit code {done.returncode}")
    return ItemResult(label, "equal")
