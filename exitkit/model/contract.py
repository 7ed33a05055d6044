"""Hold the contract as data, where a field nobody filled in is unknown and never a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Contract:
    """A whole `contract.yaml`, validated by its schema.

    `document` is the parsed file (dates as `datetime.date`); rules read it by dotted path.
    """

    id: str
    title: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one named rule says of a contract, plan or bundle.

    `outcome` is `pass`, `fail`, `unknown` (a field it needs is not known) or `not-applicable`;
    `severity` is `error`, `warn` or `info`; `mark` is how well the source was read (V, S, K, k).
    """

    rule: str
    regime: str
    source: str
    mark: str
    severity: str
    outcome: str
    message: str
    fields: tuple[str, ...] = ()
