"""Hold the counting of figures to what their origins say."""

from __future__ import annotations

from exitkit.report.figure import FIRST_LINES, Tally, at, single, text_at

ROWS = [
    {"@id": "a", "place": {"region": "north"}, "size": 2},
    {"@id": "b", "place": {"region": "south"}, "size": 3},
    {"@id": "c", "size": 5},
    {"@id": "d", "place": {"region": "north"}},
]


def tally() -> Tally:
    counted = Tally("things", "place.region")
    for line, row in enumerate(ROWS, start=1):
        counted.add(line, row)
    return counted


def test_a_count_holds_only_the_records_that_were_asked_for() -> None:
    figure = tally().figure({"place.region": ("north",)})
    assert (figure.value, figure.lines) == (2, (1, 4))


def test_an_absent_member_is_found_as_the_empty_text() -> None:
    assert tally().figure({"place.region": ("",)}).value == 1


def test_equal_origins_share_an_anchor_and_others_do_not() -> None:
    north, south = ({"place.region": (region,)} for region in ("north", "south"))
    assert tally().figure(north).origin.anchor == tally().figure(north).origin.anchor
    assert tally().figure(north).origin.anchor != tally().figure(south).origin.anchor


def test_a_figure_of_many_records_names_only_the_first_lines() -> None:
    counted = Tally("things", "kind")
    for line in range(1, 1000):
        counted.add(line, {"kind": "x"})
    figure = counted.figure()
    assert figure.value == 999
    assert figure.lines == tuple(range(1, FIRST_LINES + 1))


def test_a_member_that_is_not_there_makes_no_figure() -> None:
    assert single("things", "@id", 3, ROWS[2], "count") is None


def test_a_path_reaches_into_lists_and_stops_at_what_is_not_there() -> None:
    record = {"steps": [{"value": True}]}
    assert text_at(record, "steps.0.value") == "true"
    assert at(record, "steps.1.value") is None
    assert at(record, "steps.x") is None
