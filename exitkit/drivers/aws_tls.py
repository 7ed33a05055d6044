"""Read the file of trusted certificates once a process, not once for every connection to AWS."""

from __future__ import annotations

import ssl
import threading
from typing import Any

from botocore.httpsession import create_urllib3_context, get_cert_path

_contexts: dict[str, ssl.SSLContext] = {}
_lock = threading.Lock()


class _TrustReadOnce(ssl.SSLContext):
    """A context that reads each file of certificates once; urllib3 asks at every connection."""

    seen: set[tuple[Any, ...]]

    def load_verify_locations(
        self, cafile: Any = None, capath: Any = None, cadata: Any = None
    ) -> None:
        named = (str(cafile), str(capath), str(cadata))
        if named not in self.__dict__.setdefault("seen", set()):
            super().load_verify_locations(cafile, capath, cadata)
            self.seen.add(named)


def share_tls(client: Any) -> None:
    """Let a client use the context of all clients that trust the same certificates.

    One that shows a certificate of its own, or does not look at the server's, keeps its own.
    """
    session = client._endpoint.http_session  # noqa: SLF001
    trusted = getattr(session, "_verify", None)
    if not trusted or getattr(session, "_cert_file", None):
        return
    session._manager.connection_pool_kw["ssl_context"] = _context(str(get_cert_path(trusted)))  # noqa: SLF001


def _context(trusted: str) -> ssl.SSLContext:
    with _lock:
        if trusted not in _contexts:
            # With the settings the SDK would make, on a class that remembers what it has read.
            plain = create_urllib3_context()
            context = _TrustReadOnce(ssl.PROTOCOL_TLS_CLIENT)
            context.options |= plain.options
            context.check_hostname = plain.check_hostname
            context.verify_mode = plain.verify_mode
            context.post_handshake_auth = plain.post_handshake_auth
            context.load_verify_locations(trusted)
            _contexts[trusted] = context
        return _contexts[trusted]
