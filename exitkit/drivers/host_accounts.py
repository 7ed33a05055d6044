"""Read who gets into a host and as whom: users, sudo rules, public keys, certificates."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Files = Mapping[str, str]
Row = dict[str, Any]
STATUS = {"P": "password", "PS": "password", "L": "locked", "LK": "locked", "NP": "no password"}
_KEY = re.compile(
    r"^(?P<options>.*?)\b(?P<type>(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s+(?P<key>[A-Za-z0-9+/=]{40,})(?:\s+(?P<comment>.*))?$"
)
_CERTIFICATE = re.compile(
    r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
)  # fmt: skip
EPOCH = dt.date(1970, 1, 1)


def users(files: Files) -> Iterator[Row]:
    """Accounts of the name service; the password field is never looked at."""
    for fields in _colons(files, 7):
        name, _, uid, gid, full_name, home, shell = fields[:7]
        if uid.isdecimal() and gid.isdecimal():
            yield {
                "name": name, "uid": int(uid), "gid": int(gid), "full_name": full_name,
                "home": home, "shell": shell,
            }  # fmt: skip


def groups(files: Files) -> Iterator[Row]:
    """Groups with the members that the group file names."""
    for name, _, gid, members in _colons(files, 4):
        if gid.isdecimal():
            listed = sorted(member for member in members.split(",") if member)
            yield {"name": name, "gid": int(gid), "members": listed}


def account_status(files: Files) -> Iterator[Row]:
    """Whether each account has a password or is locked."""
    for text in files.values():
        for line in text.splitlines():
            fields = line.split()
            if len(fields) >= 2 and fields[1] in STATUS:
                yield {"name": fields[0], "status": STATUS[fields[1]]}


def account_expiry(files: Files) -> Iterator[Row]:
    """The day on which an account ends, where it does."""
    for name, days in _colons(files, 2):
        if days.isdecimal() and int(days) < 1_000_000:
            expires_on = EPOCH + dt.timedelta(days=int(days))
            yield {"name": name, "expires_on": expires_on.isoformat()}


def ssh_server(files: Files) -> Iterator[Row]:
    """Settings that decide who may log in; the first line that sets one counts."""
    found: dict[str, str] = {}
    for text in files.values():
        for line in text.splitlines():
            name, _, value = line.strip().partition(" ")
            found.setdefault(name.lower(), value.strip())
    if found:
        yield found


def sudo_rules(files: Files) -> Iterator[Row]:
    """One row per user or group, command and run-as, as `cvtsudoers` resolved them."""
    for text in files.values():
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            continue
        specs = document.get("User_Specs", ()) if isinstance(document, dict) else ()
        for spec in specs:
            for principal in spec.get("User_List", ()):
                for commands in spec.get("Cmnd_Specs", ()):
                    yield from _sudo_rule(principal, spec, commands)


def _sudo_rule(
    principal: Mapping[str, Any], spec: Mapping[str, Any], commands: Mapping[str, Any]
) -> Iterator[Row]:
    options: dict[str, Any] = {}
    for option in commands.get("Options", ()):
        options.update(option)
    tags = ("NOPASSWD: " if options.get("authenticate") is False else "") + (
        "SETENV: " if options.get("setenv") else ""
    )
    run_as = ",".join(_names(commands.get("runasusers", ()))) or "root"
    as_groups = ",".join(_names(commands.get("runasgroups", ())))
    for command in commands.get("Commands", ()):
        yield {
            "principal": next(iter(_names([principal])), ""),
            "is_group": any("group" in kind for kind in principal),
            "hosts": sorted(_names(spec.get("Host_List", ()))),
            "run_as": f"{run_as}:{as_groups}" if as_groups else run_as,
            "tags": tags.strip(),
            "command": str(command.get("command", "")),
            "is_denied": bool(command.get("negated")),
        }


def _names(items: Any) -> list[str]:
    return [
        ("!" if item.get("negated") else "") + str(value)
        for item in items
        for kind, value in item.items()
        if kind != "negated"
    ]


def authorized_keys(files: Files) -> Iterator[Row]:
    """Public keys by fingerprint, with the options that bound them."""
    for path, text in files.items():
        for line in text.splitlines():
            found = None if line.startswith("#") else _KEY.match(line.strip())
            if found is None:
                continue
            try:
                blob = base64.b64decode(found["key"], validate=True)
            except (binascii.Error, ValueError):
                continue
            digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
            yield {
                "path": path, "type": found["type"], "fingerprint": f"SHA256:{digest}",
                "comment": (found["comment"] or "").strip(), "options": found["options"].strip(),
            }  # fmt: skip


def certificates(files: Files) -> Iterator[Row]:
    """The certificates of each file; what cannot be read as one is named as such."""
    for text in files.values():
        path, lines = "", list[str]()
        for line in [*text.splitlines(), "/"]:
            if not line.startswith("/") or re.fullmatch(r"[A-Za-z0-9+/=]{64}", line):
                lines.append(line)
                continue
            for number, body in enumerate(_CERTIFICATE.findall("\n".join(lines))):
                yield _certificate(path, number, body)
            path, lines = line, []


def _certificate(path: str, number: int, body: str) -> Row:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    row: Row = {"path": path, "position": number}
    try:
        certificate = x509.load_pem_x509_certificate(body.encode())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        row["names"] = sorted(str(name.value) for name in names.value)
    except x509.ExtensionNotFound:
        row["names"] = []
    except ValueError as error:
        return {**row, "fault": f"not a certificate ({type(error).__name__})"}
    subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    return {
        **row,
        "subject": subject,
        "issuer": issuer,
        "self_signed": subject == issuer,
        "serial": f"{certificate.serial_number:x}",
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "sha256": certificate.fingerprint(SHA256()).hex(),
        "pem": body,
    }


def _colons(files: Files, fields: int) -> Iterator[list[str]]:
    for text in files.values():
        for line in text.splitlines():
            parts = line.split(":")
            if len(parts) == fields:
                yield parts
