"""Check that the documents say what the code does; `--write` writes the generated ones anew."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from portability_page import portability_page

from exitkit.cli.main import exitkit

ROOT = Path(__file__).parent.parent
COMMANDS = ROOT / "docs/commands.md"
PORTABILITY = ROOT / "docs/portability.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
HEAD = """\
# Commands

Written by `tools/check_docs.py --write` from the commands themselves; `make docs-check` compares.
"""


def main() -> int:
    """Print every fault on a line of its own."""
    generated = {
        COMMANDS: HEAD + "".join(_sections(exitkit, "exitkit")),
        PORTABILITY: portability_page(),
    }
    if "--write" in sys.argv:
        for path, text in generated.items():
            path.write_text(text, encoding="utf-8")
    faults = [*_readme_faults(), *_schema_faults(), *_link_faults(), *_requirement_faults()]
    for path, text in generated.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            name = path.relative_to(ROOT)
            faults.append(f"{name}: not what the code says; tools/check_docs.py --write")
    for fault in faults:
        print(fault)
    print(f"{len(DOCUMENTS)} documents, {len(faults)} faults")
    return 1 if faults else 0


def _commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=name)
    for child in group.list_commands(context):
        command = group.get_command(context, child)
        if command is not None:
            yield f"{name} {child}", command
            if isinstance(command, click.Group):
                yield from _commands(command, f"{name} {child}")


def _sections(group: click.Group, name: str) -> Iterator[str]:
    """Write each command our own way: click's layout changes from release to release."""
    for full_name, command in _commands(group, name):
        if isinstance(command, click.Group):
            continue
        pieces = " ".join(p.human_readable_name for p in command.params if _is_argument(p))
        yield f"\n## {full_name}\n\n`{full_name} [OPTIONS]{f' {pieces}' if pieces else ''}`\n"
        for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
            yield f"\n{' '.join(paragraph.split())}\n"
        rows = [_option_row(p) for p in command.params if isinstance(p, click.Option)]
        if rows:
            yield "\n| option | does |\n|---|---|\n" + "".join(rows)


def _is_argument(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Argument)


def _option_row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    choices = ""
    if isinstance(option.type, click.Choice):
        choices = f" One of {', '.join(map(str, option.type.choices))}."
    return f"| {names} | {option.help or ''}{choices} |\n"


def _readme_faults() -> Iterator[str]:
    """The README's table names every command there is, and none that is not."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = set(
        re.findall(r"^\| `([a-z][a-z-]*(?: [a-z]+)?)(?![a-z-])[^`]*` \|", text, re.MULTILINE)
    )
    there = {
        name.removeprefix("exitkit ")
        for name, command in _commands(exitkit, "exitkit")
        if not isinstance(command, click.Group)
    }
    yield from (f"README.md: no row for the command `{name}`" for name in sorted(there - rows))
    yield from (f"README.md: there is no command `{name}`" for name in sorted(rows - there))


def _schema_faults() -> Iterator[str]:
    """Every schema that ships is told of: records in the format, the others by file name."""
    told = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    bundle_format = (ROOT / "docs/format.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "exitkit/schemas").glob("*.schema.json")):
        if path.name not in told:
            yield f"docs: nothing says what {path.name} is for"
    for path in sorted((ROOT / "exitkit/schemas/records").glob("*.schema.json")):
        if not re.search(rf"\b{path.name.partition('.')[0]}", bundle_format):
            yield f"docs/format.md: does not say what {path.name} is for"


def _link_faults() -> Iterator[str]:
    """Every relative link leads somewhere."""
    for document in DOCUMENTS:
        text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if "://" not in target and not (document.parent / target).exists():
                yield f"{document.relative_to(ROOT)}: the link {target} leads nowhere"


def _requirement_faults() -> Iterator[str]:
    """Every file that docs/requirements.md names exists (a test looks after its rules)."""
    path = ROOT / "docs/requirements.md"
    if not path.exists():
        yield "docs/requirements.md: not there"
        return
    text = path.read_text(encoding="utf-8")
    for named in sorted(set(re.findall(r"`((?:exitkit|tests|docs)/[\w/.-]+)`", text))):
        if not (ROOT / named).exists():
            yield f"docs/requirements.md: {named} is not there"


if __name__ == "__main__":
    sys.exit(main())
