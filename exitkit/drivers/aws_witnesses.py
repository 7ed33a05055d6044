"""Ask AWS's own witnesses what there is, and take stock of what no listing call showed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import jmespath

from exitkit.assess.resource_names import forms_of
from exitkit.drivers.aws import Account
from exitkit.drivers.aws_calls import Failure, one_answer, pages
from exitkit.drivers.deadlines import Beat, run_all
from exitkit.knowledge.aws_witnesses import Witness, load_witnesses
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source

UNIQUE_ID = re.compile(r"[a-z]+-[0-9a-f]{8,}")
"""Ids that AWS gives once in all its services: `i-0abc...`, `vol-0abc...`."""
MOST_SIGHTINGS = 200_000
"""What one witness may name in one region before the rest counts as not heard."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A resource as a witness names it; what it does not say is empty."""

    witness: str
    arn: str
    type: str
    id: str
    name: str
    region: str

    @property
    def service(self) -> str:
        """The service as an ARN or a type names it, in lower case."""
        if self.arn:
            return self.arn.split(":")[2]
        return self.type.split("::")[1].lower() if self.type.count("::") == 2 else ""

    @property
    def key(self) -> tuple[str, str]:
        """What two witnesses call alike: the service, and the last part of the name."""
        last = (self.id or self.arn).rpartition("/")[2].rpartition(":")[2]
        return self.service, last.lower()

    @property
    def native_type(self) -> str:
        """The CloudFormation type where the witness uses it, else `service:kind` as in its ARN."""
        if self.type:
            return self.type
        tail = self.arn.split(":", 5)[5]
        kind = tail.split("/")[0].split(":")[0] if "/" in tail or ":" in tail else "resource"
        return f"{self.service}:{kind}"


@dataclass(slots=True)
class _Testimony:
    """What one witness said in one region, or why it said nothing."""

    witness: Witness
    region: str
    sightings: list[Sighting] = field(default_factory=list)
    failure: Failure | None = None
    cut_off: bool = False


def hear_witnesses(
    source: Source,
    account: Account,
    assets: Iterable[Asset],
    regions: Sequence[str],
    context: Context,
) -> Iterator[Finding]:
    """Yield a ledger line for every question, and an asset with its gap for what is new.

    A resource outside the services that the source selects is not new: it was left out on purpose.
    """
    chosen = [load_witnesses()[name] for name in source.settings.get("witnesses", ())]
    if not chosen:
        return
    known = {name for asset in assets for name in _names_of(asset)}
    unseen: dict[tuple[str, str], list[Sighting]] = {}
    for told in _ask(chosen, account, regions, context):
        new = [one for one in told.sightings if _is_new(one, account.id, known, source)]
        yield _line(source, account, told, len(new))
        for one in new:
            unseen.setdefault(one.key, []).append(one)
    for _, sightings in sorted(unseen.items()):
        yield from _found(sightings, account, context)


def _ask(
    chosen: Sequence[Witness], account: Account, regions: Sequence[str], context: Context
) -> list[_Testimony]:
    asked = [
        _Testimony(witness, region)
        for witness in chosen
        for region in ([account.region] if witness.everywhere else regions)
    ]
    jobs = [_job(told, account, context) for told in asked]
    for index, done in run_all(jobs, context.limits.workers, context.limits.call_deadline_s):
        if done is None:
            reason = f"no answer within {context.limits.call_deadline_s} s"
            # The thread left behind still holds the old one.
            asked[index] = _Testimony(
                asked[index].witness, asked[index].region,
                failure=Failure(CallOutcome.UNAVAILABLE, reason),
            )  # fmt: skip
    return asked


def _job(told: _Testimony, account: Account, context: Context) -> Any:
    def hear(beat: Beat) -> bool:
        answer = one_answer(lambda: _hear(told, account, context, beat), told.witness.called)
        if isinstance(answer, Failure):
            told.failure = answer
        return True

    return hear


def _hear(told: _Testimony, account: Account, context: Context, beat: Beat) -> None:
    witness = told.witness
    client = account.client(witness.service, told.region, context.limits)
    gone: set[str] = set()
    try:
        for page in pages(client, witness.operation, witness.bind, beat):
            if witness.gone:
                gone.update(str(name) for name in jmespath.search(witness.gone, page) or ())
            told.sightings.extend(_sightings(witness, told.region, page))
            if len(told.sightings) > MOST_SIGHTINGS:
                told.cut_off = True
                break
    finally:
        client.close()
    # Events come newest first: what was unmade later has been read by now.
    told.sightings = [one for one in told.sightings if one.id not in gone]


