"""Make a small estate with hostile names, and a rehearsal of it, as inputs of a report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from exitkit.assess.extrapolation import Extrapolation, Volume, extrapolate
from exitkit.model.asset import Asset, Ref
from exitkit.model.contract import RuleResult
from exitkit.model.holdings import Access, Automation, Dataset, Finding, License
from exitkit.model.ledger import Acknowledgement, Call, CallOutcome
from exitkit.model.plan import Mode
from exitkit.model.run import (
    CriterionVerdict,
    Event,
    Measurement,
    MilestoneVerdict,
    RunSummary,
    Verdict,
)
from exitkit.model.verdict import Aspect, Exportability, Level, Responsible
from exitkit.report.inputs import ReportInputs, RunInputs
from exitkit.store import records
from exitkit.store.evidence import event_digest, event_record
from exitkit.store.verify import QUESTIONS, Fault, LevelReached, Verification

NOW = dt.datetime(2026, 11, 25, 10, 55, tzinfo=dt.UTC)
SCRIPT = "<script>document.title='owned'</script>"
IMAGE = '"><img src=https://example.com/x.png onerror=alert(1)>'
BIDI = "invoice\u202egnp.exe"
SHELL = "$(touch pwned)';`id`"
KINDS = {
    "compute.instance": ("aws", "123456789012", "eu-west-1", "AWS::EC2::Instance"),
    "storage.bucket": ("aws", "123456789012", "eu-central-1", "AWS::S3::Bucket"),
    "key.symmetric": ("aws", "123456789012", "eu-west-1", "AWS::KMS::Key"),
    "network.device": ("network", "core", "", "cisco_ios/device"),
    "db.database": ("postgres", "prod", "", "postgres/database"),
    "compute.virtual-network": (
        "azure", "0b1f6471-1bf0-4dda-aec3-cb9272f09590", "westeurope",
        "Microsoft.Network/virtualNetworks",
    ),
    "automation.repository": ("scripts", "automation", "", "git/repository"),
}  # fmt: skip


def assets() -> list[Asset]:
    """Return 40 assets of seven kinds, four of them named by an enemy."""
    found = []
    for number in range(40):
        kind = list(KINDS)[number % len(KINDS)]
        ref = Ref(*KINDS[kind], f"id-{number:04d}")
        found.append(Asset(ref, kind, f"{kind.partition('.')[2]}-{number:02d}", {}, NOW))
    for number, name in enumerate((SCRIPT, BIDI, IMAGE, SHELL)):
        found[number] = replace(found[number], name=name)
    return found


def verdict(asset: Asset, aspect: Aspect) -> Exportability:
    """Return what can be said of one aspect, with every level somewhere."""
    ref, number = asset.ref, int(asset.ref.native_id.removeprefix("id-"))
    if asset.kind == "key.symmetric" and aspect is Aspect.CREDENTIALS:
        return Exportability(
            ref, aspect, Level.NONE, "fact", reason="hardware-bound-key",
            text="Key material made by the provider never leaves its hardware.",
            responsible=Responsible.PROVIDER,
            workaround="Re-encrypt under a key of your own before the exit.",
            source="AWS KMS Developer Guide, key material origin", confidence="high",
        )  # fmt: skip
    if asset.kind == "compute.instance" and aspect is Aspect.IDENTITY:
        return Exportability(
            ref, aspect, Level.DESCRIBED, "fact", reason="provider-managed",
            text="Private addresses and instance ids belong to the provider's network.",
            responsible=Responsible.CUSTOMER, confidence="medium",
            workaround="Name hosts by DNS; give new addresses at the target.",
        )  # fmt: skip
    if aspect is Aspect.HISTORY:
        return Exportability(
            ref, aspect, Level.UNKNOWN, "nothing", reason="other",
            text="Nothing says whether the change history can be exported.",
        )  # fmt: skip
    if asset.kind in ("storage.bucket", "db.database") and aspect is Aspect.DATA:
        return Exportability(
            ref, aspect, Level.REHEARSED, "rehearsal", rehearsed_at=NOW, rehearsed_in="run-1"
        )
    if number % 9 == 0:
        return Exportability(
            ref, aspect, Level.PROPRIETARY, "extractor", reason="format-closed",
            text=f"The format is closed, see {IMAGE}", responsible=Responsible.VENDOR,
            workaround="Ask the vendor for its open interface.",
        )  # fmt: skip
    return Exportability(ref, aspect, Level.IMPORTABLE, "extractor", method="api", format="json")


def calls() -> list[Call]:
    """Return a ledger with every outcome, one refusal open and one acknowledged."""
    answer = Acknowledgement(
        "prod", "support:*", f"No support plan {SCRIPT}", "Head of operations",
        dt.date(2026, 11, 20), dt.date(2027, 2, 20),
    )  # fmt: skip
    found = [
        Call("prod", "123456789012", region, f"ec2:Describe{thing}", outcome, count)
        for region in ("eu-west-1", "eu-central-1")
        for thing, outcome, count in (
            ("Instances", CallOutcome.COLLECTED, 6),
            ("Vpcs", CallOutcome.COLLECTED, 2),
            ("Hosts", CallOutcome.EMPTY, 0),
        )
    ]
    refused = Call(
        "prod", "123456789012", "eu-west-1", "support:DescribeCases", CallOutcome.REFUSED,
        permission="support:DescribeCases", reason="AccessDenied",
    )  # fmt: skip
    found += [refused.acknowledged_by(answer)]
    found += [
        replace(refused, operation="organizations:ListAccounts", permission="", reason=BIDI),
        replace(refused, operation="iot:ListThings", outcome=CallOutcome.NOT_OFFERED),
    ]
    excluded = replace(refused, outcome=CallOutcome.EXCLUDED, permission="", reason="services:")
    return found + [replace(excluded, operation=f"svc{n}:ListThings") for n in range(25)]


def tables() -> dict[str, list[Mapping[str, Any]]]:
    """Return the tables of the bundle, each sorted as the writer sorts it."""
    estate = assets()
    admin = Ref("aws", "123456789012", "", "AWS::IAM::User", "supplier-admin")
    everyone = [*estate, Asset(admin, "iam.principal", "supplier-admin", {}, NOW)]
    repository = next(a for a in estate if a.kind == "automation.repository").ref
    bucket = next(a for a in estate if a.kind == "storage.bucket").ref
    agreement = Ref("licenses", "agreements", "", "licenses/agreement", "L-1")
    findings = (Finding("deploy.sh", 3, "arn", "arn:aws:s3:::acme"),)
    found = {
        "assets": [records.asset_record(asset) for asset in everyone],
        "exportability": [
            records.exportability_record(verdict(asset, aspect))
            for asset in estate
            for aspect in (
                Aspect.CONFIGURATION, Aspect.DATA, Aspect.IDENTITY, Aspect.CREDENTIALS,
                Aspect.HISTORY,
            )
        ],
        "calls": [records.call_record(call) for call in calls()],
        "access": [
            records.access_record(Access(admin, "user", permission, "*"))
            for permission in ("iam:*", "s3:GetObject", SCRIPT)
        ],
        "licenses": [
            records.license_record(License(agreement, "Oracle Database", "Oracle", "unknown")),
            records.license_record(
                License(
                    replace(agreement, native_id="L-2"), BIDI, "Acme Soft", "with-consent",
                    quantity=120, metric="named users", clause="§ 4.2", notice_days=60,
                    notice_date=dt.date(2026, 12, 1), restrictions=("named-provider",),
                )
            ),
        ],
        "automation": [
            records.automation_record(Automation(repository, "shell", "adapt", findings))
        ],
        "datasets": [records.dataset_record(Dataset(bucket, "objects", 1250, 734003200))],
    }  # fmt: skip
    return {name: sorted(rows, key=lambda row: str(row["@id"])) for name, rows in found.items()}


PLAN = {
    "milestones": [
        {
            "id": "M7", "title": {"en": "Extraction and return", "fr": "Restitution"},
            "contract_clause": "Annex 5 § 3.2",
            "criteria": [
                {"id": "M7.1", "metric": "items_different", "op": "==", "value": 0,
                 "unit": "rows"},
                {"id": "M7.2", "metric": "items_compared", "op": ">=", "value": 1000,
                 "unit": "rows"},
            ],
        },
        {"id": "M8", "title": {"en": "Acceptance testing"}, "criteria": [
            {"id": "M8.1", "metric": "canaries_found", "op": "==", "value": 3, "unit": ""}]},
        {"id": "M10", "title": {"en": "Cut-over"}, "criteria": []},
    ]
}  # fmt: skip


def events() -> tuple[Event, ...]:
    """Return a journal whose lines chain, as the run engine writes them."""
    compared = {
        "message": "1250 rows compared",
        "metrics": {"items_compared": 1250, "items_different": 0, "items_missing": 0},
        "losses": [],
        "items": [],
    }
    network = {
        "message": f"4 lists compared on {SCRIPT}",
        "metrics": {"canaries_expected": 3, "canaries_found": 2},
        "losses": ["banner motd: the target has no banner"],
        "items": [{"item": "access-list 10 permit 10.0.0.0", "result": "missing", "detail": ""}],
    }
    moved = {"category": "database", "items": 1250, "size_bytes": 734003, "duration_ms": 1830}
    told = [
        ("run.started", "", "", {"mode": "rehearsal", "plan": PLAN, "by": "exit lead",
                                 "bundle": "urn:exitkit:bundle:sha256:" + "a" * 64}),
        ("milestone.started", "M7", "", {}),
        ("step.started", "M7", "restore-db", {"kind": "restore"}),
        ("step.succeeded", "M7", "restore-db", {"how": "own", "outcome": {
            "message": "database restored", "metrics": {}, "measurements": [moved]}}),
        ("step.started", "M7", "compare-db", {"kind": "compare"}),
        ("step.succeeded", "M7", "compare-db", {"how": "own", "outcome": compared}),
        ("milestone.reached", "M7", "", {}),
        ("step.started", "M8", "compare-net", {"kind": "compare"}),
        ("step.succeeded", "M8", "compare-net", {"how": "own", "outcome": network}),
        ("milestone.breached", "M8", "", {}),
        ("approval.given", "M8", "sign", {"by": "CIO", "statement": "Go on",
                                          "key_fingerprint": "SHA256:abc"}),
        ("step.started", "M10", "switch-dns", {"kind": "command"}),
        ("step.refused", "M10", "switch-dns", {"message": "cannot be undone"}),
        ("step.compensated", "M7", "restore-db", {"outcome": {"message": "database dropped"}}),
        ("sandbox.compared", "", "", {"target": "sandbox-db", "equal": True, "differences": []}),
        ("sandbox.compared", "", "", {"target": "sandbox-net", "equal": False,
                                      "differences": ["+ access-list 10"]}),
        ("run.completed", "", "", {}),
    ]  # fmt: skip
    chain: list[Event] = []
    for sequence, (kind, milestone, step, data) in enumerate(told, start=1):
        previous = chain[-1].digest if chain else "0" * 64
        at = NOW + dt.timedelta(seconds=sequence)
        event = Event("run-1", sequence, at, kind, "system", data, previous, "", milestone, step, 1)
        chain.append(replace(event, digest=event_digest(event_record(event))))
    return tuple(chain)


def verdicts() -> tuple[Verdict, ...]:
    """Return one milestone of each verdict."""
    proved, missed = MilestoneVerdict.PROVED, MilestoneVerdict.MISSED
    equal = CriterionVerdict("M7.1", "items_different", "== 0", "0", proved, 6, "met")
    enough = CriterionVerdict("M7.2", "items_compared", ">= 1000", "1250", proved, 6, "met")
    in_time = CriterionVerdict("M7.deadline", "elapsed_s", "<= 864000 s", "3 s", proved, 6, "met")
    lost = CriterionVerdict("M8.1", "canaries_found", "== 3", "2", missed, 9, "2 is not 3")
    return (
        Verdict("M7", proved, (equal, enough, in_time), (2, 6, 7), "Every criterion was met."),
        Verdict("M8", missed, (lost,), (9,), "A canary did not come back."),
        Verdict("M10", MilestoneVerdict.NOT_TESTED, (), (13,), "A rehearsal does not cut over."),
    )


def extrapolation() -> Extrapolation:
    """Return a range of six weeks and more for what the journal measured."""
    measured = [Measurement("database", 1250, 734_003, 1830)]
    volumes = {"database": Volume(1_700_000_000, 1_500_000_000_000)}
    return extrapolate(measured, volumes, "P90D")


def rules() -> tuple[RuleResult, ...]:
    """Return results of law, guidance and practice with every outcome."""
    return (
        RuleResult("EK-DORA-001", "DORA", "Reg. (EU) 2022/2554 Art. 30(1)", "V", "error", "pass",
                   "One written, durable document.", ("documents",)),
        RuleResult("EK-DORA-020", "DORA", "Reg. (EU) 2022/2554 Art. 30(3)(f)", "V", "error",
                   "fail", f"No transition period {SCRIPT}", ("reversibility.transition",)),
        RuleResult("EK-DA-003", "Data Act", "Reg. (EU) 2023/2854 Art. 25(2)(d)", "S", "error",
                   "unknown", "The notice period is not known.", ("termination.notice.switch",)),
        RuleResult("EK-PLAN-001", "Plan", "practice", "k", "warn", "pass", "Criteria measure.", ()),
        RuleResult("EK-SEED-001", "Practice", "market practice", "K", "info", "fail",
                   "The inventory is older than a quarter.", ()),
        RuleResult("EK-ECB-001", "ECB Guide", "ECB Guide on outsourcing", "k", "warn",
                   "not-applicable", "No independent reviewer.", ()),
    )  # fmt: skip


def verification(seal: str, *faults: Fault) -> Verification:
    """Return what a verifier says of a bundle with this outcome of V1."""
    outcomes = {"V0": "holds", "V1": seal, "V2": "holds"}
    signers = ("SHA256:abcdef",) if seal == "holds" else ()
    levels = tuple(LevelReached(name, QUESTIONS[name], said) for name, said in outcomes.items())
    return Verification("urn:b", levels, faults, (), signers, ("SHA256:abcdef",))


def inputs(run: bool = True) -> ReportInputs:
    """Return everything `build_view` takes, with or without a rehearsal."""
    told = events()
    summary = RunSummary(
        "run-1", Mode.REHEARSAL, "completed", told[0].at, told[-1].at, "p" * 64, told[-1].digest
    )
    return ReportInputs(
        now=NOW,
        bundle_id="urn:exitkit:bundle:sha256:" + "b" * 64,
        bundle_path="bundles/acme-000002",
        descriptor={
            "series": "acme", "sequence": 2, "sealedAt": "2026-11-25T10:50:00.000Z",
            "customer": f"Acme SA {SCRIPT}", "purpose": "rehearsal",
            "observationWindow": {"startAt": "2026-11-25T10:00:00.000Z",
                                  "endAt": "2026-11-25T10:05:00.000Z"},
            "scopeStatement": "Everything that runs for Acme.",
            "generator": {"name": "exitkit", "version": "0.1.0"},
        },
        records=tables(),
        verified=verification("not-trusted"),
        contract={"reversibility": {"period": {"max": "P90D"}}},
        allowed_path="reversibility.period.max",
        rules=rules(),
        run=RunInputs(summary, told, verdicts(), extrapolation()) if run else None,
    )  # fmt: skip
