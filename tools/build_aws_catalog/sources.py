"""Read what the installed botocore and cfn-lint say: operations, registry schemas, IAM formats."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from tools.build_aws_catalog.nouns import READ_VERB

PSEUDO = re.compile(
    r"^(AWS::Serverless|AWS::CDK|AWS::GammaDilithium|AMZN|Alexa"
    r"|AWS::CloudFormation::(CustomResource|Macro|WaitCondition))"
)
"""Types that stand for no thing in an account."""

# Calls that hand out what must stay where it is: secret values, objects, credentials, items.
NEVER = re.compile(
    r"^(Batch)?Get("
    r"SecretValue|Parameters?|ParametersByPath|ParameterHistory|Object|ObjectTorrent|PasswordData"
    r"|RandomPassword|Item|Records?|DataKey.*|.*AuthorizationToken|.*Credentials?|SessionToken"
    r"|FederationToken|Function|.*Password|WebIdentityToken)$"
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One read operation of a service, as far as the generator looks at it."""

    name: str
    required: tuple[str, ...]
    input_members: Mapping[str, str]
    output: str
    result_keys: tuple[str, ...]
    paginated: bool
    deprecated: bool


class Model:
    """The botocore model of one service."""

    def __init__(self, name: str, loader: Loader) -> None:
        self.name = name
        self.document: dict[str, Any] = loader.load_service_model(name, "service-2")
        self.shapes: dict[str, dict[str, Any]] = self.document["shapes"]
        self.metadata: dict[str, Any] = self.document["metadata"]
        try:
            self.pagination = loader.load_service_model(name, "paginators-1")["pagination"]
        except UnknownServiceError:
            self.pagination = {}

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """The read operations with an answer, without those that hand out secrets or data."""
        return {
            name: self._operation(name, row)
            for name, row in self.document["operations"].items()
            if "output" in row and READ_VERB.match(name) and not NEVER.match(name)
        }

    def _operation(self, name: str, row: Mapping[str, Any]) -> Operation:
        shape = self.shapes[row["input"]["shape"]] if "input" in row else {}
        page = self.pagination.get(name, {})
        keys = page.get("result_key") or []
        return Operation(
            name=name,
            required=tuple(shape.get("required", ())),
            input_members={key: ref["shape"] for key, ref in shape.get("members", {}).items()},
            output=row["output"]["shape"],
            result_keys=tuple(keys if isinstance(keys, list) else [keys]),
            paginated=bool(page),
            deprecated=bool(row.get("deprecated")),
        )

    def lists(self, operation: Operation) -> Iterator[tuple[str, str, str]]:
        """Yield (path, element type, element shape) of each list in an answer, two deep."""
        yield from self._lists(operation.output, "", 0)

    def _lists(self, shape: str, prefix: str, depth: int) -> Iterator[tuple[str, str, str]]:
        for key, ref in self.shapes[shape].get("members", {}).items():
            member = self.shapes[ref["shape"]]
            path = f"{prefix}.{key}" if prefix else key
            if member["type"] == "list":
                element = member["member"]["shape"]
                kind = self.shapes[element]["type"]
                yield f"{path}[]", kind, element
                if kind == "structure" and depth < 2:
                    inner = self._lists(element, f"{path}[]", depth + 1)
                    yield from (found for found in inner if "[]" in found[0][len(path) + 2 :])
            elif member["type"] == "map" and depth == 0:
                element = member["value"]["shape"]
                yield f"values({path})", self.shapes[element]["type"], element
            elif member["type"] == "structure" and depth == 0:
                yield from self._lists(ref["shape"], path, depth + 1)


class Sources:
    """All that the generator reads."""

    def __init__(self) -> None:
        loader = Loader()
        names = loader.list_available_services("service-2")
        self.models = {name: Model(name, loader) for name in names}
        self.endpoints: dict[str, Any] = loader.load_data("endpoints")
        data = Path(str(files("cfnlint"))) / "data"
        schemas = [json.loads(p.read_text()) for p in (data / "schemas/resources").glob("*.json")]
        self.schemas: dict[str, dict[str, Any]] = {
            schema["typeName"]: schema
            for schema in sorted(schemas, key=lambda schema: str(schema["typeName"]))
            if not PSEUDO.match(schema["typeName"])
        }
        self.policies: dict[str, Any] = json.loads(
            (data / "AdditionalSpecs/Policies.json").read_text()
        )

    @staticmethod
    def versions() -> dict[str, str]:
        """The versions that make the output what it is."""
        return {name: importlib.metadata.version(name) for name in ("botocore", "cfn-lint")}


def handler_permissions(schema: Mapping[str, Any], handler: str) -> list[str]:
    """Return the IAM actions a registry handler says it needs."""
    row = (schema.get("handlers") or {}).get(handler) or {}
    return [action for action in row.get("permissions") or [] if ":" in action]


def identifier_leaves(schema: Mapping[str, Any]) -> list[str]:
    """Return the property names of a type's primary identifier, nested ones with their path."""
    return [
        path.split("/properties/", 1)[-1].replace("/properties/", "/")
        for path in schema.get("primaryIdentifier") or []
    ]
