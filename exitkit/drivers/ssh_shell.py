"""Read a device's command line by its own prompt, so that nobody waits for a fixed time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from exitkit.drivers.ssh_login import DeviceRefused, DeviceUnavailable, Line, Login

if TYPE_CHECKING:
    from paramiko import Channel

READ_BYTES = 64 * 1024
TAIL_BYTES = 2048
"""How much of the end is looked at; an answer of megabytes is never searched again and again."""
MOST_BYTES = 64 * 1024 * 1024
LONG_BYTES = 32 * 1024
GATHER_S = 0.005
"""In a long answer packets of 4 kB gather meanwhile, so that we do not wake up for each."""
MOST_TRIES = 8
SILENT_S = 3.0
"""After so long without a greeting we press return, once: some consoles wait for it."""

_CURSOR_LEFT = re.compile(rb"\x1b\[(\d{1,3})D")
_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[()][0-9A-B]|[=>78])")
_PROMPT = re.compile(rb"(?:^|[\r\n])[ \t]*(?P<prompt>[^\r\n]{0,100}[A-Za-z0-9_)\]:~/ -][>#$%]) ?\Z")
_ASKS_USER = re.compile(rb"(?i)(?:^|[\r\n])[^\r\n]{0,80}(?:user ?name|login)\s*:\s*\Z")
_ASKS_PASSWORD = re.compile(rb"(?i)(?:^|[\r\n])[^\r\n]{0,80}(?:password|passcode)\s*:\s*\Z")
_ASKS_KEY = re.compile(rb"(?i)press (?:any key|return|enter)\b[^\r\n]{0,60}\Z")
_REST = rb"[^\r\n\x08]{0,60}"
_MORE = (
    rb"(?:-+ ?\(?more\)?" + _REST + rb"|<-+ ?more ?-+>|press any key to continue" + _REST + rb")"
)
_PAGER = re.compile(rb"(?i)[ \t]*" + _MORE + rb"\Z")
# What a pager wrote, and how the device wiped it off the screen afterwards.
_PAGED = re.compile(
    rb"(?im)^[ \t]*" + _MORE + rb"[ \t]*"
    rb"(?:\x08+[ \t]+\x08+|\x08+|\r[ \t]+\r(?!\n)|\r(?!\n))+"
)


class Shell:
    """The interactive shell of a device whose commands are echoed, as all terminals do."""

    def __init__(self, channel: Channel, line: Line, login: Login) -> None:
        self._channel = channel
        self._line = line
        self._login = login
        self._prompt = b""
        self._pages = 0

    @property
    def prompt(self) -> str:
        """The prompt as the device last showed it."""
        return self._prompt.decode("utf-8", "replace")

    def enter(self) -> None:
        """Get past banners and questions to the prompt, which must show twice to be believed."""
        seen = self._greeting()
        for _ in range(MOST_TRIES):
            self._send("\n")
            shown = _last_line(self._read(lambda tail: bool(_PROMPT.search(tail))))
            if shown == seen:
                self._prompt = seen
                return
            seen = shown
        raise DeviceUnavailable(f"{self._line.address}: no prompt twice; look at its banner")

    def enable(self) -> None:
        """Enter the privileged mode, where the device is not in it yet."""
        if self._prompt.endswith(b"#"):
            return
        self._send("enable\n")
        asked = self._answer_questions(self._login.enable_password)
        if not asked.endswith(b"#"):
            raise DeviceRefused(
                f"{self._line.address}: enable refused; check the enable password of this user"
            )
        self._prompt = asked

    def ask(self, command: str, last_line: str = "", refusals: str = "(?!)") -> str:
        """Return what the device prints for `command`.

        Where the answer has a `last_line` the prompt only ends it after that line; a refusal,
        which has none, must not wait for it until the deadline.
        """
        complete = re.compile(rf"(?m:^(?:{last_line})\s*$)|(?m:{refusals})".encode())
        echoed = re.compile(rb"\s*".join(re.escape(w.encode()) for w in command.split()))

        def is_end(tail: bytes) -> bool:
            if not self._at_prompt(tail):
                return False
            return not last_line or bool(complete.search(tail.replace(b"\r", b"")))

        self._send(command + "\n")
        pages = self._pages
        return _answer(self._read(is_end, echoed=echoed), echoed, self._pages > pages)

    def _at_prompt(self, tail: bytes) -> bool:
        shown = tail.rstrip()
        if not shown.endswith(self._prompt):
            return False
        before = shown[: len(shown) - len(self._prompt)].rstrip(b" \t")
        return not before or before[-1:] in (b"\r", b"\n")

    def _greeting(self) -> bytes:
        return self._answer_questions(self._login.password, SILENT_S)

    def _answer_questions(self, password: str, silent_s: float | None = None) -> bytes:
        """Answer until a prompt shows; a password that is asked for again was refused."""
        passwords = 0
        for _ in range(MOST_TRIES):
            tail = self._read(_is_question, silent_s)
            if _ASKS_PASSWORD.search(tail):
                passwords += 1
                if passwords > 1 or not password:
                    raise DeviceRefused(
                        f"{self._line.address}: the device asks for a password again; check it"
                    )
                self._send(password + "\n")
            elif _ASKS_USER.search(tail):
                self._send(self._login.username + "\n")
            elif _ASKS_KEY.search(tail):
                self._send("\n")
            else:
                return _last_line(tail)
        raise DeviceUnavailable(f"{self._line.address}: it asks on and on; look at its banner")

    def _send(self, text: str) -> None:
        self._channel.settimeout(self._line.left_s())
        self._channel.sendall(text.encode())

    def _read(
        self,
        is_end: Callable[[bytes], bool],
        silent_s: float | None = None,
        echoed: re.Pattern[bytes] | None = None,
    ) -> bytes:
        """Return what comes until `is_end` of its last bytes; pages are turned on the way.

        What stands before the echo ends nothing: it may be a prompt that was still on its way.
        """
        parts: list[bytes] = []
        tail, size = b"", 0
        while True:
            try:
                left = self._line.left_s()
                self._channel.settimeout(min(left, silent_s) if silent_s and not size else left)
                data = self._channel.recv(READ_BYTES)
            except TimeoutError:
                if silent_s is None or size:
                    raise
                silent_s = None
                self._send("\n")
                continue
            if not data:
                raise EOFError
            size += len(data)
            if size > LONG_BYTES:
                time.sleep(GATHER_S)
            if size > MOST_BYTES:
                raise DeviceUnavailable(
                    f"{self._line.address}: more than {MOST_BYTES} bytes without an end"
                )
            parts.append(data)
            if echoed is not None and echoed.search(_plain(tail + data)):
                echoed = None
            tail = (tail + data)[-TAIL_BYTES:]
            plain = _plain(tail)
            if echoed is None and is_end(plain):
                return b"".join(parts)
            if _PAGER.match(_open_line(plain)):
                self._channel.sendall(b" ")
                self._pages += 1
                tail = b""


def _is_question(tail: bytes) -> bool:
    patterns = (_PROMPT, _ASKS_USER, _ASKS_PASSWORD, _ASKS_KEY)
    return any(pattern.search(tail) for pattern in patterns)


def _open_line(data: bytes) -> bytes:
    """Return the line that the cursor stands in."""
    return data[max(data.rfind(b"\r"), data.rfind(b"\n")) + 1 :]


def _plain(data: bytes) -> bytes:
    if b"\x1b" not in data:
        return data
    return _ESCAPES.sub(b"", _CURSOR_LEFT.sub(lambda left: b"\x08" * int(left[1]), data))


def _last_line(data: bytes) -> bytes:
    found = _PROMPT.search(_plain(data)[-TAIL_BYTES:])
    return found["prompt"].strip() if found else b""


def _answer(data: bytes, echoed: re.Pattern[bytes], was_paged: bool) -> str:
    """Return the answer alone: after the echo, before the prompt, without a terminal's traces."""
    plain = _plain(data)
    echo = echoed.search(plain)
    plain = plain[echo.end() if echo else 0 :]
    if was_paged:
        plain = _PAGED.sub(b"", plain)
    text = _decoded(plain).replace("\r", "")
    _, _, body = text.partition("\n")
    return body.rpartition("\n")[0]


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Old devices store descriptions in Latin-1; every byte is kept.
        return data.decode("latin-1")
