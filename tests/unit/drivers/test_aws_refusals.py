"""Read the refusals of AWS from the bytes it sends: the permission, and who refused it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore import parsers
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel

from exitkit.drivers.aws_calls import LONGEST_REASON, failure_of
from exitkit.model.ledger import CallOutcome

FILE = Path(__file__).parents[2] / "cases/aws/refusals.yaml"
CASES = yaml.safe_load(FILE.read_text(encoding="utf-8"))


@cache
def service_model(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def error_of(case: dict[str, Any]) -> ClientError:
    """Make the exception the SDK makes of these bytes."""
    service, operation = case["call"].split(":")
    model = service_model(service)
    answer = {
        "status_code": case["status"],
        "headers": case.get("headers", {}),
        "body": case["body"].encode(),
    }
    parser = parsers.create_parser(model.resolved_protocol)
    parsed = parser.parse(answer, model.operation_model(operation).output_shape)
    return ClientError(parsed, operation)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_refusal_names_the_permission_and_who_refused_it(case: dict[str, Any]) -> None:
    failure = failure_of(error_of(case), case["call"])
    assert failure.outcome is CallOutcome.REFUSED
    assert failure.permission.lower() == case["permission"].lower()
    assert case["says"] in failure.reason
    assert case.get("hides", "\n") not in failure.reason
    assert len(failure.reason) <= LONGEST_REASON


def test_an_error_that_is_no_refusal_stays_what_it_is() -> None:
    error = ClientError(
        {
            "Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        },
        "ListTables",
    )
    assert failure_of(error, "dynamodb:ListTables").outcome is CallOutcome.UNAVAILABLE
