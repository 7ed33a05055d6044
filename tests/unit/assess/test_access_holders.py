"""Attribute rights to the party whose marks they carry, and to nobody where none fits."""

from __future__ import annotations

from typing import Any

import pytest

from exitkit.assess.access_holders import UNATTRIBUTED, attributed, holders_of, rights
from exitkit.assess.revocation import revocation_plan

CONTRACT = {
    "access": {
        "holders": [
            {"holder": "provider", "accounts": ["999999999999"],
             "names": ["msp-*", "*@msp.example"], "keys": ["SHA256:provider"]},
            {"holder": "customer", "names": ["ops", "*@customer.example"]},
        ]
    }
}  # fmt: skip
HOLDERS = holders_of(CONTRACT)


def right(
    native_id: str, permission: str = "s3:GetObject", provider: str = "aws", kind: str = "user",
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    place = {"name": provider, "scope": "123456789012", "region": "", "nativeType": "T",
             "nativeId": native_id}  # fmt: skip
    return {"principalPlace": place, "principalType": kind, "permission": permission,
            "resource": "*", "effect": "allow", **more}  # fmt: skip


@pytest.mark.parametrize(
    ("record", "holder", "because"),
    [
        (right("msp-deploy"), "provider", "name msp-*"),
        (right("Reader", "assumed-by:AWS:arn:aws:iam::999999999999:root", kind="role"),
         "provider", "account 999999999999"),
        (right("vnet-core", "peered-with:999999999999", "azure", "network-path"),
         "provider", "account 999999999999"),
        (right("msp-role", "assumed-by:AWS:arn:aws:iam::123456789012:user/ops", kind="role"),
         "customer", "name ops"),
        (right("web1/SHA256:provider", "login", "hosts", "key", via=["/root/.ssh/authorized_keys"]),
         "provider", "key SHA256:provider"),
        (right("web1/SHA256:x", "login", "hosts", "key",
               via=["/root/.ssh/authorized_keys", "jane@msp.example"]),
         "provider", "name *@msp.example"),
        (right("web1/ops", "ALL", "hosts"), "customer", "name ops"),
        (right("backup"), UNATTRIBUTED, ""),
        # An account id within a longer number is no mark.
        (right("x9999999999990"), UNATTRIBUTED, ""),
    ],
)  # fmt: skip
def test_the_first_mark_that_fits_decides(record: Any, holder: str, because: str) -> None:
    found = attributed(record, HOLDERS)
    assert (found.holder, found.because) == (holder, because)


@pytest.mark.parametrize("contract", [{}, {"access": "unknown"}, {"access": {"holders": []}}])
def test_without_marks_every_right_is_unattributed(contract: Any) -> None:
    (found,) = rights([right("msp-deploy")], holders_of(contract))
    assert found.holder == UNATTRIBUTED


def test_ways_in_are_taken_back_first_and_denials_not_at_all() -> None:
    records = [
        right("msp-deploy"), right("msp-deploy", "s3:PutObject"),
        right("msp-deploy", "s3:Delete*", effect="deny"),
        right("Reader", "assumed-by:AWS:arn:aws:iam::999999999999:root", kind="role"),
        right("SHA256:provider/x", "log in as root", "hosts", "ssh-key",
              via=["/root/.ssh/authorized_keys"]),
        right("web1/msp-jane", "sudo (root) ALL", "hosts", via=["/etc/sudoers"]),
        right("web1/msp-joe", "group docker", "hosts", via=["group docker"]),
        right("dev@msp.example", "has committed", "scripts", "git-author"),
    ]  # fmt: skip
    plan = revocation_plan(rights(records, HOLDERS), {"123456789012": "prod"})
    assert [(one.kind, one.rights) for one in plan] == [
        ("trust", 1), ("key", 1), ("sudo", 1), ("sudo", 1), ("user", 2), ("user", 1),
    ]  # fmt: skip
    trust, key, rule, group, user, author = plan
    assert "arn:aws:iam::999999999999:root" in trust.action
    assert key.action == "remove the key SHA256:provider/x from /root/.ssh/authorized_keys"
    assert group.action == "gpasswd --delete msp-joe docker"
    assert rule.action == "remove the rule of msp-jane from /etc/sudoers"
    assert user.probe == "`prove-revoked` step of source prod"
    assert "dev@msp.example" in author.action
