"""Log in as devices of the field want it: agents, questions, banners, pagers, jump hosts."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest

from exitkit.collectors.network import NetworkCollector
from exitkit.demo import device_files
from exitkit.demo.ssh_device import SshDevice
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Draft
from exitkit.ports import Context, Finding, Limits, Source

Odd = Callable[..., Any]
Write = Callable[..., Source]
PASSWORD = "sesame-7Yk2-planted"
ENABLE = "enable-5Tt1-planted"


def collect(source: Source, context: Context, **variables: str) -> list[Finding]:
    """Collect the source, whose devices get further variables of the inventory."""
    inventory = source.base / "network.yml"
    lines = "".join(f"    {name}: {value}\n" for name, value in variables.items())
    if lines:
        inventory.write_text(inventory.read_text() + "  vars:\n" + lines)
    return list(NetworkCollector().collect(source, context))


def configuration(findings: list[Finding]) -> str:
    [draft] = [f for f in findings if isinstance(f, Draft) and f.aspect is Aspect.CONFIGURATION]
    return draft.contents[0].body.read_text()


def calls(findings: list[Finding]) -> dict[str, Call]:
    return {f.operation: f for f in findings if isinstance(f, Call)}


@pytest.fixture
def whole(start: Odd, source: Write, context: Context) -> str:
    """What a device without any manners gives."""
    return configuration(collect(source(edge1=start(device_files.edge1(), "edge1")), context))


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[paramiko.PKey]:
    """Run a real ssh-agent that holds two keys; the second is the one of the device."""
    address = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(address)], stdout=subprocess.DEVNULL)
    while not address.is_socket():
        assert process.poll() is None
        time.sleep(0.01)
    before = os.environ.get("SSH_AUTH_SOCK")
    os.environ["SSH_AUTH_SOCK"] = str(address)
    for name in ("other", "ours"):
        key = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        subprocess.run(["ssh-add", "-q", key], check=True)
    key = paramiko.PKey.from_path(tmp_path / "ours")
    # What the agent holds is on no disk of whoever asks it.
    for name in ("other", "ours"):
        (tmp_path / name).unlink()
    yield key
    process.terminate()
    process.wait(10)
    if before is None:
        del os.environ["SSH_AUTH_SOCK"]
    else:
        os.environ["SSH_AUTH_SOCK"] = before


def test_a_key_of_the_ssh_agent_logs_in_where_there_is_no_password(
    odd: Odd, source: Write, context: Context, agent: paramiko.PKey, whole: str
) -> None:
    device = odd(device_files.edge1(), "edge1", way="publickey", user_key=agent)
    environ = {"EXITKIT_NETWORK_USER": "collector", "SSH_AUTH_SOCK": os.environ["SSH_AUTH_SOCK"]}
    findings = collect(source(edge1=device), replace(context, environ=environ))
    assert configuration(findings) == whole
    assert device.tried[-1] == agent.fingerprint


def test_an_agent_without_the_key_is_a_refused_login(
    odd: Odd, source: Write, context: Context, agent: paramiko.PKey
) -> None:
    device = odd(device_files.edge1(), "edge1", way="publickey", user_key=None)
    environ = {"EXITKIT_NETWORK_USER": "collector", "SSH_AUTH_SOCK": os.environ["SSH_AUTH_SOCK"]}
    [login] = calls(collect(source(edge1=device), replace(context, environ=environ))).values()
    assert login.outcome is CallOutcome.REFUSED
    assert agent.fingerprint in device.tried


def test_a_server_that_asks_for_user_and_password_is_answered(
    odd: Odd, source: Write, context: Context, whole: str
) -> None:
    device = odd(device_files.edge1(), "edge1", way="keyboard-interactive")
    assert configuration(collect(source(edge1=device), context)) == whole
    assert device.tried == ["collector"]


def test_a_wrong_password_is_given_once_to_a_server_that_asks(
    odd: Odd, source: Write, context: Context
) -> None:
    device = odd(device_files.edge1(), "edge1", way="keyboard-interactive")
    environ = {**context.environ, "EXITKIT_NETWORK_PASSWORD": "wrong-4Zz9"}
    [login] = calls(collect(source(edge1=device), replace(context, environ=environ))).values()
    assert login.outcome is CallOutcome.REFUSED
    assert device.tried == ["collector"]
    assert "wrong-4Zz9" not in login.reason


@pytest.mark.parametrize("asks", [("Username: ", "Password: "), ("login: ", "password:")])
@pytest.mark.parametrize("way", ["none", "password"])
def test_questions_inside_the_channel_are_answered(
    odd: Odd, source: Write, context: Context, whole: str, way: str, asks: tuple[str, ...]
) -> None:
    device = odd(device_files.edge1(), "edge1", way=way, asks=asks)
    assert configuration(collect(source(edge1=device), context)) == whole
    assert device.tried[-1] == "collector"
    assert PASSWORD not in "".join(device.typed)


def test_a_password_refused_inside_the_channel_is_a_refused_login(
    odd: Odd, source: Write, context: Context
) -> None:
    device = odd(
        device_files.edge1(), "edge1", way="none",
        asks=("Username: ", "Password: ", "Authentication failed\r\n\r\nPassword: "),
    )  # fmt: skip
    [login] = calls(collect(source(edge1=device), context)).values()
    assert login.outcome is CallOutcome.REFUSED
    assert "password again" in login.reason


BANNER = """
**********************************************************
*  Authorized use only. Login: see the owner.            *
*  Password: never share it.   edge1# is monitored       *
**********************************************************
Support> call 4711
"""


def test_banners_before_and_after_the_login_are_read_over(
    odd: Odd, source: Write, context: Context, whole: str
) -> None:
    device = odd(device_files.edge1(), "edge1", banner=BANNER, greeting=BANNER)
    findings = collect(source(edge1=device), context)
    assert configuration(findings) == whole
    assert [call for call in calls(findings).values() if call.is_open] == []
    # Nothing of the banner was taken for a question.
    assert "collector" not in device.typed
    assert PASSWORD not in device.typed


@pytest.mark.parametrize("wipe", ["\b", "\r"])
@pytest.mark.parametrize(
    "pager",
    [" --More-- ", "--More--", "---- More ----", "<--- More --->", "--More-- (50%)",
     "-- MORE --, next page: Space, next line: Enter, quit: Control-C",
     "Press any key to continue (Q to quit)"],
)  # fmt: skip
def test_a_pager_that_cannot_be_switched_off_is_turned_and_leaves_no_trace(
    odd: Odd, source: Write, context: Context, whole: str, pager: str, wipe: str
) -> None:
    device = odd(device_files.edge1(), "edge1", pager=pager, wipe=wipe)
    assert configuration(collect(source(edge1=device), context)) == whole


def test_enable_mode_is_entered_with_its_own_password(
    odd: Odd, source: Write, context: Context, whole: str
) -> None:
    device = odd(device_files.edge1(), "edge1", enable_password=ENABLE)
    environ = {**context.environ, "EXITKIT_NETWORK_ENABLE_PASSWORD": ENABLE}
    findings = collect(
        source(edge1=device), replace(context, environ=environ),
        ansible_become="true", ansible_become_method="enable",
    )  # fmt: skip
    assert configuration(findings) == whole
    assert ENABLE not in repr(findings)


def test_a_wrong_enable_password_is_refused_and_without_enable_the_command_is_unknown(
    odd: Odd, source: Write, context: Context
) -> None:
    device = odd(device_files.edge1(), "edge1", enable_password=ENABLE)
    place = source(edge1=device)
    found = calls(collect(place, context))
    assert found["ssh:login"].outcome is CallOutcome.COLLECTED
    assert found["ssh:show running-config"].outcome is CallOutcome.UNSUPPORTED
    environ = {**context.environ, "EXITKIT_NETWORK_ENABLE_PASSWORD": "wrong-9Qq8"}
    [login] = calls(
        collect(place, replace(context, environ=environ), ansible_become="true")
    ).values()
    assert login.outcome is CallOutcome.REFUSED
    assert "enable refused" in login.reason


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run a real sshd on loopback as the host on the way; its folder holds what it knows."""
    folder = tmp_path_factory.mktemp("gate")
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if sshd is None:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "openssh-server"], check=True)
        sshd = "/usr/sbin/sshd"
    for name in ("host_key", "login_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
        )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/login_key.pub\nPidFile {folder}/pid\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin yes\nAllowTcpForwarding yes\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sshd, "-D", "-e", "-f", folder / "config"], stderr=log)
    while True:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert process.poll() is None
        time.sleep(0.02)
    public = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    (folder / "port").write_text(str(port))
    yield folder
    process.terminate()
    process.wait(10)


