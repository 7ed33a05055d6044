"""Compare two bundles table by table, in memory that does not grow with them."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from exitkit.assess.access_holders import Holder
from exitkit.assess.changes import JUDGES, Change, Finding, Thing, call_changes, right_judge
from exitkit.assess.difference import FieldChange, asset_changes, field_changes
from exitkit.assess.reach import Place, hidden_places, is_hidden, reach_of
from exitkit.errors import InvalidBundle
from exitkit.model.verdict import Level
from exitkit.store.canonical import quick_line
from exitkit.store.layout import TABLES
from exitkit.store.merge import differing, key_of
from exitkit.store.reader import Bundle
from exitkit.store.tables import record_id, sorted_lines

Record = Mapping[str, Any]

MOST_NAMES = 100_000
"""So many added and removed assets are looked at for one that is there under a new id."""


@dataclass(slots=True)
class Difference:
    """A comparison of two bundles, neither of which is verified by it.

    Go through `changes()` once; `counts` then has the number of each kind. `holders` are the
    parties whose rights are told apart.
    """

    old: Bundle
    new: Bundle
    holders: Sequence[Holder] = ()
    counts: Counter[str] = field(default_factory=Counter)
    _gone: dict[tuple[str, ...], list[Thing]] = field(default_factory=dict)
    _come: dict[tuple[str, ...], list[Thing]] = field(default_factory=dict)
    _unseen: frozenset[Place] = frozenset()
    _unseen_before: frozenset[Place] = frozenset()

    def changes(self) -> Iterator[Change]:
        """Yield every change: calls, then asset by asset, then what has a new id."""
        for change in self._all():
            self.counts[change.kind] += 1
            yield change

    def _all(self) -> Iterator[Change]:
        new = reach_of(_calls_of(self.new))
        old = reach_of(_calls_of(self.old), new.failed)
        self._unseen = hidden_places(old, new)
        if old.failed:
            new = reach_of(_calls_of(self.new), old.failed)
        self._unseen_before = hidden_places(new, old)
        for a, b in self._pairs(TABLES["calls"].path):
            yield from call_changes(_record(a), _record(b))
        with tempfile.TemporaryDirectory(prefix="exitkit-diff-") as folder:
            # What hangs on an asset stands in other tables in other orders: sorted by asset once,
            # it meets the assets in one walk.
            joined = Path(folder, "joined")
            with joined.open("wb") as sink:
                for line in sorted_lines(self._findings(), Path(folder)):
                    sink.write(line + b"\n")
            yield from self._asset_by_asset(joined)
        yield from self._replaced()

    def _pairs(self, path: str, wanted: Iterable[bytes] = ()) -> Iterator[tuple[bytes, bytes]]:
        with self.old.stream(path) as old, self.new.stream(path) as new:
            yield from differing(old, new, path, wanted)

    def _findings(self) -> Iterator[bytes]:
        """Yield every difference that belongs to an asset, as a line that begins with its id."""
        for table, judge in {**JUDGES, "access": right_judge(self.holders)}.items():
            for a, b in self._pairs(TABLES[table].path):
                before, after = _record(a), _record(b)
                if table == "access" and self._is_hidden(before, after, "principalPlace"):
                    continue
                for asset, found in judge(before, after):
                    yield _spilled(asset, found)
        for path in self._changed_packs():
            for a, b in self._pairs(path):
                if a and b:
                    before, after = _record(a), _record(b)
                    changes = tuple(field_changes(before["config"], after["config"]))
                    yield _spilled(str(after["@id"]), Finding(CONFIGURATION, fields=changes))

    def _changed_packs(self) -> list[str]:
        old, new = _packs(self.old), _packs(self.new)
        return sorted(path for path in old.keys() & new.keys() if old[path] != new[path])

    def _asset_by_asset(self, joined: Path) -> Iterator[Change]:
        with joined.open("rb") as keys, joined.open("rb") as lines:
            wanted = (key_of(asset) for asset, _ in groupby(map(_asset_of, keys)))
            groups = groupby(lines, key=_asset_of)
            waiting = next(groups, None)
            for a, b in self._pairs(TABLES["assets"].path, wanted):
                before, after = _record(a), _record(b)
                thing = _thing(after or before)
                while waiting and waiting[0] < thing.id:
                    # Of an asset that is in neither table: a bundle that nobody verified.
                    yield from _changes_of(Thing(waiting[0]), _found(waiting[1]), {}, {})
                    waiting = next(groups, None)
                found: list[Finding] = []
                if waiting and waiting[0] == thing.id:
                    found = _found(waiting[1])
                    waiting = next(groups, None)
                if self._is_hidden(before, after, "provider"):
                    # What hangs on it was not looked at either.
                    yield Change("asset-seen" if after else "asset-unseen", thing)
                    continue
                self._remember(before, after, thing)
                yield from _changes_of(thing, found, before, after)
            while waiting:
                yield from _changes_of(Thing(waiting[0]), _found(waiting[1]), {}, {})
                waiting = next(groups, None)

    def _is_hidden(self, before: Record, after: Record, member: str) -> bool:
        """Whether what is on one side alone lies where the other one could not look."""
        if bool(before) is bool(after):
            return False
        return is_hidden((after or before)[member], self._unseen_before if after else self._unseen)

    def _remember(self, before: Record, after: Record, thing: Thing) -> None:
        if bool(before) is bool(after) or not thing.name:
            return
        names = self._come if after else self._gone
        if len(names) < MOST_NAMES:
            key = thing.native_type, thing.scope, thing.region, thing.name
            names.setdefault(key, []).append(thing)

    def _replaced(self) -> Iterator[Change]:
        """Yield what is there again under a new id: one of its name on each side."""
        for key, gone in self._gone.items():
            come = self._come.get(key, [])
            if len(gone) == len(come) == 1:
                ids = gone[0].native_id, come[0].native_id
                yield Change("asset-replaced", come[0], old=ids[0], new=ids[1])


CONFIGURATION = "configuration"
"""A finding of this kind becomes a part of what changed in the asset itself."""


def _changes_of(
    thing: Thing, found: list[Finding], before: Record, after: Record
) -> Iterator[Change]:
    """Yield the changes of one asset: itself with its configuration, then all that hangs on it."""
    if bool(before) is not bool(after):
        yield Change("asset-added" if after else "asset-removed", thing)
    else:
        config = [one for row in found if row.kind == CONFIGURATION for one in row.fields]
        changed = (*asset_changes(before, after), *config)
        if changed:
            yield Change("asset-changed", thing, fields=changed)
    for row in found:
        if row.kind != CONFIGURATION:
            yield Change(
                row.kind, thing, row.aspect, row.subject, row.old, row.new, row.reason, row.fields
            )


def _calls_of(bundle: Bundle) -> Iterator[Record]:
    with bundle.stream(TABLES["calls"].path) as lines:
        yield from map(_record, lines)


def _spilled(asset: str, finding: Finding) -> bytes:
    fields = [(one.path, one.old, one.new) for one in finding.fields]
    texts = (
        finding.kind, finding.aspect, finding.subject, finding.old, finding.new, finding.reason,
    )  # fmt: skip
    return asset.encode() + b"\t" + json.dumps((*texts, fields)).encode()


def _asset_of(line: bytes) -> str:
    return line.partition(b"\t")[0].decode()


def _found(lines: Iterable[bytes]) -> list[Finding]:
    found = []
    for line in lines:
        *texts, fields = json.loads(line.partition(b"\t")[2])
        kind, aspect, subject, old, new, reason = texts
        changes = tuple(FieldChange(*one) for one in fields)
        found.append(Finding(kind, aspect, subject, old, new, reason, changes))
    return found


_LEVELS = frozenset(level.value for level in Level)


def _record(line: bytes) -> Record:
    if not line:
        return {}
    record = quick_line(line)
    if not isinstance(record, dict):
        raise InvalidBundle(f"{record_id(line).decode('utf-8', 'replace')}: not an object")
    if str(record.get("level", Level.NONE.value)) not in _LEVELS:
        raise InvalidBundle(f"{record['@id']}: no such level; run 'exitkit verify'")
    return record


def _thing(record: Record) -> Thing:
    provider = record["provider"]
    return Thing(
        id=str(record["@id"]),
        native_type=str(provider["nativeType"]),
        native_id=str(provider["nativeId"]),
        name=str(record.get("name", "")),
        scope=str(provider["scope"]),
        region=str(provider["region"]),
    )


def _packs(bundle: Bundle) -> dict[str, str]:
    """Return the digest of each pack of native configuration, as the manifest has it."""
    found = {}
    for line in bundle.manifest():
        digest, _, path = line.decode("utf-8", "replace").rstrip("\n").partition("  ")
        if path.startswith("data/native/"):
            found[path.removeprefix("data/")] = digest
    return found
