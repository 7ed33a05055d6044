"""Read a refusal of AWS: which permission was missing, and which kind of policy said no."""

from __future__ import annotations

import re
from dataclasses import dataclass

CREDENTIALS_REFUSED = (
    (
        re.compile(r"ExpiredToken|TokenRefreshRequired"),
        "the credentials have expired; renew them and run again",
    ),
    (
        re.compile(r"RequestTimeTooSkewed|RequestExpired|RequestInTheFuture"),
        "the clock of this machine is wrong; set it and run again",
    ),
    (
        re.compile(r"SignatureDoesNotMatch|InvalidSignature|IncompleteSignature"),
        "the secret does not fit the access key, or the clock of this machine is wrong",
    ),
    (
        re.compile(
            r"AuthFailure|InvalidClientTokenId|UnrecognizedClient|InvalidAccessKeyId"
            r"|InvalidSecurity|MissingAuth"
        ),
        "AWS does not know these credentials here: they are wrong, or the region is not enabled",
    ),
)
"""Codes that speak of who calls, not of what was called: no permission is missing."""

ACCESS_REFUSED = re.compile(r"Denied|Unauthorized|NotAuthorized|Forbidden|Authorization(Error|Exc)")
NOT_AUTHORIZED_TO = re.compile(r"not authorized to perform:? ([A-Za-z0-9-]+):([A-Za-z0-9*]+)")
EXPLICIT = re.compile(
    r"explicit deny in (?:an? |the )?([A-Za-z -]+?(?:policy|boundary))(?:: ?(arn:\S+))?(?=[ .,;]|$)"
)
IMPLICIT = re.compile(r"because no ([A-Za-z -]+?(?:policy|boundary)) allows")
UNSAID_EXPLICIT = re.compile(r"with an explicit deny", re.IGNORECASE)
ENCODED = re.compile(r"\s*Encoded authorization failure message: ?\S*")
KEY_REFUSED = re.compile(r"ciphertext refers to a customer master key|KMS key .*access|key policy")


@dataclass(frozen=True, slots=True)
class Refused:
    """What a refusal says: the permission (empty where none is missing), and why, in one line.

    `message` is AWS's own text without what only AWS can read.
    """

    permission: str
    why: str
    message: str


def refused(code: str, message: str, status: int, permission: str) -> Refused | None:
    """Read an error answer; None where it is no refusal.

    `permission` is that of the call made; AWS may name another one, of what stands behind it.
    """
    for codes, why in CREDENTIALS_REFUSED:
        if codes.search(code):
            return Refused("", why, message)
    if not ACCESS_REFUSED.search(code) and status not in (401, 403):
        return None
    encoded = ENCODED.search(message)
    readable = ENCODED.sub("", message)
    named = NOT_AUTHORIZED_TO.search(readable)
    missing = f"{named[1].lower()}:{named[2]}" if named else permission
    return Refused(missing, f"{missing} refused: {_who(readable, bool(encoded))}", readable)


def _who(message: str, encoded: bool) -> str:
    if found := EXPLICIT.search(message):
        policy = f" ({found[2].rstrip('.')})" if found[2] else ""
        return f"explicit deny in a {found[1]}{policy}"
    if found := IMPLICIT.search(message):
        return f"no {found[1]} allows it"
    if UNSAID_EXPLICIT.search(message):
        return "explicit deny, in which policy is not said"
    if encoded:
        return "by which policy only `aws sts decode-authorization-message` tells"
    if KEY_REFUSED.search(message):
        return "by the policy of a KMS key, or there is no such key"
    return "by which policy is not said"
