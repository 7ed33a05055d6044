"""Say how long a whole exit would take, from what a rehearsal measured, or that nobody knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from exitkit.assess.dates import is_within, parse_period
from exitkit.model.run import Event, Measurement
from exitkit.model.verdict import Aspect, Level

# Seconds that a start, a connection and a clock tick may hide: a rate from less says little.
_SHORTEST_SAMPLE_MS = 1


class Fit(StrEnum):
    """Whether the extrapolated time fits into the period of the contract."""

    FITS = "fits"
    EXCEEDS = "exceeds"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Volume:
    """How much of a category there is to move."""

    items: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class CategoryEstimate:
    """The time one category would take; times are None where no rate was measured.

    Low and high come from the fastest and the slowest sample, and from counting by items as well
    as by bytes: whichever was the bottleneck, the truth lies between.
    """

    category: str
    volume: Volume
    samples: int
    sample_items: int
    sample_bytes: int
    sample_ms: int
    low_ms: int | None
    likely_ms: int | None
    high_ms: int | None

    @property
    def is_known(self) -> bool:
        """Whether a rate was measured for what there is to move."""
        return self.likely_ms is not None

    @property
    def because(self) -> str:
        """Say in one line what the estimate rests on, or why there is none."""
        if not self.is_known:
            return f"no rehearsal measured a rate for {self.category}"
        return (
            f"{self.sample_items} items and {self.sample_bytes} bytes in {self.sample_ms} ms, "
            f"{self.samples} sample{'s' * (self.samples != 1)}"
        )


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """The whole exit: every measured category one after the other, against the contract's period.

    While a category is unknown, `low_ms` is what the measured ones take at least, the other times
    are None, and nothing is said to fit. Where nothing was measured all are None, never zero.
    """

    categories: tuple[CategoryEstimate, ...]
    low_ms: int | None
    likely_ms: int | None
    high_ms: int | None
    egress_bytes: int
    allowed: str
    fit: Fit

    @property
    def unknown_categories(self) -> tuple[str, ...]:
        """The categories that nobody measured."""
        return tuple(one.category for one in self.categories if not one.is_known)

    @property
    def period(self) -> str:
        """The time as an ISO 8601 period to hold against the contract; empty where unknown.

        The slow estimate where all is known; where it is not, the quick one if that alone is
        already too long.
        """
        if self.fit is Fit.EXCEEDS and self.low_ms is not None:
            return _period(self.low_ms)
        return "" if self.high_ms is None else _period(self.high_ms)


def extrapolate(
    measurements: Iterable[Measurement], volumes: Mapping[str, Volume], allowed: str = ""
) -> Extrapolation:
    """Scale measured rates up to the volumes of the estate.

    `allowed` is the contract's transition period (ISO 8601), empty where it is not known.
    """
    samples: dict[str, list[Measurement]] = defaultdict(list)
    for one in measurements:
        samples[one.category].append(one)
    categories = tuple(
        _estimate(category, volume, samples.get(category, []))
        for category, volume in sorted(volumes.items())
        if volume.items or volume.size_bytes
    )
    is_complete = all(one.is_known for one in categories)
    low = _total(one.low_ms for one in categories)
    likely = _total(one.likely_ms for one in categories) if is_complete else None
    high = _total(one.high_ms for one in categories) if is_complete else None
    return Extrapolation(
        categories=categories,
        low_ms=low,
        likely_ms=likely,
        high_ms=high,
        egress_bytes=sum(volume.size_bytes for volume in volumes.values()),
        allowed=allowed,
        fit=_fit(low, high, allowed),
    )


def measured_in(events: Iterable[Event]) -> Iterator[tuple[int, Measurement]]:
    """Yield what the steps of a run measured, with the journal line that says so."""
    for event in events:
        if event.type == "step.succeeded":
            for row in event.data.get("outcome", {}).get("measurements", ()):
                yield event.sequence, Measurement(**row)


def volumes_of(
    assets: Iterable[Mapping[str, Any]],
    datasets: Iterable[Mapping[str, Any]],
    exportability: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Volume]:
    """Return what there is to move, by the category a restore measures.

    Data sets count by what they hold; device configurations and scripts by their bytes alone, as
    one asset may hold any number of lines or files. Data that is not in the bundle is a category
    of its own, which nobody can have measured.
    """
    kind_of = {}
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for asset in assets:
        kind_of[asset["@id"]] = str(asset["kind"])
        for artifact in asset.get("artifacts", ()):
            category = _CATEGORY_OF_ROLE.get(str(artifact["role"]))
            if category:
                totals[category][1] += int(artifact.get("sizeBytes", 0))
    for dataset in datasets:
        category = _CATEGORY_OF_DATA.get(kind_of.get(dataset["asset"], ""), OTHER_DATA)
        totals[category][0] += int(dataset.get("records", 0))
        totals[category][1] += int(dataset.get("sizeBytes", 0))
    for row in exportability:
        if row["aspect"] == Aspect.DATA and row["level"] in _NOT_HELD:
            totals[DATA_NOT_HELD][0] += 1
    return {category: Volume(*pair) for category, pair in totals.items()}


OTHER_DATA = "other data"
DATA_NOT_HELD = "data not in the bundle"
_NOT_HELD = (Level.NOT_ATTEMPTED, Level.UNKNOWN)
_CATEGORY_OF_ROLE = {"device-config": "network", "script": "scripts"}
_CATEGORY_OF_DATA = {
    "storage.bucket": "objects",
    "db.database": "database",
    "db.instance": "database",
}


def _estimate(category: str, volume: Volume, found: list[Measurement]) -> CategoryEstimate:
    samples = [
        one for one in found
        if one.duration_ms >= _SHORTEST_SAMPLE_MS and (one.items or one.size_bytes)
    ]  # fmt: skip
    times = [time for one in samples for time in _scaled(volume, one)]
    whole = Measurement(
        category,
        sum(one.items for one in samples),
        sum(one.size_bytes for one in samples),
        sum(one.duration_ms for one in samples),
    )
    # The slower of "by items" and "by bytes" is likely: one of them was the bottleneck.
    likely = max(_scaled(volume, whole), default=None) if samples else None
    return CategoryEstimate(
        category=category,
        volume=volume,
        samples=len(samples),
        sample_items=whole.items,
        sample_bytes=whole.size_bytes,
        sample_ms=whole.duration_ms,
        low_ms=min(times) if likely is not None else None,
        likely_ms=likely,
        high_ms=max(times) if likely is not None else None,
    )


def _scaled(volume: Volume, sample: Measurement) -> list[int]:
    """Return the time the volume takes at the sample's pace, by items and by bytes, rounded up."""
    times = []
    if sample.items and volume.items:
        times.append(-(-volume.items * sample.duration_ms // sample.items))
    if sample.size_bytes and volume.size_bytes:
        times.append(-(-volume.size_bytes * sample.duration_ms // sample.size_bytes))
    return times


def _total(times: Iterable[int | None]) -> int | None:
    """Add up what is known; nothing known is unknown, and never zero."""
    known = [time for time in times if time is not None]
    return sum(known) if known else None


def _fit(low_ms: int | None, high_ms: int | None, allowed: str) -> Fit:
    if low_ms is None or not allowed:
        return Fit.UNKNOWN
    limit = parse_period(allowed)
    if is_within(parse_period(_period(low_ms)), limit) is False:
        return Fit.EXCEEDS
    if high_ms is None:
        return Fit.UNKNOWN
    return Fit.FITS if is_within(parse_period(_period(high_ms)), limit) else Fit.UNKNOWN


def _period(time_ms: int) -> str:
    return f"PT{-(-time_ms // 1000)}S"
