"""Write a hosted zone as the file every name server reads, and say what only Route 53 can do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from exitkit.model.asset import Asset
from exitkit.model.holdings import Dataset
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import segment

METHOD = "route53:ListResourceRecordSets"
FORMAT = "RFC 1035 zone file"
PROVIDER_NAMES = "NS and SOA at the top name the provider's servers"
_OCTAL = re.compile(r"\\([0-3][0-7]{2})")
_NAMES = {
    "NS": (0,), "CNAME": (0,), "PTR": (0,), "MX": (1,), "SVCB": (1,), "HTTPS": (1,),
    "SRV": (3,), "NAPTR": (-1,), "SOA": (0, 1),
}  # fmt: skip
"""Which fields of a value are names: Route 53 takes them as absolute, a zone file does not."""
_TYPE = re.compile(r"[A-Z][A-Z0-9]{0,15}\Z")


class ZoneFiles:
    """The records of AWS::Route53::HostedZone."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::Route53::HostedZone",)
    aspect: ClassVar[Aspect] = Aspect.DATA
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the zone file; aliases and routing policies stay in it as comments, and losses."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_reading import open_reading

        reading = open_reading(asset, source, context)
        answer = reading.answer(METHOD, {"HostedZoneId": asset.ref.native_id})
        yield from reading.calls
        if isinstance(answer, Failure):
            yield reading.gap(Aspect.DATA, answer)
            return
        sets = [row for page in answer for row in page.get("ResourceRecordSets", ())]
        lines, losses = _zone(str(asset.config.get("Name", ".")), sets)
        body = "".join(f"{line}\n" for line in lines).encode("ascii", "backslashreplace")
        folder = f"datasets/{segment(f'zone-{asset.ref.scope}-{asset.ref.native_id}', 90)}"
        content = Content(f"{folder}/zone.txt", body, "text/dns", "data")
        whole = not losses
        yield Dataset(asset.ref, FORMAT, len(sets), len(body))
        yield Draft(
            asset.ref, Aspect.DATA, Level.IMPORTABLE if whole else Level.OPEN, METHOD, FORMAT,
            (content,), (PROVIDER_NAMES, *losses), len(body), "" if whole else "semantic-loss",
            "" if whole else "; ".join(losses),
        )  # fmt: skip


def _zone(origin: str, sets: list[Mapping[str, Any]]) -> tuple[list[str], tuple[str, ...]]:
    """Return the lines of the zone, and one sentence for each kind of thing they cannot say."""
    lines = [f"$ORIGIN {_name(origin)}"]
    aliases = routed = 0
    # A name server wants the SOA first.
    ordered = sorted(sets, key=lambda row: (row.get("Type") != "SOA", *_key(row)))
    for row in ordered:
        name, kind = _name(str(row["Name"])), str(row["Type"])
        note = ""
        if alias := row.get("AliasTarget"):
            aliases += 1
            note = f"alias to {_name(str(alias.get('DNSName', '')))}"
        elif "SetIdentifier" in row and not row.get("MultiValueAnswer"):
            routed += 1
            note = f"routing {_one_line(_policy(row))}"
        elif not _TYPE.match(kind):
            note = "a type no zone file has"
        if note:
            lines.append(f"; {name} {_one_line(kind)} {note}")
        prefix = "; " if note else ""
        for record in row.get("ResourceRecords", ()):
            value = _value(kind, str(record["Value"]))
            lines.append(f"{prefix}{name} {int(row.get('TTL', 0))} IN {kind} {value}")
    losses = []
    if aliases:
        losses.append(f"{aliases} alias records, which only Route 53 resolves, are comments")
    if routed:
        losses.append(f"{routed} records with a routing policy are comments: choose one each")
    return lines, tuple(losses)


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(row["Name"]), str(row["Type"]), str(row.get("SetIdentifier", ""))


def _policy(row: Mapping[str, Any]) -> str:
    told = ("SetIdentifier", "Weight", "Region", "Failover", "GeoLocation", "HealthCheckId")
    return ", ".join(f"{member}={row[member]}" for member in told if member in row)


def _name(text: str) -> str:
    """Return an absolute name; Route 53 escapes in octal what a zone file escapes in decimal."""
    plain = _octal_to_decimal(_one_line(text)).replace("\\042", "*")
    return f"{plain.rstrip('.')}."


def _value(kind: str, text: str) -> str:
    plain = _octal_to_decimal(_one_line(text))
    fields = plain.split()
    if kind not in _NAMES or len(fields) <= max(_NAMES[kind]):
        return plain
    for index in _NAMES[kind]:
        fields[index] = f"{fields[index].rstrip('.')}."
    return " ".join(fields)


def _octal_to_decimal(text: str) -> str:
    return _OCTAL.sub(lambda match: f"\\{int(match.group(1), 8):03d}", text)


def _one_line(text: str) -> str:
    """Return text that cannot break out of its line."""
    text = re.sub(r"[\t-\r]+", " ", text)
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\{ord(match.group()):03o}", text)
