"""Read Ansible inventories of network devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitkit.errors import InputError
from exitkit.workspace.inventory import InventoryHost, read_inventory


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


def test_an_unset_variable_is_named(tmp_path: Path) -> None:
    [edge] = read(tmp_path, "all: {hosts: {edge1: {ansible_network_os: ios}}}\n")
    with pytest.raises(InputError, match="EXITKIT_NETWORK_USER is not set"):
        edge.credentials({})
