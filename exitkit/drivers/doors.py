"""Try a door that somebody had, and count as closed only one that says no while others answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exitkit.drivers.programs import Answer, ask_program, is_argv
from exitkit.model.run import ItemResult
from exitkit.ports import StepContext

DOOR_RESULTS = ("equal", "different", "missing")
"""What a door is in the words of a comparison: closed as planned, open, not to be told."""


def door_problems(doors: Any) -> Iterator[str]:
    """Yield what is missing; a plan without a door would always find all of them closed."""
    if not isinstance(doors, list) or not doors:
        yield "doors: missing; list every access the provider has"
        return
    for number, door in enumerate(doors, start=1):
        if not isinstance(door, dict) or not door.get("name"):
            yield f"doors: number {number} has no name"
            continue
        for part in ("try", "control"):
            if not is_argv(door.get(part)):
                yield f"doors: {door['name']}: {part}: not a list; write [program, argument]"
        if not _is_pattern(door.get("refusal")):
            yield f"doors: {door['name']}: refusal: not a regular expression"


def tried_doors(
    doors: Sequence[Mapping[str, Any]], context: StepContext, env: Sequence[str]
) -> list[ItemResult]:
    """Try each door and its control, and say of each whether it is closed."""
    items = []
    for door in doors:
        control = ask_program(door["control"], context, env)
        tried = ask_program(door["try"], context, env)
        items.append(_judged(door, tried, control))
    return items


def _judged(door: Mapping[str, Any], tried: Answer, control: Answer) -> ItemResult:
    name = f"door {door['name']}"
    if tried.code == 0:
        return ItemResult(name, "different", "the provider still gets in")
    if control.code != 0:
        return ItemResult(name, "missing", f"its control ended with {control.code}: not reachable")
    said = (tried.output + b"\n" + tried.errors).decode("utf-8", "replace")
    if re.search(str(door["refusal"]), said) is None:
        return ItemResult(name, "missing", f"ended with {tried.code} without the refusal")
    return ItemResult(name, "equal", "refused")


def _is_pattern(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        re.compile(value)
    except re.error:
        return False
    return True
