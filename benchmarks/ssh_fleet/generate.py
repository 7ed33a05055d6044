"""Write N configurations of about 200 kB, with secrets as real ones have them: FOLDER N."""

from __future__ import annotations

import random
import sys
from pathlib import Path

BYTES = 200_000


def configuration(number: int) -> str:
    """Return the configuration of one device."""
    rnd = random.Random(number)
    lines = [
        "version 15.5", f"hostname rtr-{number:03d}", f"enable secret 5 $1${rnd.getrandbits(64):x}",
        f"username ops privilege 15 password 7 {rnd.getrandbits(64):X}",
        f"snmp-server community c{rnd.getrandbits(40):x} RO", "!",
    ]  # fmt: skip
    size, port = 0, 0
    while size < BYTES:
        block = [
            f"interface GigabitEthernet{port // 48}/{port % 48}",
            f" description link-{rnd.getrandbits(64):016x}",
            f" ip address 10.{rnd.randrange(256)}.{port % 256}.1 255.255.255.0",
            " ip ospf cost 10", f" service-policy output QOS-{rnd.randrange(99)}", "!",
        ]  # fmt: skip
        block += [
            f"access-list {100 + port % 99} permit tcp host 10.0.{port % 256}.{entry} any eq"
            f" {rnd.randrange(65535)}"
            for entry in range(8)
        ]
        lines += block
        size += sum(len(line) + 2 for line in block)
        port += 1
    return "\r\n".join([*lines, "end", ""])


if __name__ == "__main__":
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        (folder / f"{number:03d}.cfg").write_text(configuration(number), newline="")
