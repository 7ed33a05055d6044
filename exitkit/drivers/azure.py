"""Read Azure Resource Manager through the SDK's pipeline: GET, and the one POST that only asks."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from exitkit.errors import InputError

PUBLIC_ENDPOINT = "https://management.azure.com"
TOKEN_VARIABLE = "EXITKIT_AZURE_TOKEN"  # noqa: S105 the variable's name, not a token
PUBLIC_DIRECTORY = "https://graph.microsoft.com"
DIRECTORY_TOKEN_VARIABLE = "EXITKIT_GRAPH_TOKEN"  # noqa: S105 the variable's name, not a token
RETRIES = 4
QUERIES = frozenset({"/providers/Microsoft.ResourceGraph/resources"})
"""The paths at which a POST asks and changes nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request brought; `status` is 0 where nothing came back."""

    status: int
    body: Mapping[str, Any]
    code: str = ""
    message: str = ""
    duration_ms: int = 0


class ArmReader:
    """One session with an ARM endpoint; safe to use from several threads."""

    public_endpoint = PUBLIC_ENDPOINT
    token_variable = TOKEN_VARIABLE
    next_link = "nextLink"

    def __init__(
        self, endpoint_url: str | None, tenant_id: str, environ: Mapping[str, str], deadline_s: int
    ) -> None:
        self.endpoint = (endpoint_url or self.public_endpoint).rstrip("/")
        self._deadline_s = deadline_s
        self._is_plain = urlsplit(self.endpoint).scheme == "http"
        if self._is_plain and not _is_loopback(self.endpoint):
            raise InputError(f"endpoint_url {self.endpoint}: http only on loopback; use https")
        given = environ.get(self.token_variable, "")
        credential = _credential(tenant_id, given)
        self._client = _client(self.endpoint, credential, deadline_s, self.public_endpoint)

    def get(self, path: str, api_version: str) -> Answer:
        """Return one answer for a path below the endpoint."""
        query = urlencode({"api-version": api_version})
        return self._send(f"{self.endpoint}{path}?{query}")

    def text(self, path: str, api_version: str, largest: int) -> tuple[Answer, str]:
        """Return the answer for a path that holds a text and no JSON, and the text."""
        query = urlencode({"api-version": api_version})
        return self._text(f"{self.endpoint}{path}?{query}", largest)

    def pages(self, path: str, api_version: str, only: str = "") -> Iterator[Answer]:
        """Yield every page of a list; the last answer is the failure where one ends it.

        `only` is an OData filter, where the list takes one.
        """
        query = urlencode({"api-version": api_version, **({"$filter": only} if only else {})})
        yield from self._followed(self._send(f"{self.endpoint}{path}?{query}"))

    def _followed(self, answer: Answer) -> Iterator[Answer]:
        while True:
            yield answer
            link = str(answer.body.get(self.next_link) or "")
            if answer.status != 200 or not link:
                return
            if not link.startswith(self.endpoint + "/"):
                # Our token would go wherever the link points.
                yield Answer(
                    0, {}, "ForeignNextLink", f"the next page is at {urlsplit(link).netloc}"
                )
                return
            answer = self._send(link)

    def query(self, path: str, api_version: str, body: Mapping[str, Any]) -> Answer:
        """Return the answer to a question asked by POST; an InputError for any other POST."""
        if path not in QUERIES:
            raise InputError(f"{path}: not a query; ARM is only read")
        query = urlencode({"api-version": api_version})
        return self._send(f"{self.endpoint}{path}?{query}", body)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _text(self, url: str, largest: int) -> tuple[Answer, str]:
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.core.rest import HttpRequest

        started = time.monotonic()
        try:
            response = self._client.send_request(
                HttpRequest("GET", url), enforce_https=not self._is_plain,
                connection_timeout=self._deadline_s, read_timeout=self._deadline_s,
            )  # fmt: skip
            body = response.content
        except ClientAuthenticationError as error:
            return _failed(401, "AuthenticationFailed", error, started), ""
        except (AzureError, OSError) as error:
            return _failed(0, type(error).__name__, error, started), ""
        if response.status_code != 200:
            return _refused(response.status_code, body, started), ""
        if len(body) > largest:
            said = f"it has {len(body)} bytes; {largest} are read at most"
            return Answer(0, {}, "TooLarge", said, _since(started)), ""
        return Answer(200, {}, duration_ms=_since(started)), body.decode("utf-8-sig", "replace")

    def _send(self, url: str, question: Mapping[str, Any] | None = None) -> Answer:
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.core.rest import HttpRequest

        started = time.monotonic()
        try:
            response = self._client.send_request(
                HttpRequest("GET", url) if question is None
                else HttpRequest("POST", url, json=question),
                enforce_https=not self._is_plain,
                connection_timeout=self._deadline_s, read_timeout=self._deadline_s,
            )  # fmt: skip
            body = response.json() if response.content else {}
        except ClientAuthenticationError as error:
            return Answer(401, {}, "AuthenticationFailed", _first_line(error), _since(started))
        except (AzureError, ValueError, OSError) as error:
            return Answer(0, {}, type(error).__name__, _first_line(error), _since(started))
        body = body if isinstance(body, dict) else {"value": body}
        fault = body.get("error") if response.status_code >= 400 else None
        fault = fault if isinstance(fault, dict) else {}
        return Answer(
            response.status_code, body, str(fault.get("code", "")),
            _first_line(fault.get("message", "")), _since(started),
        )  # fmt: skip


def _failed(status: int, code: str, error: Exception, started: float) -> Answer:
    return Answer(status, {}, code, _first_line(error), _since(started))


def _refused(status: int, body: bytes, started: float) -> Answer:
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    fault = told.get("error") if isinstance(told, dict) else None
    fault = fault if isinstance(fault, dict) else {}
    message = _first_line(fault.get("message", ""))
    return Answer(status, {}, str(fault.get("code", "")), message, _since(started))


class DirectoryReader(ArmReader):
    """One session with Microsoft Graph, which has a token and pages of its own."""

    public_endpoint = PUBLIC_DIRECTORY
    token_variable = DIRECTORY_TOKEN_VARIABLE
    next_link = "@odata.nextLink"

    def listed(self, path: str) -> Iterator[Answer]:
        """Yield every page of a list at a path with its query; the last may be the failure."""
        yield from self._followed(self._send(f"{self.endpoint}{path}"))


def _client(endpoint: str, credential: Any, deadline_s: int, audience: str) -> Any:
    from azure.core.pipeline import policies
    from azure.mgmt.resource.resources import ResourceManagementClient

    # The SDK's own policies would register a resource provider by POST where one is missing,
    # and follow redirects with our token.
    chain = [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy("exitkit", sdk_moniker="exitkit"),
        policies.RetryPolicy(
            retry_total=RETRIES, retry_backoff_factor=0.4, timeout=deadline_s
        ),
        policies.BearerTokenCredentialPolicy(credential, f"{audience}/.default"),
    ]  # fmt: skip
    return ResourceManagementClient(
        credential, "00000000-0000-0000-0000-000000000000", base_url=endpoint, policies=chain
    )


def _credential(tenant_id: str, given: str) -> Any:
    if given:
        return _GivenToken(given)
    from azure.identity import DefaultAzureCredential

    wanted = {"additionally_allowed_tenants": [tenant_id]} if tenant_id else {}
    return DefaultAzureCredential(**wanted)


class _GivenToken:
    """A token somebody fetched (`az account get-access-token`); it is not renewed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_: str, **__: Any) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken(self._token, int(time.time()) + 3600)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[0][:300] if lines else ""


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
