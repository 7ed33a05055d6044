"""Move the configuration of a real router to an empty one: FRR, OpenSSH, BGP, own namespaces."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from exitkit.collectors.network import NetworkCollector
from exitkit.drivers.ssh import open_host
from exitkit.model.asset import Asset
from exitkit.model.ledger import Call
from exitkit.model.plan import Mode, Step
from exitkit.model.run import StepStatus
from exitkit.model.verdict import Draft
from exitkit.ports import Context, Finding, Limits, Source, StepContext, Target
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep
from exitkit.store import records
from exitkit.store.writer import BundleInputs, write_bundle
from exitkit.workspace.inventory import inventory_of

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
USER, PASSWORD = "exkroute", "vty-5Tg8-planted"
BGP_PASSWORD = "bgp-3Rf6-planted"
DAEMONS = ("zebra", "staticd", "bgpd")
LINK = "exk-v"
FIRST = f"""
ip prefix-list OUT seq 5 permit 192.0.2.0/24
ip prefix-list OUT seq 10 deny any
route-map OUT permit 10
 match ip address prefix-list OUT
 set metric 50
exit
interface lo
 ip address 192.0.2.1/32
exit
interface {LINK}1
 description uplink to exk2# of the carrier
 ip address 10.255.0.1/30
exit
ip route 192.0.2.0/24 Null0
ip route 203.0.113.0/24 10.255.0.2
router bgp 65001
 bgp router-id 192.0.2.1
 neighbor 10.255.0.2 remote-as 65002
 neighbor 10.255.0.2 description second
 neighbor 10.255.0.2 password {BGP_PASSWORD}
 neighbor 10.255.0.2 timers connect 1
 address-family ipv4 unicast
  network 192.0.2.0/24
  neighbor 10.255.0.2 route-map OUT in
  neighbor 10.255.0.2 route-map OUT out
 exit-address-family
exit
"""
SECOND = f"""
interface {LINK}2
 ip address 10.255.0.2/30
exit
router bgp 65002
 bgp router-id 198.51.100.1
 no bgp ebgp-requires-policy
 neighbor 10.255.0.1 remote-as 65001
 neighbor 10.255.0.1 password {BGP_PASSWORD}
 neighbor 10.255.0.1 timers connect 1
