"""Read recorded answers of whole hosts: what is found, what is masked, who gets in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from exitkit.drivers.host_answers import PARSERS, redactor_of, rows_of
from exitkit.drivers.host_findings import HostAnswers, findings_of
from exitkit.knowledge.host_commands import host_commands
from exitkit.knowledge.kinds import aspects_of
from exitkit.knowledge.portability import load_knowledge
from exitkit.model.asset import Asset, Relation
from exitkit.model.holdings import Access, License
from exitkit.model.verdict import Draft, Gap
from exitkit.ports import Finding

CASES = Path(__file__).parents[2] / "cases/hosts"
NAMES = sorted(folder.name for folder in CASES.iterdir())
NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)


def findings(case: str, key: bytes = b"k" * 32) -> list[Finding]:
    redactor = redactor_of(key)
    answers = {
        command.id: rows_of(command, path.read_text(), redactor)
        for command in host_commands()
        if (path := CASES / case / f"{command.id}.txt").exists()
    }
    return list(findings_of(HostAnswers("web1", "hq", "ssh://192.0.2.1:22", answers, NOW)))


def told(found: list[Finding]) -> dict[str, Any]:
    """Say what was found in the words that the cases expect."""
    levels = {(f.ref, f.aspect.value): f.level.value for f in found if isinstance(f, Draft | Gap)}
    return {
        "assets": {
            f"{f.ref.native_type} {f.ref.native_id}": {
                "config": dict(f.config),
                **({"identifiers": dict(f.identifiers)} if f.identifiers else {}),
                **{aspect: level for (ref, aspect), level in levels.items() if ref == f.ref},
            }
            for f in found
            if isinstance(f, Asset)
        },
        "licenses": {
            f.ref.native_id: f"{f.transferable}: {f.spdx_expression}"
            for f in found
            if isinstance(f, License)
        },
        "access": sorted(
            f"{f.principal.native_id} {f.effect} {f.permission} on {f.resource} "
            f"via {' > '.join(f.via)} {f.conditions}".strip()
            for f in found
            if isinstance(f, Access)
        ),
    }


def plain(value: Any) -> Any:
    return yaml.safe_load(yaml.safe_dump(value))


@pytest.mark.parametrize("case", NAMES)
def test_a_recorded_host_gives_what_its_case_expects(case: str) -> None:
    expected = yaml.safe_load((CASES / case / "expected.yaml").read_text())
    found = plain(told(findings(case)))
    for table, rows in expected.items():
        assert found[table] == rows, table


@pytest.mark.parametrize("case", NAMES)
def test_no_planted_secret_is_in_anything_found(case: str) -> None:
    everything = "\n".join(map(repr, findings(case)))
    recorded = "\n".join(p.read_text() for p in (CASES / case).glob("*.txt"))
    assert "planted" in recorded or case == "rocky-db"
    assert "planted" not in everything


def test_a_changed_secret_is_a_changed_mask_and_no_other_job() -> None:
    jobs = [
        {f.ref.native_id: f.config for f in findings("alpine-edge", key) if _is_job(f)}
        for key in (b"k" * 32, b"j" * 32)
    ]
    assert jobs[0].keys() == jobs[1].keys()
    assert jobs[0] != jobs[1]


def _is_job(finding: Finding) -> bool:
    return isinstance(finding, Asset) and finding.ref.native_type == "Host/CronJob"


@pytest.mark.parametrize("case", NAMES)
def test_every_aspect_of_everything_found_has_an_answer(case: str) -> None:
    found = findings(case)
    said = {(f.ref, f.aspect) for f in found if isinstance(f, Draft | Gap)}
    for asset in (f for f in found if isinstance(f, Asset)):
        assert asset.kind != "other"
        for aspect in aspects_of(asset.kind):
            known = load_knowledge().fact_for("hosts", asset.ref.native_type, aspect, asset.config)
            assert known or (asset.ref, aspect) in said, (asset.ref, aspect)


@pytest.mark.parametrize("case", NAMES)
def test_names_are_given_once_and_lead_to_the_machine(case: str) -> None:
    found = findings(case)
    refs = [f.ref for f in found if isinstance(f, Asset) and f.ref.native_type != "Host/Key"]
    assert len(refs) == len(set(refs))
    (machine,) = [ref for ref in refs if ref.native_type == "Host/Machine"]
    on_it = {f.subject for f in found if isinstance(f, Relation) and f.object == machine}
    kinds = {ref.native_type for ref in set(refs) - on_it - {machine}}
    assert kinds <= {"Host/Group"}


@pytest.mark.parametrize("command", host_commands(), ids=lambda command: command.id)
def test_hostile_answers_are_read_without_harm(command: Any) -> None:
    redactor = redactor_of(b"k" * 32)
    hostile = ["", "\n", "{", "[" * 5000, "/x:", "/:::\n/a/b:", "a\tb\n", '{"User_Specs": [{}]}',
               "[1, 2]", '{"Names": 3}', "/a/b.jar", ":" * 50, "null", "\x00\x01"]  # fmt: skip
    for text in hostile:
        assert isinstance(rows_of(command, text, redactor), list)


def test_every_parser_is_of_some_command() -> None:
    assert {command.parser for command in host_commands()} == set(PARSERS)


def test_a_right_ends_with_its_account_or_with_its_key_whichever_is_earlier() -> None:
    def key(user: str, fingerprint: str, options: str) -> dict[str, str]:
        return {
            "path": f"/home/{user}/.ssh/authorized_keys", "type": "ssh-ed25519", "comment": "",
            "fingerprint": fingerprint, "options": options,
        }  # fmt: skip

    users = [{"name": name, "home": f"/home/{name}", "gid": 9} for name in ("jane", "joe")]
    answers = {
        "users": users, "groups": [],
        "account-expiry": [{"name": "jane", "expires_on": "2027-06-30"}],
        "authorized-keys": [
            key("jane", "SHA256:a", 'expiry-time="20270101"'),
            key("jane", "SHA256:b", ""), key("joe", "SHA256:c", ""),
        ],
    }  # fmt: skip
    found = findings_of(HostAnswers("web1", "hq", "x", answers, NOW))
    ends = {one.principal.native_id: one.expires_on for one in found if isinstance(one, Access)}
    assert ends == {
        "SHA256:a": dt.date(2027, 1, 1), "SHA256:b": dt.date(2027, 6, 30), "SHA256:c": None,
    }  # fmt: skip
