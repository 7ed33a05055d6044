"""Compare real bundles: everything that changed is told once, and nothing else is."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exitkit.assess.access_holders import holders_of
from exitkit.assess.changes import HURTING, KINDS, Change
from exitkit.cli.main import run
from exitkit.engine.diff import Difference
from exitkit.errors import InvalidBundle
from exitkit.model.asset import Asset, Ref
from exitkit.model.holdings import Access, Dataset, License
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Exportability, Level, Responsible
from exitkit.report.diff_words import detail, diff_words, plural, sentences, time_sentence
from exitkit.report.language import LANGUAGES
from exitkit.store import records
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.writer import BundleInputs, write_bundle

NOW = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
KINDS_HELD = {"storage.bucket": ("configuration", "data")}


def ref(name: str) -> Ref:
    return Ref("aws", "1", "eu-west-1", "AWS::S3::Bucket", name)


def bucket(name: str, **config: Any) -> Asset:
    return Asset(ref(name), "storage.bucket", f"the {name}", {"Name": name, **config}, NOW)


def verdict(name: str, level: Level, text: str = "So it is.") -> Exportability:
    return Exportability(
        ref(name), Aspect.DATA, level, "fact", reason="quota", text=text,
        responsible=Responsible.CUSTOMER, workaround="Ask.",
    )  # fmt: skip


def sealed(path: Path, assets: list[Asset], **tables: Any) -> Bundle:
    rows = {
        "assets": [records.asset_record(asset) for asset in assets],
        "native": [records.native_record(asset) for asset in assets],
        **tables,
    }
    number = int(path.name[-6:])
    inputs = BundleInputs("acme", number, NOW, NOW, NOW, "0.1.0", KINDS_HELD)
    write_bundle(path, inputs, rows, [], None)
    return open_bundle(path)


def told(old: Bundle, new: Bundle) -> list[Change]:
    return list(Difference(old, new).changes())


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "acme-000001", tmp_path / "acme-000002"


def test_assets_that_come_go_and_change_are_told_with_what_changed(two: tuple[Path, Path]) -> None:
    tagged = replace(bucket("kept", Size=2), tags=(("env", "prod"),))
    old = sealed(two[0], [bucket("gone"), bucket("kept", Size=1), bucket("same")])
    new = sealed(two[1], [bucket("come"), tagged, bucket("same")])
    found = {change.kind: change for change in told(old, new)}
    assert found.keys() == {"asset-added", "asset-removed", "asset-changed"}
    named = {kind: change.thing.native_id for kind, change in found.items() if change.thing}
    assert named == {"asset-added": "come", "asset-removed": "gone", "asset-changed": "kept"}
    paths = [(one.path, one.old, one.new) for one in found["asset-changed"].fields]
    assert paths == [("tags", "", '[{"key":"env","value":"prod"}]'), ("Size", "1", "2")]


def test_an_asset_under_a_new_id_is_told_as_replaced(two: tuple[Path, Path]) -> None:
    again = replace(bucket("new-id"), name="the old-id")
    changes = told(sealed(two[0], [bucket("old-id")]), sealed(two[1], [again]))
    assert [change.kind for change in changes if change.kind == "asset-replaced"]
    (replaced,) = (change for change in changes if change.kind == "asset-replaced")
    assert (replaced.old, replaced.new) == ("old-id", "new-id")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (Level.OPEN, Level.NONE, "stays-behind"),
        (Level.UNKNOWN, Level.NONE, "stays-behind"),
        (None, Level.NONE, "stays-behind"),
        (Level.OPEN, Level.UNKNOWN, "verdict-worse"),
        (Level.DESCRIBED, Level.OPEN, "verdict-better"),
        (Level.NONE, Level.UNKNOWN, "verdict-better"),
        (None, Level.UNKNOWN, ""),
        (Level.NONE, Level.NONE, ""),
    ],
)
def test_a_verdict_is_told_by_where_it_went(
    two: tuple[Path, Path], before: Level | None, after: Level, kind: str
) -> None:
    def row(level: Level | None) -> list[Mapping[str, Any]]:
        return [records.exportability_record(verdict("b", level))] if level else []

    old = sealed(two[0], [bucket("b")], exportability=row(before))
    new = sealed(two[1], [bucket("b")], exportability=row(after))
    found = [(change.kind, change.old, change.new) for change in told(old, new)]
    assert found == ([(kind, before.value if before else "", after.value)] if kind else [])


def test_rights_licenses_and_data_are_told_with_their_asset(two: tuple[Path, Path]) -> None:
    def tables(right: str, transferable: str, size: int) -> dict[str, Any]:
        return {
            "access": [records.access_record(Access(ref("b"), "user", right, "*"))],
            "licenses": [records.license_record(License(ref("b"), "Thing", "Maker", transferable))],
            "datasets": [records.dataset_record(Dataset(ref("b"), "objects", 1, size))],
        }

    old = sealed(two[0], [bucket("b")], **tables("s3:Get", "yes", 5))
    new = sealed(two[1], [bucket("b")], **tables("s3:Put", "no", 6))
    changes = told(old, new)
    assert sorted((change.kind, change.subject) for change in changes) == [
        ("access-gained", "allow s3:Put on *"),
        ("access-lost", "allow s3:Get on *"),
        ("dataset-changed", "objects"),
        ("license-changed", "Thing"),
    ]
    assert {change.thing and change.thing.name for change in changes} == {"the b"}


def test_a_right_of_the_provider_is_told_apart_and_before_everything_else(
    two: tuple[Path, Path],
) -> None:
    def tables(*names: str) -> dict[str, Any]:
        found = [records.access_record(Access(ref(name), "user", "a:x", "*")) for name in names]
        return {"access": sorted(found, key=lambda row: str(row["@id"]))}

    marks = {"access": {"holders": [{"holder": "provider", "names": ["msp-*"]}]}}
    old = sealed(two[0], [], **tables("ours"))
    new = sealed(two[1], [bucket("b")], **tables("msp-jane", "ours", "theirs"))
    changes = list(Difference(old, new, holders_of(marks)).changes())
    told_first = min(changes, key=lambda change: KINDS.index(change.kind))
    assert told_first.kind == "supplier-access-gained"
    assert told_first.reason == "user, name msp-*"
    kinds = [change.kind for change in changes if "access" in change.kind]
    assert sorted(kinds) == ["access-gained", "supplier-access-gained"]


def test_a_later_last_use_is_no_change(two: tuple[Path, Path]) -> None:
    def tables(month: int) -> dict[str, Any]:
        right = Access(ref("b"), "user", "a:x", "*", last_used_on=dt.date(2026, month, 1))
        return {"access": [records.access_record(right)]}

    old, new = (
        sealed(two[0], [bucket("b")], **tables(1)),
        sealed(two[1], [bucket("b")], **tables(4)),
    )
    assert next(iter(old.records("access")))["lastUsedOn"] == "2026-01-01"
    assert told(old, new) == []


def test_a_call_that_nobody_answers_for_since_hurts(two: tuple[Path, Path]) -> None:
    def ledger(outcome: CallOutcome) -> list[Mapping[str, Any]]:
        call = Call("prod", "1", "eu-west-1", "s3:ListBuckets", outcome, permission="s3:List")
        return [records.call_record(call)]

    old = sealed(two[0], [], calls=ledger(CallOutcome.COLLECTED))
    new = sealed(two[1], [], calls=ledger(CallOutcome.REFUSED))
    (change,) = told(old, new)
    assert (change.kind, change.hurts, change.reason) == ("call-refused", True, "s3:List")
    assert [one.kind for one in told(new, old)] == ["call-answered"]


def test_what_hangs_on_an_asset_that_is_nowhere_is_told_all_the_same(
    two: tuple[Path, Path],
) -> None:
    old = sealed(two[0], [bucket("a"), bucket("z")])
    new = sealed(
        two[1], [bucket("a"), bucket("z")],
        exportability=[records.exportability_record(verdict("nowhere", Level.NONE))],
    )  # fmt: skip
    (change,) = told(old, new)
    assert change.thing is not None
    assert (change.kind, change.thing.id, change.thing.name) == (
        "stays-behind", ref("nowhere").urn, "",
    )  # fmt: skip


ESTATES = st.dictionaries(
    st.sampled_from("abcdefgh"), st.tuples(st.integers(0, 2), st.sampled_from(list(Level)[:5])),
    max_size=8,
)  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ESTATES, ESTATES)
def test_what_came_went_and_changed_is_all_that_differs(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, Any], after: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("estates")
    bundles = []
    for number, estate in enumerate((before, after), start=1):
        rows = [records.exportability_record(verdict(n, one[1])) for n, one in estate.items()]
        assets = [bucket(name, Size=one[0]) for name, one in estate.items()]
        bundles.append(sealed(folder / f"acme-{number:06d}", assets, exportability=rows))
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for change in told(*bundles):
        assert change.thing is not None
        assert change.thing.native_id not in found[change.kind]
        found[change.kind].add(change.thing.native_id)
    both = before.keys() & after.keys()
    assert found["asset-added"] == after.keys() - before.keys()
    assert found["asset-removed"] == before.keys() - after.keys()
    assert found["asset-changed"] == {n for n in both if before[n][0] != after[n][0]}
    moved = found["verdict-worse"] | found["verdict-better"] | found["stays-behind"]
    assert moved & both == {n for n in both if before[n][1] != after[n][1]}
    assert told(bundles[0], bundles[0]) == []


def test_a_table_out_of_order_is_refused(two: tuple[Path, Path]) -> None:
    old = sealed(two[0], [bucket("a")])
    new = sealed(two[1], [bucket("a"), bucket("b")])
    table = two[1] / "data/records/assets.jsonl"
    table.write_bytes(b"".join(reversed(table.read_bytes().splitlines(keepends=True))))
    with pytest.raises(InvalidBundle, match="out of order"):
        told(old, new)


def test_an_empty_line_does_not_end_a_table(two: tuple[Path, Path]) -> None:
    old = sealed(two[0], [bucket("a")])
    new = sealed(two[1], [bucket("a"), bucket("b")])
    table = two[1] / "data/records/assets.jsonl"
    table.write_bytes(table.read_bytes().replace(b"\n", b"\n\n", 1))
    with pytest.raises(InvalidBundle, match="does not begin with an id"):
        told(old, new)


def test_the_command_tells_in_words_and_in_json_by_its_schema(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    row = [records.exportability_record(verdict("b", Level.NONE))]
    sealed(two[0], [bucket("b", Size=1)])
    sealed(two[1], [bucket("b", Size=2), bucket("c")], exportability=row)
    assert run(["diff", str(two[0]), str(two[1]), "--lang", "fr"]) == 1
    said = capsys.readouterr().out
    assert "Un aspect de plus d'un actif ne peut pas partir." in said
    assert "Size: 1 -> 2" in said
    assert run(["diff", str(two[0]), str(two[1]), "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    schema = json.loads((files("exitkit.schemas") / "diff.schema.json").read_text())
    validator = jsonschema_rs.validator_for(schema)
    assert [error.message for line in lines for error in validator.iter_errors(line)] == []
    assert schema["$defs"]["kind"]["enum"] == list(KINDS)
    assert lines[-1]["hurts"] == sum(line.get("hurts", False) is True for line in lines[:-1]) == 1
    assert run(["diff", str(two[0]), str(two[0])]) == 0


def test_the_command_needs_two_bundles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", "-w", str(tmp_path)]) == 2
    assert "fewer than two bundles" in capsys.readouterr().err


def test_every_kind_has_words_in_every_language() -> None:
    for language in LANGUAGES:
        assert tuple(diff_words()[language]["kinds"]) == KINDS
        assert diff_words()[language]["aspect"].keys() == {aspect.value for aspect in Aspect}
    assert set(HURTING) <= set(KINDS)


def test_none_is_one_in_french_and_many_in_english() -> None:
    forms = ["{n} one", "{n} many"]
    assert [plural(forms, n, "fr") for n in (0, 1, 2)] == ["0 one", "1 one", "2 many"]
    assert [plural(forms, n, "en") for n in (0, 1, 2)] == ["0 many", "1 one", "2 many"]


def test_the_time_is_told_with_its_unit_or_as_not_known() -> None:
    day = 86_400_000
    assert time_sentence(8 * day, 12 * day, "en") == (
        "Measured exit time: 4 days longer (8 days before, 12 days now)."
    )
    assert "1,5\N{NO-BREAK SPACE}jour de moins" in time_sentence(3 * day, 3 * day // 2, "fr")
    assert "not known" in time_sentence(None, 5, "en")
    assert list(sentences({}, "en")) == ["Nothing has changed."]


@pytest.mark.parametrize(
    ("change", "english", "french"),
    [
        (Change("verdict-worse", aspect="data", old="open", new="none", reason="costs nothing"),
         "data: open -> none: costs nothing",
         "données : format ouvert -> reste sur place : ne coûte rien"),
        (Change("access-gained", subject="allow log in on web1", reason="ssh-key, by its name"),
         "allow log in on web1: ssh-key, by its name",
         "autorise se connecter sur web1 : clé de connexion, by its name"),
        (Change("call-refused", subject="a b:C", new="refused"),
         "a b:C: - -> refused", "a b:C : - -> refusé"),
    ],
)  # fmt: skip
def test_a_change_is_told_in_the_language_of_its_reader(
    change: Change, english: str, french: str
) -> None:
    assert list(detail(change, "en")) == [english]
    assert [line.replace("\N{NO-BREAK SPACE}", " ") for line in detail(change, "fr")] == [french]
