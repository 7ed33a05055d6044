"""Build networks, filters and roles in another account by playbook, read them back, compare.

Step params: `{what: cloud-network, target: <aws target>, assets: {native_type: "AWS::*", names:
["*"]}}`, which takes networks, subnets, security groups, policies and roles and leaves the rest;
optional `rename`, `canaries`, `canary_pattern`. A playbook of the workspace's `playbooks/` goes
before `restore_network.yml` of ours. Where the source's own account or region is named, the
target's takes its place. The second run must change nothing: metric `second_run_changed`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, ClassVar

from exitkit.assess.cloud_network import (
    NATIVE_TYPES,
    CloudNetwork,
    NativeRecord,
    Place,
    build_order,
    compare_networks,
    described,
    named_groups,
    texts_of,
)
from exitkit.assess.comparison import Canaries, compared, failed, taken
from exitkit.drivers.ansible import PlaybookFailed, PlaybookOptions, PlaybookRun, run_playbook
from exitkit.drivers.ansible_collections import require_collections
from exitkit.drivers.aws_ground import AwsGround, open_ground
from exitkit.errors import InputError
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Measurement, Outcome, Proof, StepStatus
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import chosen, restored_name
from exitkit.store.reader import open_bundle
from exitkit.store.touched import note_touched, noted_touched

RESTORE, UNDO = "restore_network.yml", "restore_network.undo.yml"
HOSTS = "all: {hosts: {cloud: {ansible_connection: local}}}\n"
DEADLINE_S = 1800
CATEGORY = "cloud-network"


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to stand on the target, and what stands there."""

    ground: AwsGround
    wanted: CloudNetwork
    found: CloudNetwork
    worker: tuple[str, ...] = ()


class CloudNetworkRestorer:
    """Move networks and roles to another account."""

    what: ClassVar[str] = "cloud-network"
    target_types: ClassVar[tuple[str, ...]] = ("aws",)
    needs: ClassVar[tuple[str, ...]] = (
        "ansible_runner:rehearsal", "ansible:rehearsal", "boto3:rehearsal",
    )  # fmt: skip
    collections: ClassVar[tuple[str, ...]] = ("amazon.aws",)

    def identities(self, target: Target, environ: Mapping[str, str]) -> frozenset[str]:
        """Name the account and the address it answers at."""
        return _open(target, environ).identities()

    def inventory(self, target: Target, environ: Mapping[str, str]) -> tuple[str, ...]:
        """List networks, filters, policies and roles, each with a digest."""
        records = _open(target, environ).network_records()
        return tuple(
            sorted(
                f"{one.native_type} {_identity(one)} sha256:"
                f"{hashlib.sha256(repr(sorted(_stable(one).items())).encode()).hexdigest()}"
                for one in records
            )
        )

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Run the playbook twice and read back what it built."""
        require_collections(self.collections)
        job = _job(step, target, context)
        ours = {label for noted in noted_touched(context) for label in noted["labels"]}
        foreign = [one for one in job.wanted.things if one in job.found.things and one not in ours]
        if foreign:
            return taken(foreign[0], target.id)
        touched = {
            "labels": sorted(job.wanted.things),
            "before": _first_before(context, job.found),
        }
        note_touched(context, touched)
        started = time.monotonic()
        try:
            first = _play(RESTORE, job, context, "ansible-1", _variables(job.wanted))
            took_ms = int((time.monotonic() - started) * 1000)
            second = _play(RESTORE, job, context, "ansible-2", _variables(job.wanted))
        except PlaybookFailed as fault:
            return failed(str(fault), touched)
        return _restored(_job(step, target, context), first, second, took_ms, touched)

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Compare field by field; a name, an address range or a rule that differs is named."""
        job, canaries = _job(step, target, context), Canaries.of(step.params)
        for label, thing in job.wanted.things.items():
            canaries.expect(texts_of(thing))
            if label in job.found.things:
                canaries.see(texts_of(job.found.things[label]))
        items = list(compare_networks(job.wanted, job.found))
        wrong = {item.item for item in items if item.result != "equal"}
        proofs = [
            Proof(urn, "configuration")
            for label, urn in sorted(job.wanted.urns.items())
            if not any(one == label or one.startswith(f"{label} ") for one in wrong)
        ]
        losses = _losses(job, items)
        return compared(CATEGORY, items, canaries=canaries, losses=losses, proofs=proofs)

    def undo(
        self, step: Step, touched: Mapping[str, Any], target: Target, context: StepContext
    ) -> Outcome:
        """Remove what this step built, by the identifiers it was given; never what was there."""
        noted = [touched] if touched else noted_touched(context)
        if not noted:
            return Outcome(StepStatus.SUCCEEDED, "nothing was built")
        ground = _open(target, context.environ)
        home = Place(ground.account, ground.region)
        found = described(ground.network_records(), home, home)
        mine = {
            label
            for label in noted[0]["labels"]
            if label in found.things and found.native_ids[label] not in noted[0]["before"]
        }
        if not mine:
            return Outcome(StepStatus.SUCCEEDED, "it is gone already")
        job = _Job(ground, found, found, _worker(target))
        _play(UNDO, job, context, "undo", _to_remove(found, mine))
        return Outcome(StepStatus.SUCCEEDED, f"{len(mine)} removed", {"removed": len(mine)})


