"""Hold that only documents which answer a requirement explain what they name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from exitkit.engine.document_mentions import documented
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.verdict import Aspect, Content, Draft, Level

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
HOST = Ref("hosts", "machines", "", "Host/Machine", "web1")
RUNBOOK = Ref("documents", "papers", "", "Document/File", "runbook.pdf")
LETTER = Ref("documents", "papers", "", "Document/File", "letter.txt")
REQUIRED = Ref("documents", "papers", "", "Document/Required", "runbooks")


def draft(ref: Ref, *contents: Content) -> tuple[tuple[Ref, Aspect], Draft]:
    held = Draft(ref, Aspect.DOCUMENTATION, Level.IMPORTABLE, "file", "x", contents)
    return (ref, Aspect.DOCUMENTATION), held


def test_what_a_matched_document_names_is_documented_by_it(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("Restart web1 after the patch.")
    pdf = Content("docs/r.pdf", b"%PDF web2", "application/pdf", "document")
    text = Content("docs-text/r.pdf", tmp_path / "text", "text/plain", "document")
    letter = Content("docs/letter.txt", b"web1", "text/plain", "document")
    kinds = {HOST: "host.machine", RUNBOOK: "document", LETTER: "document", REQUIRED: "document"}
    assets = {ref: Asset(ref, kind, ref.native_id, {}, NOW) for ref, kind in kinds.items()}
    matched = [Relation(REQUIRED, "documentedBy", RUNBOOK)]
    aspects = dict((draft(RUNBOOK, pdf, text), draft(LETTER, letter)))
    (found,) = documented(assets, matched, aspects)
    assert (found.subject, found.relation, found.object) == (HOST, "documentedBy", RUNBOOK)
    assert found.basis == "inferred"
