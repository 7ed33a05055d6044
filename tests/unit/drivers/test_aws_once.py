"""What is answered twice counts once, and which of two answers is kept is no matter of luck."""

from __future__ import annotations

import itertools
from typing import Any

from exitkit.drivers.aws_answers import Item
from exitkit.drivers.aws_once import unique
from exitkit.knowledge.aws_catalog import ListedType

ROW = ListedType("AWS::Shop::Plan", "shop", "ListPlans", "Plans[]", (("Id", "Id"),), arn="Arn")


def item(region: str, **config: Any) -> Item:
    return Item(ROW, "123456789012", "aws", region, config)


def test_of_two_answers_about_one_thing_the_same_is_kept_in_any_order() -> None:
    found = [item("eu-west-1", Id="a", Note=note) for note in ("two", "one", "three")]
    kept = {
        next(one.config["Note"] for one in unique(order)) for order in itertools.permutations(found)
    }
    assert len(kept) == 1


def test_what_several_regions_answer_with_under_one_arn_is_one_thing_of_none() -> None:
    arn = "arn:aws:shop::123456789012:plan/a"
    found = [item(region, Id="a", Arn=arn) for region in ("us-east-1", "eu-west-1")]
    alone = item("eu-west-1", Id="b", Arn="arn:aws:shop::123456789012:plan/b")
    assert [(one.native_id, one.region) for one in unique([*found, alone])] == [
        ("a", ""), ("b", "eu-west-1"),
    ]  # fmt: skip


def test_things_of_one_name_in_two_regions_stay_two() -> None:
    own = [
        item(region, Id="a", Arn=f"arn:aws:shop:{region}:123456789012:plan/a")
        for region in ("us-east-1", "eu-west-1")
    ]
    nameless = [item(region, Id="b") for region in ("us-east-1", "eu-west-1")]
    assert [(one.native_id, one.region) for one in unique([*own, *nameless])] == [
        ("a", "eu-west-1"), ("a", "us-east-1"), ("b", "eu-west-1"), ("b", "us-east-1"),
    ]  # fmt: skip
