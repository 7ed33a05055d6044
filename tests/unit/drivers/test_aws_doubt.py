"""A host that does not exist settles a doubt about a region, and nothing else."""

from __future__ import annotations

import socket

import pytest
from botocore.exceptions import EndpointConnectionError
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NameResolutionError

from exitkit.drivers.aws_calls import failure_of
from exitkit.drivers.aws_plan import Ask
from exitkit.drivers.aws_sweep import _in_doubt
from exitkit.model.ledger import Call, CallOutcome

DOUBT = "asked in doubt: no data says whether there is sqs in eu-west-9"
HOST = "sqs.eu-west-9.amazonaws.com"


def unreachable(number: int) -> EndpointConnectionError:
    """Make what the SDK raises where the resolver answers with this error."""
    cause = socket.gaierror(number, "as the resolver says")
    error = NameResolutionError(HOST, HTTPConnection(HOST), cause)
    error.__cause__ = cause
    return EndpointConnectionError(endpoint_url=f"https://{HOST}/", error=error)


@pytest.mark.parametrize(
    ("number", "nowhere"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False)]
)
def test_only_a_name_that_does_not_exist_is_nowhere(number: int, nowhere: bool) -> None:
    failure = failure_of(unreachable(number), "sqs:ListQueues")
    assert (failure.outcome, failure.dead) == (CallOutcome.UNAVAILABLE, True)
    assert failure.nowhere is nowhere


@pytest.mark.parametrize(
    ("nowhere", "outcome"), [(True, CallOutcome.NOT_OFFERED), (False, CallOutcome.UNAVAILABLE)]
)
def test_the_line_says_what_was_in_doubt_and_whether_it_is_settled(
    nowhere: bool, outcome: CallOutcome
) -> None:
    line = Call("prod", "1", "eu-west-9", "sqs:ListQueues", CallOutcome.UNAVAILABLE, reason="x")
    ask = Ask("sqs", "ListQueues", "eu-west-9", {}, (), doubt=DOUBT)
    settled = _in_doubt(line, ask, nowhere=nowhere)
    assert settled.outcome is outcome
    assert DOUBT in settled.reason
