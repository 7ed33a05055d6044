"""Say what ties a script to where it runs now, line by line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

import yaml

from exitkit.model.holdings import Finding

PORTABLE, ADAPT, REWRITE = "portable", "adapt", "rewrite"
LONGEST_EXCERPT = 160
CREDENTIAL = "credential-in-clear"


@dataclass(frozen=True, slots=True)
class ScriptRule:
    """One pattern; `portability` is what a line that matches needs: `adapt` or `rewrite`."""

    id: str
    portability: str
    title: str
    pattern: re.Pattern[str]


@cache
def script_rules() -> tuple[ScriptRule, ...]:
    """Return every rule, in the order of the file."""
    return tuple(
        ScriptRule(row["id"], row["portability"], row["title"], re.compile(row["pattern"]))
        for row in _document()["rules"]
    )


def findings_of(path: str, masked: str) -> Iterator[Finding]:
    """Yield what the rules find in a text whose secrets are masked already."""
    for number, line in enumerate(masked.splitlines(), 1):
        excerpt = line.strip()[:LONGEST_EXCERPT]
        if "<masked:" in line:
            yield Finding(path, number, CREDENTIAL, excerpt)
        for rule in script_rules():
            if rule.pattern.search(line):
                yield Finding(path, number, rule.id, excerpt)


def portability_of(findings: Iterable[Finding]) -> str:
    """Return the worst that any finding asks for."""
    needs = {rule.id: rule.portability for rule in script_rules()} | {CREDENTIAL: ADAPT}
    asked = {needs[finding.rule] for finding in findings}
    return REWRITE if REWRITE in asked else ADAPT if ADAPT in asked else PORTABLE


def language_of(path: str, body: bytes) -> str:
    """Return the language of a file by its first line or its name; `text` or `binary` else."""
    first = body[:200].split(b"\n", 1)[0]
    if first.startswith(b"#!"):
        program = first.decode("latin-1").split("/")[-1].removeprefix("env ").split()[0]
        return {"sh": "shell", "bash": "shell"}.get(program, program.rstrip("0123456789."))
    suffix = PurePosixPath(path).suffix.lower()
    known = _document()["languages"].get(suffix)
    return str(known) if known else "binary" if b"\0" in body[:8000] else "text"


def main_language(languages: Iterable[str]) -> str:
    """Return the language most files are in."""
    counted = Counter(languages)
    return min(counted, key=lambda name: (-counted[name], name)) if counted else "text"


@cache
def _document() -> dict[str, Any]:
    text = (files("exitkit.knowledge") / "script_rules.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document
