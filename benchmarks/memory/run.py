"""Measure what a snapshot of a large estate takes of memory, disk and time, size by size.

    python benchmarks/memory/run.py FOLDER [ASSETS:CALLS[:PROVIDER]...]

Each size is a snapshot to a sealed bundle in a process of its own, in FOLDER, removed afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
SIZES = ("20000:20000", "100000:20000", "300000:20000", "100:1000000")
WORKSPACE = """\
schema: exitkit/workspace/1
series: bench
sources:
  - {id: estate, type: aws}
signing: {key: keys/exitkit.pem}
"""


def main() -> None:
    folder = Path(sys.argv[1])
    print("| assets | ledger lines | wall s | CPU s | peak MiB | most on disk, MiB | bundle, MiB |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for size in sys.argv[2:] or SIZES:
        assets, calls, provider = f"{size}:aws".split(":")[:3]
        root = folder / f"estate-{assets}-{calls}"
        _workspace(root)
        environ = os.environ | {"ASSETS": assets, "CALLS": calls, "PROVIDER": provider}
        began = time.monotonic()
        child = subprocess.Popen([sys.executable, str(HERE / "estate.py"), str(root)], env=environ)
        most, ended = [0], threading.Event()
        watch = threading.Thread(target=_watch, args=(root, most, ended))
        watch.start()
        _, status, used = os.wait4(child.pid, 0)
        spent = time.monotonic() - began
        ended.set()
        watch.join()
        if status:
            raise SystemExit(f"{size}: ended with {os.waitstatus_to_exitcode(status)}")
        processor = used.ru_utime + used.ru_stime
        numbers = (
            f"{int(assets):,} {provider}", f"{int(calls):,}", round(spent), round(processor),
            used.ru_maxrss // 1024, most[0], _mebibytes(root / "bundles"),
        )  # fmt: skip
        print("| " + " | ".join(map(str, numbers)) + " |", flush=True)
        shutil.rmtree(root)


def _workspace(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / "exitkit.yaml").write_text(WORKSPACE)
    (root / "keys").mkdir()
    (root / "keys" / "masking.key").write_text("0" * 64)
    (root / "keys" / "masking.key").chmod(0o600)
    subprocess.run(
        [sys.executable, "-m", "exitkit", "keygen", "-w", str(root)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _watch(root: Path, most: list[int], ended: threading.Event) -> None:
    while not ended.wait(0.5):
        most[0] = max(most[0], _mebibytes(root))


def _mebibytes(root: Path) -> int:
    found = subprocess.run(["du", "-sm", root], capture_output=True, text=True, check=False)
    return int(found.stdout.split()[0])


if __name__ == "__main__":
    main()
