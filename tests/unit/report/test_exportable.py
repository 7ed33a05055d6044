"""Hold scores and the Data Act's lists in a report to what was worked out."""

from __future__ import annotations

from dataclasses import replace

from exitkit.assess.data_act_lists import draw_up
from exitkit.assess.scores import Score
from exitkit.report import html
from exitkit.report.exportable import tell_lists, tell_scores
from exitkit.report.inputs import ReportInputs
from exitkit.report.view import build_view

LEVELS = (("none", 1), ("open", 2))
SCORES = (
    Score("contract", "all", LEVELS, None, None, "2 calls without an answer"),
    Score("service", "aws EC2", LEVELS, 666, 1000),
    Score("category", "compute", LEVELS, 666, None),
    Score("category", "backup", (("not-applicable", 3),), None, None),
)
CONTRACT = {
    "data": {
        "exportable": [
            {
                "id": "E1",
                "category": "databases",
                "covers": [{"type": "T::Db", "aspects": ["data"]}],
            },
            {"id": "E2", "category": "mail"},
        ],
        "non_exportable": [],
    }
}


def verdict(asset: str, aspect: str, level: str) -> dict[str, str]:
    return {"asset": asset, "aspect": aspect, "level": level, "format": "text/csv",
            "reasonText": "It stays <b>here</b>."}  # fmt: skip


def with_lists(inputs: ReportInputs) -> ReportInputs:
    rows = [verdict("a", "data", "none"), verdict("a", "configuration", "open"),
            verdict("b", "data", "unknown")]  # fmt: skip
    kinds = {"a": ("db.instance", "T::Db"), "b": ("other", "T::Odd")}
    return replace(inputs, scores=SCORES, lists=draw_up(rows, kinds, CONTRACT))


def test_scores_come_contract_first_and_say_why_there_is_none() -> None:
    rows = tell_scores(SCORES)
    assert [row.name for row in rows] == ["all", "compute", "aws EC2"]
    assert (rows[0].share, rows[0].because) == ("", "2 calls without an answer")
    assert (rows[2].share, rows[2].spend_share) == ("66.6 %", "100.0 %")


def test_a_broken_promise_stands_in_its_list_and_among_the_findings(
    rehearsed: ReportInputs,
) -> None:
    lists = with_lists(rehearsed).lists
    assert lists
    part = tell_lists(lists, "en")
    assert [(row.native_type, row.standing) for row in part.exempt] == [
        ("T::Db", "promised-and-not-delivered")
    ]
    assert part.totals == (1, 1, 1)
    assert part.vague == ("E2 (mail)",)
    assert any("promised-and-not-delivered" in line for line in part.findings)
    assert any("promis et non fourni" in line for line in tell_lists(lists, "fr").findings)


def test_the_page_shows_scores_and_lists_with_their_texts_escaped(rehearsed: ReportInputs) -> None:
    page = html.render(build_view(with_lists(rehearsed))).decode()
    assert "indeterminate</span> 2 calls without an answer" in page
    assert "score = verdicts at open" in page
    assert "promised and not delivered" in page
    assert "It stays &lt;b&gt;here&lt;/b&gt;." in page
    assert 'href="#lists"' in page
    assert 'id="lists"' not in html.render(build_view(rehearsed)).decode()


def test_gaps_of_one_level_stand_by_how_much_relies_on_them(rehearsed: ReportInputs) -> None:
    records = dict(rehearsed.records)
    gaps = [
        {"@id": f"urn:v{number}", "asset": f"urn:asset-{number}", "aspect": "data", "level": "none",
         "reasonCode": "no-export-api", "reasonText": f"Obstacle {number}",
         "responsibleParty": "outgoing-provider", "workaround": "None."}
        for number in (1, 2, 2)
    ]  # fmt: skip
    relation = {"relation": "dependsOn", "from": "urn:other", "to": "urn:asset-1"}
    records |= {"exportability": gaps, "relations": [relation]}
    view = build_view(replace(rehearsed, records=records))
    (party,) = view.gaps
    assert [(group.text, group.dependents) for group in party.groups] == [
        ("Obstacle 1", 1), ("Obstacle 2", 0),
    ]  # fmt: skip
    assert (party.groups[0].effort, party.groups[0].lead_days) == ("S", 7)
    assert "1 other asset relies on it." in html.render(view).decode()
