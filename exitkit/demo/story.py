"""Tell the whole story on the demo estate, with the commands a user would type, and check it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exitkit.demo.estate import Estate
from exitkit.demo.holdings import Holdings, answer_of
from exitkit.engine.journals import open_journal, run_folders
from exitkit.engine.state import fold
from exitkit.engine.step_state import StepProgress, StepState
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, CannotRun, ExitkitError
from exitkit.report.amounts import span_words
from exitkit.store.files import write_atomically
from exitkit.store.reader import open_bundle

INPUTS = ("keys", "git", "scripts", "papers", "declared")
"""What was there before exitkit ran; everything else in the workspace is its output."""
ANSWER = """acknowledgements:
  - source: prod
    operation: {operation}
    reason: Snapshots of this database are the provider's own; asked for on the ticket.
    by: the demo
    on: {on}
    until: {until}
"""


@dataclass(slots=True)
class Story:
    """One telling: `say` takes lines for people, `faults` are the checks that did not hold."""

    root: Path
    estate: Estate
    secrets: tuple[str, ...]
    today: dt.date
    say: Callable[[str], None]
    faults: list[str] = field(default_factory=list)

    def tell(self) -> bool:
        """Run every chapter; True when the story ran and every check held."""
        self.chapter("Make the key that seals")
        self.run("keygen", quiet=True)
        self.chapter("Take stock (one call is refused, on purpose)")
        self.run("snapshot", expect=EXIT_FOUND)
        self.check(self.refused() == {self.estate.refused}, "exactly the planted call is refused")
        self.say(f"  the refusal of {self.estate.refused} is answered for in exitkit.yaml")
        self.acknowledge()
        self.chapter("Take stock again")
        self.run("snapshot")
        self.check_expected()
        self.chapter("What the estate holds beside the clouds")
        Holdings(self, open_bundle(self.root / "bundles" / "demo-000002")).tell()
        self.chapter("Verify the bundle")
        self.run("verify", "bundles/demo-000002")
        self.chapter("What cannot leave")
        self.run("gaps", "bundles/demo-000002", quiet=True)
        self.chapter("Check the contract")
        self.run("contract", "check", expect=EXIT_FOUND, quiet=True)
        self.chapter("Rehearse on foreign ground")
        self.rehearse()
        self.chapter("Verify what the rehearsal sealed, and report")
        self.run("verify", "bundles/demo-000003")
        self.run("report", self.run_name(), quiet=True)
        self.run("report", self.run_name(), "--format", "json", quiet=True)
        self.check(self.rehearsed(), "what was proved is `rehearsed` in the sealed bundle")
        self.check(not list(self.leaks()), "no planted secret is in any output")
        return not self.faults

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self.say(f"\n{title}")

    def check(self, holds: bool, what: str) -> None:
        """Say what was checked; a check that does not hold fails the demo."""
        self.say(f"  {'ok   ' if holds else 'FAULT'} {what}")
        if not holds:
            self.faults.append(what)

    def run(self, *arguments: str, expect: int = EXIT_CLEAN, quiet: bool = False) -> str:
        """Run one command in the workspace and hold its exit code to what is expected."""
        self.say(f"  $ exitkit {' '.join(arguments)}")
        process = self.start(arguments, quiet=quiet)
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            # Ctrl-C reached the command too: it stops and undoes; wait for it to have done so.
            process.communicate()
            raise
        if quiet:
            last = [line for line in output.splitlines() if line.strip()][-3:]
            self.say("\n".join(f"    {line[:160]}" for line in last))
        if process.returncode != expect:
            self.check(False, f"exit code {expect} of `exitkit {arguments[0]}`: it was "
                              f"{process.returncode}")  # fmt: skip
        return output

    def asked(self, *arguments: str, expect: int = EXIT_CLEAN) -> Mapping[str, Any]:
        """Run a reading command with --json and return what it answers."""
        self.say(f"  $ exitkit {' '.join(arguments)} --json")
        process = self.start((*arguments, "--json"), quiet=True)
        output, _ = process.communicate()
        if process.returncode != expect:
            self.check(False, f"exit code {expect} of `exitkit {arguments[0]}`: it was "
                              f"{process.returncode}")  # fmt: skip
        return answer_of(output)

    def start(self, arguments: tuple[str, ...], *, quiet: bool) -> subprocess.Popen[str]:
        """Start one command as a child of its own, as a user's shell would."""
        return subprocess.Popen(
            [sys.executable, "-m", "exitkit", *arguments],
            cwd=self.root, env=dict(self.estate.environ), text=True,
            stdout=subprocess.PIPE if quiet else None,
        )  # fmt: skip

    def rehearse(self) -> None:
        """Rehearse, and sign the acceptance while the rehearsal waits for it."""
        self.say("  $ exitkit rehearse --yes")
        process = self.start(("rehearse", "--yes"), quiet=False)
        try:
            waiting = self.wait_for_approval(process)
            if waiting:
                self.say("  the demo signs the acceptance as itself, with the workspace's key")
                key = ("--key", "keys/exitkit.pem", "--by", "the demo")
                self.run("approve", self.run_name(), waiting, *key)
            process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise
        code = process.returncode
        self.check(code == EXIT_CLEAN, f"the rehearsal proved every milestone (exit code {code})")

    def wait_for_approval(self, process: subprocess.Popen[str]) -> str:
        """Return the step that waits to be approved, or nothing when the rehearsal ended."""
        while process.poll() is None:
            for name, step in self.steps_of_run().items():
                if step.progress is StepProgress.WAITING:
                    return name
            time.sleep(0.2)
        return ""

    def steps_of_run(self) -> Mapping[str, StepState]:
        """Where the steps of the run stand; none while its journal is only being made."""
        for folder in run_folders(self.root / "runs"):
            with contextlib.suppress(ExitkitError), open_journal(folder) as journal:
                events = journal.load()
                return fold(events).steps if events else {}
        return {}

    def run_name(self) -> str:
        """The one run of this workspace."""
        names = sorted(path.name for path in (self.root / "runs").iterdir())
        if not names:
            raise CannotRun("the rehearsal left no run; see its message above")
        return names[-1]

    def closing_lines(self) -> list[str]:
        """The five lines that matter, and where the report is."""
        reports = self.root / "reports"
        report = json.loads((reports / f"{self.run_name()}.json").read_bytes())
        levels = {level["code"]: level["figure"]["value"] for level in report["levels"]}
        held = sum(levels.get(level, 0) for level in ("open", "importable", "rehearsed"))
        aspects = sum(levels.values()) - levels.get("not-applicable", 0)
        gaps = {group["party"]: group["figure"]["value"] for group in report["gaps"]}
        parties = ", ".join(f"{party} {count}" for party, count in gaps.items())
        verdicts = [one["verdict"] for one in report["run"]["milestones"]]
        return [
            f"assets      {report['inventory']['total']['value']}",
            (
                f"held        {held} of {aspects} aspects in an open form or better, "
                f"{levels.get('rehearsed', 0)} of them rehearsed"
            ),
            f"gaps        {sum(gaps.values())}, to be removed by: {parties}",
            f"milestones  {_counted(verdicts)}",
            f"exit        {_duration(report['duration'])}",
            f"report      {reports / self.run_name()}.html",
        ]

    def rehearsed(self) -> bool:
        """Whether the bundle that the rehearsal sealed holds what it proved."""
        records = open_bundle(self.root / "bundles" / "demo-000003").records("exportability")
        return any(record["level"] == "rehearsed" for record in records)

    def refused(self) -> set[str]:
        """The operations the first snapshot was refused."""
        calls = open_bundle(self.root / "bundles" / "demo-000001").records("calls")
        return {call["operation"] for call in calls if call["outcome"] == "refused"}

    def acknowledge(self) -> None:
        """Answer for the planted refusal, as an operator would: in writing, with an end."""
        path = self.root / "exitkit.yaml"
        until = self.today + dt.timedelta(days=90)
        answer = ANSWER.format(operation=self.estate.refused, on=self.today, until=until)
        text = path.read_text(encoding="utf-8").replace("acknowledgements: []\n", answer)
        write_atomically(path, text.encode())

    def check_expected(self) -> None:
        """Compare what was found with what was seeded: none missing, none extra."""
        expected = {tuple(row) for row in json.loads((self.root / "expected.json").read_bytes())}
        records = open_bundle(self.root / "bundles" / "demo-000002").records("assets")
        found = {_place(record["provider"]) for record in records}
        missing, extra = sorted(expected - found), sorted(found - expected)
        for row in (*missing, *extra):
            self.say(f"  {'missing' if row in expected else 'extra'}: {' '.join(row)}")
        self.check(found == expected, f"all {len(expected)} seeded assets found, none extra")

    def leaks(self) -> Iterator[str]:
        """Yield every output file that holds a planted secret."""
        needles = [secret.encode() for secret in self.secrets]
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and path.relative_to(self.root).parts[0] not in INPUTS:
                body = path.read_bytes()
                if any(needle in body for needle in needles):
                    self.say(f"  a secret is in {path.relative_to(self.root)}")
                    yield str(path)


def _place(provider: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(provider[key] for key in ("name", "scope", "region", "nativeType", "nativeId"))


def _counted(verdicts: list[str]) -> str:
    words = (("proved", "proved"), ("missed", "missed"), ("not-tested", "not tested"))
    return ", ".join(f"{verdicts.count(verdict)} {word}" for verdict, word in words)


def _duration(duration: Mapping[str, Any]) -> str:
    """Say the extrapolated exit against the contract; what nobody measured stays open."""
    allowed = f"against {duration['allowed']['value']} of the contract"
    low, high = (duration.get(end, {}).get("value") for end in ("lowMs", "highMs"))
    if low is None:
        return f"time unknown: nothing was measured, {allowed}"
    if high is None:
        unmeasured = ", ".join(duration["unmeasured"])
        return (
            f"{span_words(low, 'en')} of transfer at least, "
            f"no upper end ({unmeasured}: not measured), {allowed}"
        )
    return f"{span_words(low, 'en')} to {span_words(high, 'en')} of transfer, {allowed}"
