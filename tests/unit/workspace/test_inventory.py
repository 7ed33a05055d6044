"""Read Ansible inventories of network devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from exitkit.errors import InputError
from exitkit.workspace.inventory import InventoryHost, JumpHost, inventory_of, read_inventory
from exitkit.workspace.inventory_groups import VariableFiles, read_groups, variables_of


def read(tmp_path: Path, text: str) -> tuple[InventoryHost, ...]:
    path = tmp_path / "network.yml"
    path.write_text(text)
    return read_inventory(path, tmp_path / "known_hosts")


def test_variables_come_down_from_group_to_host(tmp_path: Path) -> None:
    edge, spare = read(
        tmp_path,
        "all:\n  vars: {ansible_user: ops, exitkit_password_env: NET_PW}\n  children:\n"
        "    hq:\n      vars: {ansible_network_os: cisco.ios.ios}\n      hosts:\n"
        "        edge1: {ansible_host: 10.0.0.1, ansible_port: 2201}\n"
        "    lab:\n      hosts:\n        spare: {ansible_network_os: eos, exitkit_site: store}\n",
    )
    assert (edge.name, edge.site, edge.host, edge.port) == ("edge1", "hq", "10.0.0.1", 2201)
    assert (edge.username, edge.password_env) == ("ops", "NET_PW")
    assert edge.known_hosts == tmp_path / "known_hosts"
    assert (spare.site, spare.host, spare.port, spare.network_os) == ("store", "spare", 22, "eos")
    assert edge.credentials({"NET_PW": "x"}) == ("ops", "x")


def test_a_host_of_two_groups_is_one_host_in_the_narrower_one(tmp_path: Path) -> None:
    [edge] = read(
        tmp_path,
        "all:\n  hosts: {edge1: {ansible_network_os: ios}}\n  children:\n    hq:\n"
        "      hosts: {edge1: {ansible_port: 2201}}\n",
    )
    assert (edge.site, edge.network_os, edge.port) == ("hq", "ios", 2201)


def test_environment_lookups_of_ansible_are_understood(tmp_path: Path) -> None:
    [edge] = read(
        tmp_path,
        "all:\n  hosts:\n    edge1:\n      ansible_network_os: ios\n"
        "      ansible_user: \"{{ lookup('env', 'NET_USER') }}\"\n"
        "      ansible_password: \"{{ lookup('ansible.builtin.env', 'NET_PW') }}\"\n",
    )
    assert edge.credentials({"NET_USER": "ops", "NET_PW": "x"}) == ("ops", "x")


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("{}", "no ansible_network_os"),
        ("{ansible_network_os: ios, ansible_password: hunter2}", "holds a password"),
        ("{ansible_network_os: ios, ansible_port: many}", "is not a number"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, host: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as fault:
        read(tmp_path, f"all:\n  hosts:\n    edge1: {host}\n")
    assert "network.yml:3:" in str(fault.value)
    assert "hunter2" not in str(fault.value)


def test_a_password_in_clear_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("ansible_password: hunter2\n")
    with pytest.raises(InputError, match=r"network.yml:3: edge1: ansible_password holds a pass"):
        read(tmp_path, "all:\n  hosts:\n    edge1: {ansible_network_os: ios}\n")


INI = """
bare.example ansible_network_os=ios
[core]
edge[01:03] ansible_port=2201   # three of them
edge02 ansible_host=10.0.0.2
[core:vars]
ansible_network_os = cisco.ios.ios
ansible_user = "ops one"
[lab]
spare:2202 ansible_network_os='eos'
[sites:children]
core
lab
[sites:vars]
ansible_user = other
exitkit_jump_hosts = ["ops@gate:2200", "inner"]
"""


def test_the_variables_of_every_host_are_those_that_ansible_sees(tmp_path: Path) -> None:
    inventory = tmp_path / "devices.ini"
    inventory.write_text(INI)
    for name, text in {
        "group_vars/all.yml": "ntp: a\nansible_user: nobody\n",
        "group_vars/core.yml": "ntp: b\nplace: core\n",
        "group_vars/sites/one.yml": "place: sites\nsnmp: x\n",
        "host_vars/edge02.yml": "ansible_port: 2299\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    ansible = Path(sys.executable).with_name("ansible-inventory")
    listed = subprocess.run(
        [ansible, "-i", inventory, "--list"], capture_output=True, text=True, check=True,
        env={"HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
    )  # fmt: skip
    expected = json.loads(listed.stdout)["_meta"]["hostvars"]
    found = read_groups(inventory, "")
    files = VariableFiles(tmp_path, "")
    assert {name: variables_of(found, name, files) for name in found.hosts} == expected
    hosts = {host.name: host for host in read_inventory(inventory, tmp_path / "known_hosts")}
    assert hosts["edge03"].jumps == (JumpHost("gate", 2200, "ops"), JumpHost("inner"))
    sites = {"bare.example": "ungrouped", "spare": "lab"}
    assert {n: h.site for n, h in hosts.items()} == dict.fromkeys(hosts, "core") | sites


def test_secrets_come_out_of_vaults_and_are_never_shown(tmp_path: Path) -> None:
    vault = Path(sys.executable).with_name("ansible-vault")
    (tmp_path / "pw").write_text("open sesame\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all").mkdir()
    (tmp_path / "group_vars" / "all" / "vault.yml").write_text("vault_pw: Geheim-12\n")
    (tmp_path / "group_vars" / "all" / "vars.yml").write_text(
        'ansible_network_os: ios\nansible_user: ops\nansible_password: "{{ vault_pw }}"\n'
    )

    def sealed(*arguments: str | Path) -> str:
        return subprocess.run(
            [vault, *arguments, "--vault-password-file", tmp_path / "pw"],
            capture_output=True, text=True, check=True, env={"HOME": str(tmp_path)},
        ).stdout  # fmt: skip

    sealed("encrypt", tmp_path / "group_vars" / "all" / "vault.yml")
    inline = sealed("encrypt_string", "--name", "ansible_become_password", "Enable-34")
    (tmp_path / "inventory.yml").write_text(
        "all:\n  hosts:\n    edge1: {}\n  vars:\n    ansible_become: true\n"
        "    ansible_become_method: enable\n" + textwrap.indent(inline, "    ") + "\n"
    )
    for settings, environ in (
        ({"vault_password_file": "pw"}, {}),
        ({}, {"EXITKIT_VAULT_PASSWORD": "open sesame"}),
        ({}, {"ANSIBLE_VAULT_PASSWORD_FILE": str(tmp_path / "pw")}),
    ):
        [edge] = inventory_of({"inventory": "inventory.yml", **settings}, tmp_path, environ)
        assert edge.credentials({}) == ("ops", "Geheim-12")
        assert (edge.enable, edge.enable_secret({})) == (True, "Enable-34")
        assert "Geheim" not in repr(edge)
        assert "Enable-34" not in repr(edge)
    for environ, complaint in (
        ({}, "sealed by ansible-vault; export EXITKIT_VAULT_PASSWORD"),
        ({"EXITKIT_VAULT_PASSWORD": "wrong"}, "does not open it"),
    ):
        with pytest.raises(InputError, match=complaint):
            inventory_of({"inventory": "inventory.yml"}, tmp_path, environ)


@pytest.mark.parametrize(
    ("variables", "jumps"),
    [
        ("ansible_ssh_common_args: '-o ProxyJump=ops@gate:2200,b'", "ops@gate:2200 @b:22"),
        ("ansible_ssh_common_args: '-J gate'", "@gate:22"),
        (
            "ansible_ssh_common_args: '-o ProxyCommand=\"ssh -W %h:%p -q -p 2200 ops@gate\"'",
            "ops@gate:2200",
        ),
        ("ansible_ssh_common_args: '-o ControlMaster=auto'", ""),
    ],
)
def test_jump_hosts_are_read_where_ansible_users_write_them(
    tmp_path: Path, variables: str, jumps: str
) -> None:
    [edge] = read(
        tmp_path, f"all: {{hosts: {{edge1: {{ansible_network_os: ios, {variables}}}}}}}\n"
    )
    assert " ".join(f"{j.username}@{j.host}:{j.port}" for j in edge.jumps) == jumps


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[core\nedge1\n", "is no section"),
        ("[core]\nedge1 ansible_port\n", "is no `name=value`"),
        ("[../core]\nedge1\n", "is no name"),
        ("[core]\nedge[1:999999999]\n", "a range goes up"),
        ("[a:children]\nb\n[b:children]\na\n[b]\nedge1 ansible_network_os=ios\n", "below itself"),
        ("[a]\nedge1 ansible_network_os=ios ansible_user='{{ x | default(1) }}'", "is a template"),
        ("[a]\nedge1 ansible_network_os=ios ansible_user='{{ ansible_user }}'", "refers to itself"),
    ],
)
def test_a_mistake_in_an_ini_inventory_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "devices"
    path.write_text(text)
    with pytest.raises(InputError, match=complaint):
        read_inventory(path, tmp_path / "known_hosts")


def test_a_key_file_stands_in_for_a_password(tmp_path: Path) -> None:
    [edge] = read(
        tmp_path,
        "all: {hosts: {edge1: {ansible_network_os: ios, ansible_user: ops,"
        " ansible_ssh_private_key_file: keys/ops}}}\n",
    )
    assert edge.credentials({}) == ("ops", "")
    assert edge.private_key == tmp_path / "keys" / "ops"


def test_an_unset_variable_is_named(tmp_path: Path) -> None:
    [edge] = read(tmp_path, "all: {hosts: {edge1: {ansible_network_os: ios}}}\n")
    with pytest.raises(InputError, match="EXITKIT_NETWORK_USER is not set"):
        edge.credentials({})
