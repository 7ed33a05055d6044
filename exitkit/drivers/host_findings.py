"""Say what the answers of a host mean: which things there are, who gets in, what may leave."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from exitkit.drivers.host_licenses import package_findings
from exitkit.drivers.host_rights import rights
from exitkit.knowledge.host_commands import DatabaseEngine, database_engines
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Finding
from exitkit.store.paths import segment

PROVIDER = "hosts"
Row = dict[str, Any]
Answers = Mapping[str, Sequence[Row]]
MACHINE = "Host/Machine"
MASK = "<masked:"
STARTED = frozenset(("enabled", "enabled-runtime", "generated", "linked", "linked-runtime"))


@dataclass(frozen=True, slots=True)
class HostAnswers:
    """One host and the rows of each command it answered, by the command's id."""

    name: str
    site: str
    address: str
    answers: Answers
    now: dt.datetime

    @property
    def machine(self) -> Ref:
        """The host itself."""
        return Ref(PROVIDER, self.site, "", MACHINE, self.name)

    def rows(self, command: str) -> Sequence[Row]:
        """Return what a command told; nothing where it did not answer."""
        return self.answers.get(command, ())

    def one(self, command: str) -> Row:
        """Return the only row of a command."""
        return next(iter(self.rows(command)), {})

    def ref(self, native_type: str, name: str) -> Ref:
        """Name a thing of this host."""
        return Ref(PROVIDER, self.site, "", native_type, f"{self.name}/{name}")

    def asset(self, native_type: str, name: str, config: Row, title: str = "") -> Asset:
        """Make a thing of this host."""
        ref = self.ref(native_type, name)
        return Asset(ref, kind_of(native_type), title or name, config, self.now)


def findings_of(host: HostAnswers) -> Iterator[Finding]:
    """Yield everything the answers of one host tell."""
    yield _machine(host)
    if not host.answers:
        yield Gap(
            host.machine, Aspect.CONFIGURATION, Level.NONE, "api-error",
            "The host did not answer; the ledger says why.", Responsible.CUSTOMER,
            "Make the host reachable for the inventory user, then repeat.",
            method="ssh", confidence="high",
        )  # fmt: skip
        return
    for below in (
        *_services(host), *_schedules(host), *_certificates(host), *_containers(host),
        *_endpoints(host), *_file_systems(host), *_databases(host), *package_findings(host),
    ):  # fmt: skip
        yield below
        if isinstance(below, Asset):
            yield Relation(below.ref, "runsOn", host.machine)
    yield from rights(host)


def _machine(host: HostAnswers) -> Asset:
    release, hardware = host.one("release"), host.one("hardware")
    words = host.one("system").get("words", [])
    config = {
        "address": host.address,
        "release": {k: release[k] for k in ("ID", "VERSION_ID", "PRETTY_NAME") if k in release},
        "kernel": words[1] if len(words) > 1 else "",
        "architecture": words[-1] if words else "",
        "hardware": dict(hardware),
        "fstab": list(host.rows("fstab")),
        "ssh_server": host.one("ssh-server"),
    }
    held = {name: value for name, value in config.items() if value}
    status = "active" if host.answers else "unknown"
    return Asset(host.machine, kind_of(MACHINE), host.name, held, host.now, status=status)


def _file_systems(host: HostAnswers) -> Iterator[Finding]:
    sizes = {row["target"]: row for row in host.rows("sizes")}
    for row in host.rows("mounts"):
        config = {**row, **sizes.get(row["target"], {})}
        ref = host.ref("Host/FileSystem", row["target"])
        yield Asset(
            ref, kind_of(ref.native_type), row["target"], config, host.now,
            volatile=frozenset(("used_bytes",)),
        )  # fmt: skip


def _services(host: HostAnswers) -> Iterator[Finding]:
    """Services and timers that start by themselves, or that somebody wrote for this host."""
    texts = _unit_texts(host.rows("unit-files"))
    states = {row["name"]: row["state"] for row in host.rows("units")}
    own = {name for name, parts in texts.items() if any(p.startswith("/etc/") for p, _ in parts)}
    for name in sorted({n for n, state in states.items() if state in STARTED} | own):
        config: Row = {"state": states.get(name, "unknown")}
        parts = texts.get(name, [])
        if parts:
            config["files"] = [path for path, _ in parts]
        kind = "Host/Timer" if name.endswith(".timer") else "Host/Service"
        yield host.asset(kind, name, config)
        yield from _held_text(host.ref(kind, name), host, "units", parts, "systemd unit")
    for row in (*host.rows("openrc"), *(host.rows("sysv") if not states else ())):
        asset = host.asset("Host/Service", row["name"], row)
        yield asset
        yield from _unread(asset.ref, "Its start script is known by name and was not read.")


