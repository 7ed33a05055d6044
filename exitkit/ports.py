"""State the whole extension API: what a plugin gets, and what it must give back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from exitkit.model.asset import Asset, Relation
from exitkit.model.holdings import Access, Automation, Dataset, License
from exitkit.model.ledger import Call
from exitkit.model.plan import Mode, Step
from exitkit.model.run import Outcome
from exitkit.model.verdict import Aspect, Draft, Gap
from exitkit.store.budget import Budget

Finding = Asset | Relation | Call | Draft | Gap | Access | License | Automation | Dataset
"""What a collector or an extractor yields, in any order; a Draft or Gap may precede its Asset."""


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of `sources:` in exitkit.yaml, validated by its schema.

    `settings` is the entry without `id` and `type`; relative paths in it start at `base`.
    """

    id: str
    type: str
    settings: Mapping[str, Any]
    base: Path


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of `targets:`: foreign ground that only a rehearsal or an exit writes to."""

    id: str
    type: str
    settings: Mapping[str, Any]
    base: Path


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds the host sets for every plugin, so that none can hang or fill the disk."""

    call_deadline_s: int = 60
    workers: int = 32
    inline_data_bytes: int = 256 * 1024 * 1024
    max_file_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Context:
    """What the engine lends a collector or an extractor.

    `now` is the instant stamped on what is observed; `spool` a private folder for large bytes
    (a `Content` may point into it); `mask_key` keys the masks of secrets (store/redact.py), so
    that a changed secret shows as a changed mask; `budget` hands out `limits.inline_data_bytes`
    among all extractors of a source; `progress` takes one short line for people. `kept` is a folder
    that outlives a run that is cut short: a collector finds there what it kept in that run.
    """

    now: dt.datetime
    spool: Path
    mask_key: bytes
    environ: Mapping[str, str]
    limits: Limits = field(default_factory=Limits)
    progress: Callable[[str], None] = lambda line: None
    budget: Budget = field(default_factory=Budget)
    kept: Path | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `exitkit doctor`: what was looked at, whether it holds, the next move if not."""

    subject: str
    ok: bool
    detail: str
    next_move: str = ""


@runtime_checkable
class Collector(Protocol):
    """Take stock of one type of source, read-only.

    Every call made ends as a `Call`; whatever is found ends as an `Asset`. Failures of the source
    are Calls with the outcome that says so, never exceptions.
    """

    type: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    """Modules it cannot work without, as `module:extra` (`boto3:aws`)."""

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield everything found and every call made."""
        ...

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name what this source is, so that no rehearsal writes to it.

        Strings of the form `endpoint:http://127.0.0.1:5000`, `aws-account:123456789012`,
        `ssh-host-key:SHA256:...`, `azure-subscription:...`, `postgres-system:7301...`.
        """
        ...

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Say what is missing before it hurts: SDK, credentials, permissions, reachability."""
        ...


@runtime_checkable
class Extractor(Protocol):
    """Fetch what one aspect of some native types holds beyond its configuration."""

    native_types: ClassVar[tuple[str, ...]]
    aspect: ClassVar[Aspect]
    needs: ClassVar[tuple[str, ...]]

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield one Draft or Gap for the aspect, with the Calls made and a Dataset if any."""
        ...


@dataclass(frozen=True, slots=True)
class StepContext:
    """What the run engine lends a step, in a child process of its own.

    `attempt_dir` is private to the attempt; files left there become evidence. `bundle` is the
    sealed bundle the run restores from. `earlier` holds the outcomes of the steps that already
    succeeded, by step id. `idempotency_key` is equal for every attempt of the same step.
    """

    run: str
    mode: Mode
    workspace: Path
    attempt_dir: Path
    bundle: Path
    targets: Mapping[str, Target]
    sources: Mapping[str, Source]
    earlier: Mapping[str, Outcome]
    idempotency_key: str
    environ: Mapping[str, str]
    progress: Callable[[str], None] = lambda line: None


@runtime_checkable
class StepKind(Protocol):
    """One kind of step of an exit plan."""

    kind: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    reversible: ClassVar[bool]
    """False: a rehearsal shows the step and refuses to run it."""

    def problems(self, step: Step) -> Iterator[str]:
        """Say what is wrong with the step's params, before anything starts."""
        ...

    def run(self, step: Step, context: StepContext) -> Outcome:
        """Do the work; must be safe to run again with the same idempotency key."""
        ...

    def undo(self, step: Step, touched: Mapping[str, Any], context: StepContext) -> Outcome:
        """Take back what `run` did, also after a run cut short; safe to run again.

        `touched` is that of the recorded outcome, or empty where none was recorded: then find out
        from `attempt_dir` (write down what you are about to touch before you touch it).
        """
        ...

    def probe(self, step: Step, context: StepContext) -> bool:
        """Tell whether an attempt whose end was not recorded had done all its work."""
        ...


@runtime_checkable
class DryRuns(Protocol):
    """A kind of step that can find out what it would do, beyond what the plan says of it."""

    def has_dry_run(self, step: Step) -> bool:
        """Tell whether this step can."""
        ...

    def dry_run(self, step: Step, context: StepContext) -> Outcome:
        """Say what `run` would do; write nothing outside `attempt_dir`, connect only to read."""
        ...


@runtime_checkable
class Restorer(Protocol):
    """Put one kind of thing back somewhere else, read it back, and take it away again.

    The `restore` and `compare` step kinds find a restorer by `what`; targets by `target_types`.
    """

    what: ClassVar[str]
    """`objects`, `database`, `network-configuration`, `files` ..."""
    target_types: ClassVar[tuple[str, ...]]
    needs: ClassVar[tuple[str, ...]]

    def identities(self, target: Target, environ: Mapping[str, str]) -> frozenset[str]:
        """Name what the target is, in the words of `Collector.identities`."""
        ...

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """List what is on the target now, one sorted line per thing, with a content digest."""
        ...

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Restore from `context.bundle`; measure items, bytes and time; say what was touched."""
        ...

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Read back and compare item by item with the bundle; proofs only where all is equal."""
        ...

    def undo(
        self, step: Step, touched: Mapping[str, Any], target: Target, context: StepContext
    ) -> Outcome:
        """Leave the target as it was before `restore`."""
        ...
