"""Check that a whole exit is never estimated from nothing, and grows with what there is to move."""

from __future__ import annotations

from exitkit.assess.extrapolation import Fit, Volume, extrapolate, volumes_of
from exitkit.model.run import Measurement

OBJECTS = Measurement("objects", items=100, size_bytes=1_000_000, duration_ms=2_000)


def test_a_rate_is_scaled_to_the_volume() -> None:
    whole = extrapolate([OBJECTS], {"objects": Volume(1_000, 10_000_000)}, "P30D")
    (objects,) = whole.categories
    assert (objects.low_ms, objects.likely_ms, objects.high_ms) == (20_000, 20_000, 20_000)
    assert (objects.samples, objects.sample_items) == (1, 100)
    assert (whole.fit, whole.egress_bytes, whole.period) == (Fit.FITS, 10_000_000, "PT20S")


def test_twice_the_volume_takes_longer() -> None:
    once = extrapolate([OBJECTS], {"objects": Volume(1_000, 10_000_000)})
    twice = extrapolate([OBJECTS], {"objects": Volume(2_000, 20_000_000)})
    assert once.likely_ms is not None
    assert twice.likely_ms == 2 * once.likely_ms


def test_items_and_bytes_give_a_range_whose_slow_end_is_likely() -> None:
    whole = extrapolate([OBJECTS], {"objects": Volume(100, 10_000_000)})
    assert (whole.low_ms, whole.likely_ms, whole.high_ms) == (2_000, 20_000, 20_000)


def test_a_slow_and_a_fast_sample_widen_the_range() -> None:
    slow = Measurement("objects", items=10, size_bytes=0, duration_ms=2_000)
    (objects,) = extrapolate([OBJECTS, slow], {"objects": Volume(items=100)}).categories
    assert (objects.low_ms, objects.high_ms) == (2_000, 20_000)
    assert objects.low_ms < (objects.likely_ms or 0) < objects.high_ms
    assert (objects.samples, objects.sample_items) == (2, 110)


def test_no_rate_is_unknown_and_never_zero() -> None:
    whole = extrapolate([], {"objects": Volume(100, 1_000)}, "P30D")
    assert (whole.low_ms, whole.likely_ms, whole.high_ms) == (None, None, None)
    assert (whole.fit, whole.period) == (Fit.UNKNOWN, "")


def test_one_category_without_a_rate_leaves_a_lower_bound_that_fits_nothing() -> None:
    volumes = {"objects": Volume(100, 1_000), "database": Volume(5, 5)}
    whole = extrapolate([OBJECTS], volumes, "P30D")
    assert (whole.low_ms, whole.likely_ms, whole.high_ms) == (2, None, None)
    assert (whole.fit, whole.period) == (Fit.UNKNOWN, "")
    assert whole.unknown_categories == ("database",)


def test_a_lower_bound_can_be_too_long_already() -> None:
    volumes = {"objects": Volume(100_000_000), "database": Volume(5, 5)}
    whole = extrapolate([OBJECTS], volumes, "P1D")
    assert (whole.fit, whole.period) == (Fit.EXCEEDS, "PT2000000S")


def test_a_sample_of_nothing_is_no_rate() -> None:
    nothing = Measurement("objects", items=0, size_bytes=0, duration_ms=2_000)
    assert extrapolate([nothing], {"objects": Volume(1, 1)}).likely_ms is None


def test_nothing_to_move_is_unknown() -> None:
    assert extrapolate([OBJECTS], {}, "P30D").fit is Fit.UNKNOWN


def test_without_a_period_in_the_contract_nothing_fits() -> None:
    assert extrapolate([OBJECTS], {"objects": Volume(1, 1)}).fit is Fit.UNKNOWN


def test_longer_than_the_contract_exceeds_it() -> None:
    whole = extrapolate([OBJECTS], {"objects": Volume(100_000_000, 0)}, "P1D")
    assert whole.fit is Fit.EXCEEDS


def test_volumes_are_counted_by_what_a_restore_measures() -> None:
    assets = [
        {"@id": "a", "kind": "storage.bucket"},
        {"@id": "b", "kind": "db.database"},
        {"@id": "c", "kind": "network.device", "artifacts": [
            {"role": "device-config", "sizeBytes": 70}, {"role": "native-config", "sizeBytes": 9},
        ]},
        {"@id": "d", "kind": "db.document-store"},
    ]  # fmt: skip
    datasets = [
        {"asset": "a", "records": 3, "sizeBytes": 30},
        {"asset": "b", "records": 9, "sizeBytes": 90},
        {"asset": "d", "records": 1, "sizeBytes": 10},
    ]
    exportability = [
        {"aspect": "data", "level": "not-attempted"},
        {"aspect": "data", "level": "importable"},
        {"aspect": "configuration", "level": "unknown"},
    ]
    assert volumes_of(assets, datasets, exportability) == {
        "objects": Volume(3, 30),
        "database": Volume(9, 90),
        "other data": Volume(1, 10),
        "network": Volume(0, 70),
        "data not in the bundle": Volume(1, 0),
    }
