"""Hold the particulars of access rights, licenses, automation and data beside their assets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from exitkit.model.asset import Ref
from exitkit.model.identity import stable_urn


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what to what; never a secret value. A line of `data/records/access.jsonl`.

    `permission` is native (`s3:GetObject`, `Contributor`); `resource` a native id or pattern;
    `via` the path of groups, roles and policies that grants it, outermost first. `last_used_on` is
    when the principal was last seen at work, where its source tells; it is no part of the identity
    of the right, and a new day is no change. `expires_on` is the last day it holds.
    """

    principal: Ref
    principal_type: str
    permission: str
    resource: str
    effect: str = "allow"
    via: tuple[str, ...] = ()
    conditions: str = ""
    last_used_on: dt.date | None = None
    expires_on: dt.date | None = None

    @property
    def urn(self) -> str:
        """The `@id` of the access record."""
        return stable_urn(
            "ebf-acc-1", self.principal.urn, self.permission, self.resource, self.effect,
            *self.via, self.conditions,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class License:
    """What an agreement lets us take along. A line of `data/records/licenses.jsonl`.

    `transferable` is `yes`, `with-consent`, `no` or `unknown`; `unknown` is also a Gap of the
    `license` aspect. `notice_days` counts calendar days before the exit.
    """

    ref: Ref
    product: str
    publisher: str
    transferable: str
    license_type: str = "other"
    metric: str = ""
    quantity: int = 0
    clause: str = ""
    notice_days: int | None = None
    notice_date: dt.date | None = None
    expires_on: dt.date | None = None
    restrictions: tuple[str, ...] = ()
    spdx_expression: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a script that ties it to where it runs now. `excerpt` is masked."""

    path: str
    line: int
    rule: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Automation:
    """A script or repository and how portable it is. A line of `data/records/automation.jsonl`.

    `portability` is `portable`, `adapt`, `rewrite` or, where nobody could read it, `unknown`;
    `findings` are the lines that say why.
    """

    ref: Ref
    language: str
    portability: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a body of data holds and how it was taken. A line of `data/records/datasets.jsonl`.

    `listing` is the path (relative to `data/`) of its `objects.jsonl` where it has one, `versions`
    that of its `versions.jsonl`; the figures after it count what is beside the objects of today.
    """

    ref: Ref
    format: str
    records: int
    size_bytes: int
    consistency: str = "crash"
    listing: str = ""
    versions: str = ""
    earlier_versions: int = 0
    earlier_bytes: int = 0
    delete_markers: int = 0
