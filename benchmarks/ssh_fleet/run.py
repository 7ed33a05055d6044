"""Time the collection of a fleet beside its peers, round by round in one run.

    python run.py FOLDER PEERS_PYTHON [DEVICES] [ROUNDS] [WORKERS] [NAME...]

Needs root, gcc, dropbear and rancid; PEERS_PYTHON has nornir-netmiko, scrapli and paramiko. FOLDER
must be readable for everyone. Prints the median wall time, processor time and peak memory of each.
"""

from __future__ import annotations

import os
import secrets
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
USER = "exkfleet"
BASE = "bare paramiko"


def main() -> None:
    folder, peers = Path(sys.argv[1]).resolve(), sys.argv[2]
    devices, rounds, workers = (*sys.argv[3:6], *("500", "1", "16")[len(sys.argv[3:6]) :])
    arguments = [str(folder), devices, workers]
    commands = {
        BASE: [peers, str(HERE / "peer_paramiko.py"), *arguments],
        "exitkit": [sys.executable, str(HERE / "pull_exitkit.py"), *arguments],
        "scrapli (ssh2)": [peers, str(HERE / "peer_scrapli.py"), *arguments],
        "nornir + netmiko": [peers, str(HERE / "peer_nornir.py"), *arguments],
        "RANCID": [sys.executable, str(HERE / "peer_rancid.py"), *arguments],
    }
    wanted = sys.argv[6:] or list(commands)
    commands = {name: command for name, command in commands.items() if name in (BASE, *wanted)}
    password = secrets.token_hex(8)
    os.environ |= {"FLEET_USER": USER, "FLEET_PASSWORD": password}
    fleet = started(folder, devices, password)
    try:
        measured: dict[str, list[tuple[float, float, int]]] = {name: [] for name in commands}
        for _ in range(int(rounds)):
            for name, command in commands.items():
                measured[name].append(one_run(name, command))
    finally:
        fleet.terminate()
        fleet.wait()
        subprocess.run(["userdel", USER], check=False, capture_output=True)
    report(measured, int(devices))


def started(folder: Path, devices: str, password: str) -> subprocess.Popen[bytes]:
    """Build and start the fleet; its devices let one user in, whom the machine has to know."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    configurations = folder / "cfg"
    shutil.rmtree(configurations, ignore_errors=True)
    run(sys.executable, str(HERE / "generate.py"), str(configurations), devices)
    run("gcc", "-O2", "-o", str(folder / "device"), f'-DFLEETDIR="{configurations}"',
        str(HERE / "device.c"))  # fmt: skip
    run("gcc", "-O2", "-o", str(folder / "fleet"), str(HERE / "fleet.c"))
    key = folder / "hostkey"
    key.unlink(missing_ok=True)
    run("dropbearkey", "-t", "ed25519", "-f", str(key))
    public = subprocess.check_output(["dropbearkey", "-y", "-f", key], text=True)
    line = next(line for line in public.splitlines() if line.startswith("ssh-ed25519"))
    (folder / "hostkey.pub").write_text(line + "\n")
    subprocess.run(["userdel", USER], check=False, capture_output=True)
    run("useradd", "-M", "-d", "/", "-s", "/bin/sh", USER)
    subprocess.run(["chpasswd"], input=f"{USER}:{password}", text=True, check=True)
    fleet = subprocess.Popen(
        [folder / "fleet", devices, key, folder / "device"], stderr=subprocess.DEVNULL
    )
    time.sleep(0.5)
    return fleet


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def one_run(name: str, command: list[str]) -> tuple[float, float, int]:
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    spent = time.monotonic() - began
    if status:
        raise SystemExit(f"{name}: exit code {os.waitstatus_to_exitcode(status)}")
    print(f"{name}: {spent:.1f} s", file=sys.stderr)
    return spent, used.ru_utime + used.ru_stime, used.ru_maxrss


def report(measured: dict[str, list[tuple[float, float, int]]], devices: int) -> None:
    base = statistics.median(run[0] for run in measured[BASE])
    print("| what | median s | to bare paramiko | CPU ms a device | peak MiB |")
    print("|---|---|---|---|---|")
    for name, runs in measured.items():
        wall = statistics.median(run[0] for run in runs)
        processor = statistics.median(run[1] for run in runs) / devices * 1000
        peak = max(run[2] for run in runs) // 1024
        print(f"| {name} | {wall:.1f} | {wall / base:.2f} | {processor:.1f} | {peak} |")


if __name__ == "__main__":
    main()
