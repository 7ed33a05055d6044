"""exitkit.yaml and contract.yaml: loaded whole, or refused in one line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from exitkit.errors import InputError
from exitkit.workspace.files import latest_bundle, load_contract, load_workspace, next_sequence

WORKSPACE = """\
schema: exitkit/workspace/1
series: acme
sources:
  - {id: prod, type: aws, accounts: [{profile: default}], regions: ["eu-*"], services: ["*"], endpoint_url: null}
  - {id: az, type: azure, subscriptions: ["*"], endpoint_url: null}
  - {id: core, type: network, inventory: inventories/exit/network.yml}
  - {id: agreements, type: licenses, paths: [licenses.csv]}
  - {id: automation, type: scripts, paths: [git/runbooks]}
targets: [{id: sandbox-store, type: s3, endpoint_url: "http://127.0.0.1:9000"}]
signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}
tolerances: {refused_calls: 0, unknown_percent: 100}
acknowledgements: [{source: prod, operation: "support:*", reason: "no plan", by: "CIO", on: 2026-11-20, until: 2027-02-20}]
"""  # noqa: E501


def workspace_of(folder: Path, text: str) -> Path:
    (folder / "exitkit.yaml").write_text(text)
    return folder


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load_workspace(workspace_of(folder, text))
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{folder}/")


def test_the_whole_shape_loads(tmp_path: Path) -> None:
    workspace = load_workspace(workspace_of(tmp_path, WORKSPACE))
    assert [source.id for source in workspace.sources] == [
        "prod", "az", "core", "agreements", "automation",
    ]  # fmt: skip
    assert workspace.sources[0].settings["regions"] == ["eu-*"]
    assert "id" not in workspace.sources[0].settings
    assert workspace.signing_key == tmp_path.resolve() / "keys/exitkit.pem"
    assert workspace.acknowledgements[0].holds_on(dt.date(2027, 2, 20))
    assert not workspace.acknowledgements[0].holds_on(dt.date(2027, 2, 21))


def test_what_is_left_out_has_a_stated_default(tmp_path: Path) -> None:
    text = "schema: exitkit/workspace/1\nseries: a\nsources: [{id: a, type: aws}]\n"
    workspace = load_workspace(workspace_of(tmp_path, text))
    assert workspace.tolerances.refused_calls == 0
    assert workspace.tolerances.unknown_percent == 100
    assert workspace.signing_key is None
    assert workspace.masking_key == tmp_path.resolve() / "keys/masking.key"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("type: aws", "type: awss", 'exitkit.yaml:4: sources[0].type: "awss" is not one of aws'),
        ("type: aws", "type: awss", 'did you mean "aws"?'),
        ("type: aws", "type: []", "exitkit.yaml:4: sources[0].type: a list is not"),
        ("regions:", "region:", 'exitkit.yaml:4: sources[0].region: no such member here; did you'),
        ("inventory: ", "inventori: ", "exitkit.yaml:6: sources[2]"),
        ("series: acme\n", "", 'exitkit.yaml:1: "series" is missing; add it'),
        ("series: acme", "series: ACME", 'exitkit.yaml:2: series: "ACME" is not written as'),
        ("workspace/1", "workspace/2", "exitkit.yaml:1: schema: "),
        ("refused_calls: 0", "refused_calls: -1", "exitkit.yaml:11: tolerances.refused_calls: -1"),
        ("refused_calls: 0", "refused_calls: none", "is not a whole number; expected: refused"),
        ("id: az,", "id: prod,", 'exitkit.yaml:5: sources[1].id: "prod" is there already'),
        ("source: prod", "source: prd", 'no source "prd"; did you mean "prod"?'),
        ("until: 2027", "until: 2025", "2025-02-20 is before 2026-11-20"),
        ("series: acme", "series: acme\nseries: b", "exitkit.yaml:3: series: written twice"),
        ("targets: [", "targets: [{id: db, type: postgres}, ", "dsn and dsn_env are both missing"),
        ("type: s3", "type: s4", 'targets[0].type: "s4" is not one of'),
    ],
)  # fmt: skip
def test_a_mistake_names_line_fault_and_next_move(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert expected in complaint(tmp_path, WORKSPACE.replace(old, new, 1))


def test_a_type_of_source_that_a_package_brings_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site/tickets-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tickets\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[exitkit.collectors]\ntickets = tickets:Collector\n")
    text = WORKSPACE.replace("{id: az, type: azure", "{id: az, type: tickets")
    assert 'sources[1].type: "tickets" is not one of' in complaint(tmp_path, text)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert load_workspace(tmp_path).sources[1].type == "tickets"


def test_several_mistakes_show_the_first_and_count_the_rest(tmp_path: Path) -> None:
    text = WORKSPACE.replace("type: aws", "type: awss").replace("type: azure", "type: azur")
    message = complaint(tmp_path, text)
    assert message.startswith("exitkit.yaml:4:")
    assert "(and 1 more mistake)" in message


def test_a_wrong_value_under_a_secret_name_is_not_echoed(tmp_path: Path) -> None:
    text = WORKSPACE.replace(
        "{id: az, type: azure",
        "{id: db, type: postgres, dsn: [hunter2-hunter2]}\n  - {id: az, type: azure",
    )
    assert "hunter2" not in complaint(tmp_path, text)


def test_a_minimal_contract_loads_and_unknown_is_legal_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text("schema: exitkit/contract/1\nid: CTR-1\n")
    assert load_contract(path).title == "CTR-1"
    path.write_text(
        "schema: exitkit/contract/1\nid: CTR-1\nregimes: unknown\nservices: unknown\n"
        "dates: {signed: unknown, start: 2026-01-01, end: 9999-12-31}\n"
        "reversibility: {clause: 'MSA 14.2', period: {max: unknown}, confidence: read}\n"
        "licenses: [{id: L1, transferable: yes}]\nsecurity: {incident_notice_hours: unknown}\n"
    )
    document = load_contract(path).document
    assert document["dates"]["start"] == dt.date(2026, 1, 1)
    assert document["licenses"][0]["transferable"] == "yes"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("reversability: {clause: true}", 'did you mean "reversibility"?'),
        ("governing_law: France", 'contract.yaml:3: governing_law: "France" is not written as'),
        ("retrieval: {period_days: thirty}", "contract.yaml:3: retrieval.period_days: "),
        ("reversibility: {period: {max: 90 days}}", "reversibility.period.max: "),
        ("termination: {rights: [{event: whim}]}", "termination.rights[0].event: "),
        ("deletion: [x]", "contract.yaml:3: deletion: a list is not a mapping or `unknown`"),
    ],
)
def test_a_mistake_in_a_contract_is_found(tmp_path: Path, line: str, expected: str) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(f"schema: exitkit/contract/1\nid: CTR-1\n{line}\n")
    with pytest.raises(InputError) as caught:
        load_contract(path)
    assert expected in str(caught.value)


def test_bundles_are_numbered_within_their_series(tmp_path: Path) -> None:
    workspace = load_workspace(workspace_of(tmp_path, WORKSPACE))
    assert latest_bundle(workspace) is None
    assert next_sequence(workspace) == 1
    for name in ("acme-000001", "acme-000003", "other-000009", "acme-000004.partial"):
        (workspace.bundles / name).mkdir(parents=True)
    assert latest_bundle(workspace) == workspace.bundles / "acme-000003"
    assert next_sequence(workspace) == 4
