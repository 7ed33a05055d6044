"""Describe networks, their filters and roles so that two implementations of AWS can be compared.

The same description feeds the playbook that restores and judges what is read back: a network is
told by names and address ranges, never by identifiers, which no two accounts share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exitkit.model.run import ItemResult
from exitkit.store.canonical import canonical_bytes

VPC, SUBNET, GROUP = "AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::SecurityGroup"
ROLE, POLICY = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"
NATIVE_TYPES = (VPC, SUBNET, GROUP, POLICY, ROLE)
SOFT_FIELDS = ("tags", "zone", "description")
"""What a target may drop without anybody being let in or kept out by it."""
_SERVICE_ROLES = "/aws-service-role/"


@dataclass(frozen=True, slots=True)
class NativeRecord:
    """A thing as its provider describes it; `urn` is empty for what was read on a target."""

    native_type: str
    config: Mapping[str, Any]
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a description is meant for: whose account, which region, what names become."""

    account: str
    region: str
    rename: Callable[[str], str] = str


@dataclass(slots=True)
class CloudNetwork:
    """Things by label, in the order they can be built, and what none of them can say."""

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    urns: dict[str, str] = field(default_factory=dict)
    native_ids: dict[str, str] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the things of one kind: `vpc`, `subnet`, `group`, `policy` or `role`."""
        return [thing for label, thing in self.things.items() if label.split(" ")[0] == kind]

    def add(self, label: str, record: NativeRecord, native_id: str, thing: dict[str, Any]) -> None:
        """Take a thing in; a second one of the same label cannot be told from the first."""
        if label in self.things:
            self.twice.append(label)
        self.things[label] = thing
        self.urns[label], self.native_ids[label] = record.urn, native_id


def described(records: Iterable[NativeRecord], home: Place, place: Place) -> CloudNetwork:
    """Return what stands in `home` as it has to stand in `place`."""
    return _Reading([*records], home, place).network()


def compare_networks(wanted: CloudNetwork, found: CloudNetwork) -> Iterator[ItemResult]:
    """Yield a result for each thing wanted, and one for each field that the target dropped."""
    for label, thing in wanted.things.items():
        there = found.things.get(label)
        if there is None:
            yield ItemResult(label, "missing")
            continue
        unequal = [name for name in thing if _text(thing[name]) != _text(there.get(name))]
        hard = [name for name in unequal if name not in SOFT_FIELDS]
        detail = f"other {', '.join(hard)}" if hard else ""
        yield ItemResult(label, "different" if hard else "equal", detail)
        for name in unequal:
            if name in SOFT_FIELDS:
                yield ItemResult(f"{label} {name}", "lost-field", "the target has it otherwise")


def build_order(
    groups: Sequence[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return groups in the order they can be built, and those to be there before any rule.

    A rule names a group that exists; of groups that name each other one has to begin empty.
    """
    left, ordered, early = list(groups), [], []
    there: set[tuple[str, str]] = set()
    while left:
        ready = [one for one in left if named_groups(one) <= there]
        if not ready:
            first = next(one for one in left if _key(one) not in there)
            early.append(first)
            there.add(_key(first))
            continue
        ordered += ready
        there |= {_key(one) for one in ready}
        left = [one for one in left if one not in ready]
    return ordered, early


