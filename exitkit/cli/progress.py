"""Show long work as it goes: a table on a terminal, lines in a log, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def source_progress(as_json: bool) -> Iterator[Callable[[str, str], None]]:
    """Yield a callback taking a source id and one short line for people."""
    if as_json:
        yield _json_line
    elif sys.stderr.isatty():
        with _live_table() as show:
            yield show
    else:
        yield lambda source, line: click.echo(f"  {source}: {line}", err=True)


def _json_line(source: str, line: str) -> None:
    sys.stdout.write(
        json.dumps({"event": "progress", "source": source, "line": line}, sort_keys=True) + "\n"
    )
    sys.stdout.flush()


@contextmanager
def _live_table() -> Iterator[Callable[[str, str], None]]:
    # Loaded here: rich would double the time of a command that prints no table.
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    latest: dict[str, str] = {}

    def table() -> Table:
        grid = Table.grid(padding=(0, 2))
        for source, line in latest.items():
            grid.add_row(Text(source, style="bold"), Text(line))
        return grid

    from rich.console import Console

    with Live(console=Console(stderr=True), get_renderable=table, refresh_per_second=8):

        def show(source: str, line: str) -> None:
            latest[source] = line

        yield show