def _open(target: Target, environ: Mapping[str, str]) -> AwsGround:
    return open_ground(target.settings, environ, f"target {target.id}")


def _worker(target: Target) -> tuple[str, ...]:
    return tuple(target.settings.get("worker") or ())


def _identity(record: NativeRecord) -> str:
    config = record.config
    names = ("SubnetId", "GroupId", "VpcId", "Arn")
    return str(next(config[name] for name in names if name in config))


def _stable(record: NativeRecord) -> dict[str, Any]:
    """Return the record without what changes by itself while nobody writes."""
    moving = ("RoleLastUsed", "UpdateDate", "AvailableIpAddressCount", "AttachmentCount")
    return {name: value for name, value in record.config.items() if name not in moving}


def _job(step: Step, target: Target, context: StepContext) -> _Job:
    bundle = open_bundle(context.bundle)
    ground = _open(target, context.environ)
    holdings = [
        one
        for one in chosen(bundle, step)
        if one.record["provider"]["nativeType"] in NATIVE_TYPES
    ]  # fmt: skip
    if not holdings:
        raise InputError(f"step {step.id}: none of its assets is {', '.join(NATIVE_TYPES)}")
    accounts = sorted({str(one.record["provider"]["scope"]) for one in holdings})
    regions = sorted({str(one.record["provider"].get("region") or "") for one in holdings} - {""})
    if len(accounts) > 1 or len(regions) > 1:
        raise InputError(
            f"step {step.id}: its assets stand in {', '.join(accounts + regions)};"
            " give each account and region a step of its own"
        )
    home = Place(accounts[0], (regions or [""])[0])
    there = Place(ground.account, ground.region)
    place = Place(ground.account, ground.region, lambda name: restored_name(step, name))
    records = [
        NativeRecord(
            one.record["provider"]["nativeType"], bundle.native(dict(one.record)), one.urn
        )
        for one in holdings
    ]  # fmt: skip
    wanted = described([one for one in records if one.config], home, place)
    if wanted.twice:
        raise InputError(f"step {step.id}: {wanted.twice[0]} is there twice; choose one by name")
    found = described(ground.network_records(), there, there)
    return _Job(ground, wanted, found, _worker(target))


def _first_before(context: StepContext, found: CloudNetwork) -> list[str]:
    earlier = noted_touched(context)
    return list(earlier[0]["before"]) if earlier else sorted(found.native_ids.values())


