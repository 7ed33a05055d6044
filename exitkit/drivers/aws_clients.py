"""Make AWS clients that only read, patient enough for a large account and cheap to make."""

from __future__ import annotations

import datetime as dt
import threading
import weakref
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.session
from botocore.config import Config

from exitkit.drivers.aws_calls import ask_again_when_cut_off, refuse_other_pages
from exitkit.drivers.aws_models import ReadOnlyLoader
from exitkit.drivers.aws_parsers import CompiledParserFactory
from exitkit.drivers.aws_rates import Bucket, attach
from exitkit.drivers.aws_renewal import renew_when_expired
from exitkit.drivers.aws_tls import share_tls
from exitkit.ports import Limits

CONNECT_S = 1.5
"""The farthest region answers in 0.4 s, and in 1.4 s where the first packet was lost."""

_buckets: weakref.WeakValueDictionary[tuple[int, str, str], Bucket] = weakref.WeakValueDictionary()
"""A bucket lives as long as a client holds it: accounts and regions that are done cost nothing."""
_parsers: weakref.WeakKeyDictionary[ReadOnlyLoader, CompiledParserFactory] = (
    weakref.WeakKeyDictionary()
)
"""Accounts that share their models share what is compiled of them."""
_lock = threading.Lock()


def reading_session(
    session: botocore.session.Session, loader: ReadOnlyLoader
) -> botocore.session.Session:
    """Return the session with models that only read, and with timestamps as AWS wrote them."""
    session.register_component("data_loader", loader)
    # The service's own text is better evidence than a value we made of it, and parsing dates is
    # close to half of what reading an answer costs.
    with _lock:
        parsers = _parsers.setdefault(loader, CompiledParserFactory(timestamp))
    session.register_component("response_parser_factory", parsers)
    return session


def create_client(
    session: botocore.session.Session,
    service: str,
    region: str,
    endpoint: str | None,
    limits: Limits,
) -> Any:
    """Return a new client of one service in one region; not safe to call from two threads."""
    config = Config(
        connect_timeout=min(CONNECT_S, limits.call_deadline_s),
        read_timeout=limits.call_deadline_s,
        retries={"mode": "standard", "total_max_attempts": 4},
        max_pool_connections=limits.workers,
        parameter_validation=False,
        user_agent_extra="exitkit",
        # A stand-in for AWS answers at one address, whatever the account or bucket.
        inject_host_prefix=not endpoint,
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    client = session.create_client(
        service, region_name=region, endpoint_url=endpoint or None, config=config
    )
    client.meta.events.register("before-parse", refuse_other_pages)
    ask_again_when_cut_off(client)
    share_tls(client)
    attach(client, bucket_of(session, service, region))
    renew_when_expired(client)
    return client


def bucket_of(session: botocore.session.Session, service: str, region: str) -> Bucket:
    """Return the one bucket of a service in a region; a session stands for an account."""
    with _lock:
        return _buckets.setdefault((id(session), service, region), Bucket())


def timestamp(value: object) -> str:
    """Return a timestamp as ISO 8601 text; one that already is stays byte for byte."""
    text = str(value)
    try:
        seconds = float(text)
    except ValueError:
        if text[:4].isdigit() and text[4:5] == "-":
            return text
        return parsedate_to_datetime(text).astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    moment = dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
