"""Lend an AWS account to export, and another maker's AWS to deploy the export into."""

from __future__ import annotations

import datetime as dt
import fcntl
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import jmespath
import pytest
import yaml
from botocore import xform_name

from exitkit.demo import aws_account, processes
from exitkit.engine.collect import collect
from exitkit.engine.harvest import Harvest
from exitkit.engine.iac_export import iac_contents
from exitkit.knowledge.aws_iac import FOLDER
from exitkit.ports import Limits, Source

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
REGION, ACCOUNT = "eu-west-1", "123456789012"
SECOND = "ministack==1.5.33"
SERVICES = [
    "ec2:DescribeAddresses", "ec2:DescribeInstances", "ec2:DescribeInstanceAttribute",
    "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
    "iam:GetAccountAuthorizationDetails", "iam:ListInstanceProfiles",
    "s3:ListBuckets", "s3:Get*", "dynamodb:ListTables", "dynamodb:DescribeTable",
    "lambda:ListFunctions", "sqs:*", "sns:List*", "sns:Get*", "kms:ListKeys", "kms:DescribeKey",
    "kms:ListAliases", "route53:ListHostedZones", "route53:ListResourceRecordSets",
    "rds:DescribeDBInstances", "rds:DescribeDBSubnetGroups", "logs:DescribeLogGroups",
    "ssm:DescribeParameters", "secretsmanager:ListSecrets", "ecr:DescribeRepositories",
    "tag:GetResources", "events:ListEventBuses", "events:ListRules", "events:ListTargetsByRule",
]  # fmt: skip

Client = Callable[[str], Any]
Collect = Callable[[str], Harvest]


@pytest.fixture(scope="session")
def client_at() -> Callable[[str], Client]:
    """Make clients of an endpoint; the key is the account for who takes it so."""

    def at(endpoint_url: str) -> Client:
        return lambda service: boto3.client(
            service, region_name=REGION, endpoint_url=endpoint_url,
            aws_access_key_id=ACCOUNT, aws_secret_access_key="y",
        )  # fmt: skip

    return at


@pytest.fixture(scope="session")
def collect_at(tmp_path_factory: pytest.TempPathFactory) -> Collect:
    """Take stock of the account behind an endpoint."""

    def at(endpoint_url: str) -> Harvest:
        spool = tmp_path_factory.mktemp("spool")
        settings = {"endpoint_url": endpoint_url, "regions": [REGION], "services": SERVICES}
        environ = {
            "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "y",
            "AWS_DEFAULT_REGION": REGION,
        }  # fmt: skip
        return collect(
            [Source("prod", "aws", settings, spool)], [], limits=Limits(), now=NOW, spool=spool,
            mask_key=b"k" * 32, environ=environ, progress=lambda *_: None,
        )  # fmt: skip

    return at


@pytest.fixture(scope="session")
def harvest(client_at: Callable[[str], Client], collect_at: Collect) -> Iterator[Harvest]:
    """Fill an account as estate.yaml says, and take stock of it."""
    with aws_account.running() as account:
        seed(client_at(account.endpoint_url))
        yield collect_at(account.endpoint_url)


def seed(client: Client) -> None:
    """Make every call of estate.yaml."""
    kept: dict[str, str] = {}
    calls = yaml.safe_load(Path(__file__).with_name("estate.yaml").read_text())
    for row in calls:
        service, _, operation = row["call"].partition(":")
        answer = getattr(client(service), xform_name(operation))(**filled(row["with"], kept))
        for name, path in row.get("keep", {}).items():
            kept[name] = jmespath.search(path, answer)


def filled(value: Any, kept: Mapping[str, str]) -> Any:
    """Put what was kept in place of its name."""
    if isinstance(value, dict):
        return {name: filled(part, kept) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, kept) for part in value]
    if isinstance(value, str) and value.startswith("$"):
        return kept[value[1:]]
    return value


@pytest.fixture(scope="session")
def second_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run AWS as another maker understood it and lend its endpoint."""
    program, folder = second_program(), tmp_path_factory.mktemp("second")
    port, log = processes.free_port(), folder / "server.log"
    environ = {
        "PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder),
        "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1",
        # Left alone it listens on every address, with a broker and a file server beside it.
        "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "DOCKER_HOST": "unix:///nonexistent.sock",
    }  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}"
    process = processes.start([str(program)], log, environ)
    try:
        processes.wait_until(lambda: answers(f"{endpoint}/_ministack/health"), process, log)
        yield endpoint
    finally:
        processes.stop(process.pid, process)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def second_program() -> Path:
    """Return the server; it pins a botocore that is not ours."""
    return own_environment("second-aws", SECOND) / "bin" / "ministack"


def own_environment(name: str, requirement: str) -> Path:
    """Return a virtual environment with one package, which is made where there is none yet."""
    home = Path(sys.prefix) / "share" / "exitkit" / name
    made = home / "made"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_file() or made.read_text() != requirement:
            venv.create(home, with_pip=True, clear=False)
            pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement]
            subprocess.run(pip, check=True, capture_output=True)
            made.write_text(requirement)
    return home


@pytest.fixture(scope="session")
def exported(harvest: Harvest) -> dict[str, bytes]:
    """Export the account and return the files by path."""
    found = {}
    for one in iac_contents(harvest.assets.in_order(), {ref.native_type for ref in harvest.assets}):
        assert isinstance(one.body, bytes)
        found[one.path] = one.body
    return found


@pytest.fixture(scope="session")
def terraform_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the settings with which Terraform takes our double for the classic provider."""
    folder = tmp_path_factory.mktemp("double")
    python = own_environment("terraform-double", "tf==1.2.0") / "bin" / "python"
    program = folder / "terraform-provider-aws"
    schemas = Path(str(FOLDER.joinpath("terraform_schemas.json.gz")))
    double = Path(__file__).with_name("terraform_double.py")
    program.write_text(f'#!/bin/sh\nSCHEMAS="{schemas}" exec "{python}" "{double}" "$@"\n')
    program.chmod(0o755)
    settings = folder / "terraform.rc"
    settings.write_text(
        f'provider_installation {{\n  dev_overrides {{ "hashicorp/aws" = "{folder}" }}\n'
        "  direct {}\n}\n"
    )
    return settings
