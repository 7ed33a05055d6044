"""Hold exported Terraform configurations against a parser, the program and the providers."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from exitkit.assess.iac_awscc import awscc
from exitkit.assess.iac_hcl import Json
from exitkit.assess.iac_properties import IMPORT, define
from exitkit.drivers.syntax_trees import read_tree
from exitkit.engine.harvest import Harvest
from exitkit.knowledge.aws_iac import load_departures, load_mapped, load_schemas

REGION, ACCOUNT = "eu-west-1", "123456789012"
CASES = Path(__file__).parents[2] / "cases/aws/awscc_arguments.yaml"
FOLDERS = [
    f"iac/aws/{ACCOUNT}/{place}/{provider}"
    for place in ("global", REGION)
    for provider in ("terraform-aws", "terraform-awscc")
]


def text(exported: Mapping[str, bytes], path: str) -> str:
    return exported[path].decode()


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_read_whole_by_a_parser(exported: dict[str, bytes], folder: str) -> None:
    for name in ("main.tf", "imports.tf", "variables.tf", "versions.tf"):
        body = text(exported, f"{folder}/{name}")
        assert read_tree("terraform", body).faults == []
        assert body.count("resource ") > 0 or name != "main.tf"


@pytest.mark.parametrize("place", ["global", REGION])
def test_terraform_finds_every_argument_of_the_classic_provider(
    exported: dict[str, bytes], terraform_settings: Path, tmp_path: Path, place: str
) -> None:
    """Run the real program where there is one; the parser above has to do elsewhere."""
    write(exported, f"iac/aws/{ACCOUNT}/{place}/terraform-aws", tmp_path)
    if program := shutil.which("terraform"):
        assert validated(program, terraform_settings, tmp_path) == ""
        main = tmp_path / "main.tf"
        main.write_text(main.read_text().replace("  name = ", "  nam = ", 1))
        assert "nam" in validated(program, terraform_settings, tmp_path)


def write(exported: Mapping[str, bytes], folder: str, to: Path) -> None:
    for path, body in exported.items():
        if path.startswith(f"{folder}/"):
            (to / path.rpartition("/")[2]).write_bytes(body)


def validated(program: str, settings: Path, folder: Path) -> str:
    """Return what Terraform says against a configuration; nothing where it is valid."""
    done = subprocess.run(
        [program, "validate", "-no-color"], cwd=folder, capture_output=True, text=True,
        check=False, env={**os.environ, "TF_CLI_CONFIG_FILE": str(settings)},
    )  # fmt: skip
    return done.stderr if done.returncode else ""


def test_imports_name_things_as_the_classic_provider_wants_it(exported: dict[str, bytes]) -> None:
    home, everywhere = (
        text(exported, f"iac/aws/{ACCOUNT}/{place}/terraform-aws/imports.tf")
        for place in (REGION, "global")
    )
    for address, ending in (
        ("aws_route.public_0_0_0_0_0", '_0.0.0.0/0"'),
        ("aws_s3_bucket_versioning.exit_data", '"exit-data"'),
        ("aws_dynamodb_table.orders", '"orders"'),
    ):
        assert imported(home, address).endswith(ending)
    assert imported(home, "aws_internet_gateway_attachment.gate").startswith('"igw-')
    assert imported(home, "aws_route_table_association.public_front").startswith('"subnet-')
    policy = f"arn:aws:iam::{ACCOUNT}:policy/read-data"
    assert imported(everywhere, "aws_iam_role_policy.worker_inline") == '"worker:inline"'
    attachment = imported(everywhere, "aws_iam_role_policy_attachment.worker_read_data")
    assert attachment == f'"worker/{policy}"'
    assert imported(everywhere, "aws_iam_user_group_membership.ana") == '"ana/ops"'


def imported(body: str, address: str) -> str:
    """Return the id that the import block of an address gives."""
    lines = body.splitlines()
    return lines[lines.index(f"  to = {address}") + 1].removeprefix("  id = ")


def test_every_import_block_has_its_resource(exported: dict[str, bytes]) -> None:
    for folder in FOLDERS:
        main, imports = (text(exported, f"{folder}/{name}.tf") for name in ("main", "imports"))
        made = {
            ".".join(line.split('"')[1:4:2])
            for line in main.splitlines()
            if line.startswith("resource ")
        }
        wanted = [line[7:] for line in imports.splitlines() if line.startswith("  to = ")]
        assert len(wanted) == len(set(wanted)) > 0
        assert made.issuperset(wanted)


def test_the_generic_provider_gets_the_arguments_that_its_documentation_lists(
    harvest: Harvest,
) -> None:
    documented = yaml.safe_load(CASES.read_text())
    schemas = load_schemas({asset.ref.native_type for asset in harvest.assets.values()})
    resources = [
        one
        for asset in harvest.assets.values()
        for one in define(asset, schemas, load_mapped(), IMPORT).resources
        if one.key == asset.ref.urn and one.identifiers
    ]
    seen = set()
    for made in awscc(resources, schemas, load_departures()).resources:
        if made.type in documented:
            seen.add(made.type)
            assert set(names(made.body, "")) <= set(documented[made.type])
            if made.type == "awscc_dynamodb_table":
                assert isinstance(made.body["key_schema"], Json)
    assert seen == documented.keys()


def names(value: Any, prefix: str) -> Iterator[str]:
    """Yield the arguments of a body, nested ones behind a dot; JSON is a text."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, Mapping):
            for name, inner in one.items():
                yield f"{prefix}{name}"
                yield from names(inner, f"{prefix}{name}.")
