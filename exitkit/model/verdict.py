"""Say for each aspect of each asset whether it can leave, how well that is known, and why not."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from exitkit.model.asset import Ref
from exitkit.model.identity import stable_urn


class Aspect(StrEnum):
    """A side of an asset that has to leave with it (docs/format.md)."""

    CONFIGURATION = "configuration"
    DATA = "data"
    CODE = "code"
    ACCESS = "access"
    CREDENTIALS = "credentials"
    IDENTITY = "identity"
    LICENSE = "license"
    DOCUMENTATION = "documentation"
    HISTORY = "history"


class Level(StrEnum):
    """How well an aspect can leave, weakest to strongest, then three that never count as more."""

    NONE = "none"
    DESCRIBED = "described"
    PROPRIETARY = "proprietary"
    OPEN = "open"
    IMPORTABLE = "importable"
    REHEARSED = "rehearsed"
    NOT_APPLICABLE = "not-applicable"
    NOT_ATTEMPTED = "not-attempted"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 (`none`, `unknown`, `not-attempted`) to 5 (`rehearsed`)."""
        return _RANKS.get(self, 0)

    @property
    def needs_reason(self) -> bool:
        """Below `importable` the record must say why and what to do."""
        return self is not Level.NOT_APPLICABLE and self.rank < Level.IMPORTABLE.rank


_RANKS = {
    Level.NONE: 0,
    Level.DESCRIBED: 1,
    Level.PROPRIETARY: 2,
    Level.OPEN: 3,
    Level.IMPORTABLE: 4,
    Level.REHEARSED: 5,
}


class Responsible(StrEnum):
    """Who could remove an obstacle."""

    PROVIDER = "outgoing-provider"
    CUSTOMER = "customer"
    VENDOR = "vendor"
    TOOL = "tool"
    LAW = "law"


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that go into the bundle as they are.

    `path` is relative to `data/` and must satisfy the path rules of the bundle; `body` is the
    bytes, or a local file that is moved in. `role` is one of `device-config`, `script`,
    `document`, `data`, `interface-contract`; `origin` one of `provider-api`,
    `device-cli`, `human`, `generated-by-exitkit`.
    """

    path: str
    body: bytes | Path
    media_type: str
    role: str
    origin: str = "provider-api"


@dataclass(frozen=True, slots=True)
class Draft:
    """We hold this aspect: at which level, in which format, and where its bytes are.

    Below `importable`, `reason` and `text` say why, as those of a Gap; without them the facts do.
    """

    ref: Ref
    aspect: Aspect
    level: Level
    method: str
    format: str
    contents: tuple[Content, ...] = ()
    loss: tuple[str, ...] = ()
    volume_bytes: int = 0
    reason: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """We do not hold this aspect, or not well enough, and this is why.

    `reason` is a code of knowledge/reasons.yaml; `text` says it for people; `source` names where
    the fact was read, and `confidence` (`high`, `medium`, `low`) how well.
    """

    ref: Ref
    aspect: Aspect
    level: Level
    reason: str
    text: str
    responsible: Responsible
    workaround: str
    method: str = "none"
    source: str = ""
    confidence: str = "medium"
    loss: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exportability:
    """The one verdict on one aspect of one asset; a line of `data/records/exportability.jsonl`.

    Made by `assess.exportability` from a Draft, a Gap or a knowledge fact. `reason`, `text`,
    `responsible` and `workaround` are filled whenever `level.needs_reason`; `rehearsed_at` and
    `rehearsed_in` only at level `rehearsed`. `basis` says where the verdict comes from:
    `extractor`, `fact`, `rehearsal` or `nothing`.
    """

    asset: Ref
    aspect: Aspect
    level: Level
    basis: str
    method: str = "none"
    format: str = ""
    reason: str = ""
    text: str = ""
    responsible: Responsible | None = None
    workaround: str = ""
    source: str = ""
    confidence: str = ""
    loss: tuple[str, ...] = ()
    rehearsed_at: dt.datetime | None = None
    rehearsed_in: str = ""

    @property
    def urn(self) -> str:
        """The `@id` of the exportability record."""
        return stable_urn("ebf-exp-1", self.asset.urn, self.aspect.value)
