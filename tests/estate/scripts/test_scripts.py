"""Collect real git repositories: what comes along, what stays, and what a hostile one cannot do."""

from __future__ import annotations

import datetime as dt
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from exitkit.collectors.scripts import ScriptsCollector
from exitkit.demo.files import LOOSE_SCRIPTS, SCRIPT_SECRETS, write_scripts
from exitkit.drivers.git import GitFailed, Mirror
from exitkit.model.asset import Asset
from exitkit.model.holdings import Access, Automation
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Draft, Gap, Level
from exitkit.ports import Context, Finding, Limits, Source

PATHS = ["git/runbooks", "git/legacy-jobs", "scripts"]


def collect(base: Path, spool: str, *paths: str, **limits: int) -> list[Finding]:
    (base / spool).mkdir(exist_ok=True)
    context = Context(
        now=dt.datetime(2026, 11, 25, tzinfo=dt.UTC), spool=base / spool, mask_key=b"k" * 32,
        environ={}, limits=Limits(**limits),
    )  # fmt: skip
    source = Source("automation", "scripts", {"paths": list(paths)}, base)
    return list(ScriptsCollector().collect(source, context))


def verdict(findings: list[Finding], name: str, aspect: Aspect) -> Draft | Gap:
    [one] = [
        f
        for f in findings
        if isinstance(f, Draft | Gap) and f.ref.native_id == name and f.aspect is aspect
    ]
    return one


def body(draft: Draft | Gap) -> bytes:
    assert isinstance(draft, Draft)
    held = draft.contents[0].body
    return held.read_bytes() if isinstance(held, Path) else held


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode()


def test_exactly_the_repositories_and_loose_scripts_are_found(tmp_path: Path) -> None:
    expected = write_scripts(tmp_path)
    findings = collect(tmp_path, "spool", *PATHS)
    refs = [f.ref for f in findings if isinstance(f, Asset)]
    found = [(r.provider, r.scope, r.region, r.native_type, r.native_id) for r in refs]
    assert sorted(found) == sorted(expected)
    calls = {(c.operation, c.binding): c.outcome.value for c in findings if isinstance(c, Call)}
    assert calls == {
        ("git:Mirror", "git/runbooks"): "collected",
        ("git:Mirror", "git/legacy-jobs"): "collected",
        ("scripts:List", "scripts"): "collected",
    }


