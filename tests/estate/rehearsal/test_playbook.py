"""Run a playbook of the workspace, and the one that takes it back."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from exitkit.drivers.ansible import end_leftovers
from exitkit.errors import InputError
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.ports import StepContext, Target
from exitkit.steps.playbook import PlaybookStep

PLAY = """- name: Write a note
  hosts: all
  gather_facts: false
  tasks:
    - name: The note
      ansible.builtin.copy: {content: "{{ text }}", dest: "{{ directory }}/note", mode: "0644"}
"""
UNDO = """- name: Take the note away
  hosts: all
  gather_facts: false
  tasks:
    - name: No note
      ansible.builtin.file: {path: "{{ directory }}/note", state: absent}
"""
STEP = Step(
    "note",
    "playbook",
    {
        "playbook": "playbooks/write_note.yml",
        "target": "host",
        "twice": True,
        "variables": {"text": "größer"},
    },
)


@pytest.fixture
def context(context_of: Callable[..., StepContext], tmp_path: Path) -> StepContext:
    (tmp_path / "hosts.yml").write_text("all:\n  hosts:\n    here: {ansible_connection: local}\n")
    (tmp_path / "srv").mkdir()
    settings = {"inventory": "hosts.yml", "host": "here", "directory": str(tmp_path / "srv")}
    context = context_of(tmp_path, {"host": Target("host", "host", settings, tmp_path)})
    (context.workspace / "playbooks").mkdir()
    (context.workspace / "playbooks" / "write_note.yml").write_text(PLAY)
    return context


def test_a_playbook_runs_twice_and_its_undo_takes_it_back(
    context: StepContext, tmp_path: Path
) -> None:
    (context.workspace / "playbooks" / "write_note.undo.yml").write_text(UNDO)
    outcome = PlaybookStep().run(STEP, context)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    assert (tmp_path / "srv" / "note").read_text() == "größer"
    assert outcome.metrics["tasks_changed"] == 1
    assert outcome.metrics["second_run_changed"] == 0
    PlaybookStep().undo(STEP, {}, context)
    assert not (tmp_path / "srv" / "note").exists()


def test_a_failing_task_is_named(context: StepContext) -> None:
    (context.workspace / "playbooks" / "write_note.undo.yml").write_text(UNDO)
    lost = Step("note", "playbook", {**STEP.params, "variables": {"directory": "/no/such"}})
    outcome = PlaybookStep().run(lost, context)
    assert outcome.status is StepStatus.FAILED
    assert outcome.message.startswith("write_note.yml: The note: ")


def test_a_playbook_that_nothing_takes_back_is_refused(context: StepContext) -> None:
    with pytest.raises(InputError, match=r"no write_note\.undo\.yml beside the playbook"):
        PlaybookStep().run(STEP, context)


WAIT = """- name: Wait
  hosts: all
  gather_facts: false
  tasks:
    - name: A long task
      ansible.builtin.command: "sleep {{ seconds }}"
"""


def test_what_a_killed_step_left_running_is_ended_before_the_next_attempt(
    context: StepContext, tmp_path: Path
) -> None:
    playbook, inventory = tmp_path / "wait.yml", tmp_path / "hosts.yml"
    playbook.write_text(WAIT)
    seconds = "86399.5"
    code = (
        "from pathlib import Path; from exitkit.drivers.ansible import run_playbook;"
        f"run_playbook(Path({str(playbook)!r}), Path({str(inventory)!r}),"
        f" Path({str(tmp_path / 'first')!r}), owner='run/wait',"
        f" variables={{'seconds': '{seconds}'}})"
    )
    step = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    end = time.monotonic() + 60
    while not sleeping(seconds) and time.monotonic() < end:
        time.sleep(0.1)
    os.killpg(step.pid, signal.SIGKILL)
    step.wait()
    assert sleeping(seconds), "the task outlives the step that began it"
    end_leftovers("another/step")
    assert sleeping(seconds)
    end_leftovers("run/wait")
    psutil.wait_procs(sleeping(seconds), timeout=10)
    assert not sleeping(seconds)


def sleeping(seconds: str) -> list[psutil.Process]:
    return [one for one in psutil.process_iter() if words(one) == ["sleep", seconds]]


def words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


FLEET = (
    "all:\n  vars: {ansible_connection: local}\n  children:\n    fleet:\n      hosts:\n"
    + "".join(f"        web{number}:\n" for number in range(6))
)


def test_a_dry_run_on_hosts_drawn_by_lot_writes_nothing_and_needs_no_undo(
    context: StepContext, tmp_path: Path
) -> None:
    (tmp_path / "hosts.yml").write_text(FLEET)
    settings = {"inventory": "hosts.yml", "host": "fleet", "directory": str(tmp_path / "srv")}
    fleet = replace(context, targets={"host": Target("host", "host", settings, tmp_path)})
    said: list[str] = []
    params = {name: value for name, value in STEP.params.items() if name != "twice"}
    dry = Step("note", "playbook", {**params, "check": True, "sample": {"hosts": 2, "seed": "26"}})
    outcome = PlaybookStep().run(dry, replace(fleet, progress=said.append))
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    assert (outcome.metrics["hosts"], outcome.metrics["tasks_changed"]) == (2, 2)
    drawn = sorted(line.split(":")[0] for line in said)
    assert len(set(drawn)) == 2
    assert outcome.message.startswith(f"write_note.yml on {', '.join(drawn)}: ")
    assert "would change" in outcome.message
    assert not (tmp_path / "srv" / "note").exists()
    assert outcome.touched == {}
    told = PlaybookStep().dry_run
    with pytest.raises(InputError, match="write the playbook that takes it back"):
        told(Step("note", "playbook", params), fleet)
    (context.workspace / "playbooks" / "write_note.undo.yml").write_text(UNDO)
    whole = told(Step("note", "playbook", params), fleet)
    assert (whole.status, "would change" in whole.message) == (StepStatus.SUCCEEDED, True)
    assert not (tmp_path / "srv" / "note").exists()


def test_a_worker_behind_ssh_runs_what_it_is_sent_and_nothing_secret_stays(
    context: StepContext, tmp_path: Path, ssh_server: Path
) -> None:
    (context.workspace / "playbooks" / "write_note.undo.yml").write_text(UNDO)
    far = context.targets["host"].settings | {"worker": worker_of(tmp_path, ssh_server)}
    said: list[str] = []
    there = replace(
        context,
        targets={"host": Target("host", "host", far, tmp_path)},
        progress=said.append,
    )
    secret = "Never-Seen-Again-51b2"
    params = {**STEP.params, "twice": False, "variables": {"text": "größer", "a_token": secret}}
    outcome = PlaybookStep().run(Step("note", "playbook", params), there)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.message
    assert (tmp_path / "srv" / "note").read_text() == "größer"
    assert said == ["here: The note: changed"]
    assert (tmp_path / "sent").stat().st_size > 1000, "it went through the pipe of the worker"
    kept = [path for path in there.attempt_dir.rglob("*") if path.is_file()]
    assert any("job_events" in str(path) for path in kept)
    assert [path for path in kept if secret.encode() in path.read_bytes()] == []


SLOW = """- name: Take a while
  hosts: all
  gather_facts: false
  tasks:
    - name: Long
      ansible.builtin.command: sh -c 'echo $$ > {{ directory }}/pid; sleep 987'