def test_a_device_behind_two_jump_hosts_is_collected_over_a_real_sshd(
    odd: Odd, source: Write, context: Context, gate: Path, whole: str
) -> None:
    device = odd(device_files.edge1(), "edge1", way="publickey")
    device.user_key = paramiko.PKey.from_path(gate / "login_key")
    known = device.known_hosts_line + (gate / "known_hosts").read_text()
    place = source(known=known, edge1=device)
    hop = f"{getpass.getuser()}@127.0.0.1:{(gate / 'port').read_text()}"
    findings = collect(
        place, context, exitkit_jump_hosts=f"['{hop}', '{hop}']",
        ansible_ssh_private_key_file=str(gate / "login_key"),
    )  # fmt: skip
    assert configuration(findings) == whole
    assert len((gate / "log").read_text().split("Accepted publickey")) >= 3


def test_a_jump_host_with_another_key_is_refused_by_name(
    odd: Odd, source: Write, context: Context, gate: Path
) -> None:
    device: SshDevice = odd(device_files.edge1(), "edge1")
    port = (gate / "port").read_text()
    impostor = f"[127.0.0.1]:{port} {device.key.get_name()} {device.key.get_base64()}\n"
    place = source(known=device.known_hosts_line + impostor, edge1=device)
    findings = collect(
        place, context, exitkit_jump_hosts=f"{getpass.getuser()}@127.0.0.1:{port}",
        ansible_ssh_private_key_file=str(gate / "login_key"),
    )  # fmt: skip
    [login] = calls(findings).values()
    assert login.outcome is CallOutcome.REFUSED
    assert f"ssh://127.0.0.1:{port}: host key" in login.reason
    assert device.tried == []


