"""Make a workspace to fill in: exitkit.yaml, contract, exit plan, inventories and playbooks."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.knowledge.milestones import PROFILES
from exitkit.workspace.scaffold import SOURCE_TYPES, write_workspace


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--series", help="The name its bundles carry. Default: the name of DIR.")
@click.option("--source", "sources", multiple=True, type=click.Choice(SOURCE_TYPES),
              help="A type of source to start with; repeatable. Default: aws.")  # fmt: skip
@click.option("--profile", type=click.Choice(PROFILES), default=None,
              help="Write the exit plan with milestones M0 to M15: an outsourcing of six months "
                   "(complex), of 90 days (short), or a switch under the Data Act.")  # fmt: skip
def command(
    folder: Path, series: str | None, sources: tuple[str, ...], profile: str | None
) -> None:
    """Write a commented workspace into DIR, which must be new or empty.

    Nothing is contacted. The other types of source are there as comments.
    """
    written = write_workspace(
        folder, series=series, sources=sources or ("aws",), profile=profile or ""
    )
    for path in written:
        click.echo(folder / path)
    click.echo(f"\nNext: edit {folder / 'exitkit.yaml'}, then, in {folder}:")
    click.echo("  exitkit keygen     make the key that seals your bundles")
    click.echo("  exitkit doctor     see what is missing")
    click.echo("  exitkit snapshot   take the first one")
