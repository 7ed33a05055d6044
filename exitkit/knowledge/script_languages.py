"""Tell the language of a script from its name, its first line and its first members."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from exitkit.knowledge.own_yaml import read_own_yaml

TEXT, BINARY = "text", "binary"
STATE = "terraform-state"
DOCUMENTS = frozenset({"yaml", "json"})
_HEAD = 65536
_TOP = r"^[\"']?(?:{})[\"']?\s*:"
_ARM = re.compile(r"\"\$schema\"\s*:\s*\"[^\"]*(?:deploymentTemplate|DeploymentTemplate)\.json")
_CLOUDFORMATION = re.compile(
    r"AWSTemplateFormatVersion|(?m:^\s*[\"']?Type[\"']?\s*:\s*[\"']?AWS::\w+::\w+)|AWS::Serverless-"
)
_AZURE_PIPELINES = re.compile(r"(?m)^(?:pool|trigger|stages):(?:.|\n)*?^(?:steps|jobs|stages):")
_PLAY = re.compile(r"(?m)^- (?:hosts|name|import_playbook|ansible\.builtin\.\w+):")


def language_of(path: str, body: bytes) -> str:
    """Return the language of a file; `text` where it is none, `binary` where it is no text."""
    named = path.replace("\\", "/")
    for pattern, language in _names():
        if pattern.search(named):
            return language
    if b"\0" in body[:8000] and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return BINARY
    spoken = _by_first_line(body) or _by_suffix(named)
    if spoken not in DOCUMENTS:
        return spoken or TEXT
    return _document_language(body[:_HEAD].decode("utf-8", "replace"), spoken)


def main_language(languages: Iterable[str]) -> str:
    """Return the language most files are in; files that are no scripts count last."""
    counted = Counter(languages)
    scripts = {name for name in counted if name not in (TEXT, BINARY, *DOCUMENTS)}
    ranked = scripts or set(counted)
    return min(ranked, key=lambda name: (-counted[name], name)) if ranked else TEXT


@cache
def unparsed_languages() -> frozenset[str]:
    """Return the languages whose lines can only be searched."""
    return frozenset(_facts()["unparsed"])


@cache
def node_modules() -> frozenset[str]:
    """Return the modules that Node.js brings along."""
    return frozenset(_facts()["node_modules"])


def interpreter_of(body: bytes) -> str:
    """Return what stands behind `#!`, or nothing."""
    first = body[:256].removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    return first[2:].decode("latin-1").strip() if first.startswith(b"#!") else ""


def _by_first_line(body: bytes) -> str:
    words = interpreter_of(body).split()
    if words and words[0].rsplit("/", 1)[-1] == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if not words:
        return ""
    program = words[0].rsplit("/", 1)[-1]
    known = _facts()["programs"]
    return str(known.get(program) or known.get(program.rstrip("0123456789.")) or program)


def _by_suffix(path: str) -> str:
    return str(_facts()["suffixes"].get(PurePosixPath(path).suffix.lower(), ""))


def _document_language(text: str, spoken: str) -> str:
    if _ARM.search(text):
        return "arm"
    if _CLOUDFORMATION.search(text):
        return "cloudformation"
    if spoken == "json":
        return spoken
    if _PLAY.search(text) and re.search(
        r"(?m)^\s+(?:tasks|roles|hosts|become|import_\w+|[a-z_]+\.[a-z_]+\.[a-z_0-9]+):", text
    ):
        return "ansible"
    if _AZURE_PIPELINES.search(text):
        return "azure-pipelines"
    return spoken


@cache
def _names() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(row["pattern"]), row["language"]) for row in _facts()["names"])


@cache
def _facts() -> dict[str, Any]:
    text = (files("exitkit.knowledge") / "script_languages.yaml").read_text(encoding="utf-8")
    facts: dict[str, Any] = read_own_yaml(text)
    return facts
