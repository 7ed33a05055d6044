"""Check what the letter takes from a sealed bundle and from the contract, and what it leaves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exitkit.engine.gaps import read_gaps
from exitkit.engine.letter import letter_inputs, write_letters
from exitkit.errors import InputError
from exitkit.model.asset import Asset, Ref
from exitkit.model.verdict import Aspect, Exportability, Level, Responsible
from exitkit.report.letter import ContractDate, LetterInputs
from exitkit.store import records
from exitkit.store.reader import Bundle, open_bundle
from exitkit.store.writer import BundleInputs, write_bundle

NOW = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 25)
KEYS = [Ref("aws", "1", "eu-west-1", "AWS::KMS::Key", f"key-{number}") for number in range(3)]
CONTRACT = {
    "id": "CTR-1", "title": "unknown", "customer": {"name": "Buyer"},
    "provider": {"name": "unknown"},
    "regimes": {"data_act": {"applies": True}, "dora": {"applies": "unknown"}},
    "dates": {"end": dt.date(2028, 1, 31)},
    "reversibility": {"clause": True, "transition": {"duration": "P30D"}},
    "termination": {"notice": {"switch": "P2M"}},
    "contacts": [
        {"party": "customer", "role": "exit_lead", "name_or_function": "Ours"},
        {"party": "provider", "role": "exit_lead", "name_or_function": "Exit desk"},
    ],
}  # fmt: skip


def verdict(ref: Ref, responsible: Responsible, text: str = "It stays.") -> Exportability:
    return Exportability(
        ref, Aspect.DATA, Level.NONE, "fact", reason="hardware-bound-key", text=text,
        responsible=responsible, workaround="Make it anew.", source="kms: read", confidence="high",
    )  # fmt: skip


def sealed(path: Path, *responsible: Responsible) -> Bundle:
    refs = KEYS[: len(responsible)]
    assets = [Asset(ref, "key.key", ref.native_id, {}, NOW) for ref in refs]
    tables = {
        "scopes": [records.scope_record("prod", "aws", "1", "eu-west-1", "kms")],
        "assets": [records.asset_record(asset) for asset in assets],
        "exportability": [
            records.exportability_record(verdict(ref, who))
            for ref, who in zip(refs, responsible, strict=True)
        ],
    }
    inputs = BundleInputs("acme", 7, NOW, NOW, NOW, "0.1.0", {"key.key": ("data",)})
    write_bundle(path, inputs, tables, [], None)
    return open_bundle(path)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return sealed(
        tmp_path / "acme-000007", Responsible.PROVIDER, Responsible.CUSTOMER, Responsible.PROVIDER
    )


def inputs_of(bundle: Bundle, contract: Mapping[str, Any]) -> LetterInputs:
    return letter_inputs(bundle, read_gaps(bundle, 100), contract, TODAY)


def test_only_what_the_provider_can_remove_is_asked_of_it(bundle: Bundle) -> None:
    (request,) = inputs_of(bundle, CONTRACT).requests
    assert [line.number for line in request.lines] == [1, 2]
    assert {line.what for line in request.lines} == {"AWS::KMS::Key key-0", "AWS::KMS::Key key-2"}
    assert request.assets == 2


def test_with_nothing_to_ask_no_letter_is_written(tmp_path: Path) -> None:
    bundle = sealed(tmp_path / "acme-000007", Responsible.VENDOR)
    with pytest.raises(InputError, match="nothing to ask"):
        write_letters(bundle, read_gaps(bundle, 100), None, tmp_path, "en", TODAY)
    assert list(tmp_path.glob("request-*")) == []


def test_the_dates_are_counted_back_from_the_end_of_the_contract(bundle: Bundle) -> None:
    assert inputs_of(bundle, CONTRACT).dates == (
        ContractDate("notice", dt.date(2027, 11, 1)),
        ContractDate("transition", dt.date(2028, 1, 1)),
        ContractDate("end", dt.date(2028, 1, 31)),
    )


def test_a_date_that_cannot_be_counted_names_the_field_that_is_missing(bundle: Bundle) -> None:
    without = {**CONTRACT, "termination": {"notice": {"switch": "unknown"}}}
    dates = {one.word: one for one in inputs_of(bundle, without).dates}
    assert dates["notice"] == ContractDate("notice", None, "termination.notice.switch")
    assert dates["transition"].day == dt.date(2028, 1, 1)
    endless = {one.missing for one in inputs_of(bundle, {"id": "C"}).dates}
    assert endless == {"dates.end"}


def test_unknown_is_a_blank_and_never_a_word_of_the_letter(bundle: Bundle) -> None:
    inputs = inputs_of(bundle, CONTRACT)
    assert (inputs.customer, inputs.provider, inputs.contract_title) == ("Buyer", "", "")
    assert inputs.clause == ""
    assert inputs.attention == "Exit desk"


def test_only_a_regime_known_to_apply_is_cited(bundle: Bundle) -> None:
    rules = {basis.rule for basis in inputs_of(bundle, CONTRACT).bases}
    assert "EK-DATA-007" in rules
    assert not [rule for rule in rules if rule.startswith("EK-DORA")]
    assert inputs_of(bundle, {"id": "C"}).bases == ()


def test_both_files_are_written_beside_each_other(bundle: Bundle, tmp_path: Path) -> None:
    paths = write_letters(bundle, read_gaps(bundle, 100), None, tmp_path, "fr", TODAY)
    assert [path.name for path in paths] == [
        "request-acme-000007-fr.md",
        "request-acme-000007-fr.html",
    ]
    assert all(b"key-2" in path.read_bytes() for path in paths)
