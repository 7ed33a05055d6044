"""Turn what AWS answered into assets: pick items, ids, ARNs, names and tags, take secrets out."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathTypeError

from exitkit.drivers.aws_scripts import readable_script
from exitkit.knowledge.aws_catalog import ACCOUNT, NAME, NO_ARN, REGION, Detail, ListedType
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor, mask

ARN = re.compile(r"(arn:aws[a-z-]*:[^\s\"',\]}]*)")
SECRET_NAME = re.compile(
    r"(secret|password|passwd|privatekey|accesstoken|authtoken|secrettoken|authkey|apikey|credential)s?"
    r"(value|string|plaintext)?$"
)
COULD_BE_SECRET = re.compile(
    r"password|passwd|pwd|secret|token|api[_-]?key|authorization:|://|accountkey="
    r"|-----BEGIN |AKIA|ASIA|gh[pousr]_|glpat-|xox[abpr]-|eyJ",
    re.IGNORECASE,
)
"""What each of CREDENTIAL_PATTERNS needs at least: most texts have none of it."""
NAMED = re.compile(r"\$\{(\w+)\}")
ROUTE_53_PATH = re.compile(r"^/(hostedzone|healthcheck|delegationset)/")
"""Route 53 alone answers ids with a path in front."""
OWN_ARN = "$arn"
"""Stands for the ARN that the row's template makes, as the path of a part of an id."""
WHEREABOUTS = {"Partition", "Region", "Account"}
ENVIRONMENTS = {"environment", "environmentvariables", "variables", "envvars", "envvariables"}
SCRIPTS = {"userdata"}


@dataclass(slots=True)
class Item:
    """One item of a list answer on its way to becoming an asset.

    `given` are the arguments and parent ids that led here; they fill id parts the item lacks.
    With a `mask_key` secrets are masked as soon as they are read; `observed_at` is set where an
    earlier run has read the item.
    """

    row: ListedType
    scope: str
    partition: str
    region: str
    config: dict[str, Any]
    given: Mapping[str, Any] = field(default_factory=dict)
    parent_id: str = ""
    mask_key: bytes | None = None
    observed_at: dt.datetime | None = None

    @property
    def parts(self) -> dict[str, str]:
        """The parts of the native id, in catalog order."""
        return {name: self._part(name, path) for name, path in self.row.ids}

    def _part(self, name: str, path: str) -> str:
        if path == OWN_ARN:
            return self._templated()
        if path in (ACCOUNT, REGION):
            return self.scope if path == ACCOUNT else self.region
        found = self.config.get(name) if path in ("@", NAME) else search(path, self.config)
        if found is None:
            found = _by_name(name, self.given)
        if found is None and not path:
            # Two parents may hold children of one name: what is missing is the parent's.
            found = self.parent_id
        text = "" if found is None else str(found)
        return ROUTE_53_PATH.sub("", text) if text.startswith("/") else text

    @property
    def native_id(self) -> str:
        """The id in CloudFormation's words; the ARN or a digest where the answer has none."""
        joined = "|".join(self.parts.values()).rstrip("|")
        if joined.strip("|"):
            return joined
        text = json.dumps(self.config, sort_keys=True, default=str)
        return self.arn or f"sha256-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    @property
    def answered_arn(self) -> str:
        """The ARN that AWS gives it in the answer, if it does."""
        found = search(self.row.arn, self.config) if self.row.arn not in ("", NO_ARN) else None
        return found if isinstance(found, str) and found.startswith("arn:") else ""

    @property
    def arn(self) -> str:
        """The ARN as answered, else as IAM would write it, else nothing."""
        if self.row.arn == NO_ARN:
            return ""
        if answered := self.answered_arn:
            return answered
        if set(NAMED.findall(self.row.arn_template)) - WHEREABOUTS:
            return self._templated()
        parts = [part for part in self.parts.values() if part]
        own = next((part for part in reversed(parts) if part.startswith("arn:")), "")
        if own or not self.row.arn_template or not parts:
            return own
        arn = self.row.arn_template
        for name, value in (
            ("Partition", self.partition), ("Region", self.region), ("Account", self.scope),
        ):  # fmt: skip
            arn = arn.replace(f"${{{name}}}", value)
        for part in parts[-max(1, arn.count(".*")) :]:
            arn = arn.replace(".*", part.lstrip("/"), 1)
        return arn if ".*" not in arn else ""

    def _templated(self) -> str:
        """The template of the ARN with its names filled in; nothing where one is not known."""
        known = {"Partition": self.partition, "Region": self.region, "Account": self.scope}
        known |= {name: self._part(name, path) for name, path in self.row.ids if path != OWN_ARN}
        arn = self.row.arn_template
        for name in NAMED.findall(arn):
            value = known.get(name) or _by_name(name, self.config) or _by_name(name, self.given)
            if not value and name != "Region":
                return ""
            arn = arn.replace(f"${{{name}}}", str(value or ""))
        return arn

    @property
    def is_wanted(self) -> bool:
        """Whether the item is the customer's own and of this very type."""
        try:
            return not self.row.where or bool(search(self.row.where, self.config))
        except JMESPathTypeError:
            # The member the condition looks at is missing: better one asset too many.
            return True


