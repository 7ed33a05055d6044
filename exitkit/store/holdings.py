"""Find in a sealed bundle what a step of the plan names, with the files kept for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from exitkit.errors import InputError
from exitkit.model.plan import Step
from exitkit.store.canonical import parse_line
from exitkit.store.reader import Bundle


@dataclass(frozen=True, slots=True)
class Holding:
    """One asset of the bundle; `listing` is the path of its `*.jsonl` where it is a dataset.

    `versions` is that of its `versions.jsonl` where what it held before was listed.
    """

    record: Mapping[str, Any]
    listing: str = ""
    versions: str = ""

    @property
    def urn(self) -> str:
        """The `@id` of the asset record."""
        return str(self.record["@id"])

    @property
    def name(self) -> str:
        """The name people use."""
        return str(self.record["name"])

    def paths(self, *roles: str) -> tuple[str, ...]:
        """The files kept for it in any of `roles`, by path; the packs of `native/` are none."""
        return tuple(
            str(one["path"])
            for one in self.record.get("artifacts", ())
            if one["role"] in roles and not one["path"].startswith("native/")
        )


def selection_problems(step: Step) -> Iterator[str]:
    """Yield what keeps `what`, `target` and `assets` of a step from naming anything."""
    for name in ("what", "target", "assets"):
        if not step.params.get(name):
            yield f"`{name}` is missing"
    if not isinstance(step.params.get("what", ""), str):
        yield "`what` is one name"
    yield from _canary_problems(step)
    wanted = step.params.get("assets") or {"native_type": "*"}
    if not isinstance(wanted, Mapping) or not isinstance(wanted.get("native_type"), str):
        yield '`assets` needs a `native_type`; write {native_type: "AWS::S3::Bucket", names: ["*"]}'
        return
    names = wanted.get("names") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        yield '`assets`: `names` is a list of patterns; write names: ["*"]'


def _canary_problems(step: Step) -> Iterator[str]:
    words = step.params.get("canaries") or []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        yield "`canaries` is a list of words"
    pattern = step.params.get("canary_pattern") or ""
    try:
        re.compile(pattern if isinstance(pattern, str) else "(")
    except re.error:
        yield "`canary_pattern`: not a regular expression"


def chosen(bundle: Bundle, step: Step) -> tuple[Holding, ...]:
    """Return the assets that `params.assets` names: `{native_type: ..., names: ["*"]}`.

    Names are shell-style patterns over the asset's name or native id. Matching nothing is the
    plan's mistake: a restore of nothing would look like a success.
    """
    wanted = step.params["assets"]
    patterns = wanted.get("names") or ["*"]
    listings = {
        line["asset"]: (line.get("listing", ""), line.get("versions", ""))
        for line in bundle.records("datasets")
    }
    found = tuple(
        Holding(record, *listings.get(record["@id"], ()))
        for record in bundle.records("assets")
        if fnmatchcase(record["provider"]["nativeType"], wanted["native_type"])
        and any(
            fnmatchcase(text, pattern)
            for pattern in patterns
            for text in (record["name"], record["provider"]["nativeId"])
        )
    )
    if not found:
        names = ", ".join(patterns)
        raise InputError(
            f"step {step.id}: the bundle holds no {wanted['native_type']} named {names};"
            " correct `assets`, or take a snapshot of it first"
        )
    return tuple(sorted(found, key=lambda holding: (holding.name, holding.urn)))


def listed(bundle: Bundle, holding: Holding, path: str = "") -> Iterator[dict[str, Any]]:
    """Yield the lines of a dataset's listing, or of another file of lines beside it."""
    with bundle.content_path(path or holding.listing).open("rb") as stream:
        for line in stream:
            yield parse_line(line)


def restored_name(step: Step, name: str) -> str:
    """Return the name on the target: `params.rename` with `{name}` filled in, or the same."""
    return str(step.params.get("rename") or "{name}").replace("{name}", name)
