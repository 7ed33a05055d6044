"""Show what a reader could not see in a name, so that it cannot say one thing and be another."""

from __future__ import annotations

import unicodedata
from typing import Any

from markupsafe import Markup

HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Character categories that a reader cannot see, or that change the order of what he sees."""


def visible(value: Any) -> Any:
    """Show what cannot be seen: control and direction characters become `⟨U+202E⟩`.

    A name that turns the reading direction around could otherwise say one thing and be another.
    """
    if isinstance(value, Markup) or value is None:
        return value
    return "".join(_shown(character) for character in str(value))


def on_one_line(value: Any) -> str:
    """Show what cannot be seen, line feeds and tabs too: a name may not write a line of its own."""
    return "".join(_hidden(character) for character in str(value))


def _shown(character: str) -> str:
    return character if character in "\n\t" else _hidden(character)


def _hidden(character: str) -> str:
    if unicodedata.category(character) not in HIDDEN:
        return character
    return f"⟨U+{ord(character):04X}⟩"
