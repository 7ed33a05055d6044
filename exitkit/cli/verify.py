"""Verify a bundle: bytes, seal, records, completeness, and say each level reached."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, show_json, workspace_option
from exitkit.cli.subjects import chosen_bundle, workspace_if_any
from exitkit.store.verify import Verification, verify_bundle
from exitkit.workspace.layout import Workspace

WORDS = {
    "holds": "yes",
    "fails": "NO",
    "not-trusted": "not by a key you trust",
    "not-reached": "not reached",
}


@click.command(name="verify")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@click.option("--trust", "trusted", multiple=True, metavar="PEM", type=click.Path(path_type=Path),
              help="A public key you trust; may be given more than once. "
                   "Default: signing.trust of the workspace.")  # fmt: skip
@workspace_option
@json_option
def command(bundle: Path | None, trusted: tuple[Path, ...], root: Path, as_json: bool) -> int:
    """Check BUNDLE (default: the newest of the workspace) level by level.

    A key inside a bundle proves nothing, so only keys given from outside are trusted. Exit codes:
    0 all holds, 1 invalid, 4 intact but not signed by a trusted key, 5 intact with declared holes.
    """
    workspace = workspace_if_any(root, needed=bundle is None)
    path = chosen_bundle(bundle, workspace, root)
    keys = trusted or (_present_keys(workspace) if workspace else ())
    verification = verify_bundle(path, keys)
    if as_json:
        _print_json(path, verification)
    else:
        _print_text(path, verification, keys)
    return verification.exit_code


def _present_keys(workspace: Workspace) -> tuple[Path, ...]:
    """Return the workspace's trusted keys; before `keygen` there are none to trust."""
    return tuple(key for key in workspace.trusted_keys if key.is_file())


def _print_text(path: Path, verification: Verification, keys: tuple[Path, ...]) -> None:
    click.secho(str(path), bold=True)
    if verification.bundle:
        click.echo(verification.bundle)
    width = max(len(level.question) for level in verification.levels)
    for level in verification.levels:
        click.echo(f"{level.level}  {level.question.ljust(width)}  {WORDS[level.outcome]}")
    for fault in verification.faults:
        click.echo(f"fault: {fault.level} {fault.where}: {fault.what}", err=True)
    for hole in verification.holes:
        click.echo(f"hole: {hole}: fetch.txt says that it is elsewhere", err=True)
    click.echo(_conclusion(verification, keys))


def _conclusion(verification: Verification, keys: tuple[Path, ...]) -> str:
    if verification.faults:
        return "INVALID: do not rely on this bundle."
    if not verification.signers and not verification.key_ids:
        return "Intact, but nobody sealed it."
    if not verification.signers:
        named = ", ".join(verification.key_ids)
        known = "none of the keys you trust" if keys else "you named no key to trust (--trust PEM)"
        return f"Intact, but sealed with {named}: {known}."
    sealed = f"sealed with {', '.join(verification.signers)}, which you trust"
    if verification.holes:
        return f"Intact with {len(verification.holes)} declared holes, {sealed}."
    return f"Intact, {sealed}."


def _print_json(path: Path, verification: Verification) -> None:
    show_json(
        {
            "path": str(path),
            "bundle": verification.bundle,
            "levels": [
                {"level": level.level, "question": level.question, "outcome": level.outcome}
                for level in verification.levels
            ],
            "faults": [
                {"level": fault.level, "where": fault.where, "what": fault.what}
                for fault in verification.faults
            ],
            "holes": list(verification.holes),
            "signers": list(verification.signers),
            "keyIds": list(verification.key_ids),
            "exitCode": verification.exit_code,
        }
    )