def items_of(row: ListedType, page: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the items of a page as JSON-compatible objects."""
    text_part, path = next((one for one in row.ids if one[1] in ("@", NAME)), ("Id", "@"))
    for found in search(row.items, page) or []:
        item = plain(found)
        if row.each:
            yield from _inner_items(row, item, text_part)
        elif isinstance(item, dict):
            yield item
        elif path == NAME:
            yield {"Arn": item, text_part: item.rpartition("/")[2]}
        else:
            yield {text_part: item}


def carried_by(row: ListedType, parent: Item) -> dict[str, Any]:
    """Return what the items of a row take over from the item they were asked with."""
    if row.each:
        return {}
    return {name: search(path, parent.config) for name, path in row.carry.items()}


def _inner_items(row: ListedType, outer: Any, text_part: str) -> Iterator[dict[str, Any]]:
    """Yield the items within an item, each with what it takes over from around it."""
    if row.document:
        outer = {**outer, row.document: _read(outer.get(row.document))}
    carried = {name: search(path, outer) for name, path in row.carry.items()}
    for item in search(row.each, outer) or []:
        own = item if isinstance(item, dict) else {text_part: item}
        yield {**carried, **own}


def _read(text: Any) -> Any:
    """Return what a JSON text says, or nothing where it is none."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def merge_detail(item: Item, detail: Detail, answer: Mapping[str, Any]) -> None:
    """Join the answer of a detail call to the item's configuration."""
    body = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    taken = plain(search(detail.take, body) if detail.take else _unwrapped(body))
    if detail.into:
        earlier = item.config.get(detail.into)
        if isinstance(taken, list) and isinstance(earlier, list):
            # The next page of the same answer.
            taken = [*earlier, *taken]
        if taken not in (None, "", [], {}):
            item.config.update(_masked({detail.into: taken}, item.mask_key))
    elif isinstance(taken, dict):
        item.config.update(_masked(taken, item.mask_key))


def _masked(config: dict[str, Any], mask_key: bytes | None) -> dict[str, Any]:
    return config if mask_key is None else without_secrets(config, mask_key)


def argument_for(wanted: str, item: Item, path: str = "") -> Any:
    """Find the value of a required input in an item: by path, by name, else its own id.

    A path sees the configuration, the parts of the id and, as `arn`, the ARN.
    """
    if path == "@":
        return next(item.parts[part] for part, source in item.row.ids if source == "@")
    if path:
        found = search(path, {"arn": item.arn, **item.parts, **item.config})
        return found if found is None or isinstance(found, list | dict) else str(found)
    name = wanted.lower()
    if name.endswith("arn") and item.arn:
        return item.arn
    for pool in (item.parts, item.config, item.given):
        if (found := _by_name(wanted, pool)) is not None:
            return str(found)
    return next((part for part in reversed(list(item.parts.values())) if part), None)


def asset_of(item: Item, observed_at: dt.datetime, mask_key: bytes) -> Asset:
    """Return the finished asset, without secret values and without what changes by itself."""
    row = item.row
    config = {name: value for name, value in item.config.items() if name not in row.volatile}
    tags = own_tags(item)
    arn = item.arn
    ref = Ref("aws", item.scope, item.region, row.native_type, item.native_id)
    return Asset(
        ref=ref,
        kind=kind_of(row.native_type),
        name=_name(item, dict(tags)),
        config=without_secrets(config, mask_key) if item.mask_key is None else config,
        observed_at=item.observed_at or observed_at,
        tags=tags,
        identifiers=(("arn", arn),) if arn else (),
        volatile=row.volatile,
    )


def plain(value: Any) -> Any:
    """Return JSON-compatible data: numbers with a fraction as text, bytes as base64."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return str(value)
    return str(value)


def without_secrets(config: Mapping[str, Any], mask_key: bytes) -> dict[str, Any]:
    """Return the configuration with every secret value masked.

    Values of environment variables are masked whatever they look like: nobody can tell a password
    from a word. Their names stay.
    """
    redactor = Redactor(CREDENTIAL_PATTERNS, mask_key)
    return {name: _cleaned(name, value, redactor) for name, value in config.items()}


@lru_cache(maxsize=10_000)
def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _cleaned(name: str, value: Any, redactor: Redactor) -> Any:
    low = _letters(name)
    if low in ENVIRONMENTS:
        return _all_masked(value, redactor.key)
    if isinstance(value, dict):
        return {key: _cleaned(key, part, redactor) for key, part in value.items()}
    if isinstance(value, list):
        return [_cleaned(name, part, redactor) for part in value]
    if not isinstance(value, str) or low.endswith(("id", "arn", "name")):
        return value
    if SECRET_NAME.search(low) and value and not value.startswith("arn:"):
        return mask(value, redactor.key)
    if low in SCRIPTS:
        return readable_script(value, redactor)
    if not COULD_BE_SECRET.search(value):
        return value
    # An ARN of a secret reads like an assignment; it is only its name.
    return "".join(
        piece if ARN.fullmatch(piece) else redactor.apply(piece) for piece in ARN.split(value)
    )


def _all_masked(value: Any, key: bytes) -> Any:
    """Mask every leaf, but in lists of name and value only the values."""
    if isinstance(value, dict):
        named = {part for part in value if part.lower() in ("name", "type", "key")}
        keep = named if any(part.lower() == "value" for part in value) else set()
        return {
            part: inner if part in keep else _all_masked(inner, key)
            for part, inner in value.items()
        }
    if isinstance(value, list):
        return [_all_masked(part, key) for part in value]
    return mask(value, key) if isinstance(value, str) and value else value


def _unwrapped(body: Mapping[str, Any]) -> Any:
    """Take off the wrapper of an answer such as {"Table": {...}}."""
    if len(body) == 1:
        (only,) = body.values()
        if isinstance(only, list) and len(only) == 1:
            only = only[0]
        if isinstance(only, dict):
            return only
    return body


def _name(item: Item, tags: Mapping[str, str]) -> str:
    if item.row.name and isinstance(found := search(item.row.name, item.config), str) and found:
        return found
    noun = item.row.native_type.split("::")[2].lower()
    members = "name", f"{noun}name", "displayname", "title"
    texts: dict[str, str] = {}
    for member, value in item.config.items():
        if (low := member.lower()) in members and isinstance(value, str) and value:
            texts.setdefault(low, value)
    if named := [texts[member] for member in members if member in texts]:
        return tags.get("Name", named[0])
    last = next((part for part in reversed(list(item.parts.values())) if part), item.native_id)
    return tags.get("Name") or re.split(r"[/:]", last)[-1] or last


def own_tags(item: Item) -> tuple[tuple[str, str], ...]:
    """Return the tags that the answers about an item show."""
    return tags_of(search(item.row.tags, item.config) if item.row.tags else None)


def tags_of(found: Any) -> tuple[tuple[str, str], ...]:
    """Return tags sorted by key, from a mapping or from any of AWS's four ways to spell a list."""
    if isinstance(found, dict):
        return tuple(sorted((str(key), str(value)) for key, value in found.items()))
    pairs = []
    for tag in found if isinstance(found, list) else ():
        if isinstance(tag, dict):
            low = {name.lower(): value for name, value in tag.items()}
            key = low.get("key", low.get("tagkey"))
            if key is not None:
                pairs.append((str(key), str(low.get("value", low.get("tagvalue", "")) or "")))
    return tuple(sorted(pairs))


def _by_name(wanted: str, pool: Mapping[str, Any]) -> Any:
    """Look a scalar up by name, ignoring case."""
    low = wanted.lower()
    for name, value in pool.items():
        if name.lower() == low and isinstance(value, str | int) and value != "":
            return value
    return None


@cache
def _compiled(path: str) -> Any:
    return jmespath.compile(path)


def search(path: str, document: Any) -> Any:
    """Evaluate a JMESPath; a plain member name takes the short way."""
    if not path:
        return None
    if path.isidentifier():
        return document.get(path) if isinstance(document, dict) else None
    return _compiled(path).search(document)
