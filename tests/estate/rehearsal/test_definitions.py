"""Documents, schedules, containers, zones and secrets go to a folder and leave it again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from exitkit.drivers.host_answers import redactor_of, rows_of
from exitkit.drivers.host_findings import HostAnswers, findings_of
from exitkit.knowledge.host_commands import host_commands
from exitkit.model.asset import Asset, Ref
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, StepStatus
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Finding, StepContext, Target
from exitkit.restorers.local_objects import LocalObjectsRestorer
from exitkit.steps.canary import CanaryStep
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep

SEEN_AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
CANARY = "EXITKIT-CANARY-[A-Z]+"
BundleOf = Callable[[list[Finding]], Path]
Lend = Callable[..., StepContext]


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "ground").mkdir()
    (tmp_path / "ground" / "earlier.txt").write_text("was here before\n")
    return Target("ground", "folder", {"path": "ground"}, tmp_path)


def step_of(what: str, native_type: str, **more: Any) -> Step:
    params = {"what": what, "target": "ground", "canary_pattern": CANARY, **more,
              "assets": {"native_type": native_type, "names": ["*"]}}  # fmt: skip
    return Step(f"restore-{what}", "restore", params)


def held(
    native_type: str, name: str, config: dict[str, Any], aspect: Aspect, *contents: Content
) -> list[Finding]:
    """An asset with its configuration and what is kept of it."""
    ref = Ref("estate", "web1", "", native_type, name)
    found: list[Finding] = [Asset(ref, "document", name, config, SEEN_AT)]
    return [*found, Draft(ref, aspect, Level.IMPORTABLE, "m", "f", contents)] if contents else found


def moved(step: Step, findings: list[Finding], target: Target, bundle_of: BundleOf, lend: Lend) -> (
    tuple[Outcome, Outcome, StepContext]
):  # fmt: skip
    """Restore, compare, and see that the canary step finds the one canary planted."""
    context = lend(bundle_of(findings), {"ground": target}, {"PATH": "/usr/bin:/bin:/usr/sbin"})
    outcome = RestoreStep().run(step, context)
    assert outcome.status is StepStatus.SUCCEEDED, (outcome.message, outcome.items)
    assert outcome.measurements[0].items > 0
    assert outcome.measurements[0].size_bytes > 0
    same = CompareStep().run(step, context)
    assert same.metrics["items_different"] == same.metrics["items_missing"] == 0, same.items
    canaries = CanaryStep().run(step, context).metrics
    assert (canaries["canaries_expected"], canaries["canaries_found"]) == (1, 1)
    return outcome, same, context


def left_as_it_was(
    step: Step, outcome: Outcome, before: tuple[str, ...], target: Target, context: StepContext
) -> None:
    RestoreStep().undo(step, outcome.touched, context)
    assert LocalObjectsRestorer().inventory(target, {}) == before


def unequal(step: Step, context: StepContext) -> list[ItemResult]:
    return [one for one in CompareStep().run(step, context).items if one.result != "equal"]


@pytest.fixture
def before(target: Target) -> tuple[str, ...]:
    return LocalObjectsRestorer().inventory(target, {})


def test_documents_are_held_against_the_digest_of_their_source(
    target: Target, before: tuple[str, ...], bundle_of: BundleOf, context_of: Lend
) -> None:
    body = "Kündigung: EXITKIT-CANARY-DOCUMENT\n".encode()
    findings = [
        *held("Document/File", "contracts/Rahmen.txt",
              {"path": "contracts/Rahmen.txt", "sha256": hashlib.sha256(body).hexdigest()},
              Aspect.DOCUMENTATION,
              Content("docs/web1/contracts/rahmen.txt", body, "text/plain", "document")),
        *held("Document/File", "login.txt", {"sha256": "0" * 64}, Aspect.DOCUMENTATION,
              Content("docs/web1/login.txt", b"password: <masked:1>", "text/plain", "document")),
        *held("Document/File", "sealed.pdf", {"sha256": "1" * 64}, Aspect.DOCUMENTATION),
    ]  # fmt: skip
    step = step_of("documents", "Document/File")
    outcome, same, context = moved(step, findings, target, bundle_of, context_of)
    assert len(same.proofs) == 1, "what is not as it was at the source is no proof"
    assert sorted(same.losses) == [
        "document login.txt: held as text, or masked; not as it was",
        "document sealed.pdf: not in the bundle, only its digest",
    ]
    place = target.base / "ground/documents/docs/web1/contracts/rahmen.txt"
    assert place.read_bytes() == body
    place.write_bytes(body + b" ")
    (place.parent / "slipped-in.txt").write_text("x")
    assert [(one.result) for one in unequal(step, context)] == ["different", "extra"]
    left_as_it_was(step, outcome, before, target, context)


CRON = """\
/etc/cron.d/app:*/5 * * * * app echo EXITKIT-CANARY-CRON > ran.txt # 100\\% sure%input
/etc/crontab:@reboot root DB_PASSWORD=planted1234 /opt/app/start
/etc/anacrontab:7 5 weekly false
"""
SCRIPTS = """\
/etc/cron.daily/check:#!/bin/sh
/etc/cron.daily/check:API_TOKEN="Cr3-planted words"
/etc/cron.daily/check:test -d scripts && test -z "$DB"
"""
COMPOSE = """\
/opt/shop/compose.yaml:services:
/opt/shop/compose.yaml:  shop:
/opt/shop/compose.yaml:    image: shop:1  # EXITKIT-CANARY-COMPOSE
/opt/shop/compose.yaml:    volumes: [data:/data]
/opt/shop/compose.yaml:volumes: {data: {}}
"""


def told_by_a_host(**answers: str) -> list[Finding]:
    """Return what the collector of hosts makes of what a host said."""
    redactor = redactor_of(b"k" * 32)
    commands = {one.id: one for one in host_commands()}
    rows = {
        name.replace("_", "-"): rows_of(commands[name.replace("_", "-")], text, redactor)
        for name, text in answers.items()
    }
    found = findings_of(HostAnswers("web1", "hq", "ssh://192.0.2.1:22", rows, SEEN_AT))
    return [one for one in found if isinstance(one, Asset | Draft)]


def test_cron_jobs_are_read_back_by_cron_s_rules_checked_by_the_shell_and_run(
    target: Target, before: tuple[str, ...], bundle_of: BundleOf, context_of: Lend
) -> None:
    findings = told_by_a_host(cron=CRON, cron_scripts=SCRIPTS)
    step = step_of("schedules", "Host/CronJob", run=["echo *", "/etc/cron.daily/*"])
    outcome, same, context = moved(step, findings, target, bundle_of, context_of)
    folder = target.base / "ground" / "cron-hq-web1"
    assert (folder / "ran.txt").read_text() == "EXITKIT-CANARY-CRON\n"
    assert (same.metrics["jobs_run"], same.metrics["started_by_cron"]) == (2, True)
    assert (len(same.losses), len(same.proofs)) == (2, 2), "a masked secret is no proof"
    (folder / "ran.txt").unlink()
    table = folder / "crontab"
    assert "0 3 * * 0 root false\n" in table.read_text()
    assert "DB_PASSWORD=${SECRET_" in table.read_text()
    assert "planted" not in table.read_text()
    table.write_text(table.read_text().replace("*/5", "*/6"))
    changed = [one for one in unequal(step, context) if "EXITKIT-CANARY-CRON" in one.item]
    assert [one.detail for one in changed] == [
        "no line of the table is this job",
        "starts at 2024-01-01 00:06:00 instead of 2024-01-01 00:05:00",
    ]
    left_as_it_was(step, outcome, before, target, context)


def test_a_compose_file_of_a_host_is_kept_and_validated(
    target: Target, before: tuple[str, ...], bundle_of: BundleOf, context_of: Lend
) -> None:
    findings = told_by_a_host(compose=COMPOSE)
    step = step_of("container-definitions", "Host/Compose")
    outcome, same, context = moved(step, findings, target, bundle_of, context_of)
    assert len(same.proofs) == 1
    [path] = (target.base / "ground").glob("*/compose.yaml")
    path.write_text(path.read_text().replace("volumes: {data: {}}", ""))
    assert "service shop: volume data is not declared" in {
        one.detail for one in unequal(step, context)
    }
    left_as_it_was(step, outcome, before, target, context)


TASK = {
    "family": "CRM", "taskRoleArn": "arn:aws:iam::123456789012:role/crm",
    "volumes": [{"name": "data"}, {"name": "logs", "host": {"sourcePath": "/var/log/crm"}}],
    "containerDefinitions": [
        {
            "name": "web", "image": "registry.example.net/crm:4.2", "cpu": 256, "memory": 512,
            "command": ["serve", "--motd", "$HOME is EXITKIT-CANARY-CONTAINER"],
            "environment": [{"name": "MODE", "value": "live"},
                            {"name": "API_KEY", "value": "<masked:0123abcd>"}],
            "secrets": [{"name": "DB_URL", "valueFrom": "arn:aws:secretsmanager:x"}],
            "portMappings": [{"containerPort": 8080, "hostPort": 80, "protocol": "tcp"}],
            "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"},
                            {"sourceVolume": "logs", "containerPath": "/logs", "readOnly": True}],
            "dependsOn": [{"containerName": "cache", "condition": "HEALTHY"}],
            "logConfiguration": {"logDriver": "awslogs"},
        },
        {"name": "cache", "image": "valkey:8",
         "healthCheck": {"command": ["CMD-SHELL", "ping"], "interval": 10, "retries": 3}},
    ],
}  # fmt: skip


def test_a_task_definition_becomes_a_compose_file_that_says_the_same(
    target: Target, before: tuple[str, ...], bundle_of: BundleOf, context_of: Lend
) -> None:
    findings = held("AWS::ECS::TaskDefinition", "CRM:7", TASK, Aspect.CONFIGURATION)
    step = step_of("container-definitions", "AWS::ECS::TaskDefinition")
    outcome, same, context = moved(step, findings, target, bundle_of, context_of)
    [path] = (target.base / "ground").glob("*/compose.yaml")
    document = yaml.safe_load(path.read_text())
    web = document["services"]["web"]
    assert web["command"][2] == "$$HOME is EXITKIT-CANARY-CONTAINER"
    assert web["environment"] == {
        "MODE": "live", "API_KEY": "${API_KEY:?give it a value}",
        "DB_URL": "${DB_URL:?give it a value}",
    }  # fmt: skip
    assert (web["cpus"], web["mem_limit"], web["ports"]) == ("0.250", "512m", ["80:8080/tcp"])
    assert web["volumes"] == ["data:/data", "/var/log/crm:/logs:ro"]
    assert document["volumes"] == {"data": {}}
    assert web["depends_on"] == {"cache": {"condition": "service_healthy"}}
    assert same.proofs == (), "a definition that lost something is not proven"
    assert len(same.losses) == 4
    path.write_text(path.read_text().replace("valkey:8", "valkey:7").replace("mem_limit", "memo"))
    faults = {one.item.split(" validated")[0]: one.detail for one in unequal(step, context)}
    assert faults["service CRM:7/cache"] == "says something else"
    assert faults["file CRM:7"] == "service web: memo is no word of the specification"
    left_as_it_was(step, outcome, before, target, context)


ZONE = """\
$ORIGIN example.org.
example.org. 900 IN SOA ns.example.net. host.example.org. 1 7200 900 1209600 86400
example.org. 3600 IN NS ns.example.net.
*.example.org. 60 IN A 10.0.0.1
sub.example.org. 300 IN NS ns.sub.example.org.
ns.sub.example.org. 300 IN A 10.0.0.9
txt.example.org. 300 IN TXT "a b" "EXITKIT-CANARY-ZONE"
www.example.org. 300 IN CNAME x.example.com.
; app.example.org. A alias to lb.example.net.
"""


def test_zones_are_served_by_a_name_server_and_asked_for_every_record(
    target: Target, before: tuple[str, ...], bundle_of: BundleOf, context_of: Lend
) -> None:
    inside = ZONE.replace("10.0.0.1\n", "10.9.9.9\n").replace("EXITKIT-CANARY-ZONE", "inside")
    findings = [
        one
        for name, text in (("Z1PUBLIC", ZONE), ("Z2PRIVATE", inside))
        for one in held(
            "AWS::Route53::HostedZone", name, {"Name": "example.org."}, Aspect.DATA,
            Content(f"datasets/zone-{name.lower()}/zone.txt", text.encode(), "text/dns", "data"),
        )
    ]  # fmt: skip
    step = step_of("dns-zones", "AWS::Route53::HostedZone")
    outcome, same, context = moved(step, findings, target, bundle_of, context_of)
    assert (same.metrics["items_compared"], len(same.proofs)) == (14, 2)
    assert "zone example.org.: 1 records are comments that no server answers" in same.losses
    [public, _] = sorted((target.base / "ground").glob("*.zone*"))
    public.write_text(public.read_text().replace("10.0.0.1\n", "10.0.0.2\n").replace(
        "txt.example.org. 300", "txt.example.org. 301"))  # fmt: skip
    assert {one.item: one.detail for one in unequal(step, context)} == {
        "record *.example.org. A": "other values",
        "record txt.example.org. TXT": "301 s instead of 300 s",
    }
    public.write_text(public.read_text().replace("IN SOA", "IN BROKEN"))
    assert len(unequal(step, context)) == 7, "a zone the server does not load answers nothing"
    left_as_it_was(step, outcome, before, target, context)


def test_secrets_get_fresh_values_that_nothing_but_their_folder_holds(
    target: Target, before: tuple[str, ...], bundle_of: BundleOf, context_of: Lend, tmp_path: Path
) -> None:
    findings = [
        *held("AWS::SecretsManager::Secret", "EXITKIT-CANARY-SECRET",
              {"Name": "x", "KmsKeyId": "key-1", "RotationEnabled": True}, Aspect.CREDENTIALS),
        *held("AWS::SecretsManager::Secret", "crm/db", {"Name": "crm/db"}, Aspect.CREDENTIALS),
    ]  # fmt: skip
    step = step_of("secret-references", "AWS::SecretsManager::Secret")
    outcome, same, context = moved(step, findings, target, bundle_of, context_of)
    folder = target.base / "ground" / "secrets"
    index = [json.loads(line) for line in (folder / "references.jsonl").read_text().splitlines()]
    assert [one["name"] for one in index] == ["EXITKIT-CANARY-SECRET", "crm/db"]
    assert index[0]["was"] == {"KmsKeyId": "key-1", "RotationEnabled": True}
    files = [target.base / "ground" / one["reference"].removeprefix("file:") for one in index]
    values = [path.read_text() for path in files]
    assert len({*values}) == 2
    assert min(map(len, values)) >= 43
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    said = repr((outcome, same)) + "".join(
        path.read_text(errors="replace")
        for path in tmp_path.rglob("*") if path.is_file() and path not in files
    )  # fmt: skip
    assert not [value for value in values if value in said]
    assert not [v for v in values if hashlib.sha256(v.encode()).hexdigest() in said]
    assert len(same.proofs) == 2
    files[0].write_text("short")
    files[1].chmod(0o644)
    assert [one.detail for one in unequal(step, context)] == [
        "its value is short, or that of another one", "others may read its value",
    ]  # fmt: skip
    again = RestoreStep().run(step, replace(context, idempotency_key="another/step"))
    assert "is not ours" in again.message
    left_as_it_was(step, outcome, before, target, context)
