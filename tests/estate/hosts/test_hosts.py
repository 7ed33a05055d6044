"""Take stock of a machine behind a real SSH server, and of this one, without writing on it."""

from __future__ import annotations

import datetime as dt
import getpass
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exitkit.cli.main import run
from exitkit.collectors.hosts import HostsCollector
from exitkit.knowledge.host_commands import host_commands, sudoers_fragment
from exitkit.knowledge.kinds import aspects_of, kind_of
from exitkit.knowledge.portability import load_knowledge
from exitkit.model.asset import Asset
from exitkit.model.holdings import Access, License
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Draft, Gap
from exitkit.ports import Context, Finding, Limits, Source

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
SLOW = ["jar", "npm", "pip", "gem", "compose", "dpkg-licenses"]
"""Commands that search the whole disk; their parsers have cases of their own."""


def installed(program: str, package: str) -> str:
    """Return the path of a program, after installing it where it is missing."""
    path = shutil.which(program, path=f"/usr/sbin:/usr/bin:{os.environ['PATH']}")
    if path is None:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        subprocess.run(command, check=True, env=quiet)
        path = shutil.which(program, path="/usr/sbin:/usr/bin")
    assert path, f"{program} could not be installed"
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run sshd on loopback with keys of its own; the folder holds an inventory for it."""
    folder = tmp_path_factory.mktemp("sshd")
    sshd = installed("sshd", "openssh-server")
    for name in ("host_key", "login_key", "other_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    shutil.copy(folder / "login_key.pub", folder / "authorized")
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {folder}/authorized\nPidFile {folder}/pid\nStrictModes no\n"
        "PasswordAuthentication no\nUsePAM no\nPermitRootLogin yes\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sshd, "-D", "-e", "-f", folder / "config"], stderr=log)
        for _ in range(100):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        public = (folder / "host_key.pub").read_text().split()[:2]
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {' '.join(public)}\n")
        (folder / "hosts.yml").write_text(
            "all:\n  hosts:\n    web1:\n"
            f"      ansible_host: 127.0.0.1\n      ansible_port: {port}\n"
            f"      ansible_user: {getpass.getuser()}\n"
            "      ansible_ssh_private_key_file: login_key\n"
        )
        yield folder
        process.terminate()
        process.wait(timeout=10)


def collect(folder: Path, **settings: Any) -> list[Finding]:
    base = {"inventory": "hosts.yml", "known_hosts": "known_hosts", "leave_out": SLOW}
    source = Source("machines", "hosts", {**base, **settings}, folder)
    context = Context(NOW, folder, b"k" * 32, {}, Limits(call_deadline_s=60, workers=2))
    return list(HostsCollector().collect(source, context))


@pytest.fixture(scope="module")
def findings(server: Path) -> list[Finding]:
    return collect(server)


def assets(findings: list[Finding], native_type: str) -> dict[str, Asset]:
    return {
        f.name: f for f in findings if isinstance(f, Asset) and f.ref.native_type == native_type
    }


def calls(findings: list[Finding]) -> dict[str, Call]:
    return {f.operation: f for f in findings if isinstance(f, Call)}


def test_every_command_is_a_line_of_the_ledger_with_its_end(findings: list[Finding]) -> None:
    lines = calls(findings)
    assert set(lines) == {"host:login", *(f"host:{one.id}" for one in host_commands())}
    assert lines["host:login"].outcome is CallOutcome.COLLECTED
    assert lines["host:users"].outcome is CallOutcome.COLLECTED
    assert lines["host:pip"].outcome is CallOutcome.EXCLUDED
    if shutil.which("rpm") is None:
        assert lines["host:rpm"].outcome is CallOutcome.NOT_OFFERED


def installed_packages() -> set[tuple[str, str]]:
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    lines = (line.split() for line in asked.splitlines() if line.startswith("installed "))
    return {(name, version) for _, name, version in lines}


def only(*commands: str) -> list[str]:
    return [one.id for one in host_commands() if one.id not in commands]


def test_packages_and_users_are_those_of_the_machine(findings: list[Finding], server: Path) -> None:
    before = installed_packages()
    found = {
        (f.config["name"], f.config["version"])
        for f in collect(server, leave_out=only("user", "dpkg"))
        if isinstance(f, Asset) and f.ref.native_id.startswith("web1/deb/")
    }
    # Another test may install something in the meantime.
    after = installed_packages()
    assert before & after <= found <= before | after
    root = assets(findings, "Host/User")["root"]
    assert (root.config["uid"], root.config["groups"]) == (0, ["root"])
    assert not any("$6$" in str(user.config) for user in assets(findings, "Host/User").values())


def test_the_ssh_server_itself_is_a_listening_port(findings: list[Finding], server: Path) -> None:
    port = int((server / "config").read_text().split()[1])
    listening = [one.config["port"] for one in assets(findings, "Host/Endpoint").values()]
    assert port in listening


def test_every_aspect_of_every_asset_has_an_answer(findings: list[Finding]) -> None:
    said = {(f.ref, f.aspect) for f in findings if isinstance(f, Draft | Gap)}
    knowledge = load_knowledge()
    for found in findings:
        if isinstance(found, Asset):
            assert found.kind == kind_of(found.ref.native_type) != "other"
            for aspect in aspects_of(found.kind):
                known = knowledge.fact_for("hosts", found.ref.native_type, aspect, found.config)
                assert known or (found.ref, aspect) in said, (found.ref, aspect)


def test_the_same_host_twice_gives_the_same_records(server: Path, findings: list[Finding]) -> None:
    def stable(found: list[Finding]) -> dict[str, str]:
        return {
            f.ref.urn: f"{f.name} {f.config}"
            for f in found
            if isinstance(f, Asset) and f.ref.native_type in ("Host/Package", "Host/CronJob")
        }

    first = stable(findings)
    second = stable(collect(server, leave_out=only("user", "release", "dpkg", "cron")))
    there_in_both = first.keys() & second.keys()
    assert len(there_in_both) > 20
    assert [urn for urn in there_in_both if first[urn] != second[urn]] == []


def test_a_host_with_another_key_is_refused_and_so_is_an_unknown_one(
    server: Path, tmp_path: Path
) -> None:
    for name in ("hosts.yml", "login_key"):
        shutil.copy(server / name, tmp_path / name)
    other = (server / "other_key.pub").read_text().split()[:2]
    address = (server / "known_hosts").read_text().split()[0]
    for known, reason in ((f"{address} {' '.join(other)}\n", "is not the one in"),
                          ("\n", "no host key in known_hosts")):  # fmt: skip
        (tmp_path / "known_hosts").write_text(known)
        found = collect(tmp_path)
        line = calls(found)["host:login"]
        assert line.outcome is CallOutcome.REFUSED
        assert reason in line.reason
        (machine,) = [f for f in found if isinstance(f, Asset)]
        assert machine.status == "unknown"


def test_a_login_key_that_the_host_does_not_know_is_a_refused_call(
    server: Path, tmp_path: Path
) -> None:
    shutil.copy(server / "known_hosts", tmp_path)
    shutil.copy(server / "other_key", tmp_path / "login_key")
    shutil.copy(server / "hosts.yml", tmp_path)
    line = calls(collect(tmp_path))["host:login"]
    assert (line.outcome, line.is_open) == (CallOutcome.REFUSED, True)


def behind(server: Path, folder: Path, **variables: str) -> None:
    """Write an inventory of the same host, reached over a jump host."""
    for name in ("login_key", "known_hosts"):
        shutil.copy(server / name, folder / name)
    lines = "".join(f"      {name}: {value}\n" for name, value in variables.items())
    (folder / "hosts.yml").write_text((server / "hosts.yml").read_text() + lines)


def test_a_host_behind_two_jump_hosts_is_read_over_them(server: Path, tmp_path: Path) -> None:
    port = (server / "known_hosts").read_text().split()[0].rpartition(":")[2]
    hop = f"{getpass.getuser()}@127.0.0.1:{port}"
    behind(server, tmp_path, exitkit_jump_hosts=f"['{hop}', '{hop}']")
    before = (server / "log").read_text().count("Accepted publickey")
    found = collect(tmp_path, leave_out=only("user", "users", "last-login"))
    assert calls(found)["host:users"].outcome is CallOutcome.COLLECTED
    assert "root" in assets(found, "Host/User")
    # Each of the three doors was a login of its own.
    assert (server / "log").read_text().count("Accepted publickey") == before + 3


@pytest.mark.parametrize(
    ("hop", "outcome", "reason"),
    [
        ("127.0.0.1:1", CallOutcome.UNAVAILABLE, "Connection refused"),
        ("nobody-here@127.0.0.1:{port}", CallOutcome.REFUSED, "user name or password refused"),
    ],
)
def test_a_jump_host_that_lets_nobody_through_is_named(
    server: Path, tmp_path: Path, hop: str, outcome: CallOutcome, reason: str
) -> None:
    address = (server / "known_hosts").read_text().split()[0]
    port = address.rpartition(":")[2]
    behind(server, tmp_path, exitkit_jump_hosts=hop.format(port=port))
    line = calls(collect(tmp_path))["host:login"]
    assert line.outcome is outcome
    assert reason in line.reason
    assert f"ssh://127.0.0.1:{hop.format(port=port).rpartition(':')[2]}" in line.reason


def test_the_last_login_of_a_user_is_what_the_machine_says(tmp_path: Path) -> None:
    lastlog = installed("lastlog", "login")
    source = Source(
        "own", "hosts", {"local": True, "leave_out": only("user", "users", "last-login")}, tmp_path
    )
    context = Context(NOW, tmp_path, b"k" * 32, {}, Limits(workers=1))
    found = list(HostsCollector().collect(source, context))
    said = subprocess.run([lastlog], check=False, capture_output=True, text=True).stdout
    logged_in = {line.split()[0] for line in said.splitlines()[1:] if "Never logged in" not in line}
    with_day = {u.name for u in assets(found, "Host/User").values() if "last_login_on" in u.config}
    assert with_day == logged_in & set(assets(found, "Host/User"))
    # It changes by itself, and is no difference between two snapshots.
    assert all("last_login_on" in u.volatile for u in assets(found, "Host/User").values())


def test_packages_of_a_real_rpm_database_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rpm = installed("rpm", "rpm")
    installed("rpmbuild", "rpm")
    (tmp_path / ".rpmmacros").write_text(f"%_dbpath {tmp_path}/db\n%_topdir {tmp_path}/build\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "shop.spec").write_text(
        "Name: shop\nEpoch: 2\nVersion: 1.4\nRelease: 7\nSummary: s\nLicense: GPLv2+ and MIT\n"
        "Vendor: Example\nBuildArch: noarch\n%description\nd\n%files\n"
    )
    run_quietly = {"check": True, "capture_output": True}
    subprocess.run(["rpmbuild", "-bb", tmp_path / "shop.spec"], **run_quietly)
    [package] = (tmp_path / "build").rglob("*.rpm")
    subprocess.run([rpm, "--initdb"], **run_quietly)
    subprocess.run([rpm, "-i", "--justdb", "--nodeps", package], **run_quietly)
    source = Source("own", "hosts", {"local": True, "leave_out": only("user", "rpm")}, tmp_path)
    context = Context(NOW, tmp_path, b"k" * 32, {}, Limits(workers=1))
    found = list(HostsCollector().collect(source, context))
    assert calls(found)["host:rpm"].outcome is CallOutcome.COLLECTED
    [shop] = assets(found, "Host/Package").values()
    assert (shop.config["name"], shop.config["version"]) == ("shop", "2:1.4-7")
    [license_] = [f for f in found if isinstance(f, License)]
    assert license_.spdx_expression == "GPL-2.0-or-later AND MIT"


def test_images_and_containers_of_a_real_podman_are_read(tmp_path: Path) -> None:
    podman = installed("podman", "podman")
    (tmp_path / "file").write_text("kept")
    packed = tmp_path / "image.tar"
    subprocess.run(["tar", "-C", tmp_path, "-cf", packed, "file"], check=True)
    name = f"localhost/exitkit-test-{os.getpid()}:1.4"
    quietly: dict[str, Any] = {"check": True, "capture_output": True}
    subprocess.run([podman, "import", packed, name], **quietly)
    try:
        subprocess.run(
            [podman, "create", "--name", f"shop-{os.getpid()}", name, "/file"], **quietly
        )
        source = Source(
            "own", "hosts",
            {"local": True, "leave_out": only("user", "podman-images", "podman-containers")},
            tmp_path,
        )  # fmt: skip
        context = Context(NOW, tmp_path, b"k" * 32, {}, Limits(workers=1))
        found = list(HostsCollector().collect(source, context))
    finally:
        subprocess.run([podman, "rmi", "--force", name], check=False, capture_output=True)
    lines = calls(found)
    assert lines["host:podman-images"].outcome is CallOutcome.COLLECTED
    assert lines["host:podman-containers"].outcome is CallOutcome.COLLECTED
    [image] = [i for i in assets(found, "Host/ContainerImage").values() if name in str(i.config)]
    assert image.config["engine"] == "podman"
    [container] = [
        one for one in assets(found, "Host/Container").values() if str(os.getpid()) in one.name
    ]
    assert container.config["image"] == name


def test_this_machine_is_read_without_ssh_and_its_jobs_and_keys_are_found(
    tmp_path: Path,
) -> None:
    fast = [
        one.id for one in host_commands() if one.id not in ("user", "system", "users", "sudo-rules")
    ]
    source = Source("own", "hosts", {"local": True, "leave_out": fast}, tmp_path)
    context = Context(NOW, tmp_path, b"k" * 32, {}, Limits(workers=1))
    found = list(HostsCollector().collect(source, context))
    (machine,) = assets(found, "Host/Machine").values()
    assert machine.name == socket.gethostname()
    assert "root" in assets(found, "Host/User")
    rules = [f for f in found if isinstance(f, Access) and "/etc/sudoers" in f.via]
    assert all(rule.resource == machine.name for rule in rules)


def test_the_policy_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "hosts"]) == 0
    said = capsys.readouterr().out
    for command in host_commands():
        assert f"# {command.id} (" in said
        assert command.reads in said
        assert shlex.join(command.arguments) in said
    assert said.endswith(sudoers_fragment())


def test_the_sudoers_file_is_one_and_allows_no_shell(tmp_path: Path) -> None:
    installed("visudo", "sudo")
    path = tmp_path / "exitkit"
    path.write_text(sudoers_fragment())
    path.chmod(0o440)
    said = subprocess.run(["visudo", "-cf", path], check=False, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    allowed = [
        line.split()[0] for line in path.read_text().splitlines() if line.startswith("    /")
    ]
    assert len(allowed) == sum(one.root for one in host_commands())
    assert not [one for one in allowed if one.endswith(("sh", "sudo", "env"))]
