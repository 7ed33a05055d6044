"""Minutes say what the journal says, name the line, and leave the rest to those who sign."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from exitkit.report.language import LANGUAGES, colon, load_words
from exitkit.report.minutes import KINDS
from exitkit.store.reader import open_bundle

Build = Callable[..., dict[str, Any]]


@pytest.fixture
def rehearsed(estate: Any, make_milestone: Build, write_step: dict[str, Any]) -> Any:
    """A workspace with one rehearsal; names in it try to be markup."""
    estate.write_contract(
        customer={"name": "Acme <script>alert(1)</script>"},
        provider={"name": "Host | *Co*"},
        services=[{"id": "S1", "name": "Web shop"}, {"id": "S2"}],
    )
    title = {"en": "Data <b>returned</b>", "fr": "Données restituées"}
    estate.write_plan(make_milestone("M1", write_step, title=title))
    assert estate.run("rehearse", "--yes").returncode == 0
    return estate


def written(estate: Any, *options: str) -> str:
    ended = estate.run("minutes", estate.run_name("rehearsal"), *options)
    assert ended.returncode == 0, ended.stderr
    return Path(ended.stdout.strip()).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("kind", ["rehearsal", "acceptance", "deletion", "notice"])
def test_every_kind_is_written_in_both_languages_and_formats(
    rehearsed: Any, kind: str, language: str
) -> None:
    page = written(rehearsed, "--kind", kind, "--lang", language)
    assert f'<html lang="{language}">' in page
    assert "<script>" not in page
    assert "Acme &lt;script&gt;" in page
    text = written(rehearsed, "--kind", kind, "--lang", language, "--format", "md")
    assert "Host \\| \\*Co\\*" in text
    assert re.search(r"\\\[.+\\\]", text), "no blank to fill in"


def test_every_cited_line_is_printed_with_the_digest_of_the_journal(rehearsed: Any) -> None:
    page = written(rehearsed, "--kind", "rehearsal")
    cited = set(re.findall(r'href="#journal-(\d+)"', page))
    assert cited
    assert cited == set(re.findall(r'id="journal-(\d+)"', page))
    measured = re.search(r"<td>exit_code</td>.*?<td>0 <a [^>]*>\[(\d+)\]</a></td>", page)
    assert measured
    status = rehearsed.run("status", rehearsed.run_name("rehearsal"))
    head = re.search(r"head ([0-9a-f]{64})", status.stdout)
    assert head
    assert head[1] in page


REPORT = (
    "Identification", "Purpose and scenario", "Scope and type of test", "Participants",
    "Method and environment", "Result", "Milestones and criteria", "Timeline", "Measured rates",
    "What the target could not take", "Integrity results", "Timing and extrapolation",
    "What could not be exported", "Licenses, intellectual property, escrow",
    "Access and knowledge", "Cost and resources", "Cooperation of the provider",
    "Effect on the plan", "Data protection", "Findings and action plan", "Targets after the run",
    "Approvals signed during the run", "Signatures",
)  # fmt: skip


def test_the_report_of_a_rehearsal_has_every_field_people_expect(rehearsed: Any) -> None:
    text = written(rehearsed, "--kind", "rehearsal", "--format", "md")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [one for one in headings if one in REPORT] == list(REPORT)
    page = written(rehearsed, "--kind", "rehearsal")
    # What the journal holds is filled with its line; the rest is a blank with its name.
    assert re.search(r"Version of exitkit</t[hd]>\s*<td>[^<]+ <a [^>]*>\[1\]</a>", page)
    for name in ("statement of independence", "masking of personal data", "severity"):
        assert f'<span class="blank">[{name}]</span>' in page
    assert re.search(r"Services</t[hd]>\s*<td>Web shop, S2\b", page)
    french = written(rehearsed, "--lang", "fr")
    messages = dict(re.findall(r"(ended with|a fini avec le code) (\d)", page + french))
    assert messages == {"ended with": "0", "a fini avec le code": "0"}, french


def test_what_the_bundle_says_of_itself_is_filled_in(rehearsed: Any) -> None:
    bundle = open_bundle(rehearsed.root / "bundles" / "acme-000001")
    octets, files = (bundle.path / "bag-info.txt").read_text().split("Payload-Oxum: ")[1].split(".")
    told = {
        "snapshot": "acme-000001", "bytes": octets, "files": files.strip(),
        "assets": str(len(list(bundle.records("assets")))), "bundle": f"{bundle.id} (1)",
    }  # fmt: skip
    for kind, language in product(KINDS, LANGUAGES):
        text = written(rehearsed, "--kind", kind, "--lang", language, "--format", "md")
        words = load_words("minutes")[language]["labels"]
        for name, figure in told.items():
            assert f"{words[name]}{colon(language)}{figure}\n" in text, (kind, language, name)


def test_a_bundle_that_is_elsewhere_is_named_and_has_to_be_that_of_the_run(rehearsed: Any) -> None:
    run, bundles = rehearsed.run_name("rehearsal"), rehearsed.root / "bundles"
    away = (bundles / "acme-000001").rename(rehearsed.root / "away")
    assert "acme-000001" not in written(rehearsed)
    assert "[items, reasons and legal basis]" in written(rehearsed)
    filled = written(rehearsed, "--bundle", str(away))
    assert "acme-000001" in filled
    assert "[items, reasons and legal basis]" not in filled
    refused = rehearsed.run("minutes", run, "--bundle", str(bundles / "acme-000002"))
    assert (refused.returncode, "not the bundle of the run" in refused.stderr) == (2, True)


def test_what_nobody_signed_stays_a_named_blank(rehearsed: Any) -> None:
    page = written(rehearsed, "--kind", "acceptance")
    assert '<span class="blank">[signature]</span>' in page
    assert "☐" in page
    assert "☑" not in page
    french = written(rehearsed, "--kind", "deletion", "--lang", "fr")
    assert '<span class="blank">[technique]</span>' in french


def test_a_milestone_that_is_not_in_the_plan_is_refused(rehearsed: Any) -> None:
    refused = rehearsed.run("minutes", rehearsed.run_name("rehearsal"), "--milestone", "M99")
    assert refused.returncode == 2
    assert "there are M1" in refused.stderr
