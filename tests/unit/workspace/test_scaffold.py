"""`exitkit init`: a workspace that loads as it is, whole or not at all."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
import yaml

from exitkit.errors import InputError
from exitkit.workspace.files import load_contract, load_plan, load_workspace
from exitkit.workspace.masking_key import load_masking_key
from exitkit.workspace.scaffold import SIDES, SOURCE_TYPES, write_workspace

COMMENTED_YAML = re.compile(r"^( *)# ( *(?:- \{|- id:|[a-z_]+:(?: |$)).*)$", re.MULTILINE)


@pytest.mark.parametrize("source", SOURCE_TYPES)
def test_what_init_writes_loads_for_every_type_of_source(tmp_path: Path, source: str) -> None:
    root = tmp_path / "acme"
    write_workspace(root, series=None, sources=[source])
    workspace = load_workspace(root)
    assert workspace.series == "acme"
    assert [entry.type for entry in workspace.sources] == [source]
    plan = load_plan(workspace.plan_file)
    assert plan.contract == load_contract(workspace.contract_file).id


def test_the_comments_of_the_template_load_too(tmp_path: Path) -> None:
    root = tmp_path / "acme"
    write_workspace(root, series=None, sources=SOURCE_TYPES)
    for name in ("exitkit.yaml", "exit-plan.yaml", "contract.yaml"):
        path = root / name
        path.write_text(COMMENTED_YAML.sub(r"\1\2", path.read_text()))
    workspace = load_workspace(root)
    assert {target.type for target in workspace.targets} == {"s3", "postgres", "network", "host"}
    assert workspace.acknowledgements
    assert [m.id for m in load_plan(workspace.plan_file).milestones] == ["M1", "M2"]


def test_the_inventories_have_the_same_groups(tmp_path: Path) -> None:
    write_workspace(tmp_path / "acme", series=None, sources=["aws"])
    for name in ("network.yml", "hosts.yml"):
        texts = [(tmp_path / "acme/inventories" / side / name).read_text() for side in SIDES]
        rehearsal, at_exit = (list(yaml.safe_load(text)["all"]["children"]) for text in texts)
        assert rehearsal == at_exit


def test_the_masking_key_is_private_and_new_each_time(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "b"):
        write_workspace(tmp_path / name, series=None, sources=["aws"])
        path = load_workspace(tmp_path / name).masking_key
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        keys.append(bytes.fromhex(path.read_text()))
    assert len(keys[0]) == 32
    assert keys[0] != keys[1]
    assert "/keys/*" in (tmp_path / "a/.gitignore").read_text()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        write_workspace(tmp_path, series="acme", sources=["aws"])
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    root = tmp_path / "here"
    root.mkdir()
    assert Path("exitkit.yaml") in write_workspace(root, series="acme", sources=["aws"])


def test_the_folder_one_stands_in_is_filled_and_not_replaced(tmp_path: Path) -> None:
    before = tmp_path.stat().st_ino
    write_workspace(tmp_path, series="acme", sources=["aws"])
    assert tmp_path.stat().st_ino == before
    assert load_workspace(tmp_path).series == "acme"


def test_nothing_is_half_written_when_the_series_is_no_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lower case"):
        write_workspace(tmp_path / "x", series="Not A Name", sources=["aws"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", "clé".encode(), b"ab" * 31])
def test_a_spoiled_masking_key_is_one_line(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "masking.key").write_bytes(text)
    with pytest.raises(InputError, match=r"masking\.key: not 32 bytes in hexadecimal"):
        load_masking_key(tmp_path / "masking.key")
