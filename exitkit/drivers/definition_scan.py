"""Scan a text that a provider keeps and runs, as a script of a repository is scanned."""

from __future__ import annotations

from dataclasses import dataclass

from exitkit import plugins
from exitkit.model.asset import Ref
from exitkit.model.holdings import Automation
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

SCAN_NEEDS = ("tree_sitter:scripts",)
MASKED = "secret values in it are masked"
NOT_SCANNED = "not scanned: the extra `scripts` is not installed"
MOST_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class ScannedText:
    """The masked bytes of a text, how portable it is (None where nobody could scan), and losses."""

    body: bytes
    automation: Automation | None
    losses: tuple[str, ...]


def scan_text(ref: Ref, name: str, text: str, mask_key: bytes) -> ScannedText:
    """Return a text with its secrets masked and its class; `name` tells its language."""
    redactor = Redactor(CREDENTIAL_PATTERNS, mask_key)
    if plugins.missing(SCAN_NEEDS):
        masked = redactor.apply(text).encode("utf-8", "replace")
        return ScannedText(masked, None, (MASKED, NOT_SCANNED))
    from exitkit.drivers.script_scan import scan_script

    # The scan masks by itself, and tells which lines held a credential.
    scan = scan_script(name, text.encode("utf-8", "replace"), mask_key)
    automation = Automation(ref, scan.language, scan.portability, scan.findings[:MOST_FINDINGS])
    body = redactor.apply(scan.body.decode("utf-8", "replace")).encode()
    return ScannedText(body, automation, (MASKED,))
