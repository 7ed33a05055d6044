"""Find a command by its file name, run it, and turn any fault into one line and an exit code."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from exitkit.cli.interrupts import ending, unwinding, was_interrupted
from exitkit.errors import EXIT_CANNOT_RUN, EXIT_CLEAN, EXIT_INPUT, EXIT_INTERRUPTED, ExitkitError

FOLDER = Path(__file__).parent
# A file of this folder is a command when it defines `command` at its top level.
_DEFINES_COMMAND = re.compile(r"^(?:def command\(|command\b.*=)", re.MULTILINE)
LONGEST_MESSAGE = 1000
_OPENING = re.compile(r'\A"""(.+?)(?:"""|\n)')


class CommandFolder(click.Group):
    """A group whose commands are files; one is imported only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands of the folder, without importing any."""
        return sorted(_spoken(path) for path in _command_files())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the file of one command; failing that, ask what is installed beside us."""
        path = FOLDER / f"{cmd_name.replace('-', '_')}.py"
        if path in _command_files():
            with ending:
                module = importlib.import_module(f"exitkit.cli.{path.stem}")
            command: click.Command = module.command
            return command
        return _from_outside(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Answer a misspelt command with the nearest one that exists."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f'no command "{args[0]}"; {_nearest(args[0])}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the opening sentence of each file."""
        rows = [(_spoken(path), _opening(path)) for path in _command_files()]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


@click.command(
    cls=CommandFolder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit codes: 0 clean, 1 ran and found something, 2 wrong input, 3 could not run, "
        "4 intact but not signed by a trusted key, 5 intact with declared holes, 130 interrupted."
    ),
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False,
              callback=lambda ctx, _, wanted: _show_version(ctx) if wanted else None,
              help="Show the version and exit.")  # fmt: skip
@click.pass_context
def exitkit(ctx: click.Context) -> None:
    """Prove that you could leave your IT provider, and leave on the day you do."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main() -> None:
    """Run the command line and end the process."""
    from exitkit.cli.output import guard_terminals

    guard_terminals()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; the one boundary where faults become a line."""
    try:
        with unwinding:
            result = exitkit.main(list(arguments), prog_name="exitkit", standalone_mode=False)
        return result if isinstance(result, int) else EXIT_CLEAN
    except ExitkitError as fault:
        return _say(str(fault), fault.exit_code)
    except click.exceptions.NoArgsIsHelpError as fault:
        click.echo(fault.format_message(), err=True)
        return EXIT_INPUT
    except click.ClickException as fault:
        return _say(" ".join(fault.format_message().split()), EXIT_INPUT)
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader (`head`, a pager) left; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_CLEAN
    except OSError as fault:
        if os.environ.get("EXITKIT_DEBUG"):
            raise
        named = f"{fault.filename}: " if fault.filename else ""
        return _say(
            f"{named}{fault.strerror or fault}; check disk and permissions", EXIT_CANNOT_RUN
        )
    except Exception as fault:
        if was_interrupted(fault):
            return _say("interrupted", EXIT_INTERRUPTED)
        # A bug. Uncaught it would end with code 1, which means "ran, and found something".
        if os.environ.get("EXITKIT_DEBUG"):
            raise
        return _say(
            f"internal fault ({type(fault).__name__} at {_where(fault)}); "
            "EXITKIT_DEBUG=1 shows the trace for a report",
            EXIT_CANNOT_RUN,
        )


def _command_files() -> list[Path]:
    return [
        path
        for path in sorted(FOLDER.glob("[a-z]*.py"))
        if path.name != "main.py" and _DEFINES_COMMAND.search(path.read_text(encoding="utf-8"))
    ]


def _spoken(path: Path) -> str:
    return path.stem.replace("_", "-")


def _opening(path: Path) -> str:
    match = _OPENING.match(path.read_text(encoding="utf-8"))
    return match[1] if match else ""


def _from_outside(name: str) -> click.Command | None:
    from importlib.metadata import entry_points

    for point in entry_points(group="exitkit.cli", name=name):
        command: click.Command = point.load()
        return command
    return None


def _nearest(name: str) -> str:
    import difflib

    names = [_spoken(path) for path in _command_files()]
    near = difflib.get_close_matches(name, names, n=1)
    return f'did you mean "{near[0]}"?' if near else "`exitkit --help` lists them"


def _show_version(ctx: click.Context) -> None:
    from importlib.metadata import version

    click.echo(f"exitkit {version('exitkit-reversibility')}")
    ctx.exit()


def _where(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if not trace:
        return "an unknown place"
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _say(message: str, code: int) -> int:
    """Write one line, whatever names of files and members the message quotes, and no secret."""
    from exitkit.report.visible import on_one_line
    from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

    message = Redactor(CREDENTIAL_PATTERNS, os.urandom(32)).apply(message)
    if len(message) > LONGEST_MESSAGE:
        # What is quoted is shortened; the next move stands at the end.
        message = f"{message[: LONGEST_MESSAGE // 2]} ... {message[-LONGEST_MESSAGE // 2 :]}"
    click.echo(f"exitkit: {on_one_line(message)}", err=True)
    return code
