"""Read YAML and JSON scripts into paths and values by events; tags and aliases do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from exitkit.drivers.syntax_trees import LONGEST_TEXT, Inner, Reading, pieces_of
from exitkit.knowledge.script_rules import Fragment

DEEPEST = 200
_JSON_COMMENT = re.compile(r"(?m)^\s*//.*$")
_TAG = re.compile(r"^!(\w+)$")
# Members whose value is a script, by the language of the document, and the language of that script.
_SHELL_MEMBERS = {
    "github-actions": re.compile(r"/run$"),
    "gitlab-ci": re.compile(r"(?:^|/)(?:before_script|script|after_script)(?:/\d+)*$"),
    "azure-pipelines": re.compile(r"/(?:script|bash|inlineScript)$"),
    "ansible": re.compile(r"/(?:ansible\.builtin\.)?(?:shell|command|raw)(?:/cmd)?$"),
    # Build specifications of CodeBuild and documents of Systems Manager.
    **dict.fromkeys(
        ("yaml", "json"),
        re.compile(r"^phases/\w+/commands/\d+$|^mainSteps/\d+/inputs/runCommand/\d+$"),
    ),
}
_OTHER_MEMBERS = (
    ("azure-pipelines", re.compile(r"/(?:pwsh|powershell)$"), "powershell"),
    (
        "ansible",
        re.compile(r"/(?:ansible\.windows\.)?win_(?:shell|powershell)(?:/script)?$"),
        "powershell",
    ),
)
_LAMBDA = re.compile(r"/Code/ZipFile$")


def read_document(language: str, text: str) -> Reading:
    """Return the pieces of a YAML or JSON file; what is no YAML leaves its line as a fault."""
    walk = _Walk(language, _plain(text) if text.lstrip().startswith(("{", "[")) else text)
    try:
        for event in yaml.parse(walk.text, Loader=yaml.SafeLoader):
            walk.take(event)
            if len(walk.stack) > DEEPEST:
                walk.fault(event.start_mark)
                break
    except yaml.MarkedYAMLError as error:
        walk.fault(error.problem_mark)
    except yaml.YAMLError:
        walk.fault(None)
    walk.lines()
    return walk.reading


def _plain(text: str) -> str:
    """Make JSON what YAML reads too: no tabs, no comment lines; every line stays where it was."""
    return _JSON_COMMENT.sub("", text.replace("\t", " "))


@dataclass(slots=True)
class _Level:
    """One open mapping (`key` is the member being read) or sequence (`count` of items so far)."""

    is_mapping: bool
    key: str | None = None
    count: int = 0


@dataclass(slots=True)
class _Walk:
    language: str
    text: str
    reading: Reading = field(default_factory=Reading)
    stack: list[_Level] = field(default_factory=list)
    covered: dict[int, int] = field(default_factory=dict)
    blocks: list[tuple[int, int]] = field(default_factory=list)

    def take(self, event: Any) -> None:
        match event:
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._enter(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.stack.pop()
                self._leave()
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.AliasEvent():
                self._leave()

    def fault(self, mark: Any) -> None:
        self.reading.faults.append(mark.line + 1 if mark else 1)

    def lines(self) -> None:
        """Add every line, parted into what is data and what is a comment."""
        inside = {row for start, end in self.blocks for row in range(start, end)}
        for row, line in enumerate(self.text.split("\n")):
            data, comment = line, ""
            if row not in inside and "#" in line:
                found = re.compile(r"(?:^|(?<=\s))#").search(line, self.covered.get(row, 0))
                if found:
                    data, comment = line[: found.start()], line[found.start() :]
            for piece in pieces_of(data):
                self._add("text", row + 1, piece)
            if comment:
                self._add("comment", row + 1, comment)

    def _enter(self, event: Any) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if self.stack and self.stack[-1].is_mapping and self.stack[-1].key is None:
            self.stack[-1].key = "?"  # a key that is no scalar
        self.stack.append(_Level(is_mapping))

    def _leave(self) -> None:
        """A value is complete: the next scalar of a mapping is a key again."""
        if self.stack:
            top = self.stack[-1]
            top.key, top.count = None, top.count + 1

    def _scalar(self, event: Any) -> None:
        start, end = event.start_mark, event.end_mark
        if event.style in ("|", ">"):
            self.blocks.append((start.line + 1, end.line))
        self.covered[end.line] = max(end.column, self.covered.get(end.line, 0))
        top = self.stack[-1] if self.stack else None
        if top and top.is_mapping and top.key is None:
            top.key = event.value
            self._add("key", start.line + 1, self._path())
            return
        path = self._path()
        if tag := _TAG.match(event.tag or ""):
            # The short forms of CloudFormation: `!Sub text` means {"Fn::Sub": text}.
            self._add("key", start.line + 1, f"{path}/Fn::{tag[1]}")
        self._add("member", start.line + 1, f"{path}: {event.value}")
        self._inner(path, event)
        self._leave()

    def _inner(self, path: str, event: Any) -> None:
        before = event.start_mark.line + (event.style in ("|", ">"))
        language = self._language_inside(path, event.value)
        if language:
            self.reading.inner.append(Inner(language, event.value, before))

    def _language_inside(self, path: str, value: str) -> str:
        shell = _SHELL_MEMBERS.get(self.language)
        if shell and shell.search(path):
            return "shell"
        for language, pattern, inside in _OTHER_MEMBERS:
            if language == self.language and pattern.search(path):
                return inside
        if self.language == "cloudformation" and _LAMBDA.search(path):
            return "python" if re.search(r"(?m)^\s*(?:def |import \w)", value) else "javascript"
        if value.startswith("#!"):
            return "python" if "python" in value.partition("\n")[0] else "shell"
        return ""

    def _path(self) -> str:
        parts: Iterator[str] = (
            (level.key or "") if level.is_mapping else str(level.count) for level in self.stack
        )
        return "/".join(part for part in parts)[-LONGEST_TEXT:]

    def _add(self, place: str, line: int, text: str) -> None:
        cut = text if place == "text" else text[:LONGEST_TEXT]
        self.reading.fragments.append(Fragment(self.language, place, line, cut))
