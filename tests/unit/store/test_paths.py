"""Keep the paths of a bundle legal and apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitkit.model.asset import Ref
from exitkit.store.paths import native_path, path_fault, segment
from exitkit.store.verify_bundle import legal


@given(st.text())
def test_any_name_becomes_a_legal_segment(name: str) -> None:
    assert path_fault(segment(name)) == ""
    assert segment(name) == segment(name)


@given(st.text(), st.text())
def test_two_names_never_share_a_segment(one: str, other: str) -> None:
    assert (segment(one) == segment(other)) == (one == other)


@given(st.text(alphabet="abCN-._/0é \x00", max_size=24) | st.sampled_from(["con", "nul.txt"]))
def test_both_verifiers_agree_on_paths(path: str) -> None:
    assert (path_fault(path) == "") == legal(f"data/{path}")


@pytest.mark.parametrize("path", ["con", "lpt1.txt", "a/../b", "/a", "a/", "A", "a" * 101, ".a"])
def test_paths_that_hurt_somewhere_are_refused(path: str) -> None:
    assert path_fault(path)


def test_a_pack_is_named_by_its_place_and_type() -> None:
    ref = Ref("aws", "123456789012", "", "AWS::EC2::Instance", "i-1")
    assert native_path(ref) == "native/aws/123456789012/global/aws-ec2-instance.jsonl"
    azure = Ref("azure", "SUB-1", "westeurope", "Microsoft.Compute/virtualMachines", "x")
    expected = "native/azure/sub-1/westeurope/microsoft.compute-virtualmachines.jsonl"
    assert native_path(azure) == expected
