"""Check an exit bundle with nothing but Python 3.10: bytes, seal, records, completeness, events.

Usage: python3 -I verify.py [--trust PUBLIC_KEY.pem]... BUNDLE
Exit codes: 0 all holds, 1 invalid, 2 usage, 4 intact but not signed by a trusted key,
5 intact with declared holes. The rules are those of ebf-1.0.txt, which lies beside this file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any, BinaryIO

LONGEST_LINE, DEEPEST, MOST_FILES, MOST_FAULTS = 16 * 1024 * 1024, 64, 2_000_000, 50
SEGMENT = re.compile(r"(?!(con|prn|aux|nul|com\d|lpt\d)(\.|\Z))[a-z0-9][a-z0-9._-]{0,99}(?<!\.)\Z")
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
TAGS = {"bagit.txt", "bag-info.txt", "READ-ME-FIRST.txt"}
TAGS |= {"manifest-sha256.txt", "manifest-sha512.txt"}
TOP = TAGS | {"tagmanifest-sha256.txt", "tagmanifest-sha512.txt"}
SEAL, MEDIA_TYPE = "signatures/seal.dsse.json", "application/vnd.in-toto+json"
# Those that others refer to come first.
NAMES = """records/assets records/calls evidence/events evidence/runs evidence/measurements
records/scopes records/relations records/exportability records/access records/licenses
records/automation records/documents records/datasets records/reconciliation"""
TABLES = [f"data/{name}.jsonl" for name in NAMES.split()]
TALLIES = {"assetsByKind": ("assets", "kind"), "callsByOutcome": ("calls", "outcome")}
TALLIES["exportabilityByLevel"] = ("exportability", "level")
TALLIES["exportabilityByReason"] = ("exportability", "reasonCode")
QUESTIONS = {
    "V0": "Are the bytes those of the manifests, with no file more or less?",
    "V1": "Does a seal cover them, signed with a key you trust?",
    "V2": "Is every record canonical, sorted, unique and by its schema?",
    "V3": "Does every reference lead somewhere?",
    "V4": "Has every applicable aspect of every asset exactly one verdict; are the counts right?",
    "V5": "Are the chains of events whole, and is every rehearsed verdict backed by one?",
}


class Examination:
    """What is known about one bundle: `faults` are (level, where, what), `reached` the levels."""

    def __init__(self, bundle: Path, record_fault: Callable[[str, Any], str] | None = None) -> None:
        """Prepare; `record_fault(schema path, record)` adds the schema check to V2."""
        self.bundle, self.record_fault = bundle, record_fault or (lambda schema, record: "")
        self.faults: list[tuple[str, str, str]] = []
        self.reached: set[str] = set()
        self.holes: list[str] = []
        self.signed = False
        self.manifest: dict[str, str] = {}
        self.ids: dict[str, set[str]] = {"assets": set(), "calls": set(), "runs": set()}
        self.kinds: dict[str, set[str]] = {}
        self.due: dict[str, set[str]] = {}
        self.packed: dict[str, tuple[str, str]] = {}
        self.chains: dict[str, tuple[int, str]] = {}
        self.proofs: set[tuple[str, str, str]] = set()
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in TALLIES}

    def fault(self, level: str, where: str, what: str) -> None:
        """Note a fault; a hostile bundle must fill neither the screen nor the memory."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append((level, where[:200], what[:300]))

    def examine(self, keys: list[str]) -> None:
        """Check everything; what no rule foresaw is a fault too, never a pass."""
        level = "V0"
        try:
            check_bytes(self)
            if not self.faults:
                self.reached, level = {"V0"}, "V1"
                self.signed = (self.bundle / SEAL).exists() and check_seal(self, keys)
                self.reached, level = {"V0", "V1"} if self.signed else {"V0"}, "V2"
                self.check_records()
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as e:
            self.fault(level, str(self.bundle), f"cannot be read: {type(e).__name__}: {e}")

    def check_records(self) -> None:
        """Walk all tables once, then ask what only the whole shows."""
        ((whole, _),) = lines(self, "data/exitkit.json", "spec/schemas/bundle.schema.json")
        tables = {f"data/{table['path']}": table for table in whole["tables"]}
        there = {p for p in self.manifest if re.match("data/(records/|evidence/[^/]*$)", p)}
        if not set(tables) == there == set(TABLES) or whole["formatVersion"] != "1.0":
            raise ValueError("data/exitkit.json does not list exactly the tables of format 1.0")
        self.ids["files"] = {path[5:] for path in self.manifest}
        for words in ("kinds", "reasons", "relations"):
            path, schema = f"data/spec/vocab/{words}.jsonl", f"spec/schemas/{words}.schema.json"
            listed = lines(self, path, schema)
            known = {record["@id"]: set(record.get("aspects", ())) for record, _ in listed}
            self.ids[words], self.kinds = set(known), self.kinds or known
        for path in TABLES:
            self.table(path, tables[path])
        for path in sorted(p for p in self.manifest if p.startswith("data/native/")):
            for record, digest in lines(self, path, "spec/schemas/native.schema.json"):
                if self.packed.pop(record["@id"], None) != (path, digest):
                    self.fault("V3", path, f"{record['@id']} is not what its asset says")
        self.whole(whole)
        if not any(level == "V2" for level, _, _ in self.faults):
            self.reached |= {"V2", "V3", "V4", "V5"}

    def table(self, path: str, said: dict[str, Any]) -> None:
        """Take in one table."""
        name, number = path[path.rindex("/") + 1 : -6], 0
        members = json.loads(read(self.bundle / f"data/{said['schema']}"))["properties"]
        references = {name: m["x-ref"] for name, m in members.items() if "x-ref" in m}
        rule = getattr(self, f"take_{name}", None)
        for number, (record, digest) in enumerate(lines(self, path, said["schema"]), 1):
            for member in references.keys() & record.keys():
                target = references[member]
                if not any(record[member] in self.ids[t] for t in self.ids if target in (t, "any")):
                    self.fault("V3", f"{path}:{number}", f"{member} leads nowhere")
            if name in self.ids:
                self.ids[name].add(record["@id"])
            for tally, (table, member) in TALLIES.items():
                if name == table and member in record:
                    self.counts[tally][record[member]] += 1
            if rule:
                rule(record, digest, f"{path}:{number}")
        if (number, self.manifest[path]) != (said["records"], said["sha256"]):
            self.fault("V4", path, "the descriptor counts other lines")

    def take_runs(self, record: dict[str, Any], digest: str, where: str) -> None:
        if self.chains.get(record["run"], (0, ""))[1] != record["chainHead"]:
            self.fault("V5", where, "its events do not end with its chainHead")

    def take_assets(self, record: dict[str, Any], digest: str, where: str) -> None:
        place = record["provider"]
        names = [place[name] for name in ("name", "scope", "region", "nativeType", "nativeId")]
        if record["@id"] != stable_urn("ebf-asset-1", *names):
            self.fault("V3", where, "its @id is not made of its provider's names")
        self.due[record["@id"]] = self.kinds.get(record["kind"], set())
        for artifact in record.get("artifacts", ()):
            path = f"data/{artifact['path']}"
            if artifact["role"] == "native-config":
                self.packed[record["@id"]] = (path, artifact["sha256"])
            elif self.manifest.get(path) != artifact["sha256"]:
                self.fault("V3", where, f"{path} is not the file it names")

    def take_events(self, record: dict[str, Any], digest: str, where: str) -> None:
        count, head = self.chains.get(record["run"], (0, "0" * 64))
        if (record["sequence"], record["previousSha256"]) != (count + 1, head):
            self.fault("V5", where, "does not follow the event before it")
        self.chains[record["run"]] = (count + 1, digest)
        if record["type"] == "step.succeeded":
            for proof in record["data"].get("outcome", {}).get("proofs", ()):
                self.proofs.add((record["run"], proof["asset_urn"], proof["aspect"]))

    def take_exportability(self, record: dict[str, Any], digest: str, where: str) -> None:
        asset, aspect = record["asset"], record["aspect"]
        applies = aspect in self.due.get(asset, ())
        if not applies or record["@id"] != stable_urn("ebf-exp-1", asset, aspect):
            self.fault("V4", where, f"{aspect} does not apply to {asset}, or a wrong @id")
        proof = (record.get("rehearsedIn", ""), asset, aspect)
        if record["level"] == "rehearsed" and proof not in self.proofs:
            self.fault("V5", where, f"no event of run {proof[0]!r} proves it")

    def whole(self, said: dict[str, Any]) -> None:
        """Check that nothing is left over, and what the descriptor says of the whole."""
        for urn, (path, _) in list(self.packed.items())[:1]:
            self.fault("V3", path, f"lacks the configuration of {urn}")
        due = sum(map(len, self.due.values()))
        verdicts = sum(self.counts["exportabilityByLevel"].values())
        if due != verdicts:
            self.fault("V4", "exportability", f"{verdicts} verdicts for {due} aspects")
        if said["counts"] != {name: dict(count) for name, count in self.counts.items()}:
            self.fault("V4", "data/exitkit.json", "its counts are not those of the tables")
        chains = [{"run": r, "events": n, "head": h} for r, (n, h) in sorted(self.chains.items())]
        if said["chains"] != chains:
            self.fault("V5", "events", "the chains do not end where the descriptor says")
        kept = (f"{d}  {p}\n" for p, d in self.manifest.items() if re.match("data/(rec|nat)", p))
        if said["contentRoot"] != hashlib.sha256("".join(kept).encode()).hexdigest():
            self.fault("V4", "data/exitkit.json", "its contentRoot is another one")


