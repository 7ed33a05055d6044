"""Fetch runbooks from the ARM double: their text, their class, and why one cannot be had."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from exitkit.collectors.azure import AzureCollector
from exitkit.demo import arm_estate
from exitkit.demo.arm_server import ArmServer
from exitkit.extractors.runbooks import Runbooks
from exitkit.model.asset import Asset
from exitkit.model.holdings import Automation
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Draft, Gap, Level
from exitkit.ports import Context, Finding, Limits, Source
from exitkit.store.paths import path_fault

TOKEN = "pl4nted-arm-token-8Fg5"


def extract(double: ArmServer, folder: Path) -> list[Finding]:
    source = Source("az", "azure", {"endpoint_url": double.endpoint}, folder)
    context = Context(
        dt.datetime(2026, 11, 25, tzinfo=dt.UTC), folder, b"k" * 32,
        {"EXITKIT_AZURE_TOKEN": TOKEN}, Limits(call_deadline_s=20, workers=4),
    )  # fmt: skip
    found = AzureCollector().collect(source, context)
    (runbook,) = (
        one for one in found
        if isinstance(one, Asset) and one.ref.native_type in Runbooks.native_types
    )  # fmt: skip
    return list(Runbooks().extract(runbook, source, context))


def test_a_runbook_comes_along_masked_and_is_classed_like_any_script(
    double: ArmServer, tmp_path: Path
) -> None:
    findings = extract(double, tmp_path)
    call, automation, draft = findings
    assert isinstance(call, Call)
    assert (call.outcome, call.count) == (CallOutcome.COLLECTED, 1)
    assert isinstance(automation, Automation)
    assert (automation.language, automation.portability) == ("powershell", "rewrite")
    assert {one.rule for one in automation.findings} >= {"azure-call", "credential-in-clear"}
    assert isinstance(draft, Draft)
    (content,) = draft.contents
    assert path_fault(content.path) == ""
    assert isinstance(content.body, bytes)
    assert b"Restart-AzVM" in content.body
    assert arm_estate.RUNBOOK_SECRET not in repr(findings)


def test_a_refusal_names_the_permission(double: ArmServer, tmp_path: Path) -> None:
    double.refused = ("/content",)
    call, gap = extract(double, tmp_path)
    assert isinstance(call, Call)
    assert call.outcome is CallOutcome.REFUSED
    assert call.permission == "Microsoft.Automation/automationAccounts/runbooks/content/read"
    assert isinstance(gap, Gap)
    assert gap.reason == "permission-denied"


def test_a_runbook_that_was_never_published_is_said_to_be_a_draft(
    double: ArmServer, tmp_path: Path
) -> None:
    double.texts.clear()
    call, gap = extract(double, tmp_path)
    assert isinstance(call, Call)
    assert call.outcome is CallOutcome.EMPTY
    assert isinstance(gap, Gap)
    assert (gap.level, "draft" in gap.text) == (Level.DESCRIBED, True)
