"""Take secret values out of text before anything is written down."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from exitkit.store.pattern_hints import Hint, hint_of, runs_of

CREDENTIAL_PATTERNS: tuple[str, ...] = (
    # Each has one group named `secret`; everything around it stays readable.
    r"(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----)",
    r"\b(?P<secret>(?:AKIA|ASIA)[0-9A-Z]{16})\b",
    r"(?i)aws_?secret_?(?:access_?)?key[\"']?\s*[=:]\s*[\"']?(?P<secret>[A-Za-z0-9/+=]{40})",
    r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,})\b",
    r"\b(?P<secret>glpat-[A-Za-z0-9_-]{20,})\b",
    r"\b(?P<secret>xox[abpr]-[A-Za-z0-9-]{10,})\b",
    r"\b(?P<secret>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})",
    r"(?i)\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]{1,200}:(?P<secret>[^\s/@]+)@",
    r"(?i)\bAccountKey=(?P<secret>[A-Za-z0-9+/=]{20,})",
    r"(?i)\bauthorization:\s*(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/=-]{8,})",
    (
        r"(?i)(?:password|passwd|pwd|secret|token|api[_-]?key)[\"']?\s*(?:=|:)\s*"
        r"(?P<quote>[\"']?)(?!<masked:|\$|\{\{|[\"']|None\b|null\b|true\b|false\b)"
        r"(?P<secret>[^\s\"',;]{4,})(?P=quote)"
    ),
)
"""What credentials look like in any text: keys, tokens, URLs with passwords, assignments."""


APART = "\n\x00\n"
"""Stands between lines that do not follow each other; no match of a hinted pattern gets to it."""


def mask(secret: str, key: bytes) -> str:
    """Return a mask that changes when the secret changes and says nothing else about it."""
    digest = hmac.new(key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return f"<masked:{digest[:8]}>"


@dataclass(frozen=True, slots=True)
class Redactor:
    """Replace what `patterns` find by masks.

    A pattern's group named `secret` is the secret (else group 1, else the whole match).
    """

    patterns: Sequence[str]
    key: bytes

    def apply(self, text: str) -> str:
        """Return `text` without secrets; applying it again changes nothing."""
        for patterns, hint in runs_of(tuple(self.patterns)):
            text = self._after(patterns, hint, text)
        return text

    def _after(self, patterns: Sequence[str], hint: Hint | None, text: str) -> str:
        """Apply patterns in turn to the lines that could hold a match of any of them."""
        spans = None if hint is None or APART in text else hint.spans(text)
        if spans == []:
            return text
        if spans is not None:
            kept = APART.join(text[start:end] for start, end in spans)
            masked = self._each(patterns, kept)
            # A secret over several lines draws lines together that a later pattern looks at.
            if masked.count("\n") == kept.count("\n"):
                return _put_back(text, spans, masked.split(APART))
        return self._each(patterns, text)

    def _each(self, patterns: Sequence[str], text: str) -> str:
        for pattern in patterns:
            text = self._without(pattern, text)
        return text

    def _without(self, pattern: str, text: str) -> str:
        """Replace in the lines that could hold a match, which gives the same and is far faster."""
        hint = hint_of(pattern)
        spans = None if hint is None else hint.spans(text)
        if spans is None:
            return re.sub(pattern, self._masked, text, flags=re.MULTILINE)
        lines = [
            re.sub(pattern, self._masked, text[start:end], flags=re.MULTILINE)
            for start, end in spans
        ]
        return _put_back(text, spans, lines)

    def _masked(self, match: re.Match[str]) -> str:
        group: str | int = 0
        if "secret" in match.re.groupindex:
            group = "secret"
        elif match.re.groups:
            group = 1
        secret = match.group(group)
        if not secret or secret.startswith("<masked:"):
            return match.group(0)
        start, end = match.span(group)
        start, end = start - match.start(), end - match.start()
        whole = match.group(0)
        return whole[:start] + mask(secret, self.key) + whole[end:]


def _put_back(text: str, spans: Sequence[tuple[int, int]], lines: Sequence[str]) -> str:
    parts, at = [], 0
    for (start, end), line in zip(spans, lines, strict=True):
        parts += [text[at:start], line]
        at = end
    return "".join((*parts, text[at:]))