def check_bytes(found: Examination) -> None:
    """Compare every file with both manifests, and both manifests with the tag manifests."""
    files = walk(found)
    if TOP - set(files):
        raise ValueError(f"lacks {min(TOP - set(files))}")
    tags = both_manifests(found, "tagmanifest")
    if set(tags) != TAGS or read(found.bundle / "bagit.txt") != DECLARATION:
        found.fault("V0", "tagmanifest-sha256.txt", "not that of a BagIt 1.0 bag of this format")
    compare(found, tags)
    listed = both_manifests(found, "manifest")
    present = {path for path in files if path.startswith("data/")}
    fetch = read(found.bundle / "fetch.txt") if "fetch.txt" in files else b""
    elsewhere = {line.split()[-1].decode() for line in fetch.splitlines() if line.strip()}
    for path in sorted(present - set(listed)):
        found.fault("V0", path, "extra: in no manifest")
    for path in sorted(set(listed) - present):
        if path in elsewhere and not re.match("data/(records|evidence|native|spec|exitkit)", path):
            found.holes.append(path)
        else:
            found.fault("V0", path, "missing")
    compare(found, {path: both for path, both in listed.items() if path in present})
    octets = sum(files[path] for path in present)
    said = f"Payload-Oxum: {octets}.{len(present)}".encode()
    if not found.holes and said not in read(found.bundle / "bag-info.txt").splitlines():
        found.fault("V0", "bag-info.txt", "its Payload-Oxum is not that of the files")
    found.manifest = {path: both[0] for path, both in listed.items()}


