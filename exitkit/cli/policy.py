"""Print the least permissions a source needs, ready to hand to whoever grants them."""

from __future__ import annotations

import json

import click

AZURE = """\
Assign the built-in role Reader on each subscription (or on a management group above them):
  az role assignment create --assignee <application id> --role Reader \\
     --scope /subscriptions/<subscription id>
It reads configuration and role assignments, no keys and no data."""

NETWORK = """\
A login that may run the show commands of its platform, and nothing else; on Cisco IOS:
  privilege exec level 5 show running-config view full
  username exitkit privilege 5 secret <password>
See knowledge/platforms/<platform>.yaml for the exact commands of each platform."""


@click.command
@click.argument("source", type=click.Choice(["aws", "azure", "network"]))
@click.option(
    "--service", "services", multiple=True, metavar="PATTERN",
    help="As in services: of exitkit.yaml; repeat it. Default: everything.",
)  # fmt: skip
@click.option("--no-data", is_flag=True, help="Leave out reading objects, items and code.")
def command(source: str, services: tuple[str, ...], no_data: bool) -> None:
    """Print the least permissions for a type of SOURCE.

    For aws: IAM policies as JSON Lines, one managed policy a line, none longer than IAM accepts.
    None of them lets anybody write, and none reads a secret.
    """
    if source != "aws":
        click.echo(AZURE if source == "azure" else NETWORK)
        return
    from exitkit.knowledge.aws_catalog import load_catalog
    from exitkit.knowledge.aws_policy import actions_for, policy_documents

    actions = actions_for(load_catalog(), services or ("*",), data=not no_data)
    for document in policy_documents(actions):
        click.echo(json.dumps(document, separators=(",", ":")))
