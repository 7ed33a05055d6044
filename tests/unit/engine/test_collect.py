"""A source that breaks costs a line of the ledger that says what to mend, and no other source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from exitkit import plugins
from exitkit.engine.collect import collect
from exitkit.model.ledger import Call, CallOutcome
from exitkit.ports import Context, Finding, Limits, Source


class Broken:
    """Yields one line, then fails as its settings say."""

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Fail after the first finding."""
        yield Call(source.id, source.id, "", "made:first", CallOutcome.COLLECTED, 1)
        raise source.settings["fault"]


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        (PermissionError(13, "Permission denied", "{base}/papers/a.csv"), CallOutcome.REFUSED,
         "papers/a.csv: Permission denied"),
        (OSError(5, "Input/output error", "/mnt/share/b.csv"), CallOutcome.UNAVAILABLE,
         "/mnt/share/b.csv: Input/output error"),
        # What else a crash says may quote what it read.
        (ValueError("password=hunter2"), CallOutcome.UNAVAILABLE, "the plugin failed: ValueError"),
        (OSError("hunter2"), CallOutcome.UNAVAILABLE, "the plugin failed: OSError"),
    ],
)  # fmt: skip
def test_a_crash_names_the_file_at_fault_and_keeps_what_was_found(
    fault: Exception, outcome: CallOutcome, reason: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if isinstance(fault, OSError) and fault.filename:
        fault.filename = fault.filename.replace("{base}", str(tmp_path))
    monkeypatch.setattr(plugins, "load_by_name", lambda folder, name: Broken())
    sources = [Source(name, "made", {"fault": fault}, tmp_path) for name in ("one", "two")]
    harvest = collect(
        sources, (), limits=Limits(), now=dt.datetime(2026, 11, 26, tzinfo=dt.UTC),
        spool=tmp_path, mask_key=b"k" * 32, environ={}, progress=lambda subject, line: None,
    )  # fmt: skip
    told = {(call.source, call.operation): call for call in harvest.calls.values()}
    assert told["two", "made:first"].outcome is CallOutcome.COLLECTED
    assert told["one", "made:collect"].outcome is outcome
    assert told["one", "made:collect"].reason == reason
