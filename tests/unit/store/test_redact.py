"""Let no credential through, and nothing else be lost."""

from __future__ import annotations

import pytest

from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor, mask

KEY = b"k" * 32
SECRETS = {
    "AKIAIOSFODNN7EXAMPLE": "id = AKIAIOSFODNN7EXAMPLE here",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": (
        "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    ),
    "hunter2hunter2": 'password: "hunter2hunter2"',
    "s3cr3tpw": "DSN=postgresql://app:s3cr3tpw@db.example/x",
    "tok-123456": "export API_KEY=tok-123456 && run",
    "Zm9vOmJhcg==": "Authorization: Basic Zm9vOmJhcg==",
    "MIIabc\nDEF": "-----BEGIN PRIVATE KEY-----\nMIIabc\nDEF\n-----END PRIVATE KEY-----",
    "c2VjcmV0LWtleS1zZWNyZXQta2V5": "AccountName=x;AccountKey=c2VjcmV0LWtleS1zZWNyZXQta2V5;",
}
INNOCENT = [
    "password = None", "token: null", "passwords are rotated", "secret=${SECRET}",
    "token: {{ vault_token }}", "https://example.org/path", "the key is under the mat",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
def test_a_credential_is_masked_and_its_surroundings_stay(secret: str) -> None:
    redactor = Redactor(CREDENTIAL_PATTERNS, KEY)
    text = redactor.apply(f"before\n{SECRETS[secret]}\nafter")
    assert secret not in text
    assert "<masked:" in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter")
    assert redactor.apply(text) == text


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_credential_stays(text: str) -> None:
    assert Redactor(CREDENTIAL_PATTERNS, KEY).apply(text) == text


def test_a_mask_tells_a_changed_secret_and_nothing_else() -> None:
    assert mask("one", KEY) == mask("one", KEY)
    assert len({mask("one", KEY), mask("two", KEY), mask("one", b"other")}) == 3
    assert "one" not in mask("one", KEY)


def test_a_pattern_without_groups_masks_all_it_matches() -> None:
    assert Redactor([r"snmp \w+"], KEY).apply("snmp public ro").endswith(" ro")
    assert Redactor([r"snmp (\w+)"], KEY).apply("snmp public ro").startswith("snmp <masked:")
