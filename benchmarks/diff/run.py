"""Time the diff of two bundles beside its peers, round by round in one run.

    python run.py FOLDER PEERS_PYTHON [ROUNDS] [NAME...]

FOLDER is what generate.py wrote; PEERS_PYTHON is a Python that has duckdb and polars. Prints the
median wall time and the largest peak of memory of each, and the ratio to the bare merge. With
NAMEs only these are run beside the bare merge.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    folder, peers = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    both = [f"{folder}/old", f"{folder}/new"]
    commands = {
        "bare merge": [sys.executable, str(HERE / "merge.py"), folder],
        "exitkit diff": [sys.executable, "-m", "exitkit", "diff", *both],
        "exitkit diff --json": [sys.executable, "-m", "exitkit", "diff", *both, "--json"],
        "DuckDB": [peers, str(HERE / "peer_duckdb.py"), folder],
        "polars": [peers, str(HERE / "peer_polars.py"), folder],
    }
    wanted = ["bare merge", *sys.argv[4:]] if len(sys.argv) > 4 else list(commands)
    commands = {name: command for name, command in commands.items() if name in wanted}
    times: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, int] = dict.fromkeys(commands, 0)
    for _ in range(rounds):
        for name, command in commands.items():
            spent, peak = _measured(command)
            times[name].append(spent)
            peaks[name] = max(peaks[name], peak)
    base = statistics.median(times["bare merge"])
    print("| what | median s | to the bare merge | peak MiB |\n|---|---|---|---|")
    for name in commands:
        median = statistics.median(times[name])
        print(f"| {name} | {median:.2f} | {median / base:.2f} | {peaks[name] // 1024} |")


def _measured(command: list[str]) -> tuple[float, int]:
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    spent = time.monotonic() - began
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{command[1:3]}: exit code {os.waitstatus_to_exitcode(status)}")
    return spent, used.ru_maxrss


if __name__ == "__main__":
    main()
