"""Write the files of the demo estate: licenses, repositories, scripts, documents, a register."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import yaml

from exitkit.assess.document_list import required_documents
from exitkit.workspace.files import load_contract

Expected = tuple[str, str, str, str, str]
"""provider, scope, region, native type, native id of one asset a snapshot must find."""

SCRIPT_SECRETS = ("pl4nted-jobs-Kq83vT", "pl4nted-backup-7Rw2mZ", "pl4nted-loose-5Jd9xB")
"""Credentials in clear: one in a file that is still there, one in history only, one loose."""

PAPER_SECRETS = ("pl4nted-paper-Tz85kC",)

RUNBOOKS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "Add the restart runbook",
        {
            "restart-web.sh": "#!/bin/sh\nset -eu\nsystemctl restart nginx\n"
            "curl --fail --silent http://10.20.0.15:8080/health\n",
            "README.md": "Runbooks of the operations team. CANARY-EXITKIT-RUNBOOK\n",
        },
    ),
    (
        "Add the nightly copy",
        {
            "nightly-copy.sh": "#!/bin/sh\nset -eu\nexport AWS_DEFAULT_REGION=eu-west-1\n"
            "aws s3 sync /srv/export s3://acme-exports/nightly\n",
        },
    ),
    (
        "Rotate logs with a play",
        {
            "rotate-logs.yml": "- hosts: web\n  tasks:\n    - name: Rotate\n"
            "      ansible.builtin.command: logrotate /etc/logrotate.conf\n",
        },
    ),
)
LEGACY_JOBS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "Move the billing job here",
        {
            "billing.py": "import boto3\n\nACCOUNT = '123456789012'\n"
            f'DB_PASSWORD = "{SCRIPT_SECRETS[0]}"\n'
            "ROLE = 'arn:aws:iam::123456789012:role/billing'\n",
            "backup.sh": f"#!/bin/sh\nPASSWORD={SCRIPT_SECRETS[1]}\npg_dump billing\n",
        },
    ),
    (
        "Take the password from the environment",
        {"backup.sh": "#!/bin/sh\n: ${PGPASSWORD:?}\npg_dump billing\n"},
    ),
)
LOOSE_SCRIPTS = {
    "check-disk.sh": "#!/bin/sh\ndf -h /srv\n",
    "open-ticket.sh": "#!/bin/sh\ncurl -u 'ops' https://ops:"
    f"{SCRIPT_SECRETS[2]}@tickets.example.internal/new\n",
}


def write_licenses(path: Path, scope: str = "agreements") -> tuple[Expected, ...]:
    """Write the license schedule of eleven agreements; two of them say nothing about transfer."""
    text = _estate_file("licenses.csv")
    path.write_text(text)
    rows = [line.split(",") for line in text.splitlines()[1:]]
    agreements = tuple(
        ("licenses", scope, "", "License/Agreement", f"{row[1]}/{row[0]}") for row in rows
    )
    return (*agreements, ("licenses", scope, "", "Document/LicenseSchedule", path.name))


def write_scripts(folder: Path, scope: str = "automation") -> tuple[Expected, ...]:
    """Write two repositories under `folder`/git and loose scripts under `folder`/scripts.

    The workspace names them `git/runbooks`, `git/legacy-jobs` and `scripts`.
    """
    _write_repository(folder / "git" / "runbooks", RUNBOOKS)
    _write_repository(folder / "git" / "legacy-jobs", LEGACY_JOBS)
    loose = folder / "scripts"
    loose.mkdir(parents=True)
    for name, text in LOOSE_SCRIPTS.items():
        (loose / name).write_text(text)
    repositories = ("git/runbooks", "git/legacy-jobs")
    return (
        *(("scripts", scope, "", "Git/Repository", name) for name in repositories),
        *(("scripts", scope, "", "Script/File", f"scripts/{name}") for name in LOOSE_SCRIPTS),
    )


def write_papers(root: Path, today: dt.date, scope: str = "papers") -> tuple[Expected, ...]:
    """Write the documents under `root`, each as old as it is said to be.

    The contract beside them says which documents there have to be.
    """
    papers = yaml.safe_load(_estate_file("papers.yaml"))
    for name, (days, text) in papers.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        changed = dt.datetime.combine(today - dt.timedelta(days=days), dt.time(9), dt.UTC)
        os.utime(path, (changed.timestamp(), changed.timestamp()))
    wanted = required_documents(load_contract(root / "contract.yaml").document)
    return (
        *(("documents", scope, "", "Document/File", name) for name in papers),
        *(("documents", scope, "", "Document/Required", one.id) for one in wanted),
    )


def write_register(path: Path, scope: str = "cmdb") -> tuple[Expected, ...]:
    """Write what the provider declares: some as it is, one twice, one that nobody sees."""
    text = _estate_file("cmdb.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    rows = dict.fromkeys(line.split(",")[0] for line in text.splitlines()[1:])
    return tuple(("declared", scope, "", "Declared/Item", name) for name in rows)


def _estate_file(name: str) -> str:
    return (files("exitkit.demo") / "estate_files" / name).read_text(encoding="utf-8")


def _write_repository(folder: Path, commits: tuple[tuple[str, Mapping[str, str]], ...]) -> None:
    folder.mkdir(parents=True)
    _git(folder, 0, "init", "--quiet", "--initial-branch=main")
    for number, (subject, changed) in enumerate(commits):
        for name, text in changed.items():
            (folder / name).write_text(text)
        _git(folder, number, "add", "--all")
        _git(folder, number, "commit", "--quiet", "--no-verify", f"--message={subject}")
    _git(folder, len(commits), "tag", "v1")


def _git(folder: Path, number: int, *arguments: str) -> None:
    when = f"2026-03-{number + 1:02d}T09:00:00+00:00"
    who = {"NAME": "Operations", "EMAIL": "operations@example.org", "DATE": when}
    identity = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()}
    surroundings = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C",
    }  # fmt: skip
    subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**surroundings, **identity}, check=True, capture_output=True,
    )  # fmt: skip
