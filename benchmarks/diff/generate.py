"""Write two bundles of N assets a side: 1 % changed, 0.2 % gone, 0.2 % new; only what a diff reads.

python generate.py FOLDER N
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from exitkit.store.layout import TABLES

TYPES = ("AWS::EC2::Instance", "AWS::EC2::Volume", "AWS::S3::Bucket", "AWS::IAM::Role")


def main() -> None:
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    chosen = random.Random(7)
    changed = set(chosen.sample(range(number), number // 100))
    gone = set(chosen.sample(range(number), number // 500))
    old = range(number)
    new = [i for i in range(number + number // 500) if i not in gone]
    for name, rows, moved in (("old", old, set()), ("new", new, changed)):
        _bundle(folder / name, rows, moved, 1 + (name == "new"))


def _bundle(path: Path, rows: range | list[int], moved: set[int], sequence: int) -> None:
    (path / "data/records").mkdir(parents=True)
    (path / "data/evidence").mkdir()
    for table in TABLES.values():
        (path / "data" / table.path).write_bytes(b"")
    descriptor = {
        "@id": "urn:exitkit:bundle", "formatVersion": "1.0", "series": "bench",
        "sequence": sequence, "sealedAt": "2026-11-01T00:00:00.000Z",
    }  # fmt: skip
    (path / "data/exitkit.json").write_bytes(_line(descriptor))
    for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt", "bagit.txt"):
        (path / name).write_bytes(b"")
    _write(path / "data" / TABLES["assets"].path, (_asset(i, i in moved) for i in rows))
    _write(path / "data" / TABLES["exportability"].path, (_verdict(i, i in moved) for i in rows))


def _asset(number: int, moved: bool) -> dict[str, object]:
    own = random.Random(number)
    artifact = {
        "mediaType": "application/jsonl", "origin": "provider-api",
        "path": f"native/aws/{number % 40:012d}/eu-west-1/type-{number % 4}.jsonl",
        "role": "native-config", "sha256": f"{own.getrandbits(256):064x}", "sizeBytes": 900,
    }  # fmt: skip
    tags = [{"key": key, "value": f"{own.getrandbits(64):016x}"} for key in ("Name", "env", "team")]
    return {
        "@id": _urn(own), "@type": "Asset", "artifacts": [artifact],
        "identifiers": [{"scheme": "arn", "value": f"arn:aws:x:eu-west-1:1:thing/{number:012d}"}],
        "kind": "compute.instance", "name": f"thing-{number}",
        "provider": {
            "name": "aws", "nativeId": f"i-{number:017x}", "nativeType": TYPES[number % 4],
            "region": f"eu-west-{number % 3}", "scope": f"{number % 40:012d}",
        },
        "status": "stopped" if moved else "active", "tags": tags,
    }  # fmt: skip


def _verdict(number: int, moved: bool) -> dict[str, object]:
    own = random.Random(number)
    asset = _urn(own)
    return {
        "@id": asset, "@type": "Exportability", "asset": asset,
        "aspect": "configuration", "basis": "fact", "confidence": "high", "format": "JSON",
        "level": "none" if moved and number % 10 == 0 else "open", "method": "describe",
        "reasonCode": "semantic-loss", "reasonText": "Held as the provider's documented JSON.",
        "responsibleParty": "customer", "workaround": "Write the target's code from the JSON.",
    }  # fmt: skip


def _urn(own: random.Random) -> str:
    digits = f"{own.getrandbits(128):032x}"
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _write(path: Path, records: Iterator[dict[str, object]]) -> None:
    lines = sorted(map(_line, records))
    with path.open("wb") as stream:
        stream.writelines(lines)


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record, separators=(",", ":"), sort_keys=True).encode() + b"\n"


if __name__ == "__main__":
    main()