def walk(found: Examination) -> dict[str, int]:
    """Return the size of every file; links, pipes and illegal paths are faults."""
    files: dict[str, int] = {}
    unlisted = lambda error: found.fault("V0", str(error.filename), "cannot be listed")  # noqa: E731
    for folder, below, names in os.walk(found.bundle, onerror=unlisted):
        for name in (*below, *names):
            path = Path(folder, name).relative_to(found.bundle).as_posix()
            status = os.lstat(found.bundle / path)
            if not legal(path) or not (
                stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
            ):
                found.fault("V0", path, "extra, a link, or of a path that is not allowed")
            elif stat.S_ISREG(status.st_mode):
                files[path] = status.st_size
        if len(files) > MOST_FILES:
            raise ValueError(f"more than {MOST_FILES} files")
    return files


def legal(path: str) -> bool:
    """Tell whether something of this path may stand in a bundle."""
    parts = path.split("/")
    inside = parts[0] in ("data", "signatures") and all(map(SEGMENT.match, parts))
    return (inside and len(path) <= 205) or path in TOP | {"fetch.txt"}


def both_manifests(found: Examination, name: str) -> dict[str, tuple[str, str]]:
    """Return path -> (sha256, sha512) from lines `digest, two spaces, path`, sorted by path."""
    both: dict[str, dict[str, str]] = {"64": {}, "128": {}}
    for digits, entries in both.items():
        file = f"{name}-sha{'256' if digits == '64' else '512'}.txt"
        wanted = re.compile(r"([0-9a-f]{" + digits + r"})  ([\x21-\x7e]+)\n\Z")
        with open_file(found.bundle / file) as stream:
            for line in iter(lambda: stream.readline(1024), b""):
                match = wanted.match(line.decode("ascii", "replace"))
                if not match or not legal(match[2]) or match[2] <= next(reversed(entries), ""):
                    raise ValueError(f"{file} has a line that is illegal or out of order")
                entries[match[2]] = match[1]
    short, long = both.values()
    return {path: (short.get(path, ""), long.get(path, "")) for path in sorted(short | long)}


