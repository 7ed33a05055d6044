"""Match declared things with observed ones by what is certain, and never guess."""

from __future__ import annotations

from typing import Any

import pytest

from exitkit.assess.joint_inventory import Standing, joint_inventory


def observed(urn: str, native_id: str, name: str = "", **more: Any) -> dict[str, Any]:
    place = {"name": "aws", "scope": "123456789012", "region": "eu-west-1",
             "nativeType": "T::X", "nativeId": native_id}  # fmt: skip
    return {"@id": urn, "kind": "compute.instance", "name": name or native_id, "provider": place,
            "status": "active", **more}  # fmt: skip


def declared(urn: str) -> dict[str, Any]:
    place = {"name": "declared", "scope": "cmdb", "region": "", "nativeType": "Declared/Item",
             "nativeId": urn}  # fmt: skip
    return {"@id": urn, "kind": "declared.item", "name": urn, "provider": place}


ARN = "arn:aws:ec2:eu-west-1:1:instance/i-0abc1234"
SERVER = observed(
    "o1",
    "i-0abc1234",
    "web.example.com",
    identifiers=[{"scheme": "serial", "value": "SN-1"}, {"scheme": "arn", "value": ARN}],
)


@pytest.mark.parametrize(
    ("fields", "by"),
    [
        ({"serial": "sn-1", "name": "other"}, "serial"),
        ({"id": "I-0ABC1234"}, "id"),
        ({"arn": ARN}, "arn"),
        ({"name": "web.example.com"}, "name"),
        ({"host": "WEB.example.com"}, "host"),
    ],
)
def test_what_is_certain_matches_first(fields: dict[str, str], by: str) -> None:
    line = joint_inventory([declared("d"), SERVER], {"d": fields})[0]
    assert line.matched_by == by
    assert line.standing in (Standing.BOTH, Standing.DIFFERING)


def test_a_name_that_fits_several_is_ambiguous_and_both_answer() -> None:
    twins = [observed("o1", "a", "web"), observed("o2", "b", "web")]
    lines = joint_inventory([declared("d"), *twins], {"d": {"name": "web"}})
    (line,) = [one for one in lines if one.standing is Standing.AMBIGUOUS]
    assert line.candidates == ("T::X a", "T::X b")
    assert line.observed is None
    assert line.answers == "both"


def test_what_is_declared_twice_is_matched_with_nothing_and_names_its_rows() -> None:
    rows = ("cmdb.csv:2", "cmdb.csv:7")
    lines = joint_inventory([declared("d"), SERVER], {"d": {"serial": "SN-1"}}, {"d": rows})
    assert [line.standing for line in lines] == [Standing.OBSERVED_ONLY, Standing.DECLARED_TWICE]
    assert lines[1].candidates == rows
    assert (lines[1].observed, lines[1].answers) == (None, "provider")


def test_fields_that_differ_are_named_and_spelling_is_no_difference() -> None:
    fields = {"id": "i-0abc1234", "name": "WEB", "region": "EU West 1", "status": "retired"}
    (line,) = joint_inventory([declared("d"), SERVER], {"d": fields})
    assert [(one.field, one.observed) for one in line.differences] == [("status", "active")]
    assert line.standing is Standing.DIFFERING


def test_what_no_register_lists_one_by_one_is_no_finding() -> None:
    package = {**observed("o9", "p"), "kind": "software.package"}
    lines = joint_inventory([SERVER, package], {})
    assert [(one.standing, one.answers) for one in lines] == [(Standing.OBSERVED_ONLY, "provider")]


def test_two_rows_that_claim_one_thing_are_both_left_open() -> None:
    fields = {"d1": {"serial": "SN-1"}, "d2": {"id": "i-0abc1234"}}
    lines = joint_inventory([declared("d1"), declared("d2"), SERVER], fields)
    assert [line.standing for line in lines] == [Standing.AMBIGUOUS] * 2
    assert {line.candidates for line in lines} == {("T::X i-0abc1234",)}


def test_identifiers_that_lead_to_two_things_are_left_open() -> None:
    other = observed("o2", "i-0def5678")
    fields = {"d": {"serial": "SN-1", "id": "i-0def5678"}}
    line = joint_inventory([declared("d"), SERVER, other], fields)[-1]
    assert (line.standing, line.matched_by) == (Standing.AMBIGUOUS, "id, serial")
    assert line.candidates == ("T::X i-0abc1234", "T::X i-0def5678")
