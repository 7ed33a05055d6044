"""Say to every puller who is in the fleet, and take what it read: FOLDER N WORKERS."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER, COUNT, WORKERS = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
USER, PASSWORD, PORT = os.environ["FLEET_USER"], os.environ["FLEET_PASSWORD"], 2222
DEVICES = [(i, f"127.1.{i // 250}.{i % 250}") for i in range(1, COUNT + 1)]


def save(number: int, text: str) -> bool:
    """Write down what a device said; tell whether it is the whole configuration."""
    text = text.replace("\r", "")
    body = text[text.find("version 15.5") : text.rfind("\nend") + 5]
    out = FOLDER / "out"
    out.mkdir(exist_ok=True)
    (out / f"{number:03d}.cfg").write_text(body)
    with (FOLDER / "cfg" / f"{number:03d}.cfg").open(newline="") as file:
        return body.strip() == file.read().replace("\r", "").strip()


def pull_all(pull: Callable[[int, str], bool]) -> None:
    """Pull every device in threads; leave with an error unless all came whole."""
    with ThreadPoolExecutor(WORKERS) as pool:
        whole = sum(pool.map(lambda device: pull(*device), DEVICES))
    if whole != COUNT:
        raise SystemExit(f"{whole} of {COUNT} configurations")
