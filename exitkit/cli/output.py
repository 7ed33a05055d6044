"""Show results: text for people, JSON for programs, progress only where somebody watches."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

import click

from exitkit.errors import InputError
from exitkit.report.visible import on_one_line, visible
from exitkit.store.files import write_atomically

_OPERATORS_FILES = frozenset({"exitkit.yaml", "contract.yaml", "exit-plan.yaml"})

json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")
workspace_option = click.option(
    "-w", "--workspace", "root", default=".", show_default=True, metavar="DIR",
    type=click.Path(path_type=Path), help="The folder that holds exitkit.yaml.",
)  # fmt: skip


def lang_option(about: str) -> Callable[[Any], Any]:
    """Return the option that chooses the language of what is written for people."""
    # Loaded here: this file is read at every start, and the words need YAML.
    from exitkit.report.language import LANGUAGES

    return click.option(
        "--lang", type=click.Choice(LANGUAGES), default=LANGUAGES[0], show_default=True,
        help=f"The language of {about}.",
    )  # fmt: skip


def show_json(value: Any) -> None:
    """Write one JSON document, members in order of name."""
    click.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str))


def show_event(event: str, **data: Any) -> None:
    """Write one JSON line, for commands that report while they run."""
    click.echo(event_line(event, **data))


def event_line(event: str, **data: Any) -> str:
    """Return the JSON line of an event."""
    return json.dumps({"event": event, **data}, sort_keys=True, ensure_ascii=False, default=str)


def show_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write aligned columns; the last one may be as long as it likes."""
    cells = [tuple(map(str, headings)), *(tuple(map(on_one_line, row)) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings) - 1)]
    for number, row in enumerate(cells):
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        line = "  ".join([*padded, row[-1]]).rstrip()
        click.secho(line, bold=True) if number == 0 else click.echo(line)


def show_facts(facts: Mapping[str, object]) -> None:
    """Write `name  value` lines with the values aligned."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        click.echo(f"{name.ljust(width)}  {on_one_line(value)}")


def write_output(path: Path, data: bytes) -> None:
    """Write what a command was told to put at `path`, and never over evidence or a workspace.

    What is no plain file (`/dev/stdout`, a pipe) is written into, not replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    real = path.resolve()
    for folder in real.parents:
        if any((folder / name).is_file() for name in ("bagit.txt", "journal.db")):
            raise InputError(f"{path}: inside {folder.name}, which is evidence; write elsewhere")
    if real.name in _OPERATORS_FILES and real.is_file():
        raise InputError(f"{path}: a file of the workspace; name another one")
    if path.exists() and not path.is_file():
        path.write_bytes(data)
    else:
        write_atomically(real, data)


class Screen:
    """A terminal that hostile names cannot steer: it is written to, and shows, text and our styles.

    Files and pipes get every byte as it is.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal

    def write(self, text: str) -> int:
        """Write `text` with control and direction characters spelled out."""
        parts = _OUR_STYLES.split(text)
        # Every other part is a style of ours; what lies between comes from anywhere.
        parts[::2] = map(visible, parts[::2])
        return self._terminal.write("".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)


_OUR_STYLES = re.compile("(\x1b\\[(?:0|1|3[0-7])m|\r\x1b\\[K)")


def guard_terminals() -> None:
    """Put a `Screen` before standard output and error where they are terminals.

    What is closed leads nowhere: a file opened later would get its number, and our words with it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - kept
        elif name != "stdin" and stream.isatty():
            setattr(sys, name, Screen(stream))


class Unheard:
    """A stream whose reader may leave (`head`, a terminal that is closed): words are lost then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write `text`, to nobody where nobody is left."""
        with self._unless_left():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written."""
        with self._unless_left():
            self._stream.flush()

    @contextmanager
    def _unless_left(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            if fault.errno not in (errno.EPIPE, errno.EIO):
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def whoever_listens() -> Iterator[None]:
    """Go on with the work inside though the reader of what it says has left."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", Unheard(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class Progress:
    """Tell what goes on: one line that is rewritten on a terminal, JSON lines with `--json`.

    Anywhere else (cron, a pipe) it says nothing. Threads may call it.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._terminal = sys.stderr.isatty() and not as_json
        self._lock = threading.Lock()

    def __call__(self, subject: str, line: str) -> None:
        """Show that `subject` (a source, a step) has come to `line`."""
        with self._lock:
            if self._as_json:
                show_event("progress", subject=subject, line=line)
            elif self._terminal:
                width = shutil.get_terminal_size().columns - 1
                sys.stderr.write(f"\r\x1b[K{on_one_line(f'{subject}: {line}')[:width]}")
                sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