def _unit_texts(rows: Sequence[Row]) -> dict[str, list[tuple[str, str]]]:
    """Return the files of each unit, its drop-ins among them, the host's own files first."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        parts = row["path"].split("/")
        is_drop_in = parts[-2].endswith((".service.d", ".timer.d"))
        name = parts[-2].removesuffix(".d") if is_drop_in else parts[-1]
        if name.endswith((".service", ".timer")):
            found.setdefault(name, {})[row["path"].replace("/usr/lib/", "/lib/")] = row["text"]
    return {name: sorted(texts.items()) for name, texts in found.items()}


def _schedules(host: HostAnswers) -> Iterator[Finding]:
    for row in host.rows("cron"):
        # The mask of a secret is left out, so that a new password is a change and no new job.
        plain = row["command"].split(MASK)[0]
        digest = hashlib.sha256(plain.encode()).hexdigest()[:8]
        name = f"{row['path']}:{row['schedule']} {row['user']} {digest}"
        asset = host.asset("Host/CronJob", name, row, title=row["command"][:80])
        yield asset
        yield from _judged(asset.ref, row["command"], "crontab line")
    for row in host.rows("cron-scripts"):
        config = {member: value for member, value in row.items() if member != "text"}
        asset = host.asset("Host/CronJob", row["path"], config)
        yield asset
        yield from _held_text(asset.ref, host, "cron", [(row["path"], row["text"])], "script")


def _certificates(host: HostAnswers) -> Iterator[Finding]:
    for row in host.rows("certificates"):
        config = {member: value for member, value in row.items() if member != "pem"}
        name = f"{row['path']}#{row['position']}"
        asset = host.asset("Host/Certificate", name, config, title=row.get("subject", name))
        yield asset
        if "pem" not in row:
            yield _described(asset.ref, f"The file is {row.get('fault', 'unreadable')}.")
            continue
        content = Content(
            _place(host, "certificates", name, ".pem"), f"{row['pem']}\n".encode(),
            "application/x-pem-file", "data", origin="device-cli",
        )  # fmt: skip
        yield Draft(
            asset.ref, Aspect.CONFIGURATION, Level.IMPORTABLE, method="sed, certificate lines only",
            format="PEM certificate", contents=(content,), volume_bytes=len(row["pem"]) + 1,
        )  # fmt: skip


def _containers(host: HostAnswers) -> Iterator[Finding]:
    for engine in ("docker", "podman"):
        for row in host.rows(f"{engine}-images"):
            name = row.get("name") or row["id"][:12]
            yield host.asset("Host/ContainerImage", f"{engine}/{name}", {"engine": engine, **row})
        for row in host.rows(f"{engine}-containers"):
            config = {member: v for member, v in row.items() if member != "state"}
            asset = host.asset(
                "Host/Container", f"{engine}/{row['name']}", {"engine": engine, **config}
            )
            yield asset
    for row in host.rows("compose"):
        asset = host.asset("Host/Compose", row["path"], {"path": row["path"]})
        yield asset
        yield from _held_text(
            asset.ref, host, "compose", [(row["path"], row["text"])], "Compose file"
        )


def _endpoints(host: HostAnswers) -> Iterator[Finding]:
    for row in host.rows("listening"):
        name = f"{row['protocol']}/{row['address']}:{row['port']}"
        asset = host.asset("Host/Endpoint", name, dict(row))
        yield asset
        yield Draft(
            asset.ref, Aspect.CONFIGURATION, Level.OPEN, method="ss", format="application/json"
        )


def _databases(host: HostAnswers) -> Iterator[Finding]:
    for engine in database_engines():
        ports, found_by = _signs(host, engine)
        if not found_by:
            continue
        versions = sorted(
            f"{row['name']} {row.get('version', '')}".strip()
            for command in ("dpkg", "rpm", "apk")
            for row in host.rows(command)
            if any(fnmatchcase(row["name"], pattern) for pattern in engine.packages)
        )
        config: Row = {"engine": engine.engine, "found_by": found_by, "ports": ports}
        if versions:
            config["packages"] = versions
        asset = host.asset("Host/Database", engine.engine, config)
        yield asset
        yield _described(asset.ref, "Known from outside only; its settings were not read.")
        way = (
            f"Add a source of type {engine.source} for it."
            if engine.source
            else f"Dump it with the tools of {engine.engine} and keep the dump beside the bundle."
        )
        yield Gap(
            asset.ref, Aspect.DATA, Level.NOT_ATTEMPTED, "not-supported-by-tool",
            "A host's inventory sees the server, not its data.", Responsible.TOOL, way,
            confidence="high",
        )  # fmt: skip


def _signs(host: HostAnswers, engine: DatabaseEngine) -> tuple[list[int], list[str]]:
    ports: set[int] = set()
    signs: set[str] = set()
    for row in host.rows("listening"):
        process, port = row.get("process", ""), row["port"]
        by_process = process in engine.processes
        # A name tells more than a number: a port counts only where no name contradicts it.
        by_port = port in engine.ports and (not process or not engine.processes)
        if by_process or by_port:
            ports.add(port)
            signs.add(f"process {process}" if by_process else f"port {port}")
    for row in (*host.rows("units"), *host.rows("openrc"), *host.rows("sysv")):
        name = row["name"].removesuffix(".service")
        if row["state"] in STARTED and any(fnmatchcase(name, p) for p in engine.services):
            signs.add(f"service {name}")
    return sorted(ports), sorted(signs)


def _held_text(
    ref: Ref, host: HostAnswers, folder: str, parts: Sequence[tuple[str, str]], form: str
) -> Iterator[Draft | Gap]:
    """Keep texts, already masked, as files of the bundle."""
    if not parts:
        yield from _unread(ref, "Its file was not read, or its package makes it at start.")
        return
    contents = tuple(
        Content(
            _place(host, folder, path), f"{text.rstrip()}\n".encode(), "text/plain",
            "script", origin="device-cli",
        )
        for path, text in parts
    )  # fmt: skip
    yield from _judged(ref, "\n".join(text for _, text in parts), form, contents)


def _judged(
    ref: Ref, text: str, form: str, contents: tuple[Content, ...] = ()
) -> Iterator[Draft | Gap]:
    masked = sum(1 for line in text.splitlines() if MASK in line)
    loss = (f"{masked} lines hold a masked secret",) if masked else ()
    yield Draft(
        ref, Aspect.CONFIGURATION, Level.OPEN if masked else Level.IMPORTABLE, method="file",
        format=form, contents=contents, loss=loss, volume_bytes=len(text.encode()),
    )  # fmt: skip
    if not masked:
        yield Draft(ref, Aspect.CREDENTIALS, Level.NOT_APPLICABLE, "credential patterns", "")
        return
    yield Gap(
        ref, Aspect.CREDENTIALS, Level.DESCRIBED, "security-risk",
        f"{masked} lines hold credentials in clear; they are masked here.", Responsible.CUSTOMER,
        "Rotate them, and read them from a secret store instead.",
        method="credential patterns", confidence="high",
    )  # fmt: skip


def _unread(ref: Ref, text: str) -> Iterator[Gap]:
    yield _described(ref, text)
    yield Gap(
        ref, Aspect.CREDENTIALS, Level.UNKNOWN, "not-assessed",
        "Nobody looked for credentials in what was not read.", Responsible.CUSTOMER,
        "Look into the file by hand.", confidence="high",
    )  # fmt: skip


def _described(ref: Ref, text: str) -> Gap:
    return Gap(
        ref, Aspect.CONFIGURATION, Level.DESCRIBED, "semantic-loss", text, Responsible.CUSTOMER,
        "Set it up anew from the description and test it.", confidence="high",
    )  # fmt: skip


def _place(host: HostAnswers, folder: str, path: str, ending: str = "") -> str:
    name = segment(path.strip("/").replace("/", "_"), 80) + ending
    return f"hosts/{segment(host.site)}/{segment(host.name)}/{folder}/{name}"