def test_a_clean_repository_comes_along_with_its_whole_history(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    findings = collect(tmp_path, "spool", *PATHS)
    history = verdict(findings, "git/runbooks", Aspect.HISTORY)
    assert history.level is Level.IMPORTABLE
    (tmp_path / "a.bundle").write_bytes(body(history))
    git(tmp_path, "clone", "--quiet", "a.bundle", "again")
    source = tmp_path / "git" / "runbooks"
    assert git(tmp_path / "again", "log", "--format=%H %s") == git(source, "log", "--format=%H %s")
    assert git(tmp_path / "again", "tag") == "v1\n"
    tree = verdict(findings, "git/runbooks", Aspect.CODE)
    with tarfile.open(fileobj=io.BytesIO(body(tree))) as archive:
        for name in archive.getnames():
            held = archive.extractfile(name)
            assert held is not None
            assert held.read() == (source / name).read_bytes()
        assert len(archive.getnames()) == 4


def test_a_credential_in_the_history_keeps_the_history_at_home(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    findings = collect(tmp_path, "spool", *PATHS)
    history = verdict(findings, "git/legacy-jobs", Aspect.HISTORY)
    assert isinstance(history, Gap)
    assert (history.level, history.reason) == (Level.NONE, "security-risk")
    tree = verdict(findings, "git/legacy-jobs", Aspect.CODE)
    assert tree.level is Level.OPEN
    assert b"<masked:" in body(tree)
    credentials = verdict(findings, "git/legacy-jobs", Aspect.CREDENTIALS)
    assert isinstance(credentials, Gap)


def test_no_planted_credential_is_in_any_byte_yielded_or_spooled(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    findings = collect(tmp_path, "spool", *PATHS)
    drafts = [f for f in findings if isinstance(f, Draft)]
    held = b"".join(body(draft) for draft in drafts if draft.contents)
    spooled = b"".join(path.read_bytes() for path in (tmp_path / "spool").rglob("*.*"))
    for secret in SCRIPT_SECRETS:
        assert secret not in repr(findings)
        assert secret.encode() not in held
        assert secret.encode() not in spooled
    for bundle in (tmp_path / "spool").rglob("*.bundle"):
        git(tmp_path, "clone", "--quiet", str(bundle), f"from-{bundle.stem}")
        unpacked = git(tmp_path / f"from-{bundle.stem}", "log", "--all", "-p")
        assert not any(secret in unpacked for secret in SCRIPT_SECRETS)


def test_findings_name_the_lines_that_tie_a_script_down(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    findings = collect(tmp_path, "spool", *PATHS)
    records = {f.ref.native_id: f for f in findings if isinstance(f, Automation)}
    runbooks = {(f.path, f.line, f.rule) for f in records["git/runbooks"].findings}
    assert runbooks == {
        ("nightly-copy.sh", 3, "aws-region"),
        ("nightly-copy.sh", 4, "aws-call"),
        ("nightly-copy.sh", 4, "aws-endpoint"),
        ("restart-web.sh", 3, "os-assumption"),
        ("restart-web.sh", 4, "ip-address"),
    }
    legacy = [
        (f.path.partition("@")[0], f.line, f.rule) for f in records["git/legacy-jobs"].findings
    ]
    assert legacy == [
        ("billing.py", 1, "aws-call"),
        ("billing.py", 1, "dependency"),
        ("billing.py", 3, "aws-account-id"),
        ("billing.py", 4, "credential-in-clear"),
        ("billing.py", 5, "aws-arn"),
        ("backup.sh", 2, "credential-in-clear"),
    ]
    ports = {name: record.portability for name, record in records.items()}
    assert ports == {
        "git/runbooks": "rewrite",
        "git/legacy-jobs": "rewrite",
        "scripts/check-disk.sh": "portable",
        "scripts/open-ticket.sh": "adapt",
    }
    assert records["git/runbooks"].language == "shell"


def test_a_second_snapshot_has_the_same_bytes_also_after_a_repack(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    first = collect(tmp_path, "one", *PATHS)
    git(tmp_path / "git" / "runbooks", "gc", "--quiet", "--aggressive", "--prune=now")
    second = collect(tmp_path, "two", *PATHS)
    shown = [
        [body(d) for d in run if isinstance(d, Draft) and d.contents] for run in (first, second)
    ]
    assert shown[0] == shown[1]
    assert [f for f in first if isinstance(f, Asset | Automation | Gap | Call)] == [
        f for f in second if isinstance(f, Asset | Automation | Gap | Call)
    ]


def test_a_hostile_repository_runs_nothing_of_its_own(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    repository = tmp_path / "git" / "runbooks"
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change"):
        (repository / ".git" / "hooks").mkdir(exist_ok=True)
        (repository / ".git" / "hooks" / hook).write_text(trap.read_text())
        (repository / ".git" / "hooks" / hook).chmod(0o755)
    for name in (
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.gitProxy", "diff.external",
        "uploadpack.packObjectsHook", "filter.x.smudge", "filter.x.clean", "gpg.program",
        "core.editor", "credential.helper", "core.alternateRefsCommand",
    ):  # fmt: skip
        git(repository, "config", name, str(trap))
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "attributes").write_text("* filter=x diff=x\n")
    findings = collect(tmp_path, "spool", "git/runbooks")
    assert verdict(findings, "git/runbooks", Aspect.HISTORY).level is Level.IMPORTABLE
    assert not (tmp_path / "sprung").exists()


def test_a_link_out_of_the_tree_is_left_out_and_named(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    repository = tmp_path / "git" / "runbooks"
    (repository / "out").symlink_to("../../../etc/passwd")
    (repository / "in").symlink_to("README.md")
    git(repository, "add", "--all")
    git(repository, "-c", "user.name=o", "-c", "user.email=o@example.org", "commit", "-qm", "links")
    tree = verdict(collect(tmp_path, "spool", "git/runbooks"), "git/runbooks", Aspect.CODE)
    with tarfile.open(fileobj=io.BytesIO(body(tree))) as archive:
        assert "out" not in archive.getnames()
        assert archive.getmember("in").linkname == "README.md"
    assert any(loss.startswith("out:") for loss in tree.loss)


def test_a_bundle_that_is_cut_short_is_not_taken_for_the_repository(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    repository = tmp_path / "git" / "runbooks"
    git(repository, "branch", "release", "HEAD~1")
    mirror = Mirror(repository, tmp_path / "mirror.git", 60)
    whole, cut, partial = (tmp_path / name for name in ("whole", "cut", "partial"))
    mirror.write_bundle(whole)
    mirror.verify_bundle(whole)
    cut.write_bytes(whole.read_bytes()[:-200])
    git(repository, "bundle", "create", "--quiet", str(partial), "release")
    for broken in (cut, partial):
        with pytest.raises(GitFailed):
            mirror.verify_bundle(broken)


def test_every_ref_of_a_repository_is_in_its_bundle(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    repository = tmp_path / "git" / "runbooks"
    git(repository, "branch", "release", "HEAD~1")
    git(repository, "update-ref", "refs/notes/x", "HEAD")
    git(repository, "update-ref", "refs/pull/7/head", "HEAD~2")
    history = verdict(collect(tmp_path, "spool", "git/runbooks"), "git/runbooks", Aspect.HISTORY)
    (tmp_path / "a.bundle").write_bytes(body(history))
    git(tmp_path, "clone", "--quiet", "--mirror", "a.bundle", "again.git")
    listing = ("for-each-ref", "--format=%(refname) %(objectname)")
    assert git(tmp_path / "again.git", *listing) == git(repository, *listing)
    assert "refs/pull/7/head" in git(tmp_path / "again.git", *listing)
    git(tmp_path / "again.git", "fsck", "--full", "--strict")


def test_a_repository_classes_each_of_its_scripts(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    [asset] = [f for f in collect(tmp_path, "spool", "git/runbooks") if isinstance(f, Asset)]
    classes = {
        one["path"]: (one["language"], one["portability"]) for one in asset.config["scripts"]
    }
    assert classes == {
        "nightly-copy.sh": ("shell", "rewrite"),
        "restart-web.sh": ("shell", "adapt"),
        "rotate-logs.yml": ("ansible", "portable"),
    }


def test_a_file_that_no_parser_understands_is_held_and_classed_unknown(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "broken.sh").write_text("if then fi ((\n")
    findings = collect(tmp_path, "spool", "scripts")
    code = verdict(findings, "scripts/broken.sh", Aspect.CODE)
    assert code.level is Level.OPEN
    assert body(code) == b"if then fi ((\n"
    assert "line 1 is not valid shell" in code.loss[0]
    [record] = [f for f in findings if isinstance(f, Automation)]
    assert record.portability == "unknown"


def test_infrastructure_state_leaves_without_its_values(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    state = {
        "version": 4,
        "outputs": {"dsn": {"value": "s3cret-out"}},
        "resources": [
            {"type": "aws_db_instance", "name": "main", "instances": [
                {"attributes": {"id": "db-1", "arn": "arn:aws:rds:x", "password": "s3cret-db"}}]},
            {"type": "random_string", "name": "r", "instances": [
                {"attributes": {"id": "s3cret-random", "result": "s3cret-random"}}]},
        ],
    }  # fmt: skip
    (tmp_path / "scripts" / "terraform.tfstate").write_text(json.dumps(state))
    (tmp_path / "scripts" / "plan.tfplan").write_bytes(b"PK\0s3cret-plan")
    findings = collect(tmp_path, "spool", "scripts")
    held = body(verdict(findings, "scripts/terraform.tfstate", Aspect.CODE))
    assert b"db-1" in held
    assert b"arn:aws:rds:x" in held
    assert b"s3cret" not in held
    assert b"s3cret" not in body(verdict(findings, "scripts/plan.tfplan", Aspect.CODE))
    assert "s3cret" not in repr(findings)


def test_state_in_the_history_keeps_the_history_at_home(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    repository = tmp_path / "git" / "runbooks"
    who = ("-c", "user.name=o", "-c", "user.email=o@example.org")
    (repository / "terraform.tfstate").write_text('{"version": 4, "resources": []}')
    git(repository, "add", "--all")
    git(repository, *who, "commit", "-qm", "state")
    (repository / "terraform.tfstate").unlink()
    git(repository, *who, "commit", "-qam", "gone")
    findings = collect(tmp_path, "spool", "git/runbooks")
    assert isinstance(verdict(findings, "git/runbooks", Aspect.HISTORY), Gap)


def test_a_damaged_repository_is_a_ledger_line_and_a_gap(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    for pack in (tmp_path / "git" / "runbooks" / ".git" / "objects").rglob("*"):
        if pack.is_file():
            pack.chmod(0o644)
            pack.write_bytes(b"broken")
    findings = collect(tmp_path, "spool", *PATHS)
    outcomes = {c.binding: c.outcome for c in findings if isinstance(c, Call)}
    assert outcomes["git/runbooks"] is CallOutcome.UNAVAILABLE
    assert outcomes["git/legacy-jobs"] is CallOutcome.COLLECTED
    assert verdict(findings, "git/runbooks", Aspect.CODE).level is Level.NONE


@pytest.mark.parametrize("path", ["nowhere", "git/nowhere"])
def test_a_missing_path_is_a_ledger_line(tmp_path: Path, path: str) -> None:
    [call] = collect(tmp_path, "spool", path)
    assert isinstance(call, Call)
    assert call.outcome is CallOutcome.UNAVAILABLE


def test_an_object_too_large_to_read_is_not_vouched_for(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    findings = collect(tmp_path, "spool", "git/runbooks", max_file_bytes=60)
    history = verdict(findings, "git/runbooks", Aspect.HISTORY)
    assert isinstance(history, Gap)
    assert history.reason == "too-large"


def test_a_folder_of_repositories_gives_each_of_them(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    findings = collect(tmp_path, "spool", "git")
    assert {f.ref.native_id for f in findings if isinstance(f, Asset)} == {
        "git/runbooks",
        "git/legacy-jobs",
    }


def test_loose_scripts_are_masked_where_they_hold_a_credential(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    findings = collect(tmp_path, "spool", "scripts")
    clean = verdict(findings, "scripts/check-disk.sh", Aspect.CODE)
    assert body(clean).decode() == LOOSE_SCRIPTS["check-disk.sh"]
    assert clean.level is Level.IMPORTABLE
    assert verdict(findings, "scripts/open-ticket.sh", Aspect.CODE).level is Level.OPEN


def test_an_absolute_path_inside_the_workspace_keeps_its_short_name(tmp_path: Path) -> None:
    write_scripts(tmp_path)
    findings = collect(tmp_path, "spool", str(tmp_path / "git" / "runbooks"))
    assert [f.ref.native_id for f in findings if isinstance(f, Asset)] == ["git/runbooks"]


def test_who_has_written_and_who_owns_the_files_are_rights_with_the_last_day(
    tmp_path: Path,
) -> None:
    write_scripts(tmp_path)
    source = tmp_path / "git" / "runbooks"
    (source / "CODEOWNERS").write_text("# owners\n*.sh @acme/ops jane@msp.example # all\n[Docs]\n")
    git(source, "add", "CODEOWNERS")
    who = ["-c", "user.name=Jane", "-c", "user.email=Jane@msp.example"]
    git(
        source, *who, "commit", "--quiet", "--no-verify", "--date=2026-04-01T00:00:00Z", "-m", "own"
    )
    git(
        source, "remote", "add", "origin", "https://jane:pl4nted-push-Zt71@git.example/runbooks.git"
    )
    findings = collect(tmp_path, "spool", "git/runbooks")
    rights = [found for found in findings if isinstance(found, Access)]
    told = {(one.principal.native_id, one.permission, one.resource) for one in rights}
    assert told == {
        ("operations@example.org", "has committed", "git/runbooks"),
        ("jane@msp.example", "has committed", "git/runbooks"),
        ("@acme/ops", "approves changes", "git/runbooks:*.sh"),
        ("jane@msp.example", "approves changes", "git/runbooks:*.sh"),
    }
    days = {one.principal.native_id: one.last_used_on for one in rights if one.last_used_on}
    assert str(days["operations@example.org"]) == "2026-03-03"
    gap = verdict(findings, "git/runbooks", Aspect.ACCESS)
    assert isinstance(gap, Gap)
    assert "only https://git.example/runbooks.git knows" in gap.text
    assert "pl4nted-push-Zt71" not in repr(findings)
