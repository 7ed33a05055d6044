"""Find a report format by its name: a file of this folder that has `FORMAT` and `render`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Protocol, cast

from exitkit.errors import InputError
from exitkit.report.parts import View


class Format(Protocol):
    """What the file of a format holds."""

    FORMAT: str
    SUFFIX: str

    def render(self, view: View) -> bytes:
        """Return the report as the bytes of one file."""
        ...


def load_format(name: str) -> Format:
    """Return the format called `name`, ours or an installed package's."""
    formats = {found.FORMAT: found for found in _formats()}
    if name not in formats:
        raise InputError(f"no report format {name!r}; use one of {', '.join(sorted(formats))}")
    return formats[name]


def _formats() -> Iterator[Format]:
    package = importlib.import_module("exitkit.report")
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        if hasattr(module, "FORMAT"):
            yield cast("Format", module)
    for point in sorted(entry_points(group="exitkit.report"), key=lambda point: point.name):
        yield cast("Format", point.load())
