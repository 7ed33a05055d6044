"""Mask credentials in scripts by what a literal is in their language, line by line."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cache

from exitkit.knowledge.script_rules import credential_patterns
from exitkit.store.redact import CREDENTIAL_PATTERNS, mask

# In these a value without quotes is an expression (`token = os.environ["T"]`), never a secret.
QUOTING = frozenset(
    {"python", "powershell", "javascript", "typescript", "tsx", "terraform", "bicep", "groovy",
     "json", "arm", "ruby", "go", "java", "csharp", "php"}
)  # fmt: skip
_NAMED = r"(?i)(?:password|passwd|pwd|secret|token|api[_-]?key)"
_QUOTED = (
    _NAMED + r"\w{0,40}[\"']?\]?\s*(?::\s*\w+\s*=|:=|=>|=|:)\s*(?P<quote>[\"'])"
    r"(?!<masked:|\$[({\w]|\{\{|\[|%\w+%|<[A-Za-z_ -]+>)(?P<secret>[^\"'\n]{4,})(?P=quote)"
)
_BARE = (
    _NAMED + r"[\"']?\s*(?:=|:)\s*(?P<quote>[\"']?)"
    r"(?!<masked:|\$|`|!|\?|&|\*|\{\{|\[|[\"']|(?:None|null|true|false|yes|no)\b)"
    r"(?P<secret>[^\s\"',;`]{4,})(?P=quote)"
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class MaskedScript:
    """A script without its secrets; `lines` are where they were, `credentials` line numbers.

    `text` is what it says, secrets included: for parsers only.
    """

    body: bytes
    text: str
    lines: tuple[str, ...]
    credentials: tuple[int, ...]


def mask_script(body: bytes, language: str, key: bytes) -> MaskedScript:
    """Take the secrets out of a script."""
    encoding = _encoding_of(body)
    text = body.decode(encoding)
    readable = body.decode("utf-8", "replace") if encoding == "latin-1" else text
    found = _secrets(text, language)
    masked = _without(text, found, key, keep_lines=False)
    aligned = _without(text, found, key, keep_lines=True)
    if encoding == "latin-1":
        aligned = aligned.encode("latin-1").decode("utf-8", "replace")
    starts = sorted({text.count("\n", 0, start) + 1 for start, _ in found})
    again = body if not found else _encoded(masked, encoding, body)
    return MaskedScript(again, readable, tuple(aligned.split("\n")), tuple(starts))


def _secrets(text: str, language: str) -> list[tuple[int, int]]:
    """Return where secrets stand, none inside another, in order."""
    spans: list[tuple[int, int]] = []
    for pattern in _patterns(language in QUOTING):
        for match in pattern.finditer(text):
            start, end = match.span("secret")
            if end > start and not text.startswith("<masked:", start):
                spans.append((start, end))
    apart: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart


def _without(text: str, found: list[tuple[int, int]], key: bytes, *, keep_lines: bool) -> str:
    parts, last = [], 0
    for start, end in found:
        secret = text[start:end]
        parts += [text[last:start], mask(secret, key)]
        if keep_lines:
            parts.append("\n" * secret.count("\n"))
        last = end
    return "".join((*parts, text[last:]))


@cache
def _patterns(quoting: bool) -> tuple[re.Pattern[str], ...]:
    *plain, _ = CREDENTIAL_PATTERNS  # the last one is about assignments in text of any kind
    own = [_QUOTED] if quoting else [_QUOTED, _BARE]
    return tuple(
        re.compile(pattern, re.MULTILINE) for pattern in (*plain, *own, *credential_patterns())
    )


def _encoding_of(body: bytes) -> str:
    # Windows writes PowerShell as UTF-16; Latin-1 gives every other byte back.
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            try:
                body.decode(encoding)
            except UnicodeDecodeError:
                return "latin-1"
            return encoding
    return "latin-1"


def _encoded(text: str, encoding: str, body: bytes) -> bytes:
    if encoding != "utf-16":
        return text.encode(encoding)
    byte_order = "utf-16-le" if body.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    return body[:2] + text.encode(byte_order)
