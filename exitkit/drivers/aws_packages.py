"""Download the packages AWS hands out by address: code and layers of functions."""

from __future__ import annotations

import base64
import hashlib
import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from exitkit.drivers.aws_calls import FAULTS, Failure, failure_of
from exitkit.drivers.aws_kept import key_of
from exitkit.drivers.aws_reading import BLOCK, Reading
from exitkit.drivers.deadlines import Beat
from exitkit.model.ledger import CallOutcome

LAYER = "AWS::Lambda::LayerVersion"
GET_FUNCTION, GET_LAYER = "lambda:GetFunction", "lambda:GetLayerVersion"


@dataclass(frozen=True, slots=True)
class Package:
    """A file from an address of the provider, and its SHA-256 in base64 as Lambda writes it."""

    spooled: Path
    size_bytes: int
    sha256_base64: str


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuse to be sent elsewhere: the address was checked, the next one would not be."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return no request to follow."""


def read_code(reading: Reading) -> Package | Failure:
    """Return the code of a function or layer version, checked against the digest AWS gives.

    Whatever is over `max_file_bytes`, over the budget, or at an address that is not the provider's
    is left out, and the ledger says so.
    """
    limits, config = reading.context.limits, reading.asset.config
    if reading.asset.ref.native_type == LAYER:
        operation = GET_LAYER
        arguments = {"LayerName": config["LayerName"], "VersionNumber": int(config["Version"])}
    else:
        operation, arguments = GET_FUNCTION, {"FunctionName": reading.asset.ref.native_id}

    def download(beat: Beat) -> Package | Failure:
        try:
            (answer,) = reading.ask(operation, arguments)
            held = answer["Content"] if operation == GET_LAYER else answer["Code"]
            expected = {**held, **answer.get("Configuration", {})}.get("CodeSha256")
            beat()
            if failure := address_fault(held["Location"], reading.account.endpoint_url):
                return failure
            package = _kept(reading, expected) or _download(held["Location"], reading, beat)
        except (*FAULTS, http.client.HTTPException) as fault:
            return failure_of(_without_signature(fault), operation)
        if isinstance(package, Package) and expected not in (None, package.sha256_base64):
            return Failure(
                CallOutcome.UNAVAILABLE, "the package handed out is not the one deployed"
            )
        return package

    ((_, answer),) = reading.within_deadline([download])
    if isinstance(answer, Package):
        most = limits.inline_data_bytes
        if not reading.context.budget.claim(answer.size_bytes, most):
            reason = f"the package goes beyond limits.inline_data_bytes, {most} for the source"
            answer = Failure(CallOutcome.EXCLUDED, reason)
    failure = answer if isinstance(answer, Failure) else None
    reading.note(operation, 0 if failure else 1, failure)
    return answer


def keep_code(reading: Reading, package: Package) -> None:
    """Keep a package for the next start; only one that was found to hold no secret."""
    sha256 = base64.b64decode(package.sha256_base64).hex()
    known = {"size_bytes": package.size_bytes}
    reading.kept.keep(_kept_as(package.sha256_base64), package.spooled, sha256, known)


def _kept(reading: Reading, sha256_base64: str | None) -> Package | None:
    spooled = reading.spool("package")
    if sha256_base64 and (known := reading.kept.take(_kept_as(sha256_base64), spooled)):
        return Package(spooled, known["size_bytes"], sha256_base64)
    return None


def _kept_as(sha256_base64: str) -> str:
    return key_of("package", sha256_base64)


def address_fault(address: str, endpoint_url: str | None) -> Failure | None:
    """Say why nothing may be fetched from an address, or nothing.

    A stand-in for AWS has to serve packages itself; many name an address of the real one instead.
    """
    parts = urlsplit(address)
    if endpoint_url:
        own = urlsplit(endpoint_url)
        if (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            reason = f"the package lies at {parts.hostname}, which is not this endpoint"
            return Failure(CallOutcome.EXCLUDED, reason)
    elif parts.scheme != "https" or not parts.hostname:
        reason = f"the address of the package is {parts.scheme or 'nothing'}:, not https:"
        return Failure(CallOutcome.UNAVAILABLE, reason)
    return None


def _download(address: str, reading: Reading, beat: Beat) -> Package | Failure:
    digest, size = hashlib.sha256(), 0
    limits, spooled = reading.context.limits, reading.spool("package")
    most_bytes = limits.max_file_bytes
    opener = urllib.request.build_opener(_NoRedirects)
    with (
        opener.open(address, timeout=limits.call_deadline_s) as answer,
        spooled.open("wb") as out,
    ):
        while block := answer.read(BLOCK):
            size += len(block)
            if size > most_bytes:
                reason = f"the package is larger than limits.max_file_bytes, {most_bytes}"
                return Failure(CallOutcome.EXCLUDED, reason)
            out.write(block)
            digest.update(block)
            beat()
    return Package(spooled, size, base64.b64encode(digest.digest()).decode())


def _without_signature(fault: BaseException) -> BaseException:
    """Return a fault whose text holds no address: a signed one is a key for some minutes."""
    if isinstance(fault, urllib.error.HTTPError):
        return OSError(f"HTTP {fault.code} at {urlsplit(fault.url or '').hostname}")
    if isinstance(fault, http.client.HTTPException):
        return OSError(type(fault).__name__)
    return fault
