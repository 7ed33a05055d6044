"""Pull the fleet with RANCID's own collector, as `rancid-run` drives it, without its archive."""

from __future__ import annotations

import os
import subprocess

from fleet import FOLDER, PASSWORD, PORT, USER, pull_all, save

PROGRAMS = "/usr/lib/rancid/bin"
HOME = FOLDER / "rancid"


def prepare() -> None:
    """Write the files that a RANCID user keeps: logins, and how to start ssh."""
    HOME.mkdir(exist_ok=True)
    ssh = HOME / "ssh-to-fleet"
    # OpenSSH takes its configuration from the home of the account, whatever HOME says.
    ssh.write_text(
        "#!/bin/sh\nexec ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
        '-o LogLevel=ERROR "$@"\n'
    )
    ssh.chmod(0o755)
    logins = HOME / ".cloginrc"
    logins.write_text(
        f"add user 127.* {USER}\nadd password 127.* {PASSWORD} {PASSWORD}\n"
        f"add method 127.* ssh:{PORT}\nadd autoenable 127.* 1\nadd sshcmd 127.* {ssh}\n"
    )
    logins.chmod(0o600)


def pull(number: int, host: str) -> bool:
    environ = {
        **os.environ, "HOME": str(HOME), "TERM": "vt100", "NOPIPE": "YES",
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
    }  # fmt: skip
    subprocess.run(
        ["rancid", "-t", "cisco", host], cwd=HOME, env=environ, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    made = HOME / f"{host}.new"
    if not made.is_file():
        return False
    # RANCID sorts, filters and comments: what it wrote is not byte for byte what was printed.
    save(number, made.read_text())
    return made.stat().st_size > 180_000


if __name__ == "__main__":
    prepare()
    pull_all(pull)
