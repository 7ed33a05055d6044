"""Put zones into a folder, serve them by a real name server, and ask for every record.

Step params: `{what: dns-zones, target: <folder target>, assets: {native_type:
"AWS::Route53::HostedZone", names: ["*"]}}`; optional `rename` (of the file), `canaries`,
`canary_pattern`. The server is NSD on a free port of 127.0.0.1, for as long as it is asked; two
zones of one name (a public and a private one) are served one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from exitkit.assess.comparison import Canaries, compared
from exitkit.drivers.name_server import NameServer, RecordSet, record_sets, server_program, serving
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, Proof
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import chosen, restored_name
from exitkit.store.local_ground import LocalGround, fill, ground_of
from exitkit.store.paths import segment
from exitkit.store.placed_files import PlacedFile, put
from exitkit.store.reader import Bundle, open_bundle


@dataclass(frozen=True, slots=True)
class _Zone:
    """A zone of the bundle: its file there, and what is in it."""

    file: PlacedFile
    origin: str
    sets: tuple[RecordSet, ...]


class DnsZonesRestorer(LocalGround):
    """Move zones to a name server of another maker."""

    what: ClassVar[str] = "dns-zones"
    target_types: ClassVar[tuple[str, ...]] = ("folder",)
    needs: ClassVar[tuple[str, ...]] = ("dns:rehearsal",)

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Write the zone files, serve them, and ask for every record."""
        server_program()
        zones, losses = _zones(open_bundle(context.bundle), step)
        files = [zone.file for zone in zones]
        count = sum(len(zone.sets) for zone in zones)

        def served() -> Iterator[ItemResult]:
            put(files, target)
            yield from (item for _, item in _asked(zones, target, Canaries.of({})))

        return fill(
            {file.claimed for file in files}, served, target, context, losses=losses,
            what="dns-records", count=count, size_bytes=sum(file.size_bytes for file in files),
            said=f"{len(zones)} zones served, {count} record sets, {{different}} not as they were",
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Ask a name server that serves what is on the target for every record of the bundle."""
        zones, losses = _zones(open_bundle(context.bundle), step)
        canaries = Canaries.of(step.params)
        results = list(_asked(zones, target, canaries))
        faulty = {urn for urn, item in results if item.result != "equal"}
        proofs = [Proof(urn, "data") for urn in sorted({zone.file.urn for zone in zones} - faulty)]
        return compared(
            "records", [item for _, item in results], canaries=canaries, losses=losses,
            proofs=proofs, metrics={"zones_compared": len(zones)},
        )  # fmt: skip


def _zones(bundle: Bundle, step: Step) -> tuple[Sequence[_Zone], tuple[str, ...]]:
    zones: list[_Zone] = []
    losses: list[str] = []
    taken: set[str] = set()
    for holding in chosen(bundle, step):
        paths = [path for path in holding.paths("data") if path.endswith("zone.txt")]
        if not paths:
            losses.append(f"zone {holding.name}: its records are not in the bundle")
            continue
        body = bundle.content_path(paths[0])
        text = body.read_text(encoding="ascii", errors="replace")
        origin, sets = record_sets(text)
        kept = sum(line.startswith(";") for line in text.splitlines())
        if kept:
            losses.append(f"zone {origin}: {kept} records are comments that no server answers")
        name = segment(restored_name(step, f"{holding.name.rstrip('.')}.zone"))
        if name in taken:
            name = segment(f"{holding.record['provider']['nativeId']}-{name}")
        taken.add(name)
        zones.append(_Zone(PlacedFile(holding.urn, f"zone {origin}", name, body), origin, sets))
    return zones, tuple(losses)


def _asked(
    zones: Sequence[_Zone], target: Target, canaries: Canaries
) -> Iterator[tuple[str, ItemResult]]:
    for batch in _batches(zones):
        there = {
            zone.origin: ground_of(target) / zone.file.place
            for zone in batch
            if (ground_of(target) / zone.file.place).is_file()
        }
        with serving(there) as server:
            for zone in batch:
                for wanted in zone.sets:
                    yield zone.file.urn, _compare(server, zone, wanted, canaries)


def _batches(zones: Sequence[_Zone]) -> Iterator[list[_Zone]]:
    """Yield groups of zones in which no name is there twice: one server cannot serve both."""
    left = list(zones)
    while left:
        batch: dict[str, _Zone] = {}
        for zone in left:
            batch.setdefault(zone.origin, zone)
        yield list(batch.values())
        left = [zone for zone in left if zone not in batch.values()]


def _compare(server: NameServer, zone: _Zone, wanted: RecordSet, canaries: Canaries) -> ItemResult:
    label = f"record {wanted.name} {wanted.type}"
    canaries.expect(" ".join(wanted.values).encode())
    found, why = server.ask(wanted.name, wanted.type)
    if found is None:
        return ItemResult(label, "missing", why)
    canaries.see(" ".join(found.values).encode())
    if found.values != wanted.values:
        return ItemResult(label, "different", "other values")
    if found.ttl_s != wanted.ttl_s:
        return ItemResult(label, "different", f"{found.ttl_s} s instead of {wanted.ttl_s} s")
    return ItemResult(label, "equal")