def _sightings(witness: Witness, region: str, page: Mapping[str, Any]) -> Iterator[Sighting]:
    for item in jmespath.search(witness.items, page) or ():
        row = jmespath.search(witness.json, json.loads(item)) if witness.json else item
        told = {name: str(row.get(name) or "") for name in ("arn", "type", "id", "name", "region")}
        whole = told["arn"].count(":") >= 5
        if whole or (told["id"] and told["type"]):
            told["arn"] = told["arn"] if whole else ""
            yield Sighting(witness.title, **{**told, "region": told["region"] or region})


def _names_of(asset: Asset) -> Iterator[str]:
    """Yield what a witness may call an asset: a bare name only together with its service."""
    arns = [value for scheme, value in asset.identifiers if scheme == "arn"]
    services = {asset.ref.native_type.split("::")[1].lower(), *(arn.split(":")[2] for arn in arns)}
    for name in (asset.ref.native_id, asset.name, *asset.ref.native_id.split("|")):
        yield from _bare(name.lower(), services)
    for arn in arns:
        lowered = arn.lower()
        yield lowered
        yield from _bare(lowered.rpartition("/")[2].rpartition(":")[2], services)


def _bare(name: str, services: Iterable[str]) -> Iterator[str]:
    if UNIQUE_ID.fullmatch(name):
        yield name
    yield from (f"{service}|{name}" for service in services)


def _is_new(one: Sighting, scope: str, known: set[str], source: Source) -> bool:
    if one.arn and one.arn.split(":")[4] not in ("", scope):
        return False
    patterns = source.settings.get("services") or ["*"]
    if not any(fnmatchcase(one.service, pattern.partition(":")[0]) for pattern in patterns):
        return False
    names = [form for form in forms_of(scope, one.arn) if form.startswith("arn:")]
    for name in (one.id, one.name, one.arn.rpartition("/")[2].rpartition(":")[2]):
        names += _bare(name.lower(), [one.service]) if name else []
    return not known.intersection(names)


def _line(source: Source, account: Account, told: _Testimony, new: int) -> Call:
    witness = told.witness
    call = Call(
        source.id, account.id, told.region, witness.called,
        CallOutcome.COLLECTED if told.sightings else CallOutcome.EMPTY,
        len(told.sightings), binding="witness",
        reason=f"sees {witness.sees}; {new} of them no listing call showed",
    )  # fmt: skip
    failure = told.failure
    if failure is None and not told.cut_off:
        return call
    outcome, reason, permission = CallOutcome.UNAVAILABLE, f"stopped at {MOST_SIGHTINGS}", ""
    if failure:
        outcome, reason, permission = failure.outcome, failure.reason, failure.permission
    if outcome is CallOutcome.EMPTY:
        outcome, reason = CallOutcome.NOT_OFFERED, f"not set up here: {reason}"
    return Call(
        source.id, account.id, told.region, call.operation, outcome, call.count,
        binding="witness", permission=permission, reason=reason,
    )  # fmt: skip


def _vague(one: Sighting) -> tuple[bool, bool, bool]:
    return not one.type.startswith("AWS::"), not one.type, not one.arn


def _found(sightings: Sequence[Sighting], account: Account, context: Context) -> Iterator[Finding]:
    """Yield one asset that only witnesses know, and the gap that says so."""
    best = min(
        sightings, key=lambda one: (not one.type.startswith("AWS::"), not one.type, not one.arn)
    )
    arn = next((one.arn for one in sightings if one.arn), "")
    named = next((one.id for one in sightings if one.id), "") or arn
    witnesses = ", ".join(sorted({one.witness for one in sightings}))
    ref = Ref("aws", account.id, best.region, best.native_type, named)
    yield Asset(
        ref, kind_of(ref.native_type), next((one.name for one in sightings if one.name), named),
        {"seenBy": sorted({one.witness for one in sightings})}, context.now,
        identifiers=(("arn", arn),) if arn else (), status="unknown",
    )  # fmt: skip
    yield Gap(
        ref, Aspect.CONFIGURATION, Level.NONE, "not-supported-by-tool",
        f"Only {witnesses} names it: no call that was made lists it.",
        Responsible.TOOL, "Look it up in the console; then report the type, or add a call for it.",
        method="witness", confidence="medium",
    )  # fmt: skip
