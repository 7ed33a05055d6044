"""Read the public part of certificates: whose, by whom, until when."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from exitkit.assess.host_answers import sections

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)
MOST_OF_A_FILE = 20
"""A file with more certificates is a bundle of authorities, not a certificate of this machine."""


def certificates_in(text: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield (file, PEM, facts) of each certificate below a line `### file`."""
    for file, lines in sections(text, "###"):
        found = _PEM.findall("\n".join(lines))
        if len(found) > MOST_OF_A_FILE:
            continue
        for pem in found:
            try:
                certificate = x509.load_pem_x509_certificate(pem.encode())
                yield file, certificate.public_bytes(Encoding.PEM).decode(), _facts(certificate)
            except ValueError:
                continue


def _facts(certificate: x509.Certificate) -> dict[str, str]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "notBefore": certificate.not_valid_before_utc.isoformat(),
        "notAfter": certificate.not_valid_after_utc.isoformat(),
        "fingerprint": certificate.fingerprint(hashes.SHA256()).hex(),
    }
