"""Say how portable the scripts of a folder are, without a workspace."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exitkit import plugins
from exitkit.cli.output import json_option, show_json, show_table
from exitkit.errors import EXIT_CLEAN, EXIT_FOUND, InputError
from exitkit.knowledge.script_rules import PORTABLE, script_rules
from exitkit.report.visible import on_one_line

if TYPE_CHECKING:
    from exitkit.drivers.script_folder import FolderScript

NEEDS = ("tree_sitter:scripts",)


@click.command(name="scan")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--rules", is_flag=True, help="List the rules, and scan nothing.")
@json_option
def command(path: Path | None, *, rules: bool, as_json: bool) -> int:
    """Class the scripts below PATH: portable, adapt, rewrite, or unknown where nobody can tell.

    Every class comes with the lines that say why. Nothing is run, links are not followed, and
    credentials are shown as masks. The exit code is 1 where a script is not portable.
    """
    if rules:
        _show_rules(as_json=as_json)
        return EXIT_CLEAN
    if path is None:
        raise InputError("scan: no PATH; name a folder or a file")
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; check the path")
    plugins.require(NEEDS, "scan")
    from exitkit.drivers.script_folder import scan_folder

    scanned = scan_folder(path, secrets.token_bytes(32))
    found = sorted((one for one in scanned if one.script.is_script), key=lambda one: one.path)
    counts = Counter(one.script.portability for one in found)
    if as_json:
        show_json({"scripts": [_document(one) for one in found], "counts": counts})
    else:
        for one in found:
            for line in _lines(one):
                click.echo(line)
        told = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
        click.echo(f"{len(found)} scripts: {told}" if found else "no scripts")
    return EXIT_CLEAN if set(counts) <= {PORTABLE} else EXIT_FOUND


def _lines(one: FolderScript) -> Iterator[str]:
    yield f"{one.script.portability:<8}  {on_one_line(one.path)} ({one.script.language})"
    for finding in one.script.findings:
        rule = script_rules()[finding.rule]
        yield f"    line {finding.line}: {rule.title} [{finding.rule}, {rule.portability}]"
        if finding.excerpt:
            yield f"        {on_one_line(finding.excerpt)}"


def _document(one: FolderScript) -> Mapping[str, Any]:
    rules = script_rules()
    return {
        "path": one.path,
        "language": one.script.language,
        "portability": one.script.portability,
        "findings": [
            {
                "line": finding.line,
                "rule": finding.rule,
                "portability": rules[finding.rule].portability,
                "title": rules[finding.rule].title,
                "remedy": rules[finding.rule].remedy,
                "excerpt": finding.excerpt,
            }
            for finding in one.script.findings
        ],
    }


def _show_rules(*, as_json: bool) -> None:
    rules = script_rules().values()
    if as_json:
        show_json(
            [
                {"id": r.id, "portability": r.portability, "title": r.title, "remedy": r.remedy}
                for r in rules
            ]
        )
        return
    show_table(("rule", "asks for", "title"), [(r.id, r.portability, r.title) for r in rules])
