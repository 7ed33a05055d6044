"""Hold the printed commands to what they are for, and to harming nobody who pastes them."""

from __future__ import annotations

import shlex

from exitkit.report.figure import Figure, Origin
from exitkit.report.provenance import command, source_json

ENEMY = "'; touch pwned; echo $(id) `id` \u202e\n"


def test_a_name_in_a_command_stays_one_quoted_ascii_word() -> None:
    origin = Origin("assets", (("kind", (ENEMY,)),))
    shell = command(Figure(1, origin))
    words = shlex.split(shell)
    assert words[:2] == ["jq", "-c"]
    assert words[3:] == ["data/records/assets.jsonl", "|", "wc", "-l"]
    assert shell.isascii()
    assert "\n" not in shell


def test_an_origin_travels_as_ascii() -> None:
    assert source_json(Figure(1, Origin("assets", (("kind", (ENEMY,)),)))).isascii()


def test_what_is_not_in_the_bundle_has_no_command() -> None:
    assert command(Figure(1, Origin("rules"))) == ""
    assert command(Figure(1, Origin("extrapolation"))) == ""


def test_a_value_of_the_descriptor_is_read_from_it() -> None:
    origin = Origin("descriptor", (), "value", "sequence")
    assert command(Figure(2, origin)) == "jq .sequence data/exitkit.json"


def test_a_count_selects_and_counts_lines() -> None:
    origin = Origin("exportability", (("level", ("none", "unknown")), ("reasonCode", ("",))))
    assert command(Figure(1, origin)) == (
        """jq -c 'select(.level // "" | tostring | IN("none", "unknown"))"""
        """ | select((.reasonCode // "" | tostring) == "")' data/records/exportability.jsonl"""
        " | wc -l"
    )
