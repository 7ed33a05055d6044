"""Write bundles that are whole, repeatable, and readable by everybody else's tools."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bagit
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exitkit.errors import InputError, PluginError
from exitkit.model.asset import Asset, Ref
from exitkit.model.verdict import Content
from exitkit.store.reader import open_bundle
from exitkit.store.records import asset_record, native_record
from exitkit.store.seal import bundle_id
from exitkit.store.verify import verify_bundle
from exitkit.store.writer import BundleInputs, write_bundle

Build = Callable[..., str]
CONFTEST = Path(__file__).parent / "conftest.py"


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sh(script: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-eu", "-c", script], cwd=folder, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]} | environ,
    )  # fmt: skip


def test_the_order_of_the_input_does_not_matter(
    build_bundle: Build, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    ids = {build_bundle(tmp_path / str(seed), key, seed=seed) for seed in range(4)}
    assert len(ids) == 1
    assert tree(tmp_path / "0") == tree(tmp_path / "3")


SURROUNDINGS = [
    ({"TZ": "Asia/Kolkata", "LC_ALL": "C", "PYTHONHASHSEED": "1"}, 0o077),
    ({"TZ": "America/St_Johns", "LC_ALL": "de_DE.UTF-8", "PYTHONHASHSEED": "77"}, 0o002),
]


@pytest.mark.parametrize(("environ", "umask"), SURROUNDINGS)
def test_time_zone_locale_hash_seed_and_umask_do_not_matter(
    environ: dict[str, str], umask: int, bundle: Path, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    program = (
        "import importlib.util, pathlib, sys\n"
        "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey\n"
        "spec = importlib.util.spec_from_file_location('c', sys.argv[1])\n"
        "c = importlib.util.module_from_spec(spec); spec.loader.exec_module(c)\n"
        "key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sys.argv[3]))\n"
        "c.build(pathlib.Path(sys.argv[2]), key, seed=9)\n"
    )
    other = tmp_path / "other"
    subprocess.run(
        [sys.executable, "-c", program, str(CONFTEST), str(other), key.private_bytes_raw().hex()],
        env=os.environ | environ, umask=umask, check=True,
    )  # fmt: skip
    assert tree(other) == tree(bundle)
    modes = {path: path.stat().st_mode & 0o777 for path in other.rglob("*")}
    assert set(modes.values()) == {0o644, 0o755}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o644}


def test_the_bundle_is_named_by_its_tag_manifest(
    build_bundle: Build, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    name = build_bundle(tmp_path / "b", key)
    digest = hashlib.sha256((tmp_path / "b" / "tagmanifest-sha256.txt").read_bytes()).hexdigest()
    assert name == f"urn:exitkit:bundle:sha256:{digest}" == bundle_id(tmp_path / "b")
    assert open_bundle(tmp_path / "b").id == name


def test_evidence_does_not_change_the_content_root(
    build_bundle: Build, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    def later(rows: dict[str, Any]) -> None:
        for row in rows["measurements"]:
            row["durationMillis" if "durationMillis" in row else "subject"] = (
                99 if "durationMillis" in row else row["subject"]
            )

    def fewer(rows: dict[str, Any]) -> None:
        rows["access"] = []

    build_bundle(tmp_path / "a", key)
    build_bundle(tmp_path / "b", key, change=later)
    build_bundle(tmp_path / "c", key, change=fewer)
    a, b, c = (open_bundle(tmp_path / name).descriptor for name in "abc")
    assert a["contentRoot"] == b["contentRoot"] != c["contentRoot"]


def test_the_content_root_is_found_again_with_grep(bundle: Path) -> None:
    script = "grep -E '  data/(native|records)/' manifest-sha256.txt | sha256sum | cut -d' ' -f1"
    assert sh(script, bundle).stdout.strip() == open_bundle(bundle).descriptor["contentRoot"]


def test_the_library_of_congress_finds_the_bag_valid(bundle: Path) -> None:
    assert bagit.Bag(str(bundle)).validate(processes=1)


@pytest.mark.parametrize(
    "manifest", ["sha256sum -c manifest-sha256.txt", "sha512sum -c manifest-sha512.txt",
                 "sha256sum -c tagmanifest-sha256.txt", "sha512sum -c tagmanifest-sha512.txt"],
)  # fmt: skip
def test_coreutils_check_every_manifest(manifest: str, bundle: Path) -> None:
    answer = sh(manifest, bundle)
    assert answer.returncode == 0, answer.stdout


def recipes(bundle: Path) -> str:
    """The indented lines of READ-ME-FIRST.txt that a person would paste into a shell."""
    text = (bundle / "READ-ME-FIRST.txt").read_text()
    checks = text[text.index("HOW TO CHECK IT") : text.index("ALL CHECKS IN ONE PROGRAM")]
    return "\n".join(re.findall(r"^  (\S.*)$", checks, re.MULTILINE))


def test_the_recipe_of_the_read_me_accepts_the_bundle(bundle: Path, trusted: Path) -> None:
    answer = sh(recipes(bundle), bundle, KEY=str(trusted))
    assert answer.returncode == 0, answer.stderr
    assert "Signature Verified Successfully" in answer.stdout


def test_the_recipe_of_the_read_me_refuses_a_changed_byte(
    bundle: Path, trusted: Path, rewrite: Callable[[Path], None]
) -> None:
    path = bundle / "data" / "network" / "sw1" / "running-config.txt"
    path.write_bytes(path.read_bytes() + b"!")
    assert sh(recipes(bundle), bundle, KEY=str(trusted)).returncode != 0
    rewrite(bundle)
    assert sh(recipes(bundle), bundle, KEY=str(trusted)).returncode != 0


def test_jq_reads_a_record_and_the_configuration_it_names(bundle: Path) -> None:
    script = (
        'jq -r \'select(.kind=="network.device") | .["@id"], .artifacts[0].path\' '
        "data/records/assets.jsonl"
    )
    urn, path = sh(script, bundle).stdout.split()
    assert sh(f"grep -hF '{urn}' data/{path} | jq -r .config.Name", bundle).stdout == "sw1\n"


def test_a_bundle_is_never_overwritten(bundle: Path, build_bundle: Build) -> None:
    before = tree(bundle)
    with pytest.raises(InputError, match="exists already"):
        build_bundle(bundle)
    assert tree(bundle) == before


class Pulled(Exception):
    """The plug, pulled while a table is read."""


def test_an_interrupted_writer_leaves_nothing(
    tmp_path: Path, fixture_inputs: BundleInputs, fixture_tables: dict[str, Any]
) -> None:
    def cut_short() -> Iterator[dict[str, Any]]:
        yield fixture_tables["assets"][0]
        raise Pulled

    with pytest.raises(Pulled):
        write_bundle(tmp_path / "b", fixture_inputs, {"assets": cut_short()}, [])
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_behind_is_swept_away(
    tmp_path: Path, build_bundle: Build, key: Ed25519PrivateKey
) -> None:
    (tmp_path / ".b.partial").mkdir()
    (tmp_path / ".b.partial" / "half").write_text("x")
    build_bundle(tmp_path / "b", key)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert not (tmp_path / "b" / "half").exists()


def test_the_same_record_twice_is_kept_once(
    tmp_path: Path, build_bundle: Build, key: Ed25519PrivateKey, bundle: Path
) -> None:
    def twice(rows: dict[str, Any]) -> None:
        rows["relations"] += rows["relations"]

    build_bundle(tmp_path / "b", key, change=twice)
    assert tree(tmp_path / "b") == tree(bundle)


def test_two_records_of_one_name_are_a_bug(tmp_path: Path, build_bundle: Build) -> None:
    def contradict(rows: dict[str, Any]) -> None:
        rows["calls"].append(rows["calls"][0] | {"count": 7})

    with pytest.raises(PluginError, match="two different records"):
        build_bundle(tmp_path / "b", change=contradict)


def test_a_record_against_its_schema_is_a_bug(tmp_path: Path, build_bundle: Build) -> None:
    def misspell(rows: dict[str, Any]) -> None:
        rows["calls"][0]["outcome"] = "lost"

    with pytest.raises(PluginError, match="outcome"):
        build_bundle(tmp_path / "b", change=misspell)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "A.txt", "con", "a//b", "é", ""])
def test_a_content_outside_the_path_rules_is_a_bug(
    path: str, tmp_path: Path, fixture_inputs: BundleInputs
) -> None:
    with pytest.raises(PluginError):
        write_bundle(
            tmp_path / "b", fixture_inputs, {}, [Content(path, b"x", "text/plain", "data")]
        )
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_table_is_a_bug(tmp_path: Path, fixture_inputs: BundleInputs) -> None:
    with pytest.raises(PluginError, match="no table"):
        write_bundle(tmp_path / "b", fixture_inputs, {"asets": []}, [])


def test_a_local_file_is_copied_and_stays_where_it_was(
    tmp_path: Path, fixture_inputs: BundleInputs
) -> None:
    original = tmp_path / "original.bin"
    original.write_bytes(b"y" * 3_000_000)
    content = Content("docs/original.bin", original, "application/octet-stream", "document")
    write_bundle(tmp_path / "b", fixture_inputs, {}, [content])
    assert (tmp_path / "b" / "data" / "docs" / "original.bin").read_bytes() == original.read_bytes()


def test_the_bundle_names_the_one_before_it(tmp_path: Path, fixture_inputs: BundleInputs) -> None:
    first = write_bundle(tmp_path / "1", fixture_inputs, {}, [])
    write_bundle(tmp_path / "2", replace(fixture_inputs, sequence=2, previous_bundle=first), {}, [])
    assert open_bundle(tmp_path / "2").descriptor["previous"] == first


def test_half_a_character_in_a_providers_answer_costs_no_bundle(
    fixture_inputs: BundleInputs, tmp_path: Path
) -> None:
    half = "caf\udce9 \ud83d"
    asset = Asset(
        Ref("aws", "1", half, "AWS::S3::Bucket", half), "storage.bucket", half, {half: half},
        dt.datetime(2026, 11, 22, tzinfo=dt.UTC),
        tags=((half, half),),
    )  # fmt: skip
    tables = {"assets": [asset_record(asset)], "native": [native_record(asset)]}
    write_bundle(
        tmp_path / "one", replace(fixture_inputs, kinds={"storage.bucket": ()}), tables, []
    )
    bundle = open_bundle(tmp_path / "one")
    [record] = bundle.records("assets")
    assert record["name"] == "caf\\udce9 \\ud83d"
    assert bundle.native(record) == {record["name"]: record["name"]}
    assert verify_bundle(tmp_path / "one", []).faults == ()
