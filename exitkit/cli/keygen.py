"""Make the key that seals bundles, and say how others come to trust it."""

from __future__ import annotations

from pathlib import Path

import click

from exitkit.cli.output import workspace_option
from exitkit.cli.subjects import workspace_if_any
from exitkit.errors import EXIT_CLEAN, InputError
from exitkit.store.keys import fingerprint, generate_key

DEFAULT_KEY = Path("keys/exitkit.pem")


@click.command(name="keygen")
@click.option("--out", type=click.Path(path_type=Path), metavar="PEM",
              help="Where the private key goes; the public one lies beside it as .pub. "
                   "Default: signing.key of the workspace.")  # fmt: skip
@workspace_option
def command(out: Path | None, root: Path) -> int:
    """Make an Ed25519 key pair; an existing key is never overwritten.

    The key is trusted by nobody until its public half is handed over by a way that does not lead
    through the bundle.
    """
    workspace = workspace_if_any(root, needed=out is None)
    private = out or (workspace and workspace.signing_key) or root / DEFAULT_KEY
    if not private.name or private.is_dir():
        raise InputError(f"{private}: is a folder; name the file of the private key")
    if out is None and not root.is_dir():
        raise InputError(f"{root}: no such folder; correct --workspace, or name the key by --out")
    public = private.with_suffix(".pub")
    if public == private:
        raise InputError(f"{private}: is the name of the public half; give the private key's")
    name = fingerprint(generate_key(private, public))
    click.echo(f"private key  {private}  (mode 0600; keep a copy offline, it cannot be made again)")
    click.echo(f"public key   {public}")
    click.echo(f"fingerprint  {name}")
    click.echo("")
    if workspace and public.resolve() in {key.resolve() for key in workspace.trusted_keys}:
        click.echo("This workspace trusts it: exitkit.yaml lists it under signing.trust.")
    else:
        click.echo(f"To trust it here, list it in exitkit.yaml under signing: trust: [{public}]")
    click.echo("Others trust it once they hold the .pub and have compared the fingerprint with")
    click.echo("one you gave them in person, by signed letter or in an annex of the contract:")
    click.echo(f"  openssl pkey -pubin -in {public.name} -outform DER"
               " | openssl dgst -sha256 -binary | base64")  # fmt: skip
    click.echo(f"  exitkit verify --trust {public.name} BUNDLE")
    return EXIT_CLEAN
