"""Ask AWS no faster than it likes, and leave an endpoint alone that is not there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError

from exitkit.drivers.deadlines import show_life

CALLS_PER_S = 20.0
BURST = 100.0
"""What EC2 grants to calls that only read, per account and region; nobody else is known to be
stricter by default and says so."""
SLOWEST_PER_S = 0.5
LONGEST_PAUSE_S = 30.0
WAIT_S = 0.5
ROUNDING = 1e-6
"""So near to a whole call that waiting for the rest may not move the clock at all."""
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException",
        "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
        "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown",
        "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
        "TransactionInProgressException",
    }
)  # fmt: skip
UNREACHABLE = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
CONNECT_ATTEMPTS = 2


@dataclass(slots=True, weakref_slot=True)
class Bucket:
    """The calls that one service of one account lets us make in one region.

    A throttled answer halves the rate and may ask for a pause; answers that come bring it back.
    """

    per_s: float = CALLS_PER_S
    tokens: float = BURST
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = time.sleep
    throttled: int = 0
    _limit_per_s: float = field(init=False)
    _filled_at: float = field(init=False)
    _closed_until: float = field(init=False, default=0.0)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._limit_per_s = self.per_s
        self._filled_at = self.clock()

    def take(self) -> None:
        """Wait until one more call may be made."""
        while (seconds := self._taken_or_wait_s()) > 0:
            # In short steps: a wait is no silence of the call.
            self.wait(min(seconds, WAIT_S))
            show_life()

    def _taken_or_wait_s(self) -> float:
        with self._lock:
            now = self.clock()
            self.tokens = min(BURST, self.tokens + (now - self._filled_at) * self.per_s)
            self._filled_at = now
            if now < self._closed_until:
                return self._closed_until - now
            if self.tokens < 1 - ROUNDING:
                return (1 - self.tokens) / self.per_s
            self.tokens -= 1
            return 0.0

    def slow_down(self, pause_s: float = 0.0) -> None:
        """Take note of a throttled answer, and of how long it asks to wait."""
        with self._lock:
            self.throttled += 1
            self.per_s = max(SLOWEST_PER_S, self.per_s / 2)
            self.tokens = min(self.tokens, 1.0)
            pause_until = self.clock() + min(pause_s, LONGEST_PAUSE_S)
            self._closed_until = max(self._closed_until, pause_until)

    def speed_up(self) -> None:
        """Take note of an answer that came."""
        if self.per_s < self._limit_per_s:
            with self._lock:
                self.per_s = min(self._limit_per_s, self.per_s + self._limit_per_s / 100)


def attach(client: Any, bucket: Bucket) -> None:
    """Let every attempt of a client take from the bucket, and learn from its answers."""
    answered = threading.Event()

    def before_send(**_: Any) -> None:
        bucket.take()

    def after(
        response: Any = None,
        attempts: int = 1,
        caught_exception: BaseException | None = None,
        **_: Any,
    ) -> float | None:
        show_life()
        if response is not None:
            answered.set()
            _learn(bucket, *response)
        elif isinstance(caught_exception, UNREACHABLE) and not answered.is_set():
            # One that never answered is not there: more attempts only cost time.
            if attempts >= CONNECT_ATTEMPTS:
                raise caught_exception
            return 0.0
        return None

    client.meta.events.register_first("before-send", before_send)
    client.meta.events.register_first("needs-retry", after)


def _learn(bucket: Bucket, http: Any, parsed: Any) -> None:
    error = parsed.get("Error", {}) if isinstance(parsed, dict) else {}
    if http.status_code < 300:
        bucket.speed_up()
    elif http.status_code == 429 or error.get("Code") in THROTTLED:
        bucket.slow_down(_pause_s(http.headers))


def _pause_s(headers: Any) -> float:
    """Return how long the answer asks to wait; a date or nonsense asks for nothing."""
    if said := headers.get("x-amz-retry-after"):
        return int(said) / 1000 if str(said).isdecimal() else 0.0
    said = str(headers.get("Retry-After", ""))
    return float(said) if said.isdecimal() else 0.0
