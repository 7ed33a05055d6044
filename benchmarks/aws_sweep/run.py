"""Take stock of one replayed account beside the peers, round by round in one run.

    python run.py FOLDER [--scale 0.05] [--delay 0.06] [--rounds 3] [--slow-rounds 1] [--tls]
                  [NAME...]

Makes the peers' environments below FOLDER, seeds an emulated account once, records its answers
while every inventory named runs once, and then replays them. Prints the median wall time, processor
time, peak memory of the largest process, calls made and resources written of each.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from calls import CUSTODIAN, IAM_LISTS, REGIONS, tasks

HERE = Path(__file__).parent
WORLD, REPLAY = 5602, 5702
PEERS = {
    "server": ("uvloop", "httptools", "aiohttp"),
    "custodian": ("c7n==0.9.53",),
    "list-all": ("aws-list-all==0.9.2", "setuptools<81"),
}
SLOW = ("Cloud Custodian", "aws-list-all")
BASE = "ideal client, the same calls"


def main() -> None:
    """Prepare what is not there yet, measure, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", default="0.05")
    parser.add_argument("--delay", default="0.06")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-rounds", type=int, default=1)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("names", nargs="*")
    given = parser.parse_intermixed_args()
    os.environ.pop("AWS_CA_BUNDLE", None)  # the address has its own only where it speaks TLS
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    pythons = {name: environment(folder / name, wanted) for name, wanted in PEERS.items()}
    commands = inventories(folder, pythons)
    store = folder / f"answers-{given.scale}.pickle"
    names = given.names or list(commands)
    chosen = {name: command for name, command in commands.items() if name in names}
    record(pythons["server"], store, given.scale, chosen)
    served = [str(REPLAY), str(store), "--delay", given.delay]
    if given.tls:
        served += ["--tls", *certificate(folder)]
        # Read by the SDKs, and by this script when it asks for the counts.
        os.environ |= {"AWS_CA_BUNDLE": served[-2], "SSL_CERT_FILE": served[-2]}
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    with serving(pythons["server"], "replay.py", *served):
        for turn in range(max(given.rounds, given.slow_rounds)):
            for name in measured:
                if turn < (given.slow_rounds if name in SLOW else given.rounds):
                    measured[name].append(one_run(commands[name]))
                    print(name, measured[name][-1], file=sys.stderr, flush=True)
    report(measured)


def environment(folder: Path, wanted: tuple[str, ...]) -> str:
    """Return the Python of an environment of the peer's own, made when it is not there."""
    python = folder / "bin/python"
    if not (folder / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)
        (folder / "made").touch()
    return str(python)


def inventories(folder: Path, pythons: dict[str, str]) -> dict[str, list[str]]:
    """Return the command line of every inventory; the last argument but options is its output."""
    policies = folder / "custodian.json"
    policies.write_text(
        json.dumps({"policies": [{"name": name, "resource": f"aws.{name}"} for name in CUSTODIAN]})
    )
    regions = [part for region in REGIONS for part in ("--region", region)]
    services = sorted({task[1] for task in tasks()})
    operations = sorted({task[2] for task in tasks()} | set(IAM_LISTS))
    chosen = [part for name in services for part in ("--service", name)]
    chosen += [part for name in operations for part in ("--operation", name)]
    custodian, list_all = (Path(pythons[name]).parent for name in ("custodian", "list-all"))
    output = str(folder / "output")

    def ours(script: str, *options: str) -> list[str]:
        return [sys.executable, str(HERE / script), f"{output}/items", *options]

    return {
        BASE: ours("ideal.py", "same"),
        "ideal client, rarely collecting": ours("ideal.py", "rarely"),
        "ideal client, lists alone": ours("ideal.py", "lists"),
        "ideal client, one process": ours("ideal.py", "same", "1"),
        "exitkit": ours("collect_exitkit.py"),
        "exitkit, IAM dead": ours("collect_exitkit.py", "IAM"),
        "exitkit, RDS dead in eight regions": ours("collect_exitkit.py", "RDS"),
        "boto3, 32 threads": ours("threads.py"),
        "boto3, one after the other": ours("naive.py"),
        "Cloud Custodian": [
            str(custodian / "custodian"), "run", "--cache-period", "0", "-s", output, *regions,
            str(policies),
        ],
        "aws-list-all": [
            str(list_all / "aws-list-all"), "query", "--parallel", "32", "--directory", output,
            *regions, *chosen,
        ],
    }  # fmt: skip


def record(python: str, store: Path, scale: str, commands: dict[str, list[str]]) -> None:
    """Keep what an emulated account answers to every inventory, once."""
    if store.exists():
        return
    world = [str(WORLD), scale]
    with serving(sys.executable, "world.py", *world), serving(
        python, "replay.py", str(REPLAY), str(store), "--delay", "0",
        "--record", f"http://127.0.0.1:{WORLD}",
    ):  # fmt: skip
        for name, command in commands.items():
            print("recording", name, one_run(command), file=sys.stderr, flush=True)


@contextmanager
def serving(python: str, *command: str) -> Iterator[None]:
    """Run a server of this folder until the block ends; its last line but ours says it serves."""
    process = subprocess.Popen(
        [python, str(HERE / command[0]), *command[1:]], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    for line in process.stdout:
        if line.startswith(("serving", "answers")):
            break
    else:
        raise SystemExit(f"{command[0]}: did not start")
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def one_run(command: list[str]) -> dict[str, Any]:
    """Run an inventory in an empty folder; return its time, memory, calls and resources."""
    output = Path(next(part for part in command if "/output" in part).partition("/items")[0])
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    asked()
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **{name: os.environ[name] for name in ("AWS_CA_BUNDLE",) if name in os.environ},
        "AWS_ENDPOINT_URL": base(),
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": REGIONS[0],
    }
    with (output.parent / "log").open("w") as log:
        began = time.monotonic()
        child = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
    counts = asked()
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "wall_s": wall,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss // 1024,
        "calls": counts.get("requests", 0),
        "at once": counts.get("most_at_once", 0),
        "misses": counts.get("misses", 0),
    }


def base() -> str:
    """Return the address of the replaying server."""
    scheme = "https" if "AWS_CA_BUNDLE" in os.environ else "http"
    return f"{scheme}://127.0.0.1:{REPLAY}"


def certificate(folder: Path) -> tuple[str, str]:
    """Return the files of a new certificate for 127.0.0.1 and of its key."""
    names = str(folder / "server.pem"), str(folder / "server.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "30", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-out", names[0], "-keyout", names[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return names


def asked() -> dict[str, Any]:
    """Return what the server was asked since the last time."""
    with urllib.request.urlopen(f"{base()}/__stats") as answer:
        counts: dict[str, Any] = json.loads(answer.read())
    return counts


def report(measured: dict[str, list[dict[str, Any]]]) -> None:
    """Print one line for each inventory."""

    def median(name: str, what: str) -> float:
        return statistics.median(run[what] for run in measured[name])

    print("| what | wall s | to the ideal | CPU s | peak MiB | calls | at once |")
    print("|---|---|---|---|---|---|---|")
    for name, runs in measured.items():
        ratio = median(name, "wall_s") / median(BASE, "wall_s") if BASE in measured else 0
        peak = max(run["peak_mib"] for run in runs)
        print(
            f"| {name} | {median(name, 'wall_s'):.2f} | {ratio:.2f} | {median(name, 'cpu_s'):.2f} "
            f"| {peak} | {median(name, 'calls'):.0f} | {median(name, 'at once'):.0f} |"
        )


if __name__ == "__main__":
    main()
