"""Attack bundles in every way we can think of, with both verifiers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exitkit.errors import InputError, PluginError
from exitkit.store.seal import SEAL_PATH, seal_bundle
from exitkit.store.verify import Verification, verify_bundle

Rewrite = Callable[[Path], None]
Build = Callable[..., str]


def outcomes(verification: Verification) -> dict[str, str]:
    return {level.level: level.outcome for level in verification.levels}


def faulty_levels(verification: Verification) -> set[str]:
    return {fault.level for fault in verification.faults}


def shipped(bundle: Path, *trusted: Path, program: Path | None = None) -> tuple[int, str]:
    """Run the verifier that travels inside; on a hostile bundle, that of a bundle one trusts."""
    keys = [word for key in trusted for word in ("--trust", str(key))]
    verifier = program or Path(__file__).parents[3] / "exitkit" / "store" / "verify_bundle.py"
    answer = subprocess.run(
        [sys.executable, "-I", str(verifier), *keys, str(bundle)], capture_output=True, text=True
    )
    assert "Traceback" not in answer.stderr, answer.stderr
    return answer.returncode, answer.stdout


def edit(path: Path, old: bytes, new: bytes) -> None:
    body = path.read_bytes()
    assert old in body
    path.write_bytes(body.replace(old, new, 1))


def table(bundle: Path, name: str) -> Path:
    return bundle / "data" / "records" / f"{name}.jsonl"


def refreshed(bundle: Path, rewrite: Rewrite) -> None:
    """Make descriptor, manifests and tag manifests agree with tampered tables."""
    path = bundle / "data" / "exitkit.json"
    descriptor = json.loads(path.read_bytes())
    for entry in descriptor["tables"]:
        body = (bundle / "data" / entry["path"]).read_bytes()
        entry |= {
            "records": body.count(b"\n"),
            "sizeBytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
    rewrite(bundle)
    lines = (bundle / "manifest-sha256.txt").read_text().splitlines(keepends=True)
    kept = [line for line in lines if line[66:].startswith(("data/records/", "data/native/"))]
    descriptor["contentRoot"] = hashlib.sha256("".join(kept).encode()).hexdigest()
    text = json.dumps(descriptor, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text(text + "\n")
    rewrite(bundle)


def test_a_fresh_bundle_holds_at_every_level(bundle: Path, trusted: Path) -> None:
    verification = verify_bundle(bundle, [trusted])
    assert verification.faults == ()
    assert set(outcomes(verification).values()) == {"holds"}
    assert verification.exit_code == 0
    code, text = shipped(bundle, trusted, program=bundle / "data" / "spec" / "verify.py")
    assert code == 0, text
    assert text.count("holds") == 6


def test_a_bundle_sealed_by_a_stranger_is_intact_but_not_trusted(
    bundle: Path, tmp_path: Path, trusted: Path
) -> None:
    (bundle / SEAL_PATH).unlink()
    seal_bundle(bundle, Ed25519PrivateKey.generate())
    verification = verify_bundle(bundle, [trusted])
    assert verification.faults == ()
    assert outcomes(verification)["V1"] == "not-trusted"
    assert verification.exit_code == 4
    assert shipped(bundle, trusted)[0] == 4


def test_without_a_key_from_outside_nothing_is_trusted(bundle: Path) -> None:
    assert verify_bundle(bundle, []).exit_code == 4
    assert shipped(bundle)[0] == 4


def test_an_unsealed_bundle_is_not_trusted(bundle: Path, trusted: Path) -> None:
    (bundle / SEAL_PATH).unlink()
    assert verify_bundle(bundle, [trusted]).exit_code == 4
    assert shipped(bundle, trusted)[0] == 4


def change_a_byte(bundle: Path) -> None:
    edit(bundle / "data" / "network" / "sw1" / "running-config.txt", b"sw1", b"sw2")


def add_a_file(bundle: Path) -> None:
    (bundle / "data" / "extra.txt").write_text("x")


def add_a_file_beside_the_data(bundle: Path) -> None:
    (bundle / "notes.txt").write_text("x")


def remove_a_file(bundle: Path) -> None:
    (bundle / "data" / "network" / "sw1" / "running-config.txt").unlink()


def remove_a_manifest(bundle: Path) -> None:
    (bundle / "manifest-sha512.txt").unlink()


def change_the_read_me(bundle: Path) -> None:
    edit(bundle / "READ-ME-FIRST.txt", b"READ ME", b"READ mE")


def change_the_bag_declaration(bundle: Path) -> None:
    edit(bundle / "bagit.txt", b"1.0", b"0.97")


def link_a_file(bundle: Path) -> None:
    path = bundle / "data" / "network" / "sw1" / "running-config.txt"
    copy = bundle.parent / "elsewhere.txt"
    path.rename(copy)
    path.symlink_to(copy)


def link_a_folder(bundle: Path) -> None:
    path = bundle / "data" / "network"
    path.rename(bundle.parent / "network")
    path.symlink_to(bundle.parent / "network")


def put_a_pipe(bundle: Path) -> None:
    os.mkfifo(bundle / "data" / "pipe")


def escape_by_manifest(bundle: Path) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    (bundle.parent / "secret").write_text("x")
    with (bundle / "manifest-sha256.txt").open("a") as stream:
        stream.write(f"{digest}  data/../../secret\n")


def repeat_a_manifest_line(bundle: Path) -> None:
    path = bundle / "manifest-sha256.txt"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[-1]]))


def list_a_hidden_file(bundle: Path) -> None:
    (bundle / "data" / ".hidden").write_text("x")


def use_a_capital_letter(bundle: Path) -> None:
    (bundle / "data" / "Extra.txt").write_text("x")


BYTE_ATTACKS = [
    change_a_byte, add_a_file, add_a_file_beside_the_data, remove_a_file, remove_a_manifest,
    change_the_read_me, change_the_bag_declaration, link_a_file, link_a_folder, put_a_pipe,
    escape_by_manifest, repeat_a_manifest_line, list_a_hidden_file, use_a_capital_letter,
]  # fmt: skip


@pytest.mark.parametrize("attack", BYTE_ATTACKS, ids=lambda attack: attack.__name__)
def test_other_bytes_are_refused(
    attack: Callable[[Path], None], bundle: Path, trusted: Path
) -> None:
    attack(bundle)
    verification = verify_bundle(bundle, [trusted])
    assert faulty_levels(verification) == {"V0"}
    assert set(outcomes(verification).values()) == {"fails", "not-reached"}
    assert verification.exit_code == 1
    assert shipped(bundle, trusted)[0] == 1


ILLEGAL = [add_a_file_beside_the_data, link_a_file, put_a_pipe, list_a_hidden_file,
           use_a_capital_letter]  # fmt: skip


@pytest.mark.parametrize("attack", ILLEGAL, ids=lambda attack: attack.__name__)
def test_what_may_not_be_there_is_refused_even_with_manifests_made_for_it(
    attack: Callable[[Path], None], bundle: Path, trusted: Path, rewrite: Rewrite,
    key: Ed25519PrivateKey,
) -> None:  # fmt: skip
    attack(bundle)
    if not (bundle / "data" / "pipe").exists():
        rewrite(bundle)
        seal_bundle(bundle, key)
    assert verify_bundle(bundle, [trusted]).exit_code == 1
    assert shipped(bundle, trusted)[0] == 1


@pytest.mark.parametrize("attack", [change_a_byte, add_a_file], ids=lambda attack: attack.__name__)
def test_rewritten_manifests_do_not_pass_the_seal(
    attack: Callable[[Path], None], bundle: Path, trusted: Path, rewrite: Rewrite
) -> None:
    attack(bundle)
    rewrite(bundle)
    verification = verify_bundle(bundle, [trusted])
    assert "V1" in faulty_levels(verification)
    assert verification.exit_code == 1
    assert shipped(bundle, trusted)[0] == 1


def test_rewriting_and_sealing_again_with_another_key_is_never_trusted(
    bundle: Path, trusted: Path, rewrite: Rewrite
) -> None:
    edit(bundle / "READ-ME-FIRST.txt", b"READ ME", b"READ mE")
    rewrite(bundle)
    seal_bundle(bundle, Ed25519PrivateKey.generate())
    verification = verify_bundle(bundle, [trusted])
    assert outcomes(verification)["V1"] == "not-trusted"
    assert verification.exit_code == 4
    assert shipped(bundle, trusted)[0] == 4


def test_a_seal_that_claims_a_trusted_key_is_invalid(
    bundle: Path, trusted: Path, key: Ed25519PrivateKey
) -> None:
    genuine = json.loads((bundle / SEAL_PATH).read_bytes())
    seal_bundle(bundle, Ed25519PrivateKey.generate())
    forged = json.loads((bundle / SEAL_PATH).read_bytes())
    forged["signatures"][0]["keyid"] = genuine["signatures"][0]["keyid"]
    (bundle / SEAL_PATH).write_text(json.dumps(forged))
    assert verify_bundle(bundle, [trusted]).exit_code == 1
    assert shipped(bundle, trusted)[0] != 0


def test_the_seal_of_another_bundle_is_refused(
    bundle: Path, trusted: Path, key: Ed25519PrivateKey, build_bundle: Build, tmp_path: Path
) -> None:
    def fewer(rows: dict[str, Any]) -> None:
        rows["access"] = []

    build_bundle(tmp_path / "other", key, change=fewer)
    (bundle / SEAL_PATH).write_bytes((tmp_path / "other" / SEAL_PATH).read_bytes())
    assert faulty_levels(verify_bundle(bundle, [trusted])) == {"V1"}
    assert shipped(bundle, trusted)[0] == 1


@pytest.mark.parametrize("seal", [b"", b"[]", b"{}", b'{"payload":"?"}', b"[" * 100_000])
def test_a_seal_of_rubbish_is_refused(seal: bytes, bundle: Path, trusted: Path) -> None:
    (bundle / SEAL_PATH).write_bytes(seal)
    assert verify_bundle(bundle, [trusted]).exit_code == 1
    assert shipped(bundle, trusted)[0] == 1


def swap_two_lines(bundle: Path) -> None:
    path = table(bundle, "assets")
    first, second, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([second, first, *rest]))


def repeat_a_record(bundle: Path) -> None:
    path = table(bundle, "calls")
    first, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, first, *rest]))


def repeat_an_id(bundle: Path) -> None:
    path = table(bundle, "access")
    (line,) = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(line + line.replace(b'"login"', b'"logout"'))


def cut_a_table(bundle: Path) -> None:
    path = table(bundle, "calls")
    path.write_bytes(path.read_bytes()[:-7])


def write_a_huge_line(bundle: Path) -> None:
    table(bundle, "scopes").write_bytes(b'{"@id":"' + b"x" * (16 * 1024 * 1024) + b'"}\n')


def nest_deeply(bundle: Path) -> None:
    deep = b'{"@id":"x","a":' + b"[" * 65 + b"]" * 65 + b"}\n"
    table(bundle, "scopes").write_bytes(deep)


def nest_absurdly(bundle: Path) -> None:
    table(bundle, "scopes").write_bytes(b"[" * 1_000_000 + b"\n")


def write_a_float(bundle: Path) -> None:
    edit(table(bundle, "calls"), b'"count":5', b'"count":5.0')


def write_a_space(bundle: Path) -> None:
    edit(table(bundle, "calls"), b'"count":5', b'"count": 5')


def write_not_a_number(bundle: Path) -> None:
    edit(table(bundle, "calls"), b'"count":5', b'"count":NaN')


def write_a_key_twice(bundle: Path) -> None:
    edit(table(bundle, "calls"), b'"count":5', b'"count":4,"count":5')


def write_another_encoding(bundle: Path) -> None:
    path = table(bundle, "scopes")
    path.write_bytes(path.read_bytes().decode().encode("utf-16"))


def write_rubbish(bundle: Path) -> None:
    table(bundle, "scopes").write_bytes(b"\xff\xfe\x00\n")


SHAPE_ATTACKS = [
    swap_two_lines, repeat_a_record, repeat_an_id, cut_a_table, write_a_huge_line, nest_deeply,
    nest_absurdly, write_a_float, write_a_space, write_not_a_number, write_a_key_twice,
    write_another_encoding, write_rubbish,
]  # fmt: skip


@pytest.mark.parametrize("attack", SHAPE_ATTACKS, ids=lambda attack: attack.__name__)
def test_records_that_are_not_canonical_are_refused_even_when_resealed(
    attack: Callable[[Path], None], bundle: Path, trusted: Path, rewrite: Rewrite,
    key: Ed25519PrivateKey,
) -> None:  # fmt: skip
    attack(bundle)
    refreshed(bundle, rewrite)
    seal_bundle(bundle, key)
    verification = verify_bundle(bundle, [trusted])
    assert "V2" in faulty_levels(verification)
    assert verification.exit_code == 1
    assert shipped(bundle, trusted)[0] == 1


def point_nowhere(bundle: Path) -> None:
    path = table(bundle, "licenses")
    record = json.loads(path.read_bytes())
    edit(path, record["asset"].encode(), b"urn:uuid:00000000-0000-8000-8000-000000000000")


def rename_an_asset(bundle: Path) -> None:
    edit(table(bundle, "assets"), b'"nativeId":"sw1"', b'"nativeId":"sw2"')


def swap_a_configuration(bundle: Path) -> None:
    pack = bundle / "data" / "native" / "network" / "core" / "global" / "ios-device.jsonl"
    edit(pack, b'"Name":"sw1"', b'"Name":"sw9"')


def lose_a_pack(bundle: Path) -> None:
    (bundle / "data" / "native" / "network" / "core" / "global" / "ios-device.jsonl").unlink()


def swap_a_file(bundle: Path) -> None:
    edit(bundle / "data" / "datasets" / "b0" / "objects" / "0001", b"hello", b"hullo")


def drop_a_verdict(bundle: Path) -> None:
    path = table(bundle, "exportability")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))


def judge_what_does_not_apply(bundle: Path) -> None:
    path = table(bundle, "exportability")
    edit(path, b'"aspect":"license"', b'"aspect":"history"')


def praise_without_proof(bundle: Path) -> None:
    path = bundle / "data" / "evidence" / "events.jsonl"
    edit(path, b'"aspect":"data"', b'"aspect":"code"')


def reorder_events(bundle: Path) -> None:
    path = bundle / "data" / "evidence" / "events.jsonl"
    one, two, three = path.read_bytes().splitlines(keepends=True)
    first = one.replace(b":0000000001", b":0000000002").replace(b'"sequence":1', b'"sequence":2')
    second = two.replace(b":0000000002", b":0000000001").replace(b'"sequence":2', b'"sequence":1')
    path.write_bytes(b"".join([second, first, three]))


def forget_the_last_event(bundle: Path) -> None:
    path = bundle / "data" / "evidence" / "events.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def miscount(bundle: Path) -> None:
    edit(bundle / "data" / "exitkit.json", b'"unknown":', b'"unknown":9')


def invent_a_reason(bundle: Path) -> None:
    edit(table(bundle, "exportability"), b'"not-assessed"', b'"because"')


MEANING_ATTACKS = [
    (point_nowhere, "V3"), (rename_an_asset, "V3"), (swap_a_configuration, "V3"),
    (lose_a_pack, "V3"), (swap_a_file, "V3"), (drop_a_verdict, "V4"),
    (judge_what_does_not_apply, "V4"), (miscount, "V4"), (invent_a_reason, "V3"),
    (praise_without_proof, "V5"), (reorder_events, "V5"), (forget_the_last_event, "V5"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("attack", "level"), MEANING_ATTACKS, ids=[attack.__name__ for attack, _ in MEANING_ATTACKS]
)
def test_records_that_contradict_each_other_are_refused_even_when_resealed(
    attack: Callable[[Path], None], level: str, bundle: Path, trusted: Path, rewrite: Rewrite,
    key: Ed25519PrivateKey,
) -> None:  # fmt: skip
    attack(bundle)
    refreshed(bundle, rewrite)
    seal_bundle(bundle, key)
    verification = verify_bundle(bundle, [trusted])
    assert level in faulty_levels(verification)
    assert outcomes(verification)["V2"] == "holds"
    assert verification.exit_code == 1
    assert shipped(bundle, trusted)[0] == 1


def test_a_schema_that_allows_anything_does_not_let_a_bad_record_in(
    bundle: Path, trusted: Path, rewrite: Rewrite, key: Ed25519PrivateKey
) -> None:
    schema = bundle / "data" / "spec" / "schemas" / "scope.schema.json"
    schema.write_text('{"properties":{}}')
    edit(table(bundle, "scopes"), b',"sourceType":"aws"', b"")
    refreshed(bundle, rewrite)
    seal_bundle(bundle, key)
    assert "V2" in faulty_levels(verify_bundle(bundle, [trusted]))


def test_a_record_against_its_schema_is_named(
    bundle: Path, trusted: Path, rewrite: Rewrite, key: Ed25519PrivateKey
) -> None:
    edit(table(bundle, "licenses"), b'"transferable":"unknown"', b'"transferable":"perhaps"')
    refreshed(bundle, rewrite)
    seal_bundle(bundle, key)
    (fault,) = verify_bundle(bundle, [trusted]).faults
    assert fault.where == "data/records/licenses.jsonl:1"
    assert "transferable" in fault.what


def test_files_that_are_declared_to_be_elsewhere_are_holes(bundle: Path, trusted: Path) -> None:
    hole = bundle / "data" / "datasets" / "b0" / "objects" / "0001"
    hole.unlink()
    line = "https://example.org/0001 5 data/datasets/b0/objects/0001\n"
    (bundle / "fetch.txt").write_text(line)
    verification = verify_bundle(bundle, [trusted])
    assert verification.holes == ("data/datasets/b0/objects/0001",)
    assert verification.exit_code == 5
    assert shipped(bundle, trusted)[0] == 5


def test_a_table_cannot_be_declared_to_be_elsewhere(bundle: Path, trusted: Path) -> None:
    table(bundle, "calls").unlink()
    (bundle / "fetch.txt").write_text("https://example.org/c - data/records/calls.jsonl\n")
    assert verify_bundle(bundle, [trusted]).exit_code == 1
    assert shipped(bundle, trusted)[0] == 1


def test_a_receipt_may_be_added_later(bundle: Path, trusted: Path) -> None:
    (bundle / "signatures" / "receipt-incoming-2027-01-01.dsse.json").write_text("{}")
    assert verify_bundle(bundle, [trusted]).exit_code == 0


def test_what_is_no_bundle_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        verify_bundle(tmp_path / "nothing", [])


def test_an_empty_folder_is_no_valid_bundle(tmp_path: Path) -> None:
    assert verify_bundle(tmp_path, []).exit_code == 1
    assert shipped(tmp_path)[0] == 1


def test_the_shipped_verifier_explains_itself_when_misused(bundle: Path) -> None:
    assert shipped(bundle.parent / "nothing")[0] == 2
    assert shipped(bundle, bundle.parent / "no-key.pub")[0] == 2


def test_the_shipped_verifier_fits_in_the_head_and_needs_nothing() -> None:
    source = Path(__file__).parents[3] / "exitkit" / "store" / "verify_bundle.py"
    text = source.read_text()
    assert len(text.splitlines()) <= 400
    assert "exitkit." not in text.replace("urn:exitkit", "").replace("exitkit.json", "")


def test_the_writer_refuses_a_broken_chain(
    build_bundle: Build, tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    def drop(rows: dict[str, Any]) -> None:
        del rows["events"][1]

    with pytest.raises(PluginError, match="does not follow"):
        build_bundle(tmp_path / "b", key, change=drop)
    assert list(tmp_path.iterdir()) == []
