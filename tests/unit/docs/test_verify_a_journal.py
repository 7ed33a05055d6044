"""The script that docs/verify-a-journal.md shows finds what was changed, and needs no package."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from exitkit.store.journal_file import FileJournal

PAGE = Path(__file__).parents[3] / "docs/verify-a-journal.md"
AT = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(code.splitlines()) <= 20
    path = tmp_path / "verify.py"
    path.write_text(code)
    return path


def check(script: Path, *arguments: str | Path) -> tuple[int, str]:
    # -I -S: neither exitkit nor anything else that is installed.
    command = [sys.executable, "-I", "-S", str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_it_prints_the_head_and_finds_a_change_and_a_missing_end(
    script: Path, tmp_path: Path
) -> None:
    path = tmp_path / "run-1" / "journal.db"
    path.parent.mkdir()
    with FileJournal(path, create=True) as journal:
        heads = [
            journal.append("step.started", at=AT, actor="a", data={"n": n, "é": "ü"}).digest
            for n in range(3)
        ]
    assert check(script, path, heads[1]) == (0, f"3 {heads[2]}\n")
    lines = tmp_path / "events.jsonl"
    bodies = [body for (body,) in sqlite3.connect(path).execute("select body from event")]
    lines.write_text("".join(f"{body}\n" for body in bodies[:2]))
    assert check(script, lines, heads[1])[0] == 0
    assert "not in the journal" in check(script, lines, heads[2])[1]
    lines.write_text("".join(f"{body}\n" for body in bodies).replace('"n":1', '"n":7'))
    assert check(script, lines) == (1, "line 3: not the one after the line before\n")
