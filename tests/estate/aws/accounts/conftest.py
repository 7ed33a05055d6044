"""Seed two accounts of an emulator from data, and say what has to be found in them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import jmespath
import pytest
import yaml
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from exitkit.demo import aws_account
from exitkit.knowledge.aws_catalog import load_catalog

CASES = Path(__file__).parents[3] / "cases" / "aws" / "accounts"
FIRST, SECOND = "123456789012", "210987654321"
ROLE = f"arn:aws:iam::{SECOND}:role/exitkit"
HOME = "eu-west-1"
REGIONS = (HOME, "eu-central-1", "us-east-1")
PLACES = {
    "home": [(FIRST, HOME)],
    "second": [(SECOND, HOME)],
    "accounts": [(FIRST, HOME), (SECOND, HOME)],
    "regions": [(FIRST, region) for region in REGIONS],
    "everywhere": [(number, region) for number in (FIRST, SECOND) for region in REGIONS],
    "virginia": [(FIRST, "us-east-1")],
}
"""Where a line of the data may be carried out: `at:`."""

Place = tuple[str, str]
"""Account and region."""
Identity = tuple[str, str, str, str]
"""Account, region, native type and native id."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What else has to be right of a thing found."""

    arn: str
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Defects:
    """What the emulator does otherwise than AWS, as `emulator.yaml` lists it."""

    wrong: frozenset[tuple[str, str]]
    """Native type, and what of it is wrong: `missing`, `extra`, `arn` or `tags`."""
    unanswered: frozenset[tuple[str, str]]
    """Service and operation."""
    refused: frozenset[str]
    """Calls, `service:Operation`, that a policy allows and the emulator refuses."""