def test_a_key_revoked_in_known_hosts_lets_nobody_be_taken_for_the_device(
    odd: Odd, source: Write, context: Context
) -> None:
    device: SshDevice = odd(device_files.edge1(), "edge1")
    known = device.known_hosts_line
    revoked = "@revoked * " + " ".join(known.split()[1:]) + "\n"
    [login] = calls(collect(source(known=known + revoked, edge1=device), context)).values()
    assert login.outcome is CallOutcome.REFUSED
    assert device.tried == []


def test_a_hashed_name_in_known_hosts_is_found(
    odd: Odd, source: Write, context: Context, whole: str
) -> None:
    device: SshDevice = odd(device_files.edge1(), "edge1")
    name, key = device.known_hosts_line.split(" ", 1)
    known = f"{paramiko.HostKeys.hash_host(name)} {key}"
    assert configuration(collect(source(known=known, edge1=device), context)) == whole


def test_hung_devices_give_their_workers_back_at_their_deadline(
    odd: Odd, start: Odd, source: Write, context: Context
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    hung = {
        # It takes the connection, and never says a word.
        "a-connection": start(device_files.edge1(), "connection"),
        "b-prompt": start(device_files.edge1(), "prompt", silent=True),
        "c-question": odd(device_files.edge1(), "question", asks=("Username: ",) * 9),
        "d-pager": odd(device_files.edge1(), "pager", pager="--More--", rows=0),
    }
    hung["a-connection"].stop()
    hung["a-connection"].port = listener.getsockname()[1]
    well = {f"{name}-well": start(device_files.spare(), name) for name in "yz"}
    limits = Limits(call_deadline_s=3, workers=len(hung))
    findings = collect(source(**hung, **well), replace(context, limits=limits))
    listener.close()
    ends = {
        f.binding: f.outcome.value
        for f in findings
        if isinstance(f, Call) and f.operation in ("ssh:login", "ssh:show running-config")
    }
    # As many hung devices as workers: nobody else is reached before one was given back.
    assert {ends[name] for name in hung} <= {"unavailable", "refused"}
    assert {ends[name] for name in well} == {"collected"}
