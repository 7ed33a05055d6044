"""Read what we know of each network operating system: one YAML file, no code per vendor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from exitkit.errors import InputError
from exitkit.knowledge.configuration_sections import Placed, Span, placed
from exitkit.knowledge.network_access import AccessLines
from exitkit.knowledge.own_yaml import read_own_yaml
from exitkit.store.pattern_hints import hint_of, lines_with

NOT_PLAIN = (" \n", "\t\n", "\v", "\f", "\x1c", "\x1d", "\x1e")
"""Blanks at the end of a line, and what ends a line without being a line feed."""
MASK = "<masked:"
"""How a masked secret begins (store/redact.py); a line that holds one cannot be restored."""


@dataclass(frozen=True, slots=True)
class LicenseLines:
    """How the license command's answer reads: `product` begins an item, `fields` follow it."""

    product: re.Pattern[str]
    fields: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    def read(self, text: str) -> Iterator[dict[str, str]]:
        """Yield each license as its named fields."""
        begins = list(self.product.finditer(text))
        for number, begin in enumerate(begins, 1):
            end = begins[number].start() if number < len(begins) else len(text)
            item = {"product": begin["value"].strip()}
            for name, pattern in self.fields.items():
                if found := pattern.search(text, begin.start(), end):
                    item[name] = found["value"].strip()
            yield item


@dataclass(frozen=True, slots=True)
class Platform:
    """One network operating system.

    `structure` says how sections look (`configuration_sections.STRUCTURES`); `before` is typed
    before the configuration is asked for, where the session has to be put into a mode first.
    `commands` has `configuration` and may have `version`, `inventory`, `license`. `last_line` ends
    a whole configuration, where the system prints one. `volatile` lines and `volatile_blocks`
    differ from one look to the next, as do secrets that the system encrypts anew each time
    (`resalted`, with a group named `mask`); `texts` are banners and the like;
    `skip` lines are printed but may not be typed; `not_restored` says for people what a restore of
    the configuration leaves out. In sections that `ordered` matches the order of lines counts;
    lines that `defaults` matches say what goes without saying (assess/device_difference.py).
    `access` says how those who may log in stand in it, and those it opens a tunnel to.
    """

    name: str
    title: str
    vendor: str
    netmiko_type: str
    network_os: tuple[str, ...]
    structure: str
    before: tuple[str, ...]
    commands: Mapping[str, str]
    last_line: str
    rejected: re.Pattern[str]
    forbidden: re.Pattern[str]
    volatile: tuple[re.Pattern[str], ...]
    volatile_blocks: tuple[re.Pattern[str], ...]
    resalted: tuple[re.Pattern[str], ...]
    texts: tuple[Span, ...]
    secrets: tuple[str, ...]
    facts: Mapping[str, re.Pattern[str]]
    license_lines: LicenseLines | None
    restore_method: str
    skip: tuple[re.Pattern[str], ...]
    save: str
    not_restored: tuple[str, ...]
    ordered: tuple[re.Pattern[str], ...]
    defaults: tuple[re.Pattern[str], ...]
    access: tuple[AccessLines, ...]

    def is_whole(self, subject: str, answer: str) -> bool:
        """Tell whether an answer is a configuration that ends as a whole one does."""
        if subject != "configuration" or not self.last_line:
            return False
        body, _, last = answer.rstrip().rpartition("\n")
        return bool(body) and re.fullmatch(self.last_line, last.strip()) is not None

    def without_volatile(self, text: str) -> str:
        """Return a configuration that is equal in two looks at an unchanged device."""
        text = text.replace("\r", "")
        for block in self.volatile_blocks:
            text = block.sub("", text)
        for pattern in self.resalted:
            text = pattern.sub(_alike, text)
        quick = _without_lines(text, self.volatile)
        if quick is not None:
            return quick.strip("\n") + "\n"
        changes = _any_of(self.volatile).search
        kept = [line for line in map(str.rstrip, text.splitlines()) if not changes(line)]
        return "\n".join(kept).strip("\n") + "\n"

    def lines_to_type(self, text: str) -> tuple[str, ...]:
        """Return the lines that put a configuration back, without the masked ones."""
        lines = self.without_volatile(text).splitlines()
        skipped = _any_of(self.skip).search
        return tuple(
            line for line in lines if line.strip() and MASK not in line and not skipped(line)
        )

    def withheld_lines(self, text: str) -> tuple[str, ...]:
        """Return the items that somebody has to type again with a secret we do not hold."""
        return tuple(item for item in self.items(text) if MASK in item)

    def items(self, text: str) -> tuple[str, ...]:
        """Return a configuration as comparable items, each line with the sections it stands in."""
        return tuple(" > ".join((*sections, line)) for sections, line in self.placed(text))

    def placed(self, text: str) -> Iterator[Placed]:
        """Yield each line that may be typed, with the sections around it, outermost first."""
        lines = self.without_volatile(text).splitlines()
        skipped = _any_of(self.skip).search
        return placed((line for line in lines if not skipped(line)), self.structure, self.texts)