def named_groups(group: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the other groups that the rules of a group name."""
    rules = [*group["rules"], *group["rules_egress"]]
    names = {(str(group["vpc"]), str(rule["group_name"])) for rule in rules if "group_name" in rule}
    return names - {_key(group)}


def _key(group: Mapping[str, Any]) -> tuple[str, str]:
    return str(group["vpc"]), str(group["name"])


def texts_of(thing: Mapping[str, Any]) -> bytes:
    """Return a thing as bytes, for digests and for canaries."""
    return canonical_bytes(thing)


def _text(value: Any) -> bytes:
    return canonical_bytes({"value": value})


@dataclass(slots=True)
class _Reading:
    """One pass over the records of one account."""

    records: Sequence[NativeRecord]
    home: Place
    place: Place
    vpcs: dict[str, str] = field(default_factory=dict)
    groups: dict[str, tuple[str, str]] = field(default_factory=dict)
    found: CloudNetwork = field(default_factory=CloudNetwork)

    def network(self) -> CloudNetwork:
        for record in self._of(VPC):
            self._vpc(record)
        for record in self._of(SUBNET):
            self._subnet(record)
        for record in self._of(GROUP):
            config = record.config
            self.groups[config["GroupId"]] = (config.get("VpcId", ""), str(config["GroupName"]))
        for record in self._of(GROUP):
            self._group(record)
        for record in self._of(POLICY):
            self._policy(record)
        for record in self._of(ROLE):
            self._role(record)
        return self.found

    def _of(self, native_type: str) -> list[NativeRecord]:
        fitting = [one for one in self.records if one.native_type == native_type]
        return sorted(fitting, key=lambda one: repr(sorted(one.config.items(), key=str)))

    def _vpc(self, record: NativeRecord) -> None:
        config = record.config
        if config.get("IsDefault"):
            self.found.losses.append(
                f"vpc {config['VpcId']}: made by the provider in every account; not moved"
            )
            return
        tags = _tags(config)
        name = self.place.rename(tags.pop("Name", "") or str(config["VpcId"]))
        ranges = [str(config["CidrBlock"])] + [
            str(one["CidrBlock"])
            for one in config.get("CidrBlockAssociationSet") or ()
            if one["CidrBlock"] != config["CidrBlock"]
        ]
        if config.get("Ipv6CidrBlockAssociationSet"):
            self.found.losses.append(f"vpc {name}: its IPv6 range is the provider's; not moved")
        label = f"vpc {name} {ranges[0]}"
        self.vpcs[config["VpcId"]] = name
        thing = {
            "name": name, "cidr_block": ranges, "tags": tags,
            "tenancy": str(config.get("InstanceTenancy") or "default"),
        }  # fmt: skip
        self.found.add(label, record, str(config["VpcId"]), thing)

    def _subnet(self, record: NativeRecord) -> None:
        config = record.config
        vpc = self.vpcs.get(config["VpcId"])
        if vpc is None:
            return
        zone = str(config.get("AvailabilityZone", "")).removeprefix(self.home.region)
        thing = {
            "vpc": vpc, "cidr": str(config["CidrBlock"]), "zone": f"{self.place.region}{zone}",
            "map_public": bool(config.get("MapPublicIpOnLaunch")), "tags": _tags(config),
        }  # fmt: skip
        self.found.add(f"subnet {vpc}/{thing['cidr']}", record, str(config["SubnetId"]), thing)

    def _group(self, record: NativeRecord) -> None:
        config = record.config
        vpc = self.vpcs.get(config.get("VpcId", ""))
        if vpc is None:
            return
        label = f"group {vpc}/{config['GroupName']}"
        thing = {
            "vpc": vpc,
            "name": str(config["GroupName"]),
            "description": str(config.get("Description", "")),
            "rules": self._rules(label, config, "IpPermissions"),
            "rules_egress": self._rules(label, config, "IpPermissionsEgress"),
            "tags": _tags(config),
        }
        self.found.add(label, record, str(config["GroupId"]), thing)

    def _rules(self, label: str, config: Mapping[str, Any], member: str) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = []
        for one in config.get(member) or ():
            base: dict[str, Any] = {"proto": str(one["IpProtocol"])}
            if base["proto"] != "-1":
                base |= {"from_port": one.get("FromPort"), "to_port": one.get("ToPort")}
            for ranges, name, key in (
                ("IpRanges", "cidr_ip", "CidrIp"),
                ("Ipv6Ranges", "cidr_ipv6", "CidrIpv6"),
            ):
                rules += [base | {name: peer[key]} | _note(peer) for peer in one.get(ranges) or ()]
            for peer in one.get("UserIdGroupPairs") or ():
                vpc, group = self.groups.get(peer.get("GroupId", ""), ("", ""))
                if vpc != config["VpcId"]:
                    self.found.losses.append(f"{label}: a rule for a group of another network")
                else:
                    rules.append(base | {"group_name": group} | _note(peer))
            if one.get("PrefixListIds"):
                self.found.losses.append(f"{label}: a rule for a list of the provider's addresses")
        return sorted(rules, key=canonical_bytes)

    def _policy(self, record: NativeRecord) -> None:
        config = record.config
        versions = config.get("PolicyVersionList") or ()
        document = next((v["Document"] for v in versions if v.get("IsDefaultVersion")), None)
        name = self.place.rename(str(config.get("PolicyName") or str(config["Arn"]).split("/")[-1]))
        if document is None:
            self.found.losses.append(f"policy {name}: its text is not in the bundle")
            return
        thing = {"name": name, "path": str(config["Path"]), "document": self._here(document)}
        self.found.add(f"policy {name}", record, str(config["Arn"]), thing)

    def _role(self, record: NativeRecord) -> None:
        config = record.config
        if str(config["Path"]).startswith(_SERVICE_ROLES):
            self.found.losses.append(f"role {config['RoleName']}: the provider's own; not moved")
            return
        name = self.place.rename(str(config["RoleName"]))
        thing = {
            "name": name,
            "path": str(config["Path"]),
            "trust": self._here(config["AssumeRolePolicyDocument"]),
            "policies": self._managed(name, config.get("AttachedManagedPolicies") or ()),
            "inline": {
                str(one["PolicyName"]): self._here(one["PolicyDocument"])
                for one in config.get("RolePolicyList") or ()
            },
            "tags": _tags(config),
        }
        if config.get("PermissionsBoundary"):
            self.found.losses.append(f"role {name}: its permissions boundary is not moved")
        self.found.add(f"role {name}", record, str(config["RoleName"]), thing)

    def _managed(self, role: str, attached: Iterable[Mapping[str, Any]]) -> list[str]:
        arns = []
        for one in attached:
            arn = str(one["PolicyArn"])
            if f":{self.home.account}:" not in arn:
                arns.append(arn)
                continue
            stem, _, name = arn.rpartition("/")
            if f"policy {self.place.rename(name)}" in self.found.things:
                arns.append(f"{self._here(stem)}/{self.place.rename(name)}")
            else:
                self.found.losses.append(f"role {role}: policy {name} is not among what is moved")
        return sorted(arns)

    def _here(self, value: Any) -> Any:
        """Return a policy that speaks of the new account where it spoke of its own."""
        if isinstance(value, Mapping):
            return {str(self._here(name)): self._here(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._here(one) for one in value]
        return (
            value.replace(self.home.account, self.place.account)
            if isinstance(value, str)
            else (value)
        )


def _tags(config: Mapping[str, Any]) -> dict[str, str]:
    pairs = {str(tag["Key"]): str(tag["Value"]) for tag in config.get("Tags") or ()}
    return {name: value for name, value in sorted(pairs.items()) if not name.startswith("aws:")}


def _note(peer: Mapping[str, Any]) -> dict[str, str]:
    return {"rule_desc": str(peer["Description"])} if peer.get("Description") else {}
