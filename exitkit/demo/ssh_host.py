"""Run a real SSH server in front of a small Linux host, where this machine can show one.

The machine's own programs answer, in a mount and network namespace in which the demo's files lie
over the machine's, so that the demo finds a host that is the same everywhere and none of yours.
"""

from __future__ import annotations

import getpass
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import yaml

from exitkit.demo import processes
from exitkit.drivers.host_session import HostRefused, HostUnavailable
from exitkit.drivers.host_ssh import Login, open_host
from exitkit.errors import CannotRun

NAME, SITE = "web1", "machines"
HOST_SECRETS = ("pl4nted-cron-Wn62hT",)
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
COVERED = (
    "home", "root", "srv", "opt", "run", "var/lib", "var/log", "var/spool/cron", "usr/share/doc",
    "usr/local/etc", "usr/local/lib/systemd/system", "etc",
)  # fmt: skip
"""Folders of the machine under which only the demo's own files are seen; /etc comes last."""
LEFT_OUT = (
    "hardware", "mounts", "sizes", "rpm", "apk", "pip", "npm", "gem", "jar", "openrc", "sysv",
    "docker-*", "podman-*",
)  # fmt: skip
"""What a namespace of files does not hide, or another package manager would tell of the machine."""
HOLD = """set -eu
for place in {places}; do
  [ ! -d "/$place" ] || mount --bind {folder}/host/"$place" "/$place"
done
: > {folder}/ready
exec sleep infinity
"""
TOOLS = ("sshd", "ssh-keygen", "unshare", "nsenter", "mount")
LOGIN_DEADLINE_S = 20
SOURCE_LINE = (
    f"- {{id: {SITE}, type: hosts, inventory: inventories/exit/machines.yml, "
    f"known_hosts: inventories/known_hosts, leave_out: [{', '.join(LEFT_OUT)}]}}"
)

KEYS = {
    "provider": "SHA256:Y5VHyK584HRt79bS/6ICOfnAmtH/9hf5L8Bm5UZl4RU",
    "customer": "SHA256:I4v59chQR8q/DKXE6Cd9jinbPr0TvJaihCv1w9+Ppko",
}
HOST_RIGHTS = frozenset(
    ((KEYS["provider"], "log in as msp-admin"),
     *((("web1/msp-admin", "sudo (root) NOPASSWD: /usr/bin/systemctl restart shop"),)
       if shutil.which("cvtsudoers", path=SYSTEM_PATH) else ()))
)  # fmt: skip
"""What the provider may do there: principal and permission."""
HOST_USERS = ("root", "shop", "ops", "msp-admin")
_THINGS = (
    ("Host/User", "", HOST_USERS),
    ("Host/Group", "cvtsudoers", ("sudo",)),
    ("Host/CronJob", "", ("/etc/cron.d/shop:15 2 * * * shop 4cc9dd56",
                          "/etc/cron.d/shop:30 2 * * * shop fb6bbe6f")),
    ("Host/Certificate", "", ("/srv/shop/tls/shop.pem#0",)),
    ("Host/Compose", "", ("/srv/shop/compose.yml",)),
    ("Host/Package", "dpkg-query", ("deb/nginx:amd64", "deb/report-designer:amd64")),
    ("Host/Service", "systemctl", ("shop.service",)),
)  # fmt: skip
"""Native type, the program that tells of it (empty: one that is everywhere), and the names."""

Expected = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class RunningHost:
    """A server on loopback; `login_key` is the file that lets `user` in.

    `holder` keeps the namespaces in which its commands run.
    """

    port: int
    user: str
    folder: Path
    login_key: Path
    known_hosts_line: str
    server: subprocess.Popen[bytes] = field(repr=False)
    holder: subprocess.Popen[bytes] = field(repr=False)


def start_host() -> RunningHost:
    """Start it, and log in once; a CannotRun says why this machine cannot show a host."""
    tools = {name: shutil.which(name, path=SYSTEM_PATH) for name in TOOLS}
    absent = sorted(name for name, path in tools.items() if path is None)
    if absent:
        raise CannotRun(f"no host joins the demo: no {', '.join(absent)} here; install it")
    folder = Path(tempfile.mkdtemp(prefix="exitkit-host-"))
    try:
        return _start_in(folder, {name: str(path) for name, path in tools.items()})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def stop_host(host: RunningHost) -> None:
    """Stop the server and what holds its namespaces, and delete its folder."""
    for process in (host.server, host.holder):
        processes.stop(process.pid, process)
    shutil.rmtree(host.folder, ignore_errors=True)


