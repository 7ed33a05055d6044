"""Make one AWS call, all its pages, and say in the ledger's words how it ended."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PaginationError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.parsers import ResponseParserError

from exitkit.drivers.aws_rates import UNREACHABLE
from exitkit.drivers.aws_refusals import refused
from exitkit.drivers.deadlines import show_life
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.model.ledger import CallOutcome

T = TypeVar("T")

NO_ADDRESS = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
MOST_PAGES = 20_000
MOST_REPEATS = 2
"""So many times a call is repeated whose answer was cut off."""
FIRST_PAUSE_S = 0.25
"""Before the first repeat; each further one waits twice as long."""
LONGEST_REASON = 300
FAULTS = (
    BotoCoreError, ClientError, ResponseParserError, OSError, KeyError, TypeError, ValueError,
    AttributeError,
)  # fmt: skip
"""What a broken or strange answer can raise out of the SDK; any of it is one failed call."""

NOT_THERE = re.compile(r"NotFound|NoSuch|DoesNotExist|NotExist")
NOT_KNOWN = re.compile(
    r"UnknownOperation|InvalidAction|NotImplemented|UnsupportedOperation|UnknownAction"
)
CREDENTIAL_FAULTS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)


class ForeignAnswerError(ValueError):
    """An answer that is not from AWS, or not all of it."""


class CutOffError(ForeignAnswerError):
    """An answer that ended before its end."""


class EndlessPagesError(ValueError):
    """A call whose pages never end."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call gave nothing; `dead` where the endpoint itself did not answer.

    `unreachable` where it did not even take the call; `nowhere` where no machine has its name.
    """

    outcome: CallOutcome
    reason: str
    code: str = ""
    permission: str = ""
    dead: bool = False
    nowhere: bool = False
    unreachable: bool = False


def pages(
    client: Any, operation: str, arguments: Mapping[str, Any], beat: Callable[[], None]
) -> Iterator[Mapping[str, Any]]:
    """Yield every page of an answer; `beat` after each tells that the call is alive."""
    method = xform_name(operation)
    if not client.can_paginate(method):
        yield getattr(client, method)(**arguments)
        return
    iterator = client.get_paginator(method).paginate(**arguments)
    seen = set()
    for number, page in enumerate(iterator):
        if number >= MOST_PAGES:
            raise EndlessPagesError(f"pagination had not ended after {MOST_PAGES} pages")
        beat()
        yield page
        # The SDK itself only sees a token that comes twice in a row.
        if following := iterator._get_next_token(page):  # noqa: SLF001
            token = hash(json.dumps(following, sort_keys=True, default=str))
            if token in seen:
                raise EndlessPagesError(f"the token of page {number + 1} had come before")
            seen.add(token)


def refuse_other_pages(response_dict: Mapping[str, Any], operation_model: Any, **_: Any) -> None:
    """Raise where something on the way answered in place of AWS: a login page, a cut body.

    The SDK reads such a page as an answer without items, and the estate would look empty.
    """
    body = response_dict.get("body")
    if not isinstance(body, bytes) or response_dict["status_code"] >= 300:
        return
    text = body.strip()
    if text[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise ForeignAnswerError("the answer is a web page")
    whole = text.startswith((b"{", b"[")) and text.endswith((b"}", b"]"))
    if text and not whole and _is_document(operation_model):
        raise CutOffError("the answer is not JSON, or was cut off")


def ask_again_when_cut_off(client: Any) -> None:
    """Let a client repeat a call, after a pause, whose answer did not arrive whole.

    The SDK holds no answer against the length it was promised, and parses it outside of what it
    tries again.
    """
    ask = client._make_api_call  # noqa: SLF001

    def ask_again(operation: str, arguments: Mapping[str, Any]) -> Any:
        for repeats in range(MOST_REPEATS):
            try:
                return ask(operation, arguments)
            except (CutOffError, ResponseParserError):
                show_life()
                time.sleep(FIRST_PAUSE_S * 2**repeats)
        return ask(operation, arguments)

    client._make_api_call = ask_again  # noqa: SLF001


def _is_document(operation_model: Any) -> bool:
    """Tell whether the whole body is JSON: not where one member is the body itself."""
    output = operation_model.output_shape
    if not output or "json" not in operation_model.service_model.resolved_protocol:
        return False
    payload = output.serialization.get("payload")
    if not payload:
        return True
    kind = output.members[payload].type_name
    return kind not in ("blob", "string")


def one_answer(ask: Callable[[], T], operation: str) -> T | Failure:
    """Return what `ask` returns, or why the call failed."""
    try:
        return ask()
    except FAULTS as fault:
        return failure_of(fault, operation)


def failure_of(fault: BaseException, operation: str) -> Failure:
    """Classify a failed call; `operation` is `service:Operation`."""
    if isinstance(fault, ClientError):
        return _refused_or_failed(fault, operation)
    reason = f"{type(fault).__name__}: {_one_line(str(fault))}"
    if isinstance(fault, CREDENTIAL_FAULTS):
        hint = "name a profile in accounts:, or set the SDK's environment variables"
        return Failure(CallOutcome.REFUSED, f"{_one_line(str(fault))}; {hint}")
    if isinstance(fault, PaginationError | EndlessPagesError):
        return Failure(CallOutcome.UNAVAILABLE, f"pages go round in circles: {reason}")
    dead = isinstance(fault, UnreachableError | HTTPClientError | OSError)
    nowhere = dead and _has_no_address(fault)
    return Failure(
        CallOutcome.UNAVAILABLE, reason[:LONGEST_REASON], dead=dead, nowhere=nowhere,
        unreachable=isinstance(fault, UNREACHABLE),
    )  # fmt: skip


def _has_no_address(fault: BaseException) -> bool:
    """Tell whether the name of the host is unknown, and not only out of reach for now."""
    inner = getattr(fault, "kwargs", {}).get("error")
    chain: list[Any] = [fault, inner, getattr(inner, "__cause__", None)]
    return any(isinstance(one, socket.gaierror) and one.errno in NO_ADDRESS for one in chain)


def _refused_or_failed(fault: ClientError, operation: str) -> Failure:
    error = fault.response.get("Error", {})
    code, message = str(error.get("Code", "")), _one_line(str(error.get("Message", "")), 4000)
    status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reason = f"HTTP {status} {code}: {message}"[:LONGEST_REASON]
    catalog = load_catalog()
    if code in catalog.not_in_use:
        return Failure(CallOutcome.NOT_OFFERED, f"the account does not use it ({code})", code)
    service, _, name = operation.partition(":")
    permission = catalog.permission(service, name) if service in catalog.services else operation
    if refusal := refused(code, message, status, permission):
        said = f"{refusal.why}; HTTP {status} {code}: {refusal.message}"[:LONGEST_REASON]
        return Failure(CallOutcome.REFUSED, said, code, refusal.permission)
    if NOT_THERE.search(code) or status == 404:
        return Failure(CallOutcome.EMPTY, reason, code)
    if NOT_KNOWN.search(code) or status == 501:
        return Failure(CallOutcome.UNSUPPORTED, reason, code)
    return Failure(CallOutcome.UNAVAILABLE, reason, code)


def _one_line(text: str, longest: int = LONGEST_REASON) -> str:
    """Return the first words of a message; a page of HTML says no more than its title."""
    if title := re.search(r"<title>(.*?)</title>", text, re.S | re.I):
        text = title.group(1)
    return " ".join(text.split())[:longest]