def _variables(wanted: CloudNetwork) -> dict[str, Any]:
    ordered, early = build_order(wanted.of("group"))
    return {
        "vpcs": wanted.of("vpc"),
        "subnets": wanted.of("subnet"),
        "groups_to_begin": early,
        "groups_to_build": ordered,
        "policies": wanted.of("policy"),
        "roles": [{k: v for k, v in one.items() if k != "inline"} for one in wanted.of("role")],
        "inline_policies": [
            {"role": one["name"], "name": name, "document": document}
            for one in wanted.of("role")
            for name, document in one["inline"].items()
        ],
    }


def _to_remove(found: CloudNetwork, mine: set[str]) -> dict[str, Any]:
    vpc_ids = {
        found.things[label]["name"]: found.native_ids[label]
        for label in mine
        if label.startswith("vpc ")
    }
    # A network takes away what stands in it, also what came with it.
    groups = [one for one in found.of("group") if one["vpc"] in vpc_ids]
    ordered, early = build_order(groups)
    begun = {(one["vpc"], one["name"]) for one in early}

    def told(group: Mapping[str, Any]) -> dict[str, str]:
        return {
            "id": found.native_ids[f"group {group['vpc']}/{group['name']}"],
            "name": group["name"],
            "description": group["description"],
            "vpc_id": vpc_ids[group["vpc"]],
        }

    return {
        "roles": [found.things[one]["name"] for one in sorted(mine) if one.startswith("role ")],
        "policies": [
            found.things[one]["name"] for one in sorted(mine) if one.startswith("policy ")
        ],
        "groups_to_empty": [told(one) for one in ordered if named_groups(one) & begun],
        "groups_to_remove": [told(one) for one in reversed(ordered) if one["name"] != "default"],
        "subnets": [
            {"vpc_id": vpc_ids[one["vpc"]], "cidr": one["cidr"]}
            for one in found.of("subnet")
            if one["vpc"] in vpc_ids
        ],
        "vpc_ids": sorted(vpc_ids.values()),
    }


def _play(
    name: str, job: _Job, context: StepContext, label: str, variables: Mapping[str, Any]
) -> PlaybookRun:
    taken = len(list(context.attempt_dir.glob(f"{label}*")))
    folder = context.attempt_dir / (f"{label}-{taken + 1}" if taken else label)
    inventory = context.attempt_dir / "cloud.yml"
    inventory.write_text(HOSTS)
    own = context.workspace / "playbooks" / name
    options = PlaybookOptions(
        worker=job.worker, environ=job.ground.environ(), deadline_s=DEADLINE_S,
        progress=context.progress,
    )  # fmt: skip
    with as_file(files("exitkit").joinpath("playbooks")) as shipped:
        return run_playbook(
            own if own.is_file() else Path(shipped) / name, inventory, folder,
            owner=context.idempotency_key, variables=variables, options=options,
        )  # fmt: skip


def _restored(
    job: _Job, first: PlaybookRun, second: PlaybookRun, took_ms: int, touched: Mapping[str, Any]
) -> Outcome:
    items = list(compare_networks(job.wanted, job.found))
    different = sum(item.result not in ("equal", "lost-field") for item in items)
    losses = _losses(job, items)
    count = len(job.wanted.things)
    size = sum(len(texts_of(thing)) for thing in job.wanted.things.values())
    return Outcome(
        # A playbook that changes something twice is not the one to run on the last day.
        StepStatus.FAILED if different or second.changed else StepStatus.SUCCEEDED,
        f"{count} networks, filters and roles built, {different} not as they were;"
        f" the second run changed {second.changed} tasks",
        {
            "items_restored": count, "bytes_restored": size, "items_different": different,
            "first_run_changed": first.changed, "second_run_changed": second.changed,
            "losses": len(losses),
        },
        tuple(items), losses, (), (Measurement(CATEGORY, count, size, took_ms),), touched,
    )  # fmt: skip


def _losses(job: _Job, items: list[ItemResult]) -> tuple[str, ...]:
    dropped = [f"{one.item}: {one.detail}" for one in items if one.result == "lost-field"]
    return (*job.wanted.losses, *dropped)
