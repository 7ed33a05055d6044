"""Say of each package of a host what it is, in any tool's words, and whether it may move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from exitkit.drivers import spdx
from exitkit.model.holdings import License
from exitkit.model.verdict import Aspect, Draft, Gap, Level, Responsible
from exitkit.ports import Finding

if TYPE_CHECKING:
    from exitkit.drivers.host_findings import HostAnswers

MANAGERS = ("dpkg", "rpm", "apk", "pip", "npm", "gem", "jar")
PACKAGE = "Host/Package"


def package_findings(host: HostAnswers) -> Iterator[Finding]:
    """Yield an asset, a license and its verdict for every package of every manager."""
    dpkg_licenses = {row["package"]: row["licenses"] for row in host.rows("dpkg-licenses")}
    seen: set[str] = set()
    for row in (row for manager in MANAGERS for row in host.rows(manager)):
        name = _name(row)
        # Two versions of one package side by side, as kernels are, are two things.
        if name in seen:
            name = f"{name}@{row.get('version', '')}"
        if name in seen:
            continue
        seen.add(name)
        declared = dpkg_licenses.get(row["name"], []) if row["manager"] == "deb" else ()
        yield from _package(host, name, row, declared or [row.get("license", "")])


def _name(row: Mapping[str, Any]) -> str:
    parts = (row["manager"], row.get("place", "").strip("/"), row["name"])
    name = "/".join(part for part in parts if part)
    return f"{name}:{row['architecture']}" if row.get("architecture") else name


def _package(
    host: HostAnswers, name: str, row: Mapping[str, Any], declared: Sequence[str]
) -> Iterator[Finding]:
    expression = spdx.expression_of(declared)
    config = dict(row)
    if expression:
        config["spdx"] = expression
    asset = host.asset(PACKAGE, name, config, title=row["name"])
    purl = _purl(host, row)
    identifiers = (("purl", purl),) if purl else ()
    yield type(asset)(
        asset.ref, asset.kind, asset.name, asset.config, asset.observed_at, identifiers=identifiers
    )
    is_open = bool(expression) and spdx.is_open_source(expression)
    yield License(
        asset.ref, row["name"], row.get("publisher", ""), "yes" if is_open else "unknown",
        quantity=1, spdx_expression=expression,
    )  # fmt: skip
    if is_open:
        yield Draft(
            asset.ref, Aspect.LICENSE, Level.IMPORTABLE, method="package metadata",
            format="SPDX expression",
        )  # fmt: skip
        return
    said = f"It says {expression[:120]}; " if expression else "Its metadata names no license; "
    yield Gap(
        asset.ref, Aspect.LICENSE, Level.UNKNOWN, "not-assessed",
        f"{said}whether it may be used elsewhere is not known from that.", Responsible.CUSTOMER,
        "Read its license text and write the answer into the license schedule.",
        method="package metadata", confidence="high" if expression else "low",
    )  # fmt: skip


def _purl(host: HostAnswers, row: Mapping[str, Any]) -> str:
    from packageurl import PackageURL

    kind, name, namespace = row["manager"], row["name"], ""
    if kind in ("deb", "rpm", "apk"):
        namespace = host.one("release").get("ID", "")
    elif "/" in name:
        namespace, _, name = name.rpartition("/")
    qualifiers = {"arch": row["architecture"]} if row.get("architecture") else None
    try:
        return PackageURL(
            kind, namespace or None, name, row.get("version") or None, qualifiers
        ).to_string()
    except ValueError:
        return ""
