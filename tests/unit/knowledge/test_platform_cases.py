"""Hold every network platform to recorded configurations: what is kept, and what must not show."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from exitkit.assess.device_difference import CompareRules, compare_configurations
from exitkit.knowledge.network_access import ABOVE, ways_in
from exitkit.knowledge.network_platforms import all_platforms, platform_of
from exitkit.knowledge.portability import load_knowledge
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

FOLDER = Path(__file__).parents[2] / "cases" / "platforms"
CASES = sorted(path for path in FOLDER.glob("*/*") if path.is_dir())
IDS = [f"{case.parent.name}/{case.name}" for case in CASES]
KEY = b"k" * 32
ANEW = "<masked:0>"
"""A secret that its system encrypts anew at each look, so that no mask can tell a change."""
LEAST_PLATFORMS, LEAST_CASES = 25, 2


def kept(case: Path, text: str, key: bytes = KEY) -> str:
    platform = platform_of(case.parent.name)
    masked = Redactor((*platform.secrets, *CREDENTIAL_PATTERNS), key).apply(text)
    return platform.without_volatile(masked)


def recorded(case: Path) -> str:
    return (case / "running-config.txt").read_text(encoding="utf-8")


def secrets(case: Path) -> list[str]:
    lines = (case / "absent.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line]


def test_every_platform_has_its_cases() -> None:
    assert len(all_platforms()) >= LEAST_PLATFORMS
    for name in all_platforms():
        assert len([case for case in CASES if case.parent.name == name]) >= LEAST_CASES, name


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_recorded_configuration_is_kept_as_expected(case: Path) -> None:
    shown = kept(case, recorded(case))
    assert shown == (case / "expected.txt").read_text(encoding="utf-8")
    assert [secret for secret in secrets(case) if secret in shown] == []
    # A second look at the same bytes says the same, and masks are not masked again.
    assert kept(case, shown) == shown


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_changed_secret_changes_its_mask_and_nothing_else(case: Path) -> None:
    platform = platform_of(case.parent.name)
    before = kept(case, recorded(case)).splitlines()
    for secret in secrets(case):
        if any(pattern.search(line) for line in recorded(case).splitlines() if secret in line
               for pattern in platform.volatile):  # fmt: skip
            continue
        changed = recorded(case).replace(secret, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
        after = kept(case, changed).splitlines()
        assert len(after) == len(before)
        differing = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        if ANEW not in (case / "expected.txt").read_text(encoding="utf-8"):
            assert differing, f"{secret}: a change of it does not show"
        for a, b in differing:
            assert "<masked:" in a
            assert a.split("<masked:")[0] == b.split("<masked:")[0]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_another_key_makes_other_masks(case: Path) -> None:
    ours, others = kept(case, recorded(case)), kept(case, recorded(case), b"x" * 32)
    masks = set(re.findall("<masked:[0-9a-f]+>", ours)) - {ANEW}
    assert masks or ANEW in ours
    assert [mask for mask in masks if mask in others] == []


WITH_FACTS = [case for case in CASES if (case / "facts.json").is_file()]


@pytest.mark.parametrize(
    "case", WITH_FACTS, ids=[f"{case.parent.name}/{case.name}" for case in WITH_FACTS]
)
def test_release_model_and_serial_are_read(case: Path) -> None:
    text = (case / "version.txt").read_text(encoding="utf-8")
    patterns = platform_of(case.parent.name).facts
    found = {name: match["value"] for name, p in patterns.items() if (match := p.search(text))}
    assert found == json.loads((case / "facts.json").read_text(encoding="utf-8"))


WITH_LICENSES = [case for case in CASES if (case / "licenses.json").is_file()]


@pytest.mark.parametrize(
    "case", WITH_LICENSES, ids=[f"{case.parent.name}/{case.name}" for case in WITH_LICENSES]
)
def test_licenses_are_read(case: Path) -> None:
    lines = platform_of(case.parent.name).license_lines
    assert lines is not None
    found = list(lines.read((case / "license.txt").read_text(encoding="utf-8")))
    assert found == json.loads((case / "licenses.json").read_text(encoding="utf-8"))


def test_every_license_pattern_has_an_answer_it_reads() -> None:
    for name, platform in all_platforms().items():
        if platform.license_lines is None:
            continue
        rows = [
            row
            for case in WITH_LICENSES
            if case.parent.name == name
            for row in json.loads((case / "licenses.json").read_text(encoding="utf-8"))
        ]
        assert rows, name


WITH_ACCESS = [case for case in CASES if (case / "access.json").is_file()]


@pytest.mark.parametrize(
    "case", WITH_ACCESS, ids=[f"{case.parent.name}/{case.name}" for case in WITH_ACCESS]
)
def test_who_may_log_in_is_read(case: Path) -> None:
    ways = ways_in(platform_of(case.parent.name), kept(case, recorded(case)))
    found = [
        {"type": w.type, "name": w.name, "permissions": list(w.permissions), "via": w.via}
        for w in ways
    ]
    assert found == json.loads((case / "access.json").read_text(encoding="utf-8"))


def test_every_platform_that_prints_its_users_has_a_case_with_one() -> None:
    with_user = {
        case.parent.name
        for case in WITH_ACCESS
        for way in json.loads((case / "access.json").read_text(encoding="utf-8"))
        if way["type"] == "device-user"
    }
    # FRR and Linux keep users outside of this configuration; RouterOS does not export them.
    assert set(all_platforms()) - with_user == {"frr", "linux", "mikrotik_routeros"}


@pytest.mark.parametrize("case", WITH_ACCESS, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_no_way_in_is_missed_by_looking_at_telling_lines_alone(case: Path) -> None:
    platform = platform_of(case.parent.name)
    shown = kept(case, recorded(case))
    # Every item is looked at here, not only the lines that hold a telling word.
    items = [ABOVE.join((*sections, line)) for sections, line in platform.placed(shown)]
    named = {
        (lines.type, match["name"].strip("\"' "))
        for item in items
        for lines in platform.access
        for pattern in lines.patterns
        if (match := pattern.search(item)) and not match["name"].startswith("<masked:")
    }
    assert {(way.type, way.name) for way in ways_in(platform, shown)} == named


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_configuration_compares_equal_to_itself_with_other_secrets(case: Path) -> None:
    platform = platform_of(case.parent.name)
    rules = CompareRules(platform.ordered, platform.defaults)
    sides = (platform.placed(kept(case, recorded(case), key)) for key in (KEY, b"x" * 32))
    items = list(compare_configurations(*sides, rules))
    assert items
    assert [item for item in items if item.result != "equal"] == []


def test_every_platform_has_facts_to_read() -> None:
    assert {case.parent.name for case in WITH_FACTS} == set(all_platforms())


def test_every_platform_says_how_it_leaves_and_stands_in_the_documents() -> None:
    page = (FOLDER.parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    knowledge = load_knowledge()
    for name in all_platforms():
        entry = knowledge.entry_for(f"{name}/Device")
        assert entry is not None
        assert not entry.is_by_kind, name
        assert f"`{name}`" in page
