"""Serve the demo's AWS account: the emulator, with its check of who may do what put right."""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import Any

import flask
from moto.iam.access_control import IAMPolicyStatement, IAMRequest
from moto.server import main

_emulators_own = IAMRequest._create_aws_request  # noqa: SLF001
_emulators_init = IAMRequest.__init__


def _signed_request(self: Any) -> Any:
    """Rebuild a request as its sender signed it.

    The emulator signs the decoded query string, or the headers, in place of the empty body of a
    GET, and so refuses every caller of a REST service once it checks signatures.
    """
    request = _emulators_own(self)
    if self._method == "GET":
        request.data = b""
        request.params = list(flask.request.args.items(multi=True))
    return request


def _named_request(self: Any, *arguments: Any, **named: Any) -> None:
    """Name the action as IAM does.

    The emulator takes the name a service is signed for, which is not that of its actions.
    """
    _emulators_init(self, *arguments, **named)
    if self._action.startswith("tagging:"):
        self._action = self._action.replace("tagging:", "tag:", 1)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(f"^{text.replace('*', '.*')}$")


def _matched(pattern: str, text: str) -> re.Match[str] | None:
    """Compare as the emulator does, with each pattern read once.

    Our policies have more actions than patterns are remembered: each call read all of them anew.
    """
    return _pattern(pattern).match(text)


if __name__ == "__main__":
    IAMPolicyStatement._match = staticmethod(_matched)  # noqa: SLF001
    IAMRequest.__init__ = _named_request
    IAMRequest._create_aws_request = _signed_request  # noqa: SLF001
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