def compare(found: Examination, wanted: dict[str, tuple[str, str]]) -> None:
    """Hash files on all cores, small ones in batches, and compare."""
    paths = list(wanted)
    batches = [paths[start : start + 256] for start in range(0, len(paths), 256)]
    with ThreadPoolExecutor() as pool:
        hashed = pool.map(lambda some: [digests(found.bundle / path) for path in some], batches)
        for path, actual in zip(paths, chain.from_iterable(hashed), strict=True):
            if actual != wanted[path]:
                found.fault("V0", path, "changed: its digest is not that of the manifest")


def digests(path: Path) -> tuple[str, str]:
    """Return both digests of a file in one read."""
    short, long = hashlib.sha256(), hashlib.sha512()
    with open_file(path) as stream:
        for chunk in iter(lambda: stream.read(1024 * 1024), b""):
            short.update(chunk)
            long.update(chunk)
    return short.hexdigest(), long.hexdigest()


def read(path: Path) -> bytes:
    """Return a small file; what is cut off here will not parse."""
    with open_file(path) as stream:
        return stream.read(LONGEST_LINE)


def open_file(path: Path) -> BinaryIO:
    """Open a file without following a link or waiting on a pipe."""
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    return os.fdopen(os.open(path, os.O_RDONLY | sum(flags)), "rb")


def check_seal(found: Examination, keys: list[str]) -> bool:
    """Check what the seal covers; ask openssl whether one of `keys` signed it."""
    short, _ = digests(found.bundle / "tagmanifest-sha256.txt")
    _, long = digests(found.bundle / "tagmanifest-sha512.txt")
    wanted = [{"name": "tagmanifest-sha256.txt", "digest": {"sha256": short}}]
    wanted.append({"name": "tagmanifest-sha512.txt", "digest": {"sha512": long}})
    envelope = json.loads(read(found.bundle / SEAL))
    payload = base64.b64decode(envelope["payload"], validate=True)
    statement = json.loads(payload)
    named = statement["predicate"]["bundle"] == f"urn:exitkit:bundle:sha256:{short}"
    if statement["subject"] != wanted or not named or envelope["payloadType"] != MEDIA_TYPE:
        raise ValueError("the seal covers other bytes than these")
    with tempfile.TemporaryDirectory() as folder:
        signed, raw = Path(folder, "signed"), Path(folder, "raw")
        signed.write_bytes(f"DSSEv1 28 {MEDIA_TYPE} {len(payload)} ".encode() + payload)
        for key in keys:
            ask = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in"]
            for item in envelope["signatures"]:
                raw.write_bytes(base64.b64decode(item["sig"], validate=True))
                verdict = subprocess.run([*ask, signed, "-sigfile", raw], capture_output=True)
                if verdict.returncode == 0:
                    return True
    return False


