"""Print the least permissions a source needs, ready to hand to whoever grants them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from exitkit.cli.output import workspace_option
from exitkit.errors import InputError
from exitkit.knowledge.aws_catalog import STANDARD, load_catalog
from exitkit.knowledge.aws_policy import (
    POLICIES_OF_A_ROLE,
    QUOTAS,
    actions_for,
    caller_policy,
    policy_documents,
)
from exitkit.knowledge.aws_role import ROLE_NAME, cloudformation_template, terraform_configuration
from exitkit.knowledge.host_commands import command_lines, sudoers_fragment
from exitkit.workspace.files import load_workspace
from exitkit.workspace.schema_faults import suggest

AZURE = """\
Assign the built-in role Reader on each subscription (or on a management group above them):
  az role assignment create --assignee <application id> --role Reader \\
     --scope /subscriptions/<subscription id>
It reads configuration and role assignments, no keys and no data.
Only for `sign_ins: true`, the application permissions AuditLog.Read.All and User.Read.All of
Microsoft Graph, which an administrator of the tenant consents to."""

NETWORK = """\
A login that may run the show commands of its platform, and nothing else; on Cisco IOS:
  privilege exec level 5 show running-config view full
  username exitkit privilege 5 secret <password>
See knowledge/platforms/<platform>.yaml for the exact commands of each platform."""


HOSTS = """\
# A login of its own, without a password, by key; nothing is written on the host, and nothing but
# these commands is run there. "sudo -n" marks those that see more as root; where sudo refuses one,
# it is run as the user, and the ledger says what may be missing.
"""


FORMATS = ("managed", "cloudformation", "terraform")


@click.command
@click.argument("source", type=click.Choice(["aws", "azure", "network", "hosts"]))
@workspace_option
@click.option(
    "--source", "source_id", metavar="ID",
    help="For the settings of this source of exitkit.yaml: services, depth, organization.",
)  # fmt: skip
@click.option(
    "--service", "services", multiple=True, metavar="PATTERN",
    help="As in services: of exitkit.yaml; repeat it. Default: everything.",
)  # fmt: skip
@click.option("--no-data", is_flag=True, help="Leave out reading objects, items and code.")
@click.option("--thorough", is_flag=True, help="Add what `snapshot --thorough` calls beside.")
@click.option(
    "--compact", is_flag=True,
    help="Fewer characters: `List*` and `Describe*` also where they allow more harmless calls.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="managed", show_default=True,
    help="Policies as JSON Lines, or a template with the role they belong to.",
)  # fmt: skip
@click.option(
    "--caller",
    is_flag=True,
    help="Print what the caller needs beside: to list the organization and to enter its accounts.",
)
def command(
    source: str,
    root: Path,
    source_id: str | None,
    services: tuple[str, ...],
    *,
    no_data: bool,
    thorough: bool,
    compact: bool,
    form: str,
    caller: bool,
) -> None:
    """Print the least permissions for a type of SOURCE.

    For aws: IAM policies as JSON Lines, one managed policy a line, none longer than IAM accepts;
    or a CloudFormation template or Terraform configuration with role, trust and policies. A
    wildcard stands only where every action it matches is needed. None of them lets anybody write,
    and none reads a secret.
    """
    if source == "hosts":
        _show_hosts()
        return
    if source != "aws":
        click.echo(AZURE if source == "azure" else NETWORK)
        return
    settings = _settings(root, source_id) if source_id else {}
    catalog = load_catalog()
    if caller:
        _show(caller_policy(catalog, _role_name(settings, source_id)))
        return
    patterns = services or tuple(settings.get("services") or ["*"])
    heard = tuple(settings.get("witnesses") or ())
    actions = actions_for(
        catalog,
        patterns,
        data=not no_data,
        witnesses=heard,
        thorough=thorough or bool(settings.get("thorough")),
        depth=settings.get("depth", STANDARD) if source_id else "full",
        versions=settings.get("object_versions") == "fetch",
    )
    if form == "managed":
        documents = list(policy_documents(actions, compact=compact))
        for document in documents:
            _show(document)
        if len(documents) > POLICIES_OF_A_ROLE:
            click.echo(_TOO_MANY.format(len(documents)), err=True)
        return
    template = cloudformation_template if form == "cloudformation" else terraform_configuration
    click.echo(json.dumps(template(actions, compact=compact), indent=1))


def _show_hosts() -> None:
    """Print the commands one by one, and the sudoers file that allows the marked ones only."""
    click.echo(HOSTS)
    for line in command_lines():
        click.echo(f"# {line}")
    click.echo()
    click.echo(sudoers_fragment(), nl=False)


_TOO_MANY = (
    f"{{}} policies; a role carries {POLICIES_OF_A_ROLE} by default ({QUOTAS}): have that quota"
    " raised, or use --format cloudformation, which adds the rest inline, or --compact"
)


def _show(document: Mapping[str, Any]) -> None:
    click.echo(json.dumps(document, separators=(",", ":")))


def _settings(root: Path, source_id: str) -> Mapping[str, Any]:
    sources = {one.id: one for one in load_workspace(root).sources if one.type == "aws"}
    if source_id not in sources:
        raise InputError(f'no aws source "{source_id}"; {suggest(source_id, sorted(sources))}')
    return sources[source_id].settings


def _role_name(settings: Mapping[str, Any], source_id: str | None) -> str:
    if source_id and "organization" not in settings:
        raise InputError(f"{source_id} has no organization: in exitkit.yaml; leave out --caller")
    return str(settings.get("organization", {}).get("role_name", ROLE_NAME))
