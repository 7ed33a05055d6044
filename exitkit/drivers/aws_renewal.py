"""Renew credentials that AWS calls expired before their time, and ask again."""

from __future__ import annotations

import datetime as dt
import re
import threading
from typing import Any

from botocore.credentials import RefreshableCredentials

EXPIRED = re.compile(r"ExpiredToken|TokenRefreshRequired")
RENEWALS = 2
"""So many times one call asks again; then the refusal stands."""
LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def renew_when_expired(client: Any) -> None:
    """Let a client whose credentials can renew themselves do so when AWS wants new ones."""
    credentials = client._request_signer._credentials  # noqa: SLF001
    if not isinstance(credentials, RefreshableCredentials):
        return
    sent = threading.local()

    def before_send(request: Any, **_: Any) -> None:
        token = request.headers.get("X-Amz-Security-Token", "")
        sent.token = token.decode() if isinstance(token, bytes) else token

    def after(response: Any = None, attempts: int = 1, **_: Any) -> float | None:
        if response is None or attempts > RENEWALS:
            return None
        parsed = response[1] if isinstance(response[1], dict) else {}
        if not EXPIRED.search(str(parsed.get("Error", {}).get("Code", ""))):
            return None
        _let_expire(credentials, sent.token)
        return 0.0

    client.meta.events.register_first("before-send", before_send)
    client.meta.events.register_first("needs-retry", after)


def _let_expire(credentials: RefreshableCredentials, token: str) -> None:
    """Mark a token as expired, unless another thread has renewed it since it was sent."""
    with credentials._refresh_lock:  # noqa: SLF001
        if credentials._token == token:  # noqa: SLF001
            credentials._expiry_time = LONG_AGO  # noqa: SLF001
