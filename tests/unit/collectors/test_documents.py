"""Collect folders of documents, and hold them against what has to be there."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from exitkit.collectors.documents import DocumentsCollector
from exitkit.model.asset import Asset, Relation
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import path_fault

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
SECRET = "hunter2-9Wq"


def collect(root: Path, **settings: object) -> list[Finding]:
    source = Source("papers", "documents", {"paths": ["papers"], **settings}, root)
    context = Context(now=NOW, spool=root, mask_key=b"k" * 32, environ={})
    return list(DocumentsCollector().collect(source, context))


def verdict(findings: list[Finding], native_id: str) -> Draft | Gap:
    [found] = [f for f in findings if isinstance(f, Draft | Gap) and f.ref.native_id == native_id]
    return found


def asset(findings: list[Finding], native_id: str) -> Asset:
    [found] = [f for f in findings if isinstance(f, Asset) and f.ref.native_id == native_id]
    return found


def write(root: Path, name: str, text: str, day: str = "2026-11-01") -> Path:
    path = root / "papers" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    instant = dt.datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()
    os.utime(path, (instant, instant))
    return path


def test_a_document_is_held_with_type_owner_day_and_digest(tmp_path: Path) -> None:
    text = "---\nowner: Operations\n---\nStop, then start.\n"
    write(tmp_path, "Runbooks/restart shop.md", text)
    findings = collect(tmp_path)
    config = asset(findings, "papers/Runbooks/restart shop.md").config
    assert config["documentType"] == "runbooks"
    assert config["owner"] == "Operations"
    assert (config["modified"], config["modifiedFrom"]) == ("2026-11-01", "file")
    assert config["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    held = verdict(findings, "papers/Runbooks/restart shop.md")
    assert isinstance(held, Draft)
    assert (held.aspect, held.level, held.loss) == (Aspect.DOCUMENTATION, Level.IMPORTABLE, ())
    [content] = held.contents
    assert content.body == text.encode()
    assert not path_fault(content.path)


def test_what_is_missing_is_a_gap_that_the_provider_can_close(tmp_path: Path) -> None:
    write(tmp_path, "procédures-d'exploitation.txt", "Relancer.")
    findings = collect(tmp_path)
    assert isinstance(verdict(findings, "runbooks"), Draft)
    missing = {
        f.ref.native_id: f
        for f in findings
        if isinstance(f, Gap) and f.ref.native_type == "Document/Required"
    }
    assert set(missing) == {"technical-annex", "diagrams", "reversibility-plan", "proofs"}
    assert {gap.level for gap in missing.values()} == {Level.NONE}
    assert {gap.responsible for gap in missing.values()} == {Responsible.PROVIDER}
    [relation] = [f for f in findings if isinstance(f, Relation)]
    assert relation.relation == "documentedBy"
    assert relation.object.native_id == "papers/procédures-d'exploitation.txt"


def test_what_the_contract_lists_is_recognized_by_digest_and_path(tmp_path: Path) -> None:
    signed = write(tmp_path, "c/signed.txt", "We agree.")
    write(tmp_path, "c/annex-v1.txt", "Another version.")
    digest = hashlib.sha256(signed.read_bytes()).hexdigest()
    (tmp_path / "contract.yaml").write_text(
        "schema: exitkit/contract/1\nid: C\ndocuments:\n"
        f"- {{id: D1, kind: framework, sha256: {digest.upper()}, clause: '3.1'}}\n"
        f"- {{id: D2, kind: technical_annex, path: annex-v1.txt, sha256: {'0' * 64}}}\n"
        "- {id: D3, kind: dpa, path: dpa.pdf}\n"
    )
    findings = collect(tmp_path)
    agreed = verdict(findings, "contract/D1")
    assert isinstance(agreed, Draft)
    assert agreed.method == "recognized by digest"
    other = verdict(findings, "contract/D2")
    assert isinstance(other, Gap)
    assert (other.level, "SHA-256 differs" in other.text) == (Level.DESCRIBED, True)
    absent = verdict(findings, "contract/D3")
    assert isinstance(absent, Gap)
    assert (absent.level, absent.source) == (Level.NONE, "contract.yaml, documents: D3")
    # What the contract lists is not asked for a second time in general.
    assert "technical-annex" not in {f.ref.native_id for f in findings if isinstance(f, Asset)}


def test_an_old_document_is_flagged_after_six_months_and_the_default_is_named(
    tmp_path: Path,
) -> None:
    write(tmp_path, "diagrams/lan.md", "A - B", day="2026-05-24")
    write(tmp_path, "diagrams/wan.md", "A - C", day="2026-05-25")
    findings = collect(tmp_path)
    assert verdict(findings, "papers/diagrams/lan.md").loss == (
        "stale: last changed 2026-05-24, over 6 months ago, the default",
    )
    assert verdict(findings, "papers/diagrams/wan.md").loss == ()
    # One that is fresh keeps the requirement fresh.
    assert verdict(findings, "diagrams").loss == ()
    patient = collect(tmp_path, stale_after_months=7)
    assert verdict(patient, "papers/diagrams/lan.md").loss == ()


def test_a_signed_contract_does_not_go_stale(tmp_path: Path) -> None:
    write(tmp_path, "framework agreement.md", "Signed.", day="2020-01-01")
    assert verdict(collect(tmp_path), "papers/framework agreement.md").loss == ()


def test_a_credential_never_travels_and_the_office_document_stays(tmp_path: Path) -> None:
    write(tmp_path, "a.md", f"login root password={SECRET}\n")
    with zipfile.ZipFile(tmp_path / "papers/b.docx", "w", zipfile.ZIP_STORED) as archive:
        runs = f"<w:t>password=hunter2</w:t><w:t>{SECRET[7:]}</w:t>"
        archive.writestr("word/document.xml", f'<w:p xmlns:w="urn:w">{runs}</w:p>')
    findings = collect(tmp_path)
    for name in ("papers/a.md", "papers/b.docx"):
        held = verdict(findings, name)
        assert isinstance(held, Draft)
        assert held.level is Level.OPEN
        assert "credentials in clear" in " ".join(held.loss)
        [content] = held.contents
        assert isinstance(content.body, bytes)
        assert b"<masked:" in content.body
        assert SECRET.encode() not in content.body
    assert SECRET not in repr(findings)
    assert b"PK" not in repr(findings).encode()


def test_what_cannot_be_searched_for_credentials_stays_with_its_digest(tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers/plan.vsd").write_bytes(b"\xd0\xcf\x11\xe0")
    gap = verdict(collect(tmp_path), "papers/plan.vsd")
    assert isinstance(gap, Gap)
    assert (gap.level, gap.reason) == (Level.DESCRIBED, "format-closed")


def test_a_picture_is_held_and_says_that_nothing_was_searched(tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers/network-plan.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    held = verdict(collect(tmp_path), "papers/network-plan.png")
    assert isinstance(held, Draft)
    assert "no text in it: nothing was searched for credentials" in held.loss


def test_links_out_of_the_folder_and_hidden_files_are_lines_of_the_ledger(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("not yours")
    write(tmp_path, ".hidden", "x")
    (tmp_path / "papers/link.txt").symlink_to(outside)
    os.mkfifo(tmp_path / "papers/pipe")
    findings = collect(tmp_path)
    calls = {f.binding: f.outcome for f in findings if isinstance(f, Call)}
    for name in ("papers/.hidden", "papers/link.txt", "papers/pipe"):
        assert calls[name] is CallOutcome.EXCLUDED
    assert calls["papers"] is CallOutcome.EMPTY
    assert not [f for f in findings if isinstance(f, Asset) and "File" in f.ref.native_type]


def test_a_missing_folder_is_open_until_somebody_answers(tmp_path: Path) -> None:
    [call] = [f for f in collect(tmp_path) if isinstance(f, Call)]
    assert call.outcome is CallOutcome.UNAVAILABLE


def test_what_a_missing_folder_may_hold_is_unknown_and_not_missing(tmp_path: Path) -> None:
    levels = {f.level for f in collect(tmp_path) if isinstance(f, Gap)}
    assert levels == {Level.UNKNOWN}
    (tmp_path / "papers").mkdir()
    assert {f.level for f in collect(tmp_path) if isinstance(f, Gap)} == {Level.NONE}


def test_a_name_that_is_not_utf_8_is_spelled_out(tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / os.fsdecode(b"papers/r\xe9seau.txt")).write_text("x")
    assert asset(collect(tmp_path), r"papers/r\xe9seau.txt").config["characters"] == 1


@pytest.mark.parametrize("only", [["runbooks"], ["runbooks", "proofs"]])
def test_a_source_may_have_to_hold_only_some_of_them(tmp_path: Path, only: list[str]) -> None:
    (tmp_path / "papers").mkdir()
    findings = collect(tmp_path, required=only)
    wanted = [f.ref.native_id for f in findings if isinstance(f, Gap)]
    assert wanted == only
