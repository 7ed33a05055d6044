"""Lend a workspace whose runs keep their journals in PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

import exitkit
from exitkit.demo.databases import RunningDatabase, running_database
from exitkit.store.keys import generate_key

TEMPLATES = Path(exitkit.__file__).parent / "workspace" / "templates"
WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources: [{id: agreements, type: licenses, paths: [licenses.csv]}]
signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}
"""


@dataclass
class Office:
    """A workspace, the database beside it, and the commands that people type there."""

    root: Path
    url: str
    environ: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "exitkit", *arguments], cwd=self.root, env=self.environ,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "exitkit", *arguments], cwd=self.root, env=self.environ,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def share_journals(self) -> None:
        (self.root / "exitkit.yaml").write_text(f'{WORKSPACE}journal: {{url: "{self.url}"}}\n')

    def plan(self, *steps: dict[str, Any]) -> None:
        milestone = {
            "id": "M1", "title": "Acceptance", "steps": steps, "criteria": [],
            "deadline": {"anchor": "TREH", "offset": "P1D"},
        }  # fmt: skip
        plan = {
            "schema": "exitkit/plan/1", "id": "PLAN-1", "version": "1", "contract_ref": "CTR-1",
            "milestones": [milestone],
        }  # fmt: skip
        (self.root / "exit-plan.yaml").write_text(json.dumps(plan))

    @property
    def run_name(self) -> str:
        return next((self.root / "runs").iterdir()).name

    def effects(self) -> list[str]:
        path = self.root / "effects"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(scope="session")
def database() -> Iterator[RunningDatabase]:
    with running_database(18) as database:
        yield database


@pytest.fixture
def office(database: RunningDatabase, tmp_path: Path) -> Office:
    schema = f"s{uuid4().hex}"
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    place = f"exitkit@127.0.0.1:{database.port}/postgres"
    url = f"postgresql://{place}?options=-csearch_path%3D{schema}"
    office = Office(tmp_path, url, {**os.environ, "PGPASSWORD": database.password})
    furnish(office)
    return office


def furnish(office: Office) -> None:
    """Put a workspace with one snapshot into the folder of an office."""
    (office.root / "exitkit.yaml").write_text(WORKSPACE)
    for name in ("contract.yaml", "licenses.csv"):
        shutil.copy(TEMPLATES / name, office.root / name)
    keys = office.root / "keys"
    generate_key(keys / "exitkit.pem", keys / "exitkit.pub")
    (keys / "masking.key").write_text("00" * 32)
    office.run("snapshot")
