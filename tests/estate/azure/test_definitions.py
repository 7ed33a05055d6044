"""Take workflows and functions from the ARM double: what is held of them, and what stays there."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from exitkit.collectors.azure import AzureCollector
from exitkit.demo import arm_estate
from exitkit.demo.arm_server import ArmServer
from exitkit.extractors.azure_definitions import FunctionApps, Workflows
from exitkit.model.asset import Asset
from exitkit.model.holdings import Automation
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Draft, Gap, Level
from exitkit.ports import Context, Finding, Limits, Source
from exitkit.store.paths import path_fault

TOKEN = "pl4nted-arm-token-8Fg5"
KEY = "pl4nted-function-key-4Dq9"
PROVIDERS = f"{arm_estate.APPS}/providers"
SITE = f"{PROVIDERS}/Microsoft.Web/sites/resize"
WORKFLOW = {
    "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/"
               "2016-06-01/workflowdefinition.json#",
    "triggers": {"mail": {"type": "ApiConnection", "inputs": {"path": "/v2/Mail/OnNewEmail"}}},
    "actions": {"save": {"type": "ApiConnection", "inputs": {"host": {"connection": "blob"}}}},
}  # fmt: skip


def put(double: ArmServer, place: str, native_type: str, properties: Any, kind: str = "") -> None:
    double.put(
        {"id": place, "name": place.rpartition("/")[2], "type": native_type, "kind": kind,
         "location": "northeurope", "properties": properties}
    )  # fmt: skip
    double.api_versions[native_type.lower()] = ("2023-12-01",)


def put_functions(double: ArmServer) -> None:
    for name, trigger in (("thumb", "blobTrigger"), ("page", "httpTrigger")):
        told = {
            "language": "python",
            "invoke_url_template": f"https://resize.azurewebsites.net/api/{name}?code={KEY}",
            "config": {"bindings": [{"type": trigger, "name": "in", "direction": "in"}]},
        }
        put(double, f"{SITE}/functions/{name}", "Microsoft.Web/sites/functions", told)


def extract(
    double: ArmServer, folder: Path, extractor: Workflows | FunctionApps, name: str
) -> list[Finding]:
    source = Source("az", "azure", {"endpoint_url": double.endpoint}, folder)
    context = Context(
        dt.datetime(2026, 11, 25, tzinfo=dt.UTC), folder, b"k" * 32,
        {"EXITKIT_AZURE_TOKEN": TOKEN}, Limits(call_deadline_s=20, workers=4),
    )  # fmt: skip
    (found,) = (
        one for one in AzureCollector().collect(source, context)
        if isinstance(one, Asset) and one.ref.native_id.endswith(f"/{name}")
        and one.ref.native_type in extractor.native_types
    )  # fmt: skip
    # Functions are parts of a site: no list of resources shows them.
    put_functions(double)
    return list(extractor.extract(found, source, context))


def test_a_workflow_comes_along_with_the_connectors_that_tie_it(
    double: ArmServer, tmp_path: Path
) -> None:
    place = f"{PROVIDERS}/Microsoft.Logic/workflows/intake"
    put(double, place, "Microsoft.Logic/workflows", {"definition": WORKFLOW, "state": "Enabled"})
    automation, draft = extract(double, tmp_path, Workflows(), "intake")
    assert isinstance(automation, Automation)
    assert automation.portability == "rewrite"
    rules = {one.rule for one in automation.findings}
    assert rules >= {"provider-template", "provider-trigger", "provider-action"}
    assert isinstance(draft, Draft)
    assert draft.level is Level.OPEN
    (content,) = draft.contents
    assert path_fault(content.path) == ""
    assert isinstance(content.body, bytes)
    assert b"OnNewEmail" in content.body


def test_a_function_app_tells_its_triggers_and_that_its_package_stays(
    double: ArmServer, tmp_path: Path
) -> None:
    put(double, SITE, "Microsoft.Web/sites", {"state": "Running"}, kind="functionapp,linux")
    findings = extract(double, tmp_path, FunctionApps(), "resize")
    call, automation, draft = findings
    assert isinstance(call, Call)
    assert (call.outcome, call.count) == (CallOutcome.COLLECTED, 2)
    assert isinstance(automation, Automation)
    assert {one.rule for one in automation.findings} == {"provider-trigger"}
    assert isinstance(draft, Draft)
    assert (draft.level, draft.reason) == (Level.DESCRIBED, "not-supported-by-tool")
    assert "publishing credentials" in draft.text
    assert KEY not in repr(findings)


def test_a_refused_list_of_functions_names_the_permission(
    double: ArmServer, tmp_path: Path
) -> None:
    put(double, SITE, "Microsoft.Web/sites", {}, kind="functionapp")
    double.refused = ("/functions",)
    call, gap = extract(double, tmp_path, FunctionApps(), "resize")
    assert isinstance(call, Call)
    assert isinstance(gap, Gap)
    assert (call.outcome, gap.reason) == (CallOutcome.REFUSED, "permission-denied")
    assert call.permission == "Microsoft.Web/sites/functions/read"


def test_a_web_application_has_no_functions_to_ask_for(double: ArmServer, tmp_path: Path) -> None:
    assert extract(double, tmp_path, FunctionApps(), "shop") == []