"""
PLAY_IT = """
import sys
from pathlib import Path
from exitkit.drivers.ansible import PlaybookOptions, run_playbook
play, hosts, folder, deadline_s, *worker = sys.argv[1:]
options = PlaybookOptions(worker=tuple(worker), deadline_s=int(deadline_s))
run_playbook(Path(play), Path(hosts), Path(folder), owner="r/slow", hosts="here",
             variables={"directory": str(Path(hosts).parent / "srv")}, options=options)
"""


@pytest.mark.parametrize("how", ["killed", "late"])
def test_a_worker_behind_ssh_ends_with_the_step_that_sent_it(
    context: StepContext, tmp_path: Path, ssh_server: Path, how: str
) -> None:
    slow = context.workspace / "playbooks" / "slow.yml"
    slow.write_text(SLOW)
    step = subprocess.Popen(
        [sys.executable, "-c", PLAY_IT, slow, tmp_path / "hosts.yml", tmp_path / "attempt-far",
         "12" if how == "late" else "600", *worker_of(tmp_path, ssh_server)],
        start_new_session=True, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    pid = tmp_path / "srv" / "pid"
    while not (pid.exists() and pid.read_text().strip()):
        assert step.poll() is None, step.communicate()
        time.sleep(0.05)
    task = psutil.Process(int(pid.read_text()))
    if how == "killed":
        os.killpg(step.pid, signal.SIGKILL)
    said = step.communicate()[1]
    assert how == "killed" or "not done after 12 s" in said
    task.wait(timeout=60)
    far = str(tmp_path / "far")
    until = time.monotonic() + 60
    while mine := [one for one in psutil.process_iter(["cmdline"])
                   if far in " ".join(one.info["cmdline"] or ())]:  # fmt: skip
        assert time.monotonic() < until, mine
        time.sleep(0.1)
    # It holds what was sent, secrets among it.
    assert not (tmp_path / "far" / "job").exists()


def worker_of(tmp_path: Path, server: Path) -> list[str]:
    """A worker behind a real SSH server, and a pipe before it that notes what passes."""
    far, port = tmp_path / "far", (server / "port").read_text()
    far.mkdir()
    command = (
        f"cd {far} && env -i PATH={Path(sys.executable).parent}:/usr/bin:/bin HOME={far}"
        f" {sys.executable} -m ansible_runner worker --private-data-dir {far}/job --delete"
    )
    ssh = ["ssh", "-F", "none", "-p", port, "-i", str(server / "login_key"), "-o", "BatchMode=yes",
           "-o", f"UserKnownHostsFile={server}/known_hosts", f"{getpass.getuser()}@127.0.0.1",
           command]  # fmt: skip
    script = tmp_path / "worker.sh"
    script.write_text(f"tee {tmp_path}/sent | {shlex.join(ssh)}\n")
    return ["sh", str(script)]


@pytest.fixture
def ssh_server(tmp_path: Path) -> Iterator[Path]:
    """Run sshd on loopback with keys of its own."""
    folder = tmp_path / "sshd"
    folder.mkdir()
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    assert sshd, "sshd is not installed; run tools/install_test_parts.sh"
    for name in ("host_key", "login_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    shutil.copy(folder / "login_key.pub", folder / "authorized")
    (folder / "port").write_text(str(port))
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {folder}/authorized\nPidFile none\nStrictModes no\n"
        "PasswordAuthentication no\nUsePAM no\nPermitRootLogin yes\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    public = (folder / "host_key.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {' '.join(public)}\n")
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen([sshd, "-D", "-e", "-f", folder / "config"], stderr=said)
    try:
        while b"Server listening" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield folder
    finally:
        process.terminate()
        process.wait(timeout=10)
