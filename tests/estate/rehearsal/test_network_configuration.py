"""Move a router's configuration to another router and notice every line that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exitkit.collectors.network import NetworkCollector
from exitkit.demo.device_files import EDGE_SECRETS, edge1, spare
from exitkit.demo.ssh_device import SshDevice, host_key
from exitkit.model.plan import Step
from exitkit.model.run import Outcome, StepStatus
from exitkit.ports import Context, Finding, Source, StepContext, Target
from exitkit.restorers.network_configuration import NetworkConfigurationRestorer
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep

USER, PASSWORD = "operator", "sesame-2Wz7"
ENVIRON = {"EXITKIT_NETWORK_USER": USER, "EXITKIT_NETWORK_PASSWORD": PASSWORD}
PARAMS: dict[str, Any] = {
    "what": "network-configuration",
    "target": "spare-router",
    "assets": {"native_type": "cisco_ios/Device", "names": ["edge1"]},
    "canary_pattern": "CANARY-EXITKIT-[A-Z]+",
}
RESTORE = Step("restore-network", "restore", PARAMS)
COMPARE = Step("compare-network", "compare", PARAMS)


@pytest.fixture
def routers() -> Iterator[dict[str, SshDevice]]:
    found = {
        name: SshDevice(state, {USER: PASSWORD}, host_key(name)).start()
        for name, state in (("edge1", edge1()), ("spare", spare()))
    }
    yield found
    for router in found.values():
        router.stop()


@pytest.fixture
def target(routers: dict[str, SshDevice], tmp_path: Path) -> Target:
    hosts = "".join(
        f"    {name}: {{ansible_host: 127.0.0.1, ansible_port: {router.port},"
        " ansible_network_os: cisco.ios.ios}\n"
        for name, router in routers.items()
    )
    (tmp_path / "network.yml").write_text(f"routers:\n  hosts:\n{hosts}")
    lines = "".join(router.known_hosts_line for router in routers.values())
    (tmp_path / "known_hosts").write_text(lines)
    settings = {"inventory": "network.yml", "known_hosts": "known_hosts", "host": "spare"}
    return Target("spare-router", "network", settings, tmp_path)


@pytest.fixture
def lend(
    target: Target,
    collection_context: Context,
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> Callable[..., StepContext]:
    context = Context(
        collection_context.now, collection_context.spool, b"k" * 32, ENVIRON
    )  # fmt: skip
    source = Source("core", "network", target.settings, target.base)
    bundle = bundle_of(list(NetworkCollector().collect(source, context)))
    return lambda key="run-1/restore-network": context_of(bundle, {target.id: target}, ENVIRON, key)


def not_equal(outcome: Outcome) -> list[tuple[str, str]]:
    return [(one.item, one.result) for one in outcome.items if one.result != "equal"]


def test_a_configuration_restored_to_the_second_device_is_the_same_line_by_line(
    lend: Callable[..., StepContext], routers: dict[str, SshDevice]
) -> None:
    restored = RestoreStep().run(RESTORE, lend())
    assert restored.status is StepStatus.SUCCEEDED
    assert not_equal(restored) == []
    compared = CompareStep().run(COMPARE, lend("run-1/compare-network"))
    assert not_equal(compared) == []
    assert compared.metrics["items_compared"] > 60
    assert compared.metrics["canaries_found"] == compared.metrics["canaries_expected"] == 1
    assert [proof.aspect for proof in compared.proofs] == ["configuration"]
    assert routers["spare"].state.startup == routers["spare"].state.running()


def test_secrets_are_placeholders_on_the_target_and_losses_in_the_outcome(
    lend: Callable[..., StepContext], routers: dict[str, SshDevice], tmp_path: Path
) -> None:
    restored = RestoreStep().run(RESTORE, lend())
    running = routers["spare"].state.running()
    assert "<masked" not in running
    assert not any(secret in running + repr(restored) for secret in EDGE_SECRETS)
    assert "snmp-server community <masked> RW 10: a placeholder stands for the secret" in (
        restored.losses
    )
    evidence = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    placeholder = running.split("snmp-server community ")[1].split()[0]
    assert evidence
    assert not any(placeholder in path.read_text() for path in evidence)


@pytest.mark.parametrize(
    ("section", "line", "item", "result"),
    [
        ("ip access-list extended core-in", "no deny ip any any log",
         "ip access-list extended core-in > deny ip any any log", "missing"),
        ("ip access-list extended core-in", "permit ip any any",
         "ip access-list extended core-in > permit ip any any", "extra"),
        ("", "no access-list 10 permit 10.0.0.0 0.0.255.255",
         "access-list 10 > permit 10.0.0.0 0.0.255.255", "missing"),
        ("", "access-list 10 permit any", "access-list 10 > permit any", "extra"),
        ("interface GigabitEthernet0/1", "shutdown",
         "interface GigabitEthernet0/1 > shutdown", "extra"),
    ],
)  # fmt: skip
def test_one_line_changed_after_the_restore_is_named(
    lend: Callable[..., StepContext],
    routers: dict[str, SshDevice],
    section: str,
    line: str,
    item: str,
    result: str,
) -> None:
    RestoreStep().run(RESTORE, lend())
    routers["spare"].state.apply(section, line)
    compared = CompareStep().run(COMPARE, lend("run-1/compare-network"))
    assert not_equal(compared) == [(item, result)]
    assert compared.proofs == ()


def test_undo_gives_the_device_its_own_configuration_back(
    lend: Callable[..., StepContext], routers: dict[str, SshDevice], target: Target
) -> None:
    restorer, state = NetworkConfigurationRestorer(), routers["spare"].state
    before, startup = restorer.inventory(target, ENVIRON), state.startup
    first = RestoreStep().run(RESTORE, lend())
    RestoreStep().run(RESTORE, lend())
    assert restorer.inventory(target, ENVIRON) != before
    undone = RestoreStep().undo(RESTORE, first.touched, lend())
    assert undone.status is StepStatus.SUCCEEDED, undone.message
    assert restorer.inventory(target, ENVIRON) == before
    assert sorted(state.startup.splitlines()) == sorted(startup.splitlines())
    assert state.hostname == "spare"
    again = RestoreStep().undo(RESTORE, {}, lend())
    assert again.status is StepStatus.SUCCEEDED


def test_the_source_device_as_a_target_shows_by_its_identity(
    target: Target, collection_context: Context
) -> None:
    source = Source("core", "network", target.settings, target.base)
    edge = Target("edge", "network", {**target.settings, "host": "edge1"}, target.base)
    theirs = NetworkCollector().identities(source, collection_context)
    assert NetworkConfigurationRestorer().identities(edge, ENVIRON) & theirs


def test_the_configuration_the_target_had_is_not_among_the_evidence(
    lend: Callable[..., StepContext], tmp_path: Path
) -> None:
    RestoreStep().run(RESTORE, lend())
    kept = list((tmp_path / "workspace" / ".private").iterdir())
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600]
    evidence = [path.read_text() for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert not any("store room" in text for text in evidence)