@cache
def all_platforms() -> Mapping[str, Platform]:
    """Return every platform by name."""
    folder = files("exitkit.knowledge") / "platforms"
    sources = sorted(
        (f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name
    )
    read = (_platform(read_own_yaml(source.read_text(encoding="utf-8"))) for source in sources)
    return {platform.name: platform for platform in read}


def platform_of(name: str) -> Platform:
    """Return the platform that calls itself `name` or serves that `ansible_network_os`."""
    for platform in all_platforms().values():
        if name == platform.name or name in platform.network_os:
            return platform
    known = ", ".join(sorted(all_platforms()))
    raise InputError(f"no network platform {name!r}; use one of {known}")


def _platform(row: Mapping[str, object]) -> Platform:
    document: dict[str, object] = dict(row)
    restore = _mapping(document["restore"])
    lines = _mapping(document.get("license_lines", {}))
    return Platform(
        name=str(document["name"]),
        title=str(document["title"]),
        vendor=str(document["vendor"]),
        netmiko_type=str(document["netmiko_type"]),
        network_os=_texts(document["network_os"]),
        structure=str(document["structure"]),
        before=_texts(document.get("before", [])),
        commands={key: str(value) for key, value in _mapping(document["commands"]).items()},
        last_line=str(document.get("last_line", "")),
        rejected=re.compile(str(document["rejected"]), re.MULTILINE),
        forbidden=re.compile(str(document["forbidden"]), re.MULTILINE),
        volatile=_patterns(document["volatile"]),
        volatile_blocks=_patterns(document.get("volatile_blocks"), re.MULTILINE),
        resalted=_patterns(document.get("resalted"), re.MULTILINE),
        texts=_spans(document.get("texts")),
        secrets=_texts(document["secrets"]),
        facts=_named_patterns(document["facts"]),
        license_lines=LicenseLines(
            re.compile(str(lines["product"]), re.MULTILINE), _named_patterns(lines["fields"])
        )
        if lines
        else None,
        restore_method=str(restore["method"]),
        skip=_patterns(restore["skip"]),
        save=str(restore["save"]),
        not_restored=_texts(document["not_restored"]),
        ordered=_patterns(document.get("ordered", [])),
        defaults=_patterns(document.get("defaults", [])),
        access=_access(document.get("access")),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _alike(match: re.Match[str]) -> str:
    start, end = (place - match.start() for place in match.span("mask"))
    return f"{match.group(0)[:start]}{MASK}0>{match.group(0)[end:]}"


def _without_lines(text: str, patterns: tuple[re.Pattern[str], ...]) -> str | None:
    """Return plain text without the lines that hold a match; None for text that is not plain.

    Only the lines with a telling word are looked at, which in a long text are a few.
    """
    if not text.isascii() or text[-1:] in " \t" or any(mark in text for mark in NOT_PLAIN):
        return None
    words: set[str] = set()
    for pattern in patterns:
        hint = hint_of(pattern.pattern)
        if hint is None or hint.ignores_case or hint.lines:
            return None
        words.update(hint.words)
    changes = _any_of(patterns).search
    gone = {start: end for word in words for start, end in lines_with(word, text)}
    parts, at = [], 0
    for start in sorted(gone):
        if changes(text[start : gone[start]]):
            parts.append(text[at:start])
            at = gone[start] + 1
    return "".join((*parts, text[at:]))


@cache
def _any_of(patterns: tuple[re.Pattern[str], ...]) -> re.Pattern[str]:
    """Return one pattern that is found where one of `patterns` is; none of them is never found."""
    return re.compile("|".join(f"(?:{p.pattern})" for p in patterns) or "(?!)")


def _patterns(value: object, flags: int = 0) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text, flags) for text in _texts(value))


def _spans(value: object) -> tuple[Span, ...]:
    rows = value if isinstance(value, list) else []
    return tuple((re.compile(row["begin"]), re.compile(row["end"])) for row in rows)


def _access(value: object) -> tuple[AccessLines, ...]:
    rows = value if isinstance(value, list) else []
    return tuple(
        AccessLines(row["type"], _patterns(row["patterns"]), row.get("otherwise", ""))
        for row in rows
    )


def _named_patterns(value: object) -> Mapping[str, re.Pattern[str]]:
    return {name: re.compile(str(p), re.MULTILINE) for name, p in _mapping(value).items()}
