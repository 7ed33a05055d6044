"""Scan one script: its language, its class, and the lines that say why, with secrets masked."""

from __future__ import annotations

from dataclasses import dataclass

from exitkit.assess.script_findings import findings_of, portability_of
from exitkit.drivers.data_documents import read_document
from exitkit.drivers.syntax_trees import GRAMMARS, Inner, Reading, pieces_of, read_tree
from exitkit.knowledge.script_languages import (
    BINARY,
    STATE,
    TEXT,
    interpreter_of,
    language_of,
    unparsed_languages,
)
from exitkit.knowledge.script_rules import (
    CREDENTIAL,
    NO_PARSER,
    STATE_VALUES,
    UNREADABLE,
    Fragment,
)
from exitkit.model.holdings import Finding
from exitkit.store.script_secrets import mask_script
from exitkit.store.terraform_state import mask_state

LARGEST_PARSED = 512 * 1024
DEEPEST_INNER = 3
YAML_LANGUAGES = frozenset(
    {"yaml", "json", "arm", "cloudformation", "ansible", "github-actions", "gitlab-ci",
     "azure-pipelines"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScannedScript:
    """What a script is; `body` is its bytes with secrets masked, `credentials` how many lines."""

    language: str
    portability: str
    findings: tuple[Finding, ...]
    body: bytes
    credentials: int

    @property
    def is_script(self) -> bool:
        """Whether it is in a language at all, or a mere text or binary file."""
        return self.language not in (TEXT, BINARY)


def scan_script(path: str, body: bytes, key: bytes) -> ScannedScript:
    """Read a script without running any of it; whatever is wrong with it ends as a finding."""
    language = language_of(path, body)
    if language == STATE:
        return _scan_state(path, body, key)
    masked = mask_script(body, language, key)
    reading = Reading() if language == BINARY else _read(language, masked.text)
    if interpreter := interpreter_of(body):
        reading.fragments.append(Fragment(language, "interpreter", 1, interpreter))
    told = [(line, CREDENTIAL) for line in masked.credentials]
    told += [(line, UNREADABLE) for line in reading.faults]
    if language in unparsed_languages():
        told.append((1, NO_PARSER))
    findings = tuple(findings_of(path, reading.fragments, masked.lines, told))
    return ScannedScript(
        language, portability_of(findings), findings, masked.body, len(masked.credentials)
    )


def _scan_state(path: str, body: bytes, key: bytes) -> ScannedScript:
    held = mask_state(body, key)
    lines = held.decode("utf-8").split("\n")
    told = [(1, STATE_VALUES)] if b"\n" in held else [(1, UNREADABLE)]
    reading = _lines_of(STATE, held.decode("utf-8"))
    findings = tuple(findings_of(path, reading.fragments, lines, told))
    return ScannedScript(STATE, portability_of(findings), findings, held, 0)


def _read(language: str, text: str) -> Reading:
    if len(text) > LARGEST_PARSED:
        reading = _lines_of(language, text)
        reading.faults.append(1)
        return reading
    reading = _one(language, text)
    waiting = [(inner, 1) for inner in reading.inner]
    while waiting:
        inner, depth = waiting.pop(0)
        below = _one(inner.language, inner.text)
        reading.fragments += [_moved(one, inner) for one in below.fragments if one.place != "text"]
        reading.faults += _faults_inside(inner, below)
        if depth < DEEPEST_INNER:
            waiting += [
                (Inner(one.language, one.text, one.lines_before + inner.lines_before), depth + 1)
                for one in below.inner
            ]
    return reading


def _one(language: str, text: str) -> Reading:
    if language in GRAMMARS:
        return read_tree(language, text)
    if language in YAML_LANGUAGES:
        return read_document(language, text)
    return _lines_of(language, text)


def _lines_of(language: str, text: str) -> Reading:
    return Reading(
        [
            Fragment(language, "text", number, piece)
            for number, line in enumerate(text.split("\n"), 1)
            for piece in pieces_of(line)
        ]
    )


def _moved(fragment: Fragment, inner: Inner) -> Fragment:
    line = fragment.line + inner.lines_before
    return Fragment(fragment.language, fragment.place, line, fragment.text)


def _faults_inside(inner: Inner, below: Reading) -> list[int]:
    # Templates (`{{ }}`, `${{ }}`) inside a script are filled in before its interpreter sees it.
    if any(mark in inner.text for mark in ("{{", "${", "<%", "$(")):
        return []
    return [line + inner.lines_before for line in below.faults]