def expected() -> Iterator[Expected]:
    """Yield what a snapshot must find of the host, as far as this machine has the programs."""
    yield ("hosts", SITE, "", "Host/Machine", NAME)
    for native_type, program, names in _THINGS:
        if not program or shutil.which(program, path=SYSTEM_PATH):
            yield from (("hosts", SITE, "", native_type, f"{NAME}/{name}") for name in names)
    for fingerprint in KEYS.values():
        yield ("hosts", SITE, "", "Host/Key", fingerprint)


def _start_in(folder: Path, tools: Mapping[str, str]) -> RunningHost:
    _write_files(folder / "host")
    for name in ("host_key", "login_key"):
        subprocess.run(
            [tools["ssh-keygen"], "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)],
            check=True, capture_output=True,
        )  # fmt: skip
    shutil.copy(folder / "login_key.pub", folder / "authorized")
    with ExitStack() as stack:
        holder = _hold(folder, tools["unshare"])
        stack.callback(processes.stop, holder.pid, holder)
        host = _serve(folder, tools, holder)
        stack.callback(processes.stop, host.server.pid, host.server)
        _try_login(host)
        stack.pop_all()
    return host


def _hold(folder: Path, unshare: str) -> subprocess.Popen[bytes]:
    """Lay the demo's files over the machine's, in namespaces that end with the process."""
    script, log = folder / "hold.sh", folder / "hold.log"
    script.write_text(HOLD.format(places=" ".join(COVERED), folder=shlex.quote(str(folder))))
    as_root = [] if processes.runs_as_root() else ["--map-root-user"]
    command = [unshare, *as_root, "--mount", "--net", "/bin/sh", str(script)]
    holder = processes.start(command, log, {"PATH": SYSTEM_PATH})
    try:
        processes.wait_until((folder / "ready").exists, holder, log)
    except CannotRun as error:
        raise CannotRun(f"no host joins the demo: {error}") from error
    return holder


def _serve(folder: Path, tools: Mapping[str, str], holder: subprocess.Popen[bytes]) -> RunningHost:
    port, user, log = processes.free_port(), getpass.getuser(), folder / "sshd.log"
    spaces = "--mount --net" if processes.runs_as_root() else "--user --mount --net"
    (folder / "enter.sh").write_text(
        f"exec {tools['nsenter']} --target {holder.pid} {spaces} --preserve-credentials "
        '/bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {folder}/authorized\nPidFile none\nStrictModes no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
        f"PermitRootLogin prohibit-password\nForceCommand /bin/sh {folder}/enter.sh\n"
    )
    if processes.runs_as_root():
        Path("/run/sshd").mkdir(exist_ok=True)
    server = processes.start(
        [tools["sshd"], "-D", "-e", "-f", folder / "config"], log, {"PATH": SYSTEM_PATH}
    )
    processes.wait_until(lambda: b"listening" in log.read_bytes(), server, log)
    line = f"[127.0.0.1]:{port} {' '.join((folder / 'host_key.pub').read_text().split()[:2])}"
    (folder / "known_hosts").write_text(f"{line}\n")
    return RunningHost(port, user, folder, folder / "login_key", line, server, holder)


def _write_files(root: Path) -> None:
    text = (files("exitkit.demo") / "estate_files" / "host.yaml").read_text(encoding="utf-8")
    for place in COVERED:
        (root / place).mkdir(parents=True, exist_ok=True)
    for name, body in yaml.safe_load(text).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    wanted = root / "etc/systemd/system/multi-user.target.wants"
    wanted.mkdir()
    (wanted / "shop.service").symlink_to("/etc/systemd/system/shop.service")


def _try_login(host: RunningHost) -> None:
    """Ask as the collector will; a machine that allows no namespace shows itself here."""
    login = Login("127.0.0.1", host.port, host.user, host.folder / "known_hosts",
                  key_file=host.login_key)  # fmt: skip
    try:
        with open_host(login, LOGIN_DEADLINE_S) as session:
            answer = session.run("id -u && cat /etc/os-release", LOGIN_DEADLINE_S, 4096)
    except (HostRefused, HostUnavailable) as error:
        raise CannotRun(f"no host joins the demo: {error}") from error
    if not answer.text.startswith("0\n") or "(demo)" not in answer.text:
        said = (answer.errors.strip().splitlines() or ["nothing"])[-1]
        raise CannotRun(f"no host joins the demo: no namespace of our own here ({said[:120]})")


def inventory_line(host: RunningHost) -> str:
    """Return the host as an inventory names it; its key lies outside the workspace."""
    return (
        f"{{{NAME}: {{ansible_host: 127.0.0.1, ansible_port: {host.port}, ansible_user: "
        f"{host.user}, ansible_ssh_private_key_file: {host.login_key}}}}}"
    )
