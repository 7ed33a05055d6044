"""A secret in a start script is masked however the script is packed."""

from __future__ import annotations

import base64
import gzip
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from exitkit.drivers.aws_answers import without_secrets
from exitkit.drivers.aws_scripts import LONGEST_SCRIPT_BYTES

SECRET = "hunter2hunter2"
SCRIPT = f"#!/bin/sh\nexport DB_PASSWORD={SECRET}\nsystemctl start crm\n"


def packed(body: bytes | str) -> str:
    return base64.b64encode(body.encode() if isinstance(body, str) else body).decode()


def message() -> str:
    parts = MIMEMultipart()
    parts.attach(MIMEText(SCRIPT, "x-shellscript", "utf-8"))
    assert SECRET not in parts.as_string()
    return parts.as_string()


@pytest.mark.parametrize(
    "value",
    [
        SCRIPT,
        packed(SCRIPT),
        packed(gzip.compress(SCRIPT.encode())),
        packed(message()),
        message(),
        packed(gzip.compress(message().encode())),
    ],
    ids=["plain", "base64", "gzip", "mime", "mime-plain", "mime-gzip"],
)
def test_the_script_stays_readable_and_its_secret_does_not(value: str) -> None:
    (said,) = without_secrets({"UserData": value}, b"key").values()
    assert "systemctl start crm" in said
    assert "DB_PASSWORD=<masked:" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "value",
    [
        packed(b"\x7fELF\x00\x01\xff" + SECRET.encode()),
        packed(gzip.compress(SCRIPT.encode())[:-9]),
        packed(gzip.compress(b"x" * (LONGEST_SCRIPT_BYTES + 1))),
        packed(f"Content-Transfer-Encoding: base64\n\n{packed(bytes([255, 254, 0]))}\n"),
    ],
    ids=["binary", "cut", "bomb", "mime-binary"],
)
def test_what_cannot_be_read_becomes_one_mask(value: str) -> None:
    (said,) = without_secrets({"UserData": value}, b"key").values()
    assert said.startswith("<masked:")
    assert len(said) < 20
