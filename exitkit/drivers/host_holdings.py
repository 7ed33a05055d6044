"""Turn what a host printed into assets, rights and licenses, with what is kept of each."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exitkit.assess import host_answers as answers_of
from exitkit.drivers.certificates import certificates_in
from exitkit.drivers.spdx import normalized
from exitkit.knowledge.hosts import database_named
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.holdings import Access, License
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Finding
from exitkit.store.paths import segment

PROVIDER = "hosts"
PURL_DISTRO = {"deb": "debian", "rpm": "redhat", "apk": "alpine"}


@dataclass(frozen=True, slots=True)
class HostHoldings:
    """What the answers of one host say of what is on it."""

    machine: Ref
    answers: Mapping[str, str]
    system: Mapping[str, str]
    now: dt.datetime

    def all(self) -> Iterator[Finding]:
        """Yield everything found, each asset with its relation to the machine."""
        for found in self._each():
            yield found
            if isinstance(found, Asset):
                yield Relation(found.ref, "runsOn", self.machine)

    def _each(self) -> Iterator[Finding]:
        yield from self._packages()
        yield from self._jobs()
        yield from self._users()
        yield from self._ways_in()
        yield from self._endpoints()
        yield from self._files()

    def _ref(self, native_type: str, name: str) -> Ref:
        return Ref(
            PROVIDER, self.machine.scope, "", native_type, f"{self.machine.native_id}/{name}"
        )

    def _asset(
        self, ref: Ref, name: str, config: Mapping[str, object],
        identifiers: tuple[tuple[str, str], ...] = (),
    ) -> Asset:  # fmt: skip
        return Asset(
            ref, kind_of(ref.native_type), name, config, self.now,
            identifiers=identifiers, volatile=frozenset({"usedBytes"}),
        )  # fmt: skip

    def _packages(self) -> Iterator[Finding]:
        for one in answers_of.packages_of(self.answers):
            distro = self.system.get("ID") or PURL_DISTRO.get(one.purl_type, "")
            space = f"{distro}/" if one.purl_type in PURL_DISTRO else ""
            purl = f"pkg:{one.purl_type}/{space}{one.name}@{one.version}"
            ref = self._ref("Host/Package", f"{one.purl_type}/{one.path or one.name}/{one.arch}")
            config = {"name": one.name, "version": one.version, "architecture": one.arch,
                      "path": one.path, "declaredLicense": one.license}  # fmt: skip
            yield self._asset(ref, one.name, config, identifiers=(("purl", purl),))
            yield from _package_license(ref, one)

    def _jobs(self) -> Iterator[Finding]:
        for command, kind in (("services", "Host/Service"), ("timers", "Host/Timer")):
            for unit, state in answers_of.units_of(self.answers.get(command, "")):
                if state in ("enabled", "enabled-runtime", "generated", "linked"):
                    yield self._asset(self._ref(kind, unit), unit, {"state": state})
        for file, number, job in answers_of.cron_of(self.answers.get("cron", "")):
            ref = self._ref("Host/CronJob", f"{file}:{number}")
            yield self._asset(ref, job[:80], {"file": file, "line": job})

    def _users(self) -> Iterator[Finding]:
        for user in answers_of.users_of(self.answers.get("users", "")):
            name = str(user["name"])
            yield self._asset(self._ref("Host/User", name), name, user)

    def _ways_in(self) -> Iterator[Finding]:
        for rule in answers_of.sudo_of(self.answers.get("sudo", "")):
            kind = "group" if rule.who.startswith("%") else "user"
            yield Access(
                self._ref("Host/User", rule.who), kind, permission=rule.runs,
                resource=f"{self.machine.native_id} as {rule.run_as}", via=("sudo", rule.file),
            )  # fmt: skip
        for key in answers_of.keys_of(self.answers.get("keys", "")):
            yield Access(
                self._ref("Host/Key", _fingerprint(key.blob)), "key", permission="login",
                resource=f"{key.user}@{self.machine.native_id}",
                via=tuple(part for part in (key.file, key.comment) if part),
                conditions=key.options,
            )  # fmt: skip

    def _endpoints(self) -> Iterator[Finding]:
        programs: dict[str, set[str]] = {}
        for port in answers_of.ports_of(self.answers.get("ports", "")):
            name = f"{port['protocol']}/{port['address']}:{port['port']}"
            yield self._asset(self._ref("Host/Endpoint", name), name, port)
            if product := database_named(port["program"]):
                programs.setdefault(product, set()).add(name)
        for unit, state in answers_of.units_of(self.answers.get("services", "")):
            if state == "enabled" and (product := database_named(unit)):
                programs.setdefault(product, set()).add(unit)
        for product, seen in sorted(programs.items()):
            ref = self._ref("Host/Database", product)
            yield self._asset(ref, product, {"seenAs": sorted(seen)})

    def _files(self) -> Iterator[Finding]:
        for mount in answers_of.mounts_of(self.answers.get("mounts", "")):
            config = {
                "device": mount["device"],
                "type": mount["type"],
                "sizeBytes": int(mount["size_bytes"]),
                "usedBytes": int(mount["used_bytes"]),
            }
            ref = self._ref("Host/FileSystem", mount["target"])
            yield self._asset(ref, mount["target"], config)
        for image in answers_of.images_of(
            self.answers.get("docker", "") + self.answers.get("podman", "")
        ):
            name = f"{image['repository']}:{image['tag']}"
            yield self._asset(self._ref("Host/ContainerImage", image["id"]), name, image)
        for file, pem, facts in certificates_in(self.answers.get("certificates", "")):
            ref = self._ref("Host/Certificate", f"{file}/{facts['fingerprint'][:16]}")
            yield self._asset(ref, facts["subject"], {"file": file, **facts})
            yield self._kept(ref, pem, "certificate.pem", "application/x-pem-file")
        for file, lines in answers_of.sections(self.answers.get("compose", ""), "###"):
            ref = self._ref("Host/Compose", file)
            yield self._asset(ref, file, {"file": file, "lines": len(lines)})
            text = "\n".join(lines) + "\n"
            yield self._kept(ref, text, "compose.yaml", "application/yaml")

    def _kept(self, ref: Ref, text: str, name: str, media_type: str) -> Draft:
        digest = hashlib.sha256(ref.native_id.encode()).hexdigest()[:12]
        path = f"hosts/{segment(ref.scope)}.{segment(self.machine.native_id)}/{digest}/{name}"
        body = text.encode()
        loss = ("values of secrets are masked",) if "<masked:" in text else ()
        return Draft(
            ref, Aspect.CONFIGURATION, Level.IMPORTABLE, method="read over SSH", format=media_type,
            contents=(Content(path, body, media_type, "native-config", origin="device-cli"),),
            loss=loss, volume_bytes=len(body),
        )  # fmt: skip


def _package_license(ref: Ref, one: answers_of.Package) -> Iterator[Finding]:
    expression = normalized(one.license)
    if expression:
        yield License(
            ref, one.name, "", "yes", license_type="open-source", spdx_expression=expression,
        )  # fmt: skip
        yield Draft(
            ref, Aspect.LICENSE, Level.IMPORTABLE, method="package metadata",
            format="SPDX license expression",
        )  # fmt: skip
        return
    said = (
        f"declares {one.license[:120]!r}, which is no SPDX expression"
        if one.license
        else ("declares no license")
    )
    yield Gap(
        ref, Aspect.LICENSE, Level.UNKNOWN, "not-assessed", f"The package {said}.",
        Responsible.CUSTOMER, "Read it in the package; write it into the license schedule.",
        method="package metadata", confidence="low",
    )  # fmt: skip


def _fingerprint(blob: str) -> str:
    try:
        digest = hashlib.sha256(base64.b64decode(blob)).digest()
    except binascii.Error:
        return f"unreadable:{hashlib.sha256(blob.encode()).hexdigest()[:16]}"
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
