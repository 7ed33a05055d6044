"""Serve zones by a real name server (NSD) on loopback and ask it record by record over UDP."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset
import dns.zone

from exitkit.errors import CannotRun

LOOPBACK = "127.0.0.1"
START_S = 20.0
PORT_TRIALS = 20
ANSWER_S = 5.0
FIRST_ANSWER_S = 0.2


@dataclass(frozen=True, slots=True)
class RecordSet:
    """All records of one name and type: `values` sorted, in the words of a zone file."""

    name: str
    type: str
    ttl_s: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NameServer:
    """A name server that answers on loopback."""

    port: int

    def ask(
        self, name: str, record_type: str, deadline_s: float = ANSWER_S
    ) -> tuple[RecordSet | None, str]:
        """Return what it holds of a name and type, or why it gave nothing.

        A delegated name is answered by a referral, whose records are in the other sections.
        """
        query = dns.message.make_query(name, record_type)
        query.flags &= ~dns.flags.RD
        try:
            answer, _ = dns.query.udp_with_fallback(query, LOOPBACK, deadline_s, self.port)
        except (dns.exception.DNSException, OSError) as fault:
            return None, f"no answer ({type(fault).__name__})"
        wanted = dns.name.from_text(name), dns.rdatatype.from_text(record_type)
        for section in (answer.answer, answer.authority, answer.additional):
            for found in section:
                if (found.name, found.rdtype) == wanted:
                    return _record_set(found), ""
        return None, f"answer {dns.rcode.to_text(answer.rcode())} without it"


def record_sets(zone_text: str) -> tuple[str, tuple[RecordSet, ...]]:
    """Return the origin of a zone file and its record sets; CannotRun where it is none."""
    try:
        zone = dns.zone.from_text(zone_text, relativize=False, check_origin=False)
    except (dns.exception.DNSException, ValueError) as fault:
        raise CannotRun(f"zone file: {fault}; correct it or take a snapshot again") from fault
    found = (
        _record_set(dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)))
        for name, node in zone.nodes.items()
        for rdataset in node.rdatasets
    )
    origin = zone.origin.to_text() if zone.origin else "."
    return origin, tuple(sorted(found, key=lambda one: (one.name, one.type)))


def server_program() -> str:
    """Return the name server; CannotRun with the next move where there is none."""
    found = shutil.which("nsd") or shutil.which("nsd", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise CannotRun("nsd is not installed; apt-get install nsd, or bring your own as `nsd`")
    return found


@contextmanager
def serving(zones: Mapping[str, Path]) -> Iterator[NameServer]:
    """Serve zone files by origin for the length of a block, and stop by the server's own pid."""
    with tempfile.TemporaryDirectory(prefix="exitkit-dns-") as place:
        folder = Path(place)
        port = _free_port()
        (folder / "nsd.conf").write_text(_configuration(folder, port, zones))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [server_program(), "-d", "-c", str(folder / "nsd.conf")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            _wait(process, NameServer(port), sorted(zones), folder / "log")
            yield NameServer(port)
        finally:
            process.terminate()
            try:
                process.wait(ANSWER_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _record_set(found: dns.rrset.RRset) -> RecordSet:
    return RecordSet(
        found.name.to_text().lower(),
        dns.rdatatype.to_text(found.rdtype),
        int(found.ttl),
        tuple(sorted(rdata.to_text() for rdata in found)),
    )


def _configuration(folder: Path, port: int, zones: Mapping[str, Path]) -> str:
    # A new database: NSD answers for a zone it cannot read with what it once read of it.
    lines = [
        "server:", f'  database: "{folder}/database"',
         f"  ip-address: {LOOPBACK}@{port}", "  server-count: 1", '  username: ""',
        '  chroot: ""', f'  zonesdir: "{folder}"', f'  pidfile: "{folder}/pid"',
        f'  xfrdfile: "{folder}/xfrd"', f'  zonelistfile: "{folder}/list"',
        f'  xfrdir: "{folder}"', "  hide-version: yes", "  verbosity: 1",
        "remote-control:", "  control-enable: no",
    ]  # fmt: skip
    for number, (origin, path) in enumerate(sorted(zones.items())):
        # A copy under a name of ours: neither a folder nor an origin is text for a configuration.
        shutil.copyfile(path, folder / f"{number}.zone")
        name = dns.name.from_text(origin).to_text()
        lines += ["zone:", f'  name: "{name}"', f'  zonefile: "{folder}/{number}.zone"']
    return "".join(f"{line}\n" for line in lines)


def _wait(
    process: subprocess.Popen[bytes], server: NameServer, origins: Sequence[str], log: Path
) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        if not origins or "no answer" not in server.ask(origins[0], "SOA", FIRST_ANSWER_S)[1]:
            return
        time.sleep(0.05)
    words = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
    raise CannotRun(f"nsd did not start; it said: {words[0][:200]}")


def _free_port() -> int:
    """Return a port that is free for both ways a name server listens."""
    for _ in range(PORT_TRIALS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial, socket.socket() as stream:
            trial.bind((LOOPBACK, 0))
            port: int = trial.getsockname()[1]
            with contextlib.suppress(OSError):
                stream.bind((LOOPBACK, port))
                return port
    raise CannotRun(f"no port of {LOOPBACK} is free for a name server")
