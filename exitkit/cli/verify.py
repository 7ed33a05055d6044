"""Verify a bundle: bytes, seal, records, completeness, and say each level reached."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import json_option, lang_option, show_json, workspace_option
from exitkit.cli.subjects import chosen_bundle, workspace_if_any
from exitkit.report.language import Speech
from exitkit.report.quoted import plain
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
@lang_option("the text")
@json_option
def command(
    bundle: Path | None, trusted: tuple[Path, ...], root: Path, *, lang: str, as_json: bool
) -> int:
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
        _print_text(path, verification, keys, Speech(lang))
    return verification.exit_code


def _present_keys(workspace: Workspace) -> tuple[Path, ...]:
    """Return the workspace's trusted keys; before `keygen` there are none to trust."""
    return tuple(key for key in workspace.trusted_keys if key.is_file())


def _print_text(
    path: Path, verification: Verification, keys: tuple[Path, ...], speech: Speech
) -> None:
    click.secho(str(path), bold=True)
    if verification.bundle:
        click.echo(verification.bundle)
    questions = [plain(level.question, speech.language) for level in verification.levels]
    width = max(map(len, questions))
    for level, question in zip(verification.levels, questions, strict=True):
        said = speech.tell(WORDS[level.outcome])
        click.echo(f"{level.level}  {question.ljust(width)}  {said}")
    for fault in verification.faults:
        what = plain(fault.what, speech.language)
        said = "fault: {level} {where}: {what}"
        click.echo(speech.tell(said, level=fault.level, where=fault.where, what=what), err=True)
    for hole in verification.holes:
        said = "hole: {path}: fetch.txt says that it is elsewhere"
        click.echo(speech.tell(said, path=hole), err=True)
    click.echo(_conclusion(verification, keys, speech))


def _conclusion(verification: Verification, keys: tuple[Path, ...], speech: Speech) -> str:
    if verification.faults:
        return speech.tell("INVALID: do not rely on this bundle.")
    if not verification.signers and not verification.key_ids:
        return speech.tell("Intact, but nobody sealed it.")
    if not verification.signers:
        named = ", ".join(verification.key_ids)
        if keys:
            return speech.tell(
                "Intact, but sealed with {named}: none of the keys you trust.", named=named
            )
        return speech.tell(
            "Intact, but sealed with {named}: you named no key to trust (--trust PEM).", named=named
        )
    named = ", ".join(verification.signers)
    if verification.holes:
        return speech.tell(
            "Intact with {n} declared holes, sealed with {named}, which you trust.",
            n=len(verification.holes), named=named,
        )  # fmt: skip
    return speech.tell("Intact, sealed with {named}, which you trust.", named=named)


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