exit
"""


def run(*command: str | Path, check: bool = True, given: str | None = None) -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@dataclass
class Router:
    """One FRR in a network namespace of its own, behind an sshd that knows nothing but vtysh."""

    name: str
    folder: Path
    port: int = 0

    def start(self, configuration: str) -> None:
        state, own = Path("/var/run/frr") / self.name, Path("/etc/frr") / self.name
        for path in (state.parent, state, own):
            path.mkdir(exist_ok=True)
            shutil.chown(path, "frr", "frr")
        own.chmod(0o770)
        (own / "vtysh.conf").touch()
        for daemon in DAEMONS:
            run(
                "ip", "netns", "exec", self.name, f"/usr/lib/frr/{daemon}", "-d", "-N", self.name,
                "-A", "127.0.0.1", "-P", "0", "-u", "frr", "-g", "frr",
            )  # fmt: skip
        run("vtysh", "-N", self.name, given=f"configure terminal\n{configuration}\nend\n")
        self._listen()

    def _listen(self) -> None:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / f"{self.name}.key")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        shell = self.folder / f"{self.name}.sh"
        shell.write_text(f"#!/bin/sh\nexport VTYSH_PAGER=cat\nexec /usr/bin/vtysh -N {self.name}\n")
        shell.chmod(0o755)
        (self.folder / f"{self.name}.conf").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/{self.name}.key\n"
            f"PidFile {self.folder}/{self.name}.pid\nUsePAM no\nPasswordAuthentication yes\n"
            f"KbdInteractiveAuthentication no\nAllowTcpForwarding local\nAllowUsers {USER}\n"
            f"Banner {self.folder}/banner\nPrintMotd no\nStrictModes no\n"
            f"AuthorizedKeysFile {self.folder}/user.pub\nForceCommand {shell}\n"
        )
        log = self.folder / f"{self.name}.log"
        run("/usr/sbin/sshd", "-f", self.folder / f"{self.name}.conf", "-E", log)

    def vtysh(self, command: str) -> str:
        return run("vtysh", "-N", self.name, "-c", command)

    def known_hosts_line(self) -> str:
        key = (self.folder / f"{self.name}.key.pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n"

    def stop(self) -> None:
        state = Path("/var/run/frr") / self.name
        for pid_file in (self.folder / f"{self.name}.pid", *state.glob("*.pid")):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(pid_file.read_text()), signal.SIGTERM)
        run("ip", "netns", "del", self.name, check=False)
        shutil.rmtree(state, ignore_errors=True)
        shutil.rmtree(Path("/etc/frr") / self.name, ignore_errors=True)


def add_link(first: Router, second: Router | None) -> None:
    """Join the routers by a cable; without a second the end hangs free."""
    peer = f"{LINK}2" if second else f"{LINK}x"
    owner = second or first
    run("ip", "link", "add", f"{LINK}1", "netns", first.name, "type", "veth", "peer", "name", peer,
        "netns", owner.name)  # fmt: skip
    for router, name in ((first, f"{LINK}1"), (owner, peer)):
        run("ip", "netns", "exec", router.name, "ip", "link", "set", name, "up")


@pytest.fixture(scope="module")
def lab() -> Iterator[dict[str, Router]]:
    """Start two routers that speak BGP with each other, and an empty third."""
    if not Path("/usr/lib/frr/bgpd").exists() or not Path("/usr/sbin/sshd").exists():
        run("apt-get", "update", "-qq")
        run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq",
            "--no-install-recommends", "frr", "openssh-server", "iproute2")  # fmt: skip
    # Not below pytest's own folder: the router's user has to read what stands here.
    folder = Path(tempfile.mkdtemp(prefix="exkroute-"))
    folder.chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)
    run("userdel", USER, check=False)
    run("useradd", "-M", "-d", "/nonexistent", "-s", "/bin/sh", "-G", "frr,frrvty", USER)
    run("chpasswd", given=f"{USER}:{PASSWORD}\n")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "user")
    (folder / "banner").write_text("#" * 40 + "\n# Authorized access only #\n" + "#" * 40 + "\n")
    routers = {name: Router(name, folder) for name in ("exk1", "exk2", "exk3")}
    try:
        for router in routers.values():
            router.stop()
            run("ip", "netns", "add", router.name)
            run("ip", "netns", "exec", router.name, "ip", "link", "set", "lo", "up")
        add_link(routers["exk1"], routers["exk2"])
        add_link(routers["exk3"], None)
        for name, text in (("exk1", FIRST), ("exk2", SECOND), ("exk3", "")):
            routers[name].start(text)
        yield routers
    finally:
        for router in routers.values():
            router.stop()
        run("userdel", USER, check=False)
        shutil.rmtree(folder)


@pytest.fixture
def target(lab: dict[str, Router], tmp_path: Path) -> Target:
    """The third router, whose inventory also names the first two."""
    ports = {name: router.port for name, router in lab.items()}
    key = lab["exk1"].folder / "user"
    (tmp_path / "routers.ini").write_text(
        f"[routers]\nexk1 ansible_port={ports['exk1']}\n"
        f"exk2 ansible_port={ports['exk2']} ansible_ssh_private_key_file={key}"
        " exkit_password_env=NOWHERE\n"
        f"exk3 ansible_port={ports['exk3']}"
        f" exitkit_jump_hosts={USER}@127.0.0.1:{ports['exk2']}\n"
        f"[routers:vars]\nansible_host=127.0.0.1\nansible_network_os=frr.frr.frr\n"
        f"ansible_user={USER}\n"
    )
    lines = "".join(router.known_hosts_line() for router in lab.values())
    (tmp_path / "known_hosts").write_text(lines)
    settings = {"inventory": "routers.ini", "known_hosts": "known_hosts", "host": "exk3"}
    return Target("spare", "network", settings, tmp_path)


def eventually(holds: Callable[[], Any]) -> Any:
    """Ask until it holds; routers take a moment to agree."""
    ends = time.monotonic() + 40
    while not (found := holds()):
        assert time.monotonic() < ends, "not within 40 s"
        time.sleep(0.2)
    return found


def bgp_state(router: Router, neighbor: str) -> str:
    peers = json.loads(router.vtysh("show bgp ipv4 unicast summary json"))["peers"]
    return str(peers[neighbor]["state"])


def bundle_of(findings: list[Finding], folder: Path) -> Path:
    drafts = [one for one in findings if isinstance(one, Draft)]
    assets = [one for one in findings if isinstance(one, Asset)]
    held = {draft.ref: [records.artifact(c) for c in draft.contents] for draft in drafts}
    tables = {"assets": [records.asset_record(one, held.get(one.ref, [])) for one in assets]}
    contents = [content for draft in drafts for content in draft.contents]
    write_bundle(folder, BundleInputs("acme", 1, NOW, NOW, NOW, "0", {}), tables, contents)
    return folder


def running(router: Router) -> list[str]:
    """What the router itself says, without frame and masked secret."""
    text = router.vtysh("show running-config")
    lines = text.partition("frr version")[2].splitlines()[1:]
    return [line for line in lines if " password " not in line and line not in ("", "!", "end")]


def test_a_real_router_moves_to_an_empty_one(
    lab: dict[str, Router], target: Target, context: Context, tmp_path: Path
) -> None:
    first, second, third = lab.values()
    eventually(lambda: bgp_state(first, "10.255.0.2") == "Established")
    eventually(lambda: "192.0.2.0/24" in second.vtysh("show ip route bgp"))
    environ = {"EXITKIT_NETWORK_PASSWORD": PASSWORD}
    lent = replace(context, environ=environ, limits=Limits(call_deadline_s=30))
    source = Source("core", "network", target.settings, tmp_path)
    findings = list(NetworkCollector().collect(source, lent))
    open_calls = [one for one in findings if isinstance(one, Call) and one.is_open]
    assert [call.reason for call in open_calls] == []
    assert PASSWORD not in repr(findings)
    assert BGP_PASSWORD not in repr(findings)

    before = running(third)
    bundle = bundle_of(findings, tmp_path / "bundle")
    assert BGP_PASSWORD not in "".join(
        path.read_text() for path in bundle.rglob("*running-config.txt")
    )
    (tmp_path / "attempt").mkdir()
    steps = StepContext(
        "run-1", Mode.REHEARSAL, tmp_path, tmp_path / "attempt", bundle, {target.id: target}, {},
        {}, "run-1/restore", environ,
    )  # fmt: skip
    assets = {"native_type": "frr/Device", "names": ["exk1"]}
    params = {"what": "network-configuration", "target": target.id, "assets": assets}
    restored = RestoreStep().run(Step("restore", "restore", params), steps)
    assert restored.status is StepStatus.SUCCEEDED, restored.message
    assert [item for item in restored.items if item.result != "equal"] == []
    assert running(third) == running(first)
    routes = json.loads(third.vtysh("show ip route json"))
    assert {"192.0.2.0/24", "192.0.2.1/32", "203.0.113.0/24", "10.255.0.0/30"} <= routes.keys()
    assert bgp_state(third, "10.255.0.2") in ("Active", "Connect", "Idle")
    compared = CompareStep().run(Step("compare", "compare", params), steps)
    assert compared.status is StepStatus.SUCCEEDED, compared.message
    saved = (Path("/etc/frr") / third.name / "staticd.conf").read_text()
    assert "ip route 203.0.113.0/24 10.255.0.2" in saved

    undone = RestoreStep().undo(Step("restore", "restore", params), restored.touched, steps)
    assert undone.status is StepStatus.SUCCEEDED, undone.message
    assert running(third) == before


def test_a_router_behind_another_is_reached_by_key_and_by_password(
    lab: dict[str, Router], target: Target
) -> None:
    environ = {"EXITKIT_NETWORK_PASSWORD": PASSWORD}
    hosts = {host.name: host for host in inventory_of(target.settings, target.base, environ)}
    with open_host(hosts["exk2"], {}, 20) as device:
        assert "router bgp 65002" in device.run("show running-config")
    with open_host(hosts["exk3"], environ, 20) as device:
        assert device.run("show version").startswith("FRRouting 8")