@dataclass(slots=True)
class Accounts:
    """A running emulator, and what is in it."""

    endpoint_url: str
    admin: Mapping[str, str]
    defects: Defects
    running: aws_account.AwsAccount
    role: str = ROLE
    expected: dict[Identity, Traits] = field(default_factory=dict)
    clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def asked(self, *, everywhere: bool) -> set[str]:
        """Return every call of the catalog to the services of what is there, as `services:`.

        Those with something in another account or region than the first are asked everywhere.
        """
        catalog, places = load_catalog(), defaultdict(set)
        for account, region, native_type, _ in self.expected:
            places[catalog.types[native_type].service].add((account, region))
        at_home = {(FIRST, HOME), (FIRST, "")}
        services = {name for name, found in places.items() if (found <= at_home) is not everywhere}
        return {
            f"{row.service}:{operation}"
            for row in catalog.rows()
            for operation in row.operations
            if row.service in services and (row.service, operation) not in self.defects.unanswered
        }

    def answers(self, service: str, operation: str) -> bool:
        """Tell whether a call with made-up arguments gets any answer but a fault of the server."""
        client = self.client(service, (FIRST, HOME))
        model = client.meta.service_model.operation_model(operation)
        given = {
            name: made_up(model.input_shape.members[name])
            for name in getattr(model.input_shape, "required_members", ())
        }
        try:
            getattr(client, xform_name(operation))(**given)
        except ResponseParserError:
            return False
        except ClientError as fault:
            return bool(fault.response["ResponseMetadata"]["HTTPStatusCode"] < 500)
        return True

    def client(self, service: str, place: Place) -> Any:
        """Return the client of a service in a place; the second account is entered by its role."""
        account, region = place
        if (account, service, region) not in self.clients:
            keys = self.admin if account == FIRST else self.role_keys()
            made = client_of(self.endpoint_url, keys, service, region)
            self.clients[account, service, region] = made
        return self.clients[account, service, region]

    def let_in(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Give the role of the second account policies; without, everybody may take it for all."""
        iam = self.client("iam", (SECOND, "us-east-1"))
        for number, document in enumerate(documents):
            name = f"exitkit-{number}"
            made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))
            iam.attach_role_policy(RoleName="exitkit", PolicyArn=made["Policy"]["Arn"])

    def role_keys(self) -> dict[str, str]:
        """Enter the second account."""
        sts = self.client("sts", (FIRST, HOME))
        keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="seed")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }


@dataclass(frozen=True, slots=True)
class Line:
    """One call of the seeding, as the data files spell it."""

    file: str
    row: Mapping[str, Any]

    def needs(self) -> set[str]:
        """Return the names of what other lines keep."""
        # What is found of each item of an answer is named by the item.
        found = None if "each" in self.row else self.row.get("found")
        given = json.dumps([self.row.get("with"), found], default=str)
        own = {"account", "region", *self.row.get("keep", ())}
        return set(re.findall(r"\{([a-z]\w*)\}", given)) - own


@dataclass(slots=True)
class Seeder:
    """Carries out lines, each as soon as there is what it names."""

    accounts: Accounts
    kept: dict[Place, dict[str, str]] = field(default_factory=dict)

    def run(self, lines: list[Line]) -> None:
        """Carry out every line in every place it names."""
        waiting = [(line, place) for line in lines for place in places_of(line)]
        while waiting:
            later = [one for one in waiting if not self.done(*one)]
            if len(later) == len(waiting):
                raise LookupError(f"nothing keeps {sorted(later[0][0].needs())}: {later[0]}")
            waiting = later

    def done(self, line: Line, place: Place) -> bool:
        """Carry out a line unless a name of it is not known yet."""
        names = self.names(place)
        if not line.needs() <= names.keys():
            return False
        service, _, operation = line.row["do"].partition(".")
        try:
            method = getattr(self.accounts.client(service, place), xform_name(operation))
            answer = method(**filled(line.row.get("with", {}), names))
        except (BotoCoreError, ClientError, AttributeError) as fault:
            raise AssertionError(f"{line.file}: {line.row['do']} in {place}: {fault}") from fault
        for name, path in line.row.get("keep", {}).items():
            kept = str(jmespath.search(path, answer))
            # Route 53 alone answers ids with a path in front.
            self.kept.setdefault(place, {})[name] = kept.removeprefix("/hostedzone/")
        each = line.row.get("each")
        for item in jmespath.search(each, answer) or [] if each else [{}]:
            own = item if isinstance(item, dict) else {"Item": item}
            for found in line.row.get("found", ()):
                self.expect(found, place, {**own, **self.names(place)})
        return True

    def names(self, place: Place) -> dict[str, str]:
        """Return what is known at a place: of its own account's home region too."""
        account, region = place
        home = self.kept.get((account, HOME), {})
        return {**home, **self.kept.get(place, {}), "account": account, "region": region}

    def expect(self, found: Mapping[str, Any], place: Place, names: Mapping[str, Any]) -> None:
        """Note what this thing has to be found as."""
        account, region = place
        region = filled(found.get("region", region), names)
        identity = account, region, f"AWS::{found['type']}", filled(found["id"], names)
        assert identity not in self.accounts.expected, identity
        tags = tuple(sorted(filled(found.get("tags", {}), names).items()))
        self.accounts.expected[identity] = Traits(filled(found.get("arn", ""), names), tags)


def client_of(endpoint_url: str, keys: Mapping[str, str], service: str, region: str) -> Any:
    """Return a client that tries once and keeps to the endpoint."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=keys.get("AWS_SESSION_TOKEN"),
        config=Config(
            inject_host_prefix=False,
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )


def made_up(shape: Any) -> Any:
    """Return a value that a parameter of this shape can be sent with."""
    simple = {"integer": 1, "long": 1, "boolean": True, "float": 1.0, "double": 1.0, "map": {}}
    if shape.type_name == "list":
        return [made_up(shape.member)]
    if shape.type_name == "structure":
        return {name: made_up(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "timestamp":
        return 0
    return simple.get(shape.type_name, "made-up")


def places_of(line: Line) -> list[Place]:
    """Return the accounts and regions a line is carried out in."""
    return PLACES[line.row.get("at", "home")]


def filled(value: Any, names: Mapping[str, Any]) -> Any:
    """Put names into every text of a value; a mapping with only `json` becomes JSON as text."""
    if isinstance(value, dict):
        if set(value) == {"json"}:
            return json.dumps(filled(value["json"], names))
        return {key: filled(part, names) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part, names) for part in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\{(\w+)\}", lambda m: str(names.get(m[1], m[0])), value)


def lines_of(file: Path) -> list[Line]:
    """Read the lines of one data file."""
    rows = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [Line(file.name, row) for row in rows]


def defects() -> Defects:
    """Read what the emulator does otherwise than AWS."""
    data = yaml.safe_load((CASES / "emulator.yaml").read_text(encoding="utf-8"))
    wrong = {(f"AWS::{name}", trait) for name, traits in data["wrong"].items() for trait in traits}
    unanswered = {
        (service, name) for service, names in data["unanswered"].items() for name in names
    }
    refused = {name for names in data["refused"].values() for name in names}
    return Defects(frozenset(wrong), frozenset(unanswered), frozenset(refused))


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    """Two accounts of an emulator with all that the data files put there."""
    with aws_account.running() as running:
        accounts = Accounts(running.endpoint_url, running.admin, defects(), running)
        seeder = Seeder(accounts)
        seeder.run(lines_of(CASES / "there-by-itself.yaml"))
        files = sorted((CASES / "services").glob("*.yaml"))
        seeder.run([line for file in files for line in lines_of(file)])
        yield accounts
        # Nothing of it is kept, and to put away a hundred services politely takes long.
        running.process.kill()
