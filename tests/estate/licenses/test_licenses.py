"""List the licenses of a real snapshot, and hold their CycloneDX against the official schema."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from exitkit.cli.main import run
from exitkit.report.cyclonedx import bom
from exitkit.store.keys import generate_key


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    generate_key(root / "keys/exitkit.pem", root / "keys/exitkit.pub")
    (root / "keys/masking.key").write_text("00" * 32)
    (root / "licenses.csv").write_text(
        "id,product,publisher,transferable,type,metric,quantity,clause,notice_days,expires_on,"
        "restrictions,licensee,purchase_order,quote,lead_time_days\n"
        "L1,Database,Vendor,with-consent,processor-points,core,8,§ 7.2,60,2099-03-31,named-site,"
        "Acme SA,PO-17,May be assigned with consent,45\n"
        "L2,Editor,Maker,no,named-user,user,20,,,,,,,,\n"
        "L3,Tool,Maker,yes,other,site,1,,,,,,,,\n"
    )
    (root / "exitkit.yaml").write_text(
        "schema: exitkit/workspace/1\nseries: acme\n"
        "sources: [{id: agreements, type: licenses, paths: [licenses.csv]}]\n"
        "signing: {key: keys/exitkit.pem, trust: [keys/exitkit.pub]}\n"
    )
    (root / "contract.yaml").write_text(
        "schema: exitkit/contract/1\nid: C\ntitle: unknown\ndates: {end: 2099-06-30}\n"
    )
    assert run(["snapshot", "-w", str(root)]) == 0
    return root


def test_what_is_due_before_the_end_of_the_contract_is_said(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["licenses", "-w", str(workspace)]) == 1
    said = capsys.readouterr().out
    assert "-> lapses on 2099-03-31, before the exit on 2099-06-30" in said
    assert "-> needs the consent of Vendor" in said
    assert "-> a transfer takes 45 days: begin by 2099-05-16" in said
    assert '"May be assigned with consent"' in said
    assert "planned exit: 2099-06-30" in said
    assert run(["licenses", "--lang", "fr", "-w", str(workspace)]) == 1
    french = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    assert "-> expire le 2099-03-31, avant la sortie le 2099-06-30" in french
    assert "transfert : avec accord, 8 cœurs, § 7.2" in french
    assert "sortie prévue : 2099-06-30" in french
    assert run(["licenses", "--csv", "--exit-on", "2099-01-01", "-w", str(workspace)]) == 0
    rows = {row["product"]: row for row in csv.DictReader(capsys.readouterr().out.splitlines())}
    assert "lapses" not in rows["Database"]["due"]
    assert rows["Editor"]["due"] == "may not come along: buy one for the target"
    assert rows["Tool"]["due"] == ""


def test_the_bill_of_materials_is_valid_by_the_official_schema(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["licenses", "--cyclonedx", "-w", str(workspace)]) == 0
    text = capsys.readouterr().out
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = {one["name"]: one for one in json.loads(text)["components"]}
    licensing = components["Database"]["licenses"][0]["license"]["licensing"]
    assert licensing["licenseTypes"] == ["processor-points"]
    assert licensing["expiration"] == "2099-03-31T00:00:00Z"
    assert licensing["licensor"] == {"organization": {"name": "Vendor"}}
    assert licensing["licensee"] == {"organization": {"name": "Acme SA"}}
    assert licensing["purchaseOrder"] == "PO-17"
    properties = {one["name"]: one["value"] for one in components["Database"]["properties"]}
    assert properties["exitkit:quote"] == "May be assigned with consent"


def test_packages_with_their_expressions_are_valid_too() -> None:
    row = {"@id": "urn:l", "asset": "urn:a", "product": "bash", "transferable": "yes",
           "spdxExpression": "GPL-3.0-or-later AND MIT"}  # fmt: skip
    asset = {"identifiers": [{"scheme": "purl", "value": "pkg:deb/debian/bash@5.2-1"}]}
    made = bom("urn:exitkit:bundle:x", "2026-11-25T10:00:00.000Z", "0.1", [row], {"urn:a": asset})
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made)) is None
    (component,) = made["components"]
    assert (component["purl"], component["version"]) == ("pkg:deb/debian/bash@5.2-1", "5.2-1")
    assert component["licenses"] == [{"expression": "GPL-3.0-or-later AND MIT"}]
