"""Playbooks stay on their hosts, and data stays data."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from exitkit.drivers.ansible_guard import outside_faults, variable_faults, written_inert
from exitkit.errors import InputError

PLAY = "- hosts: all\n  tasks:\n    - ansible.builtin.command: id\n"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("delegate_to", f"{PLAY}      delegate_to: db1\n"),
        ("local_action", "- hosts: all\n  tasks:\n    - local_action: {module: command}\n"),
        ("ansible.builtin.add_host", f"{PLAY}    - ansible.builtin.add_host: {{name: db1}}\n"),
        ("connection", "- hosts: all\n  connection: local\n"),
        ("ansible_host", "- hosts: all\n  vars: {ansible_host: 10.0.0.1}\n"),
        ("delegate_to", "- hosts: all\n  tasks:\n    - block: [{debug: {}, delegate_to: x}]\n"),
    ],
)  # fmt: skip
def test_a_playbook_that_leaves_its_hosts_is_named_with_its_key(
    tmp_path: Path, key: str, text: str
) -> None:
    playbook = tmp_path / "site.yml"
    playbook.write_text(text)
    assert [fault.split("`")[1] for fault in outside_faults(playbook)] == [key]


def test_tasks_and_roles_beside_a_playbook_are_read_and_their_files_are_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "site.yml").write_text(PLAY)
    for name in ("roles/web/tasks/main.yml", "roles/web/files/app.yml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("- {debug: {msg: x}, delegate_to: db1}\n")
    assert list(outside_faults(tmp_path / "site.yml")) == [
        "main.yml: `delegate_to` hands a task to another host"
    ]


@pytest.mark.parametrize(
    "include",
    [
        "- import_playbook: more/other.yml\n",
        "- hosts: all\n  tasks:\n    - include_tasks: {file: more/other.yml}\n",
        "- hosts: all\n  vars_files: [more/other.yml]\n",
    ],
)
def test_what_a_playbook_brings_in_is_read_too(tmp_path: Path, include: str) -> None:
    (tmp_path / "site.yml").write_text(include)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "other.yml").write_text("- {set_fact: {ansible_host: db1}}\n")
    [fault] = outside_faults(tmp_path / "site.yml")
    assert fault == "other.yml: `ansible_host` sends a host's tasks to another address"


def test_an_include_by_template_may_mean_any_file_beside_it(tmp_path: Path) -> None:
    text = "- hosts: all\n  tasks:\n    - include_tasks: '{{ os }}.yml'\n"
    (tmp_path / "site.yml").write_text(text)
    (tmp_path / "debian.yml").write_text("- {command: id, delegate_to: db1}\n")
    assert len(list(outside_faults(tmp_path / "site.yml"))) == 1


@pytest.mark.parametrize(
    "brought",
    [
        "- hosts: all\n  roles: [web, elsewhere]\n",
        "- hosts: all\n  roles: [{role: elsewhere, port: 80}]\n",
        "- hosts: all\n  tasks: [{include_role: {name: elsewhere}}]\n",
        "- hosts: all\n  tasks: [{ansible.builtin.import_role: name=elsewhere tasks_from=x}]\n",
        "- hosts: all\n  roles: [elsewhere.net.db]\n",
        "- hosts: all\n  roles: [../elsewhere]\n",
        "- hosts: all\n  roles: ['{{ elsewhere }}']\n",
        "- hosts: all\n  roles: [needy]\n",
    ],
)
def test_a_role_that_nothing_looks_at_is_a_fault(tmp_path: Path, brought: str) -> None:
    (tmp_path / "roles" / "web" / "tasks").mkdir(parents=True)
    (tmp_path / "roles" / "needy" / "meta").mkdir(parents=True)
    (tmp_path / "roles" / "needy" / "meta" / "main.yml").write_text("dependencies: [web]\n")
    (tmp_path / "site.yml").write_text("- hosts: all\n  roles: [web, needy, {role: web}]\n")
    assert list(outside_faults(tmp_path / "site.yml")) == []
    (tmp_path / "roles" / "needy" / "meta" / "main.yml").write_text(
        "dependencies: [{role: elsewhere}]\n" if "needy" in brought else "dependencies: []\n"
    )
    (tmp_path / "site.yml").write_text(brought)
    [fault] = outside_faults(tmp_path / "site.yml")
    assert "elsewhere" in fault
    assert "nothing has looked at it" in fault


LEAVES = "- {command: id, delegate_to: db1}\n"
ROLE = "- hosts: all\n  roles: [web]\n"


@pytest.mark.parametrize(
    ("folder", "written"),
    [
        # Ansible takes the roles of an imported playbook from beside it.
        ("", {"site.yml": "- import_playbook: more/other.yml\n", "more/other.yml": ROLE,
              "more/roles/web/tasks/main.yml": LEAVES, "roles/web/tasks/main.yml": "[]\n"}),
        ("files", {"site.yml": ROLE, "roles/web/tasks/main.yml": LEAVES}),
        ("templates", {"site.yml": ROLE, "roles/web/tasks/main.yml": LEAVES}),
        ("", {"site.yml": ROLE, "roles/web/tasks/main": LEAVES}),
        ("", {"site.yml": ROLE, "roles/web/tasks/main.json": '[{"delegate_to": "db1"}]'}),
        ("", {"site.yml": ROLE, "roles/web/tasks/files/more.yml": LEAVES}),
        ("", {"site.yml": ROLE, "roles/web/tasks/main.yml": "- include_tasks: extra\n",
              "roles/web/extra": LEAVES}),
        ("", {"site.yml": "- hosts: all\n  tasks: [{include_vars: {dir: more}}]\n",
              "more/all": LEAVES}),
    ],
)  # fmt: skip
def test_what_ansible_reads_is_read_wherever_it_lies(
    tmp_path: Path, folder: str, written: dict[str, str]
) -> None:
    write_all(tmp_path / folder, written)
    [fault] = outside_faults(tmp_path / folder / "site.yml")
    assert "`delegate_to` hands a task to another host" in fault


def test_variables_beside_a_playbook_are_read(tmp_path: Path) -> None:
    write_all(tmp_path, {"site.yml": PLAY, "host_vars/web1": "ansible_host: db1\n"})
    assert list(outside_faults(tmp_path / "site.yml")) == [
        "web1: `ansible_host` sends a host's tasks to another address"
    ]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"site.yml": "- hosts: all\n  collections: [far.away]\n  roles: [web]\n"},
         "site.yml: `collections` is where Ansible looks for roles first"),
        ({"site.yml": ROLE, "roles/web/meta/main.yml": "collections: [far.away]\n"},
         "main.yml: `collections` is where Ansible looks for roles first"),
        ({"site.yml": "- import_playbook: more/other.yml\n", "more/other.yml": ROLE},
         "other.yml: role `web` is not below more/roles"),
        ({"site.yml": "- import_playbook: far.away.other\n"},
         "site.yml: `import_playbook` of far.away.other, which is not beside it"),
        ({"site.yml": "- hosts: all\n  tasks: [{include_tasks: gone.yml}]\n"},
         "site.yml: `include_tasks` of gone.yml, which is not beside it"),
    ],
)  # fmt: skip
def test_what_cannot_be_seen_is_a_fault(tmp_path: Path, written: dict[str, str], says: str) -> None:
    write_all(tmp_path, {"roles/web/tasks/main.yml": "[]\n", **written})
    [fault] = outside_faults(tmp_path / "site.yml")
    assert fault.startswith(says)


def write_all(folder: Path, written: dict[str, str]) -> None:
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_role_that_is_a_link_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "shared" / "tasks").mkdir(parents=True)
    (tmp_path / "shared" / "tasks" / "main.yml").write_text("- {command: id, delegate_to: db1}\n")
    (tmp_path / "play" / "roles").mkdir(parents=True)
    (tmp_path / "play" / "roles" / "web").symlink_to(tmp_path / "shared")
    (tmp_path / "play" / "site.yml").write_text("- hosts: all\n  roles: [web]\n")
    assert list(outside_faults(tmp_path / "play" / "site.yml")) == [
        "`roles/web` is a link to a folder; copy it there"
    ]


def test_a_variable_of_ansible_s_own_is_refused() -> None:
    assert list(variable_faults({"directory": "/srv"})) == []
    [fault] = variable_faults({"ansible_host": "production"})
    assert fault.startswith("variable `ansible_host` is Ansible's own")


def test_our_own_playbooks_stay_on_their_hosts() -> None:
    folder = Path(__file__).parents[3] / "exitkit" / "playbooks"
    playbooks = sorted(folder.glob("*.yml"))
    assert len(playbooks) > 2
    assert [fault for one in playbooks for fault in outside_faults(one)] == []


def test_a_text_with_braces_is_marked_as_data_at_every_depth() -> None:
    hostile = "{{ lookup('pipe', 'id') }}"
    written = written_inert({"name": hostile, "tags": [{"owner": "a{%b"}], "port": 443, "on": True})
    assert written.count("!unsafe") == 2

    class Reader(yaml.SafeLoader):
        pass

    Reader.add_constructor("!unsafe", lambda loader, node: ("data", node.value))
    read = yaml.load(written, Loader=Reader)
    assert read["name"] == ("data", hostile)
    assert read["tags"] == [{"owner": ("data", "a{%b")}]
    assert (read["port"], read["on"]) == (443, True)


def test_a_name_with_braces_is_refused() -> None:
    with pytest.raises(InputError, match="a name with braces"):
        written_inert({"tags": {"{{ x }}": "y"}})
