"""Read bundles back, and give nothing from outside of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exitkit.errors import InputError, InvalidBundle
from exitkit.store import records
from exitkit.store.reader import open_bundle


def test_every_record_comes_back_as_it_was_written(
    bundle: Path, fixture_tables: dict[str, list[dict[str, Any]]]
) -> None:
    opened = open_bundle(bundle)
    native = fixture_tables.pop("native")
    for table, rows in fixture_tables.items():
        expected = sorted(rows, key=lambda row: row["@id"])
        assert list(opened.records(table)) == expected, table
    configs = {row["@id"]: row["config"] for row in native}
    for asset in opened.records("assets"):
        assert opened.native(asset) == configs[asset["@id"]]


def test_a_text_beside_a_configuration_is_not_read_as_one(bundle: Path) -> None:
    opened = open_bundle(bundle)
    asset = next(one for one in opened.records("assets") if opened.native(one))
    beside = {"role": "native-config", "path": "hosts/hq/web1/cron/check"}
    with_text = asset | {"artifacts": [beside, *asset["artifacts"]]}
    assert opened.native(with_text) == opened.native(asset)
    assert opened.native(asset | {"artifacts": [beside]}) == {}


def test_values_survive_the_way_into_records_and_back(bundle: Path) -> None:
    opened = open_bundle(bundle)
    refs = {}
    for record in opened.records("assets"):
        asset = records.asset_from_record(record, opened.native(record))
        refs[record["@id"]] = asset.ref
        assert asset.ref.urn == record["@id"]
        assert records.native_record(asset)["config"] == opened.native(record)
    for record in opened.records("exportability"):
        verdict = records.exportability_from_record(record, refs[record["asset"]])
        assert records.exportability_record(verdict) == record


def test_records_hold_no_time_of_observation(
    fixture_tables: dict[str, list[dict[str, Any]]],
) -> None:
    for table, rows in fixture_tables.items():
        if table not in ("runs", "events", "measurements", "exportability"):
            assert "09:30" not in str(rows), table
            assert "duration" not in str(rows), table


def test_a_content_is_given_only_from_inside(bundle: Path, tmp_path: Path) -> None:
    opened = open_bundle(bundle)
    assert opened.content_path("network/sw1/running-config.txt").read_bytes() == b"hostname sw1\n"
    (bundle / "data" / "link.txt").symlink_to(tmp_path / "signer.pub")
    for path in ("../bagit.txt", "/etc/passwd", "link.txt", "network/sw1", "nothing", "a/../b"):
        with pytest.raises(InvalidBundle):
            opened.content_path(path)


def test_a_hostile_line_is_refused_while_reading(bundle: Path) -> None:
    table = bundle / "data" / "records" / "scopes.jsonl"
    for line in (b"[]\n", b"{\n", b"[" * 100_000 + b"\n", b"x" * (16 * 1024 * 1024 + 2)):
        table.write_bytes(line)
        with pytest.raises(InvalidBundle, match="scopes"):
            list(open_bundle(bundle).records("scopes"))


def test_a_lost_configuration_is_said_to_be_lost(bundle: Path) -> None:
    opened = open_bundle(bundle)
    asset = next(opened.records("assets"))
    path = asset["artifacts"][-1]["path"]
    pack = next(a["path"] for a in asset["artifacts"] if a["role"] == "native-config")
    (bundle / "data" / pack).write_bytes(b"")
    with pytest.raises(InvalidBundle, match="lacks"):
        opened.native(asset)
    assert path


def test_what_is_no_bundle_is_the_users_mistake(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(bundle)
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "link", tmp_path / "empty", tmp_path / "nothing"):
        with pytest.raises(InputError):
            open_bundle(path)


def test_a_bundle_of_a_later_format_is_refused(bundle: Path) -> None:
    descriptor = bundle / "data" / "exitkit.json"
    text = descriptor.read_text().replace('"formatVersion":"1.0"', '"formatVersion":"2.0"')
    descriptor.write_text(text)
    with pytest.raises(InvalidBundle, match="upgrade"):
        open_bundle(bundle)


def test_an_unknown_table_is_named_with_the_known_ones(bundle: Path) -> None:
    with pytest.raises(InputError, match="one of scopes"):
        list(open_bundle(bundle).records("asets"))


@pytest.mark.parametrize(
    ("table", "old", "new", "fault"),
    [
        ("assets", b'"kind":"network.device",', b"", '"kind" is a required property'),
        ("exportability", b'"level":"importable"', b'"level":"superb"', "superb"),
        ("calls", b'"count":5', b'"count":"five"', "five"),
    ],
)
def test_a_record_that_no_exitkit_wrote_is_refused_in_one_line(
    table: str, old: bytes, new: bytes, fault: str, bundle: Path
) -> None:
    path = bundle / "data/records" / f"{table}.jsonl"
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(InvalidBundle, match=f"records/{table}.jsonl: .*exitkit verify") as raised:
        list(open_bundle(bundle).records(table))
    assert fault in str(raised.value)


def test_a_later_version_of_the_format_may_say_more(bundle: Path) -> None:
    path = bundle / "data/exitkit.json"
    path.write_bytes(path.read_bytes().replace(b'"formatVersion":"1.0"', b'"formatVersion":"1.1"'))
    assets = bundle / "data/records/assets.jsonl"
    assets.write_bytes(assets.read_bytes().replace(b'"name":"the', b'"kindly":1,"name":"the'))
    assert all(record["kindly"] == 1 for record in open_bundle(bundle).records("assets"))
