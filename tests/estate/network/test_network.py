"""Collect from real SSH servers: what is found, what is masked, and what a bad device costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from exitkit.collectors.network import NetworkCollector
from exitkit.demo import device_files
from exitkit.demo.device_configuration import IosState
from exitkit.demo.ssh_device import SshDevice, host_key
from exitkit.drivers.ssh import open_device
from exitkit.knowledge.kinds import aspects_of
from exitkit.knowledge.network_platforms import platform_of
from exitkit.knowledge.portability import load_knowledge
from exitkit.model.asset import Asset, Relation
from exitkit.model.holdings import Access, License
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Draft, Gap, Level
from exitkit.ports import Context, Finding, Limits, Source

Start = Callable[..., SshDevice]
Write = Callable[..., Source]
PASSWORD = "sesame-7Yk2-planted"


def collect(source: Source, context: Context) -> list[Finding]:
    return list(NetworkCollector().collect(source, context))


def of_type(findings: list[Finding], kind: type) -> list:
    return [finding for finding in findings if isinstance(finding, kind)]


def test_both_devices_and_their_licenses_are_found(
    start: Start, source: Write, context: Context
) -> None:
    devices = {
        "edge1": start(device_files.edge1(), "edge1"),
        "spare": start(device_files.spare(), "spare"),
    }
    findings = collect(source(**devices), context)
    found = {(a.ref.native_type, a.ref.scope, a.ref.native_id) for a in of_type(findings, Asset)}
    assert found == {
        ("cisco_ios/Device", "hq", "edge1"),
        ("cisco_ios/Device", "hq", "spare"),
        ("License/Feature", "hq", "edge1/ipbasek9"),
        ("License/Feature", "hq", "edge1/securityk9"),
        ("Device/User", "hq", "edge1/operator"),
        ("Device/User", "hq", "edge1/backup"),
    }
    calls = {(c.operation, c.binding): c.outcome.value for c in of_type(findings, Call)}
    commands = ("show running-config", "show version", "show inventory", "show license")
    expected = {
        (f"ssh:{command}", name): "collected"
        for name in devices
        for command in ("login", *commands)
    }
    assert calls == expected | {("ssh:show license", "spare"): "empty"}
    edge1 = next(a for a in of_type(findings, Asset) if a.name == "edge1")
    assert edge1.config["facts"] == {
        "release": "15.7(3)M3",
        "serial": device_files.EDGE_SERIAL,
        "model": "ISR-DEMO",
        "image": "flash0:/vios-adventerprisek9-m",
    }
    kinds = {a.kind for a in of_type(findings, Asset)}
    assert kinds == {"network.device", "network.user", "software.license"}
    assert {lic.transferable for lic in of_type(findings, License)} == {"unknown"}
    relations = [r.relation for r in of_type(findings, Relation)]
    assert sorted(relations) == ["licensedBy", "licensedBy", "memberOf", "memberOf"]


def test_who_gets_into_a_device_is_an_access_record_each(
    start: Start, source: Write, context: Context
) -> None:
    text = (
        f"{device_files.EDGE}\ncrypto isakmp key {PASSWORD} address 198.51.100.7\n"
        f"radius-server host 10.0.0.50 key {PASSWORD}"
    )
    findings = collect(source(edge1=start(IosState.of(text), "edge1")), context)
    found = {
        (a.principal_type, a.principal.native_id, a.permission, a.resource)
        for a in of_type(findings, Access)
    }
    assert found == {
        ("device-user", "edge1/operator", "privilege 15", "edge1"),
        ("device-user", "edge1/backup", "privilege 1", "edge1"),
        ("vpn-peer", "198.51.100.7", "open a tunnel", "edge1"),
        ("authentication-server", "10.0.0.49", "decide who logs in", "edge1"),
        ("authentication-server", "10.0.0.50", "decide who logs in", "edge1"),
    }
    assert PASSWORD not in repr(findings)
    # A principal of the device is one of its assets; the others live elsewhere.
    assets = {asset.ref for asset in of_type(findings, Asset)}
    held = {a.principal_type for a in of_type(findings, Access) if a.principal in assets}
    assert held == {"device-user"}
    knowledge = load_knowledge()
    said = {(f.ref, f.aspect) for f in findings if isinstance(f, Draft | Gap)}
    for asset in of_type(findings, Asset):
        for aspect in aspects_of(asset.kind):
            known = knowledge.fact_for("network", asset.ref.native_type, aspect, asset.config)
            assert known or (asset.ref, aspect) in said, (asset.ref, aspect)


def test_no_secret_of_a_device_is_in_anything_yielded(
    start: Start, source: Write, context: Context
) -> None:
    findings = collect(source(edge1=start(device_files.edge1(), "edge1")), context)
    text = repr(findings)
    for secret in (*device_files.EDGE_SECRETS, PASSWORD):
        assert secret not in text
    draft = next(d for d in of_type(findings, Draft) if d.aspect is Aspect.CONFIGURATION)
    body = draft.contents[0].body.read_text()
    assert draft.contents[0].path == "network/hq.edge1/running-config.txt"
    assert body.count("<masked:") == len(device_files.EDGE_SECRETS)
    assert "CANARY-EXITKIT-ACL" in body
    assert len(body.splitlines()) > 100


def test_a_second_look_at_an_unchanged_device_gives_the_same_bytes(
    start: Start, source: Write, context: Context
) -> None:
    place = source(edge1=start(device_files.edge1(), "edge1"))
    first, second = (
        [replace(f, duration_ms=0) if isinstance(f, Call) else f for f in collect(place, context)]
        for _ in range(2)
    )
    assert first == second


def test_a_prompt_inside_a_slow_configuration_does_not_end_it(
    start: Start, source: Write, context: Context
) -> None:
    text = device_files.EDGE.replace("uplink to", "edge1# uplink to").replace("hall", "edge1#")
    device = start(IosState.of(text), "edge1", pieces=97)
    findings = collect(source(edge1=device), context)
    draft = next(d for d in of_type(findings, Draft) if d.aspect is Aspect.CONFIGURATION)
    body = draft.contents[0].body.read_text()
    assert "description edge1# uplink to the carrier" in body
    assert body.splitlines()[-1] == "end"
    assert not [call for call in of_type(findings, Call) if call.is_open]


def test_a_wrong_host_key_is_refused_and_named(
    start: Start, source: Write, context: Context
) -> None:
    device = start(device_files.edge1(), "edge1")
    impostor = device.known_hosts_line.replace(
        device.key.get_base64(), host_key("another").get_base64()
    )
    findings = collect(source(known=impostor, edge1=device), context)
    [call] = of_type(findings, Call)
    assert call.outcome is CallOutcome.REFUSED
    assert "host key SHA256:" in call.reason
    [gap] = [g for g in of_type(findings, Gap) if g.aspect is Aspect.CONFIGURATION]
    assert gap.level is Level.NONE


def test_a_device_without_a_known_host_key_is_refused(
    start: Start, source: Write, context: Context
) -> None:
    device = start(device_files.edge1(), "edge1")
    other = "[127.0.0.1]:1 " + " ".join(device.known_hosts_line.split()[1:]) + "\n"
    [call] = of_type(collect(source(known=other, edge1=device), context), Call)
    assert (call.operation, call.outcome) == ("ssh:login", CallOutcome.REFUSED)
    assert "no host key" in call.reason


def test_a_wrong_password_is_refused_and_not_repeated_in_the_ledger(
    start: Start, source: Write, context: Context
) -> None:
    environ = {**context.environ, "EXITKIT_NETWORK_PASSWORD": "wrong-4Zz9"}
    place = source(edge1=start(device_files.edge1(), "edge1"))
    [call] = of_type(collect(place, replace(context, environ=environ)), Call)
    assert call.outcome is CallOutcome.REFUSED
    assert "wrong-4Zz9" not in call.reason


def test_a_forbidden_command_is_refused_with_its_name_and_costs_no_deadline(
    start: Start, source: Write, context: Context
) -> None:
    state = device_files.edge1()
    state.forbidden = ("show running-config",)
    findings = collect(source(edge1=start(state, "edge1")), context)
    [call] = [call for call in of_type(findings, Call) if call.is_open]
    assert (call.outcome, call.permission) == (CallOutcome.REFUSED, "show running-config")
    assert "Authorization failed" in call.reason
    assert len(of_type(findings, License)) == 2


def test_a_hung_device_ends_at_its_deadline_and_costs_no_other_device(
    start: Start, source: Write, context: Context
) -> None:
    devices = {
        "dead": start(device_files.edge1(), "dead", hangs_on=("show running-config",)),
        "mute": start(device_files.edge1(), "mute", silent=True),
        "well": start(device_files.spare(), "well"),
    }
    findings = collect(source(**devices), replace(context, limits=Limits(call_deadline_s=4)))
    outcomes = {(c.binding, c.operation): c.outcome.value for c in of_type(findings, Call)}
    assert outcomes["dead", "ssh:show running-config"] == "unavailable"
    assert outcomes["dead", "ssh:show version"] == "unavailable"
    assert outcomes["mute", "ssh:login"] == "unavailable"
    assert outcomes["well", "ssh:show running-config"] == "collected"
    statuses = {a.name: a.status for a in of_type(findings, Asset)}
    assert statuses == {"dead": "unknown", "mute": "unknown", "well": "active"}


def test_identities_name_address_and_host_key(
    start: Start, source: Write, context: Context
) -> None:
    device = start(device_files.edge1(), "edge1")
    names = NetworkCollector().identities(source(edge1=device), context)
    assert names == {
        f"endpoint:ssh://127.0.0.1:{device.port}",
        f"ssh-host-key:{device.key.fingerprint}",
    }


def test_a_configuration_typed_into_another_device_reads_back_equal(
    start: Start, source: Write, context: Context
) -> None:
    edge, spare = start(device_files.edge1(), "edge1"), start(device_files.spare(), "spare")
    place = source(edge1=edge, spare=spare)
    findings = collect(place, context)
    draft = next(d for d in of_type(findings, Draft) if d.ref.native_id == "edge1")
    ios = platform_of("cisco_ios")
    text = draft.contents[0].body.read_text()
    with open_device(
        "127.0.0.1", spare.port, "cisco_ios", "collector", PASSWORD,
        place.base / "known_hosts", 30,
    ) as device:  # fmt: skip
        conversation = device.configure(ios.lines_to_type(text))
        device.save()
        now = device.run("show running-config")
    assert "% Invalid" not in conversation
    withheld = set(ios.withheld_lines(text))
    assert set(ios.items(text)) - set(ios.items(now)) == withheld
    assert any("Loopback99" in item for item in ios.items(now))
    assert spare.state.startup == spare.state.running()


def test_a_device_as_a_child_process_says_its_key_and_ends_when_told(tmp_path: Path) -> None:
    (tmp_path / "running.txt").write_text(device_files.SPARE)
    process = subprocess.Popen(
        [sys.executable, "-m", "exitkit.demo.ssh_device", "--key-seed", "spare", "--user", "ops",
         "--password-env", "DEVICE_PASSWORD", "--configuration", str(tmp_path / "running.txt")],
        env={**os.environ, "DEVICE_PASSWORD": PASSWORD}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    (tmp_path / "known_hosts").write_text(line)
    port = int(line.split("]:")[1].split()[0])
    with open_device(
        "127.0.0.1", port, "cisco_ios", "ops", PASSWORD, tmp_path / "known_hosts", 20
    ) as device:
        assert "hostname spare" in device.run("show running-config")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    process.stdout.close()


def test_a_device_that_dribbles_ends_at_its_deadline(
    start: Start, source: Write, context: Context
) -> None:
    devices = {
        "slow": start(device_files.edge1(), "slow", pieces=1),
        "well": start(device_files.spare(), "well"),
    }
    findings = collect(source(**devices), replace(context, limits=Limits(call_deadline_s=3)))
    outcomes = {(c.binding, c.operation): c.outcome.value for c in of_type(findings, Call)}
    assert outcomes["slow", "ssh:show running-config"] == "unavailable"
    assert outcomes["well", "ssh:show running-config"] == "collected"


def test_findings_come_as_devices_end_and_configurations_lie_on_disk(
    start: Start, source: Write, context: Context
) -> None:
    devices = {
        "a-mute": start(device_files.edge1(), "a-mute", silent=True),
        "z-well": start(device_files.spare(), "z-well"),
    }
    told: list[str] = []
    seen = replace(context, progress=told.append, limits=Limits(call_deadline_s=5))
    for finding in NetworkCollector().collect(source(**devices), seen):
        if isinstance(finding, Draft):
            assert finding.contents[0].body.parent == context.spool
            assert [line.split(":")[0] for line in told] == ["z-well"]
            break
    else:
        raise AssertionError("no configuration")