def lines(found: Examination, path: str, schema: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield records with their digests: each canonical, in order, unique and by its schema."""
    previous, last = b"", ""
    with open_file(found.bundle / path) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE + 1), b""), 1):
            try:
                record = parsed(line)
                wrong = found.record_fault(schema, record)
                if line <= previous or record["@id"] == last:
                    wrong = "out of order, or an @id used twice"
            except (ValueError, RecursionError) as error:
                found.fault("V2", f"{path}:{number}", f"not canonical JSON: {error}")
                return
            if wrong:
                found.fault("V2", f"{path}:{number}", wrong)
            previous, last = line, record["@id"]
            yield record, hashlib.sha256(line[:-1]).hexdigest()


def parsed(line: bytes) -> dict[str, Any]:
    """Return the object of a canonical line, or raise ValueError with what it is not."""
    if not line.endswith(b"\n"):
        raise ValueError("cut off, or longer than 16 MiB")
    text = line[:-1].decode()
    many = text.count("{") + text.count("[") > DEEPEST
    marks = re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}]', "", text) if many else ""
    if max(accumulate(1 if mark in "{[" else -1 for mark in marks), default=0) > DEEPEST:
        raise ValueError(f"nested deeper than {DEEPEST}")
    record = json.loads(text, object_pairs_hook=ordered, parse_int=bounded, parse_float=bounded)
    if json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False) != text:
        raise ValueError("spacing or escapes")
    if not isinstance(record, dict) or "@id" not in record:
        raise ValueError("not an object with an @id")
    return record


def ordered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose keys are in UTF-16 order, each once."""
    keys: list[Any] = [key for key, _ in pairs]
    if not "".join(keys).isascii():
        keys = [key.encode("utf-16-be", "surrogatepass") for key in keys]
    if any(before >= after for before, after in pairwise(keys)):
        raise ValueError("keys out of order, or a repeated key")
    return dict(pairs)


def bounded(text: str) -> int:
    """Return an integer within +-(2^53-1); floats do not exist in this format."""
    if not re.fullmatch(r"-?[0-9]{1,16}", text) or abs(int(text)) > 2**53 - 1:
        raise ValueError(f"{text[:24]} is not an integer of at most 2^53-1")
    return int(text)


def stable_urn(*parts: str) -> str:
    """Return the name of a record: UUIDv8 of SHA-256 over the canonical JSON of its parts."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    digest = bytearray(hashlib.sha256(text.encode()).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
    return f"urn:uuid:{uuid.UUID(bytes=bytes(digest))}"


def main(arguments: list[str]) -> int:
    """Examine, say what holds in plain words, and return the exit code."""
    keys = [key for word, key in pairwise(arguments) if word == "--trust"]
    rest = arguments[2 * len(keys) :]
    if len(rest) != 1 or not Path(rest[0]).is_dir() or not all(Path(key).is_file() for key in keys):
        print(__doc__, file=sys.stderr)
        return 2
    found, openssl = Examination(Path(rest[0])), shutil.which("openssl")
    found.examine(keys if openssl else [])
    faulty = {level for level, _, _ in found.faults}
    for level, question in QUESTIONS.items():
        word = "FAILS" if level in faulty else "holds" if level in found.reached else "not reached"
        print(f"{level}  {question:85}  {word}")
    if not found.signed:
        print("NOT SIGNED by a key you trust" + ("" if openssl else "; openssl is not installed"))
    print("No JSON Schema was applied: any validator of 2020-12 does that, see data/spec/schemas.")
    for level, where, what in found.faults:
        print(f"FAULT {level}  {where}: {what}")
    for path in found.holes:
        print(f"HOLE  {path}: fetch.txt says that it is elsewhere")
    return 1 if found.faults else 4 if not found.signed else 5 if found.holes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
