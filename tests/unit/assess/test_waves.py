"""Check that nothing moves before what it relies on, and that circles move together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exitkit.assess.waves import reliances, waves

EDGES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=24)


def test_what_is_relied_on_moves_first() -> None:
    relies = [("app", "db"), ("db", "key"), ("app", "key"), ("lone", "elsewhere")]
    assert waves({"app", "db", "key", "lone"}, relies) == [
        [("key",), ("lone",)],
        [("db",)],
        [("app",)],
    ]


def test_a_circle_moves_together() -> None:
    relies = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "b"), ("b", "base")]
    assert waves("abcd" + "", relies) == [[("a", "b", "c")], [("d",)]]
    assert waves(["a", "b", "c", "d", "base"], relies) == [
        [("base",)],
        [("a", "b", "c")],
        [("d",)],
    ]


@given(EDGES)
def test_every_asset_is_in_one_group_and_after_all_it_relies_on(
    edges: list[tuple[str, str]],
) -> None:
    found = waves("abcdefgh", edges)
    place = {
        asset: (number, group)
        for number, wave in enumerate(found)
        for group in wave
        for asset in group
    }
    assert sorted(place) == list("abcdefgh")
    assert sum(len(group) for wave in found for group in wave) == 8
    reach = {asset: {asset} for asset in "abcdefgh"}
    for _ in "abcdefgh":
        for relying, relied_on in edges:
            reach[relying] |= reach[relied_on]
    for relying, relied_on in edges:
        if relying in reach[relied_on]:
            assert place[relying] == place[relied_on]
        else:
            assert place[relying][0] > place[relied_on][0]


def test_a_long_chain_needs_no_recursion() -> None:
    names = [f"{number:05}" for number in range(5000)]
    assert len(waves(names, zip(names[1:], names, strict=False))) == 5000


def test_the_kind_of_relation_says_who_relies_on_whom() -> None:
    rows = [
        {"from": "a", "relation": "storesDataIn", "to": "b"},
        {"from": "a", "relation": "contains", "to": "c"},
        {"from": "a", "relation": "connectsTo", "to": "d"},
        {"from": "a", "relation": "documentedBy", "to": "e"},
    ]
    assert list(reliances(rows)) == [("a", "b"), ("c", "a")]
