"""Answer like Azure Resource Manager and its directory: paging, case, faults, throttling."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, request
from werkzeug.serving import BaseWSGIServer, make_server

from exitkit.demo import arm_estate

HOST = "127.0.0.1"
TOKEN_VARIABLE = "EXITKIT_AZURE_TOKEN"  # noqa: S105 - the variable's name
USERS = "/v1.0/users"
GRAPH = "/providers/Microsoft.ResourceGraph/resources"
STOPS = (signal.SIGINT, signal.SIGTERM)
LIST_MEMBERS = ("id", "name", "type", "location", "tags", "sku", "kind", "managedBy", "identity")


class ArmServer:
    """An ARM endpoint that answers GET and Resource Graph; `requests` is every request it saw.

    Ids that contain one of `refused` (lower case) are answered 403; `throttled` further requests
    are answered 429 with Retry-After. Resource Graph also knows the `hidden`, which no list shows.
    Microsoft Graph tells the `users` to the same token, or refuses with `directory_fault`.
    """

    def __init__(self, token: str, page_size: int = 7, refused: Iterable[str] = ()) -> None:
        self.token = token
        self.page_size = page_size
        self.refused = tuple(refused)
        self.throttled = 0
        self.requests: list[tuple[str, str]] = []
        self.resources: dict[str, Mapping[str, Any]] = {}
        self.texts: dict[str, str] = {}
        self.hidden: set[str] = set()
        self.users: list[Mapping[str, Any]] = []
        self.directory_fault = ""
        self.api_versions: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._server: BaseWSGIServer | None = None

    @property
    def endpoint(self) -> str:
        """The address for `endpoint_url`."""
        if self._server is None:
            return ""
        return f"http://{HOST}:{self._server.port}"

    def put(self, body: Mapping[str, Any]) -> None:
        """Keep one thing under its id, whatever case it is asked for in."""
        self.resources[str(body["id"]).lower()] = body

    def put_text(self, place: str, text: str) -> None:
        """Keep a text that is no JSON, such as the content of a runbook."""
        self.texts[place.lower()] = text

    def start(self, port: int = 0) -> ArmServer:
        """Listen on a free port of loopback, or on `port`."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        app = Flask("arm")
        app.before_request(self._gate)
        app.add_url_rule("/<path:path>", view_func=self._answer, methods=["GET"])
        app.add_url_rule(USERS, view_func=self._directory, methods=["GET"])
        app.add_url_rule(GRAPH, view_func=self._graph, methods=["POST"])
        self._server = make_server(HOST, port, app, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _gate(self) -> Response | None:
        with self._lock:
            self.requests.append((request.method, request.path))
            throttled, self.throttled = self.throttled, max(0, self.throttled - 1)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _fault(401, "InvalidAuthenticationToken", "The access token is invalid.")
        if throttled:
            answer = _fault(429, "TooManyRequests", "The request is being throttled.")
            answer.headers["Retry-After"] = "1"
            return answer
        if request.method != "GET" and (request.method, request.path) != ("POST", GRAPH):
            return _fault(405, "MethodNotAllowed", f"{request.method} is not supported here.")
        if request.path != USERS and "api-version" not in request.args:
            text = "The api-version query parameter (?api-version=) is required for all requests."
            return _fault(400, "MissingApiVersionParameter", text)
        return None

    def _answer(self, path: str) -> Response:
        place = f"/{path}".lower().rstrip("/")
        parts = place.split("/")[1:]
        if any(refused in place for refused in self.refused):
            return self._forbidden(place)
        if place == "/subscriptions":
            return self._page(self._of_depth("subscriptions"))
        if place in self.texts:
            return Response(self.texts[place], mimetype="text/powershell")
        if place.endswith("/content"):
            return _fault(404, "NotFound", "The Runbook has no published version.")
        root = "/".join(["", *parts[:2]])
        if root not in self.resources:
            text = f"The subscription '{parts[1]}' could not be found."
            return _fault(404, "SubscriptionNotFound", text)
        rest = "/".join(parts[2:])
        if rest == "providers":
            return self._page(self._providers())
        if rest == "resourcegroups":
            return self._page(self._of_depth("resourcegroups", below=root))
        if rest == "resources":
            listed = self._of_depth("*", below=root)
            shown = (body for body in listed if str(body["id"]).lower() not in self.hidden)
            return self._page([_as_listed(body) for body in shown])
        if len(parts) % 2 and "providers" in parts:
            # An odd number of segments ends in a collection: .../providers/<namespace>/<type>.
            return self._page([b for i, b in self.resources.items() if i.startswith(place + "/")])
        return self._one(place)

    def _directory(self) -> Response:
        if self.directory_fault:
            return _fault(403, self.directory_fault, "The directory refuses.")
        skip = int(request.args.get("$skiptoken", "0"))
        answer: dict[str, Any] = {"value": self.users[skip : skip + self.page_size]}
        if skip + self.page_size < len(self.users):
            query = {**request.args, "$skiptoken": str(skip + self.page_size)}
            answer["@odata.nextLink"] = f"{self.endpoint}{USERS}?{urlencode(query)}"
        return jsonify(answer)

    def _graph(self) -> Response:
        asked = request.get_json()
        below = tuple(f"/subscriptions/{one}/".lower() for one in asked["subscriptions"])
        rows = [
            {member: body.get(member) for member in LIST_MEMBERS}
            for body in self._of_depth("*")
            if str(body["id"]).lower().startswith(below)
        ]
        skip = int(asked["options"].get("$skipToken", "0"))
        answer: dict[str, Any] = {"data": rows[skip : skip + self.page_size]}
        if skip + self.page_size < len(rows):
            answer["$skipToken"] = str(skip + self.page_size)
        return jsonify(answer)

    def _one(self, place: str) -> Response:
        body = self.resources.get(place)
        if body is None:
            return _fault(404, "ResourceNotFound", f"The Resource '{place}' was not found.")
        versions = self.api_versions.get(str(body.get("type", "")).lower())
        given = request.args["api-version"]
        if versions and given not in versions:
            text = f"No registered resource provider found for API version '{given}'."
            return _fault(400, "NoRegisteredProviderFound", text)
        return jsonify(body)

    def _forbidden(self, place: str) -> Response:
        native_type = str(self.resources.get(place, {}).get("type", "Microsoft.Resources/lists"))
        text = (
            f"The client 'collector' does not have authorization to perform action "
            f"'{native_type}/read' over scope '{place}' or the scope is invalid."
        )
        return _fault(403, "AuthorizationFailed", text)

    def _of_depth(self, what: str, below: str = "") -> list[Mapping[str, Any]]:
        found = []
        for place, body in self.resources.items():
            parts = place.split("/")[1:]
            is_resource = "providers" in parts and parts[2] == "resourcegroups"
            kind = "*" if is_resource else parts[-2]
            if kind == what and place.startswith(below):
                found.append(body)
        return found

    def _providers(self) -> list[Mapping[str, Any]]:
        spaces: dict[str, list[dict[str, Any]]] = {}
        for native_type, versions in self.api_versions.items():
            namespace, _, kind = native_type.partition("/")
            row = {"resourceType": kind, "apiVersions": list(versions), "locations": []}
            spaces.setdefault(namespace, []).append(row)
        return [{"namespace": name, "resourceTypes": rows} for name, rows in spaces.items()]

    def _page(self, rows: list[Mapping[str, Any]]) -> Response:
        skip = int(request.args.get("$skiptoken", "0"))
        answer: dict[str, Any] = {"value": rows[skip : skip + self.page_size]}
        if skip + self.page_size < len(rows):
            query = {**request.args, "$skiptoken": str(skip + self.page_size)}
            answer["nextLink"] = f"{self.endpoint}{request.path}?{urlencode(query)}"
        return jsonify(answer)


def _as_listed(body: Mapping[str, Any]) -> dict[str, Any]:
    return {member: body[member] for member in LIST_MEMBERS if member in body}


def _fault(status: int, code: str, message: str) -> Response:
    answer = jsonify({"error": {"code": code, "message": message}})
    answer.status_code = status
    return answer


def main() -> None:
    """Serve the seeded subscription on the port given until somebody sends a signal."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    server = ArmServer(os.environ[TOKEN_VARIABLE])
    arm_estate.seed(server)
    server.start(int(sys.argv[1]))
    signal.sigwait(STOPS)
    server.stop()


if __name__ == "__main__":
    main()
