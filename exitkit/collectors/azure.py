"""Take stock of Azure subscriptions: resource groups, resources in depth, who may do what."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from exitkit import plugins
from exitkit.drivers import azure_graph
from exitkit.drivers.azure import PUBLIC_ENDPOINT, Answer, ArmReader
from exitkit.drivers.azure_access import assigned, eligible, ends_of
from exitkit.drivers.azure_reading import arm_reader, directory_reader
from exitkit.drivers.azure_sign_ins import OPERATION, PERMISSION, sign_ins_of
from exitkit.drivers.azure_sizes import OPERATION as SIZES
from exitkit.drivers.azure_sizes import sizes_in
from exitkit.knowledge.azure_types import (
    canonical_type,
    known_api_version,
    newest_stable,
    secret_paths,
)
from exitkit.knowledge.kinds import kind_of
from exitkit.model.asset import Asset, Ref, Relation
from exitkit.model.ledger import Call, CallOutcome
from exitkit.model.verdict import Aspect, Gap, Level, Responsible
from exitkit.ports import Check, Context, Finding, Source
from exitkit.store.redact_members import MemberRedactor

PROVIDER = "azure"
SUBSCRIPTION, GROUP = "Microsoft.Resources/subscriptions", "Microsoft.Resources/resourceGroups"
MACHINE = "Microsoft.Compute/virtualMachines"
RESOURCE_API, SUBSCRIPTION_API, ACCESS_API = "2021-04-01", "2022-12-01", "2022-04-01"
PIM_API = "2020-10-01"
VOLATILE = frozenset({"etag"})
NOT_OFFERED = (
    "InvalidResourceType",
    "NoRegisteredProviderFound",
    "MissingSubscriptionRegistration",
    # Ends of assignments and eligible ones are kept only with a license of Entra ID P2.
    "AadPremiumLicenseRequired",
)
_ACTION = re.compile(r"perform action '([^']+)'")


class AzureCollector:
    """Subscriptions the credentials see, by Azure Resource Manager; only read."""

    type: ClassVar[str] = "azure"
    needs: ClassVar[tuple[str, ...]] = ("azure:azure",)

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Visit every subscription that matches the patterns."""
        arm = arm_reader(source, context)
        sweep = _Sweep(source, context, arm)
        sweep.ask_directory()
        for row in sweep.listed("", "/subscriptions", SUBSCRIPTION_API):
            wanted = _is_wanted(source, row)
            if not wanted:
                reason = "no pattern of `subscriptions:` in exitkit.yaml matches"
                sweep.record(row["subscriptionId"], f"{SUBSCRIPTION}:GET", reason=reason)
                continue
            sweep.subscription(row)
            context.progress(f"{row.get('displayName')}: {len(sweep.findings)} findings")
        arm.close()
        yield from sweep.findings

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name the endpoint and every subscription the credentials see."""
        arm = arm_reader(source, context)
        names = {f"endpoint:{arm.endpoint}"} if arm.endpoint != PUBLIC_ENDPOINT else set()
        for page in arm.pages("/subscriptions", SUBSCRIPTION_API):
            for row in page.body.get("value", ()):
                names.add(f"azure-subscription:{row['subscriptionId'].lower()}")
        arm.close()
        return frozenset(names)

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Look for the SDK and ask for the subscriptions once."""
        absent = plugins.missing(self.needs)
        for module, extra in absent:
            move = f"pip install 'exitkit-reversibility[{extra}]'"
            yield Check(module, ok=False, detail="not installed", next_move=move)
        if absent:
            return
        arm = arm_reader(source, context)
        answer = arm.get("/subscriptions", SUBSCRIPTION_API)
        arm.close()
        detail = answer.message or f"{len(answer.body.get('value', ()))} subscriptions"
        move = "" if answer.status == 200 else "run az login, or set AZURE_CLIENT_ID and the others"
        yield Check(f"{source.id}: subscriptions", answer.status == 200, detail, move)


@dataclass
class _Sweep:
    """One run over the subscriptions, and everything found on the way."""

    source: Source
    context: Context
    arm: ArmReader
    findings: list[Finding] = field(default_factory=list)
    last_used: Mapping[str, dt.date] = field(default_factory=dict)
    sizes: dict[tuple[str, str], Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    def ask_directory(self) -> None:
        """Learn when users signed in last, where the source says to ask."""
        if not self.source.settings.get("sign_ins"):
            return
        directory = directory_reader(self.source, self.context)
        told = sign_ins_of(directory)
        directory.close()
        self.last_used = told.days
        if told.is_unlicensed:
            said = "sign-ins are kept only with a license of Entra ID P1 or P2: last use is unknown"
            self.findings.append(
                Call(self.source.id, "directory", "", OPERATION, CallOutcome.NOT_OFFERED,
                     binding="users", reason=said)
            )  # fmt: skip
            return
        self._ledger(
            "directory", OPERATION, told.last, told.users, binding="users", permission=PERMISSION
        )

    def subscription(self, row: Mapping[str, Any]) -> None:
        """Take stock of one subscription."""
        scope = row["subscriptionId"].lower()
        base = f"/subscriptions/{scope}"
        root = self._asset(scope, row, SUBSCRIPTION, row.get("displayName", scope))
        versions = self._api_versions(scope, base)
        groups: dict[str, Ref] = {}
        for group in self.listed(scope, f"{base}/resourcegroups", RESOURCE_API):
            ref = self._asset(scope, group, GROUP, group["name"])
            groups[ref.native_id] = ref
            self.findings.append(Relation(root, "contains", ref))
        rows = self.listed(scope, f"{base}/resources", RESOURCE_API)
        rows += self._witnessed(scope, rows)
        with ThreadPoolExecutor(max_workers=self.context.limits.workers) as pool:
            depth = pool.map(lambda item: self._in_depth(item, versions), rows)
            for item, answer in zip(rows, depth, strict=True):
                self._resource(scope, item, answer, groups)
        self._access(scope, base)

    def listed(self, scope: str, path: str, api_version: str) -> list[Mapping[str, Any]]:
        """Return all pages of a list, with its one ledger line."""
        rows: list[Mapping[str, Any]] = []
        last = Answer(0, {})
        duration_ms = 0
        for last in self.arm.pages(path, api_version):
            rows += last.body.get("value", ()) if last.status == 200 else ()
            duration_ms += last.duration_ms
        self._ledger(scope, f"{_operation(path)}:GET", last, len(rows), duration_ms=duration_ms)
        return rows

    def _witnessed(self, scope: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return what Resource Graph knows and the list did not show, where it is a witness."""
        if "resource-graph" not in self.source.settings.get("witnesses", ()):
            return []
        known = {str(row["id"]).lower() for row in rows}
        told: list[Mapping[str, Any]] = []
        last = Answer(0, {})
        for last in azure_graph.graph_pages(self.arm, scope):
            told += azure_graph.rows_of(last)
        new = {str(row["id"]).lower(): row for row in told}
        self._ledger(scope, azure_graph.OPERATION, last, len(told), binding="witness")
        return [row for name, row in sorted(new.items()) if name not in known]

    def record(self, scope: str, operation: str, *, reason: str) -> None:
        """Write down what was left out on purpose."""
        self.findings.append(
            Call(
                self.source.id,
                scope,
                "",
                operation,
                CallOutcome.EXCLUDED,
                reason=reason,
                binding=scope,
            )
        )  # fmt: skip

    def _api_versions(self, scope: str, base: str) -> dict[str, str]:
        rows = self.listed(scope, f"{base}/providers", RESOURCE_API)
        return {
            f"{row['namespace']}/{kind['resourceType']}".lower(): newest_stable(kind["apiVersions"])
            for row in rows
            for kind in row.get("resourceTypes", ())
        }

    def _in_depth(self, row: Mapping[str, Any], versions: Mapping[str, str]) -> Answer:
        native_type = str(row["type"])
        version = versions.get(native_type.lower()) or known_api_version(native_type)
        if not version:
            return Answer(404, {}, "InvalidResourceType", "no API version is known for this type")
        return self.arm.get(str(row["id"]), version)

    def _resource(
        self, scope: str, row: Mapping[str, Any], answer: Answer, groups: Mapping[str, Ref]
    ) -> None:
        native_type = canonical_type(str(row["type"]))
        native_id = str(row["id"]).lower()
        self._ledger(
            scope, f"{native_type}:GET", answer, 1 if answer.status == 200 else 0,
            region=_region(row), binding=native_id, permission=f"{native_type}/read",
        )  # fmt: skip
        if answer.status == 404 and answer.code == "ResourceNotFound":
            return
        config = {**row, **answer.body} if answer.status == 200 else row
        if native_type == MACHINE and (size := self._size(scope, config)):
            config = {**config, "size": size}
        ref = self._asset(scope, config, native_type, str(row["name"]))
        if answer.status != 200:
            self.findings.append(_shallow(ref, answer))
        group = groups.get("/".join(native_id.split("/")[:5]))
        if group is not None:
            self.findings.append(Relation(group, "contains", ref))

    def _size(self, scope: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the size of a machine has; the sizes of a region are asked for once."""
        region = _region(config)
        if (scope, region) not in self.sizes:
            told = sizes_in(self.arm, scope, region)
            self._ledger(scope, SIZES, told.last, len(told.by_name), region=region, binding="sizes")
            self.sizes[scope, region] = told.by_name
        hardware = (config.get("properties") or {}).get("hardwareProfile") or {}
        return self.sizes[scope, region].get(str(hardware.get("vmSize")).casefold(), {})

    def _asset(self, scope: str, config: Mapping[str, Any], native_type: str, name: str) -> Ref:
        original = str(config["id"])
        ref = Ref(PROVIDER, scope, _region(config), native_type, original.lower())
        clean = MemberRedactor(secret_paths(native_type), self.context.mask_key).apply(config)
        tags = clean.get("tags") or {}
        self.findings.append(
            Asset(
                ref,
                kind_of(native_type),
                name,
                clean,
                self.context.now,
                tags=tuple(sorted((str(key), str(value)) for key, value in tags.items())),
                identifiers=(("arm-id", original),),
                volatile=VOLATILE,
            )
        )  # fmt: skip
        return ref

    def _access(self, scope: str, base: str) -> None:
        authorization = f"{base}/providers/Microsoft.Authorization"
        roles: dict[str, str] = {}
        for role in self.listed(scope, f"{authorization}/roleDefinitions", ACCESS_API):
            properties = role.get("properties", {})
            roles[str(role["id"]).rpartition("/")[2].lower()] = properties.get("roleName", "")
            if properties.get("type") == "CustomRole":
                kind = "Microsoft.Authorization/roleDefinitions"
                self._asset(scope, role, kind, properties.get("roleName", role["name"]))
        told = self.listed(scope, f"{authorization}/roleAssignmentScheduleInstances", PIM_API)
        rows = self.listed(scope, f"{authorization}/roleAssignments", ACCESS_API)
        may_take = self.listed(scope, f"{authorization}/roleEligibilityScheduleInstances", PIM_API)
        rights = [*assigned(scope, rows, roles, ends_of(told)), *eligible(scope, may_take, roles)]
        for right in rights:
            used = self.last_used.get(right.principal.native_id.lower())
            self.findings.append(replace(right, last_used_on=used))

    def _ledger(
        self, scope: str, operation: str, answer: Answer, count: int, *, region: str = "",
        binding: str = "", permission: str = "", duration_ms: int = 0,
    ) -> None:  # fmt: skip
        outcome = _outcome(answer, count)
        named = _ACTION.search(answer.message)
        needed = named[1] if named else permission or _read(operation)
        fault = f"{answer.status} {answer.code}: {answer.message}".strip(": ")
        self.findings.append(
            Call(
                self.source.id, scope, region, operation, outcome, count, binding,
                permission=needed if outcome is CallOutcome.REFUSED else "",
                reason=fault if answer.status != 200 else "",
                duration_ms=duration_ms or answer.duration_ms,
            )
        )  # fmt: skip


def _is_wanted(source: Source, row: Mapping[str, Any]) -> bool:
    patterns = source.settings.get("subscriptions") or ["*"]
    names = (str(row["subscriptionId"]), str(row.get("displayName", "")))
    return any(fnmatchcase(name, str(pattern)) for name in names for pattern in patterns)


def _outcome(answer: Answer, count: int) -> CallOutcome:
    if answer.status == 200:
        return CallOutcome.COLLECTED if count else CallOutcome.EMPTY
    if answer.code in NOT_OFFERED:
        return CallOutcome.NOT_OFFERED
    if answer.status in (401, 403):
        return CallOutcome.REFUSED
    if answer.status == 404:
        return CallOutcome.EMPTY
    return CallOutcome.UNSUPPORTED if answer.status == 405 else CallOutcome.UNAVAILABLE


def _operation(path: str) -> str:
    """Name a list by its type: `/subscriptions/<id>/resources` lists subscriptions/resources."""
    parts = path.strip("/").split("/")
    if "providers" in parts[:-1]:
        return "/".join(parts[parts.index("providers") + 1 :])
    kinds = "/".join(parts[0::2])
    return f"Microsoft.Resources/{kinds}".replace("resourcegroups", "resourceGroups")


def _read(operation: str) -> str:
    return operation.removesuffix(":GET") + "/read"


def _region(row: Mapping[str, Any]) -> str:
    location = str(row.get("location") or "").lower().replace(" ", "")
    return "" if location == "global" else location


def _shallow(ref: Ref, answer: Answer) -> Gap:
    refused = answer.status in (401, 403)
    return Gap(
        ref, Aspect.CONFIGURATION, Level.DESCRIBED,
        "permission-denied" if refused else "api-error",
        "Only what the list says is held; reading the resource itself failed.",
        Responsible.CUSTOMER if refused else Responsible.PROVIDER,
        f"Grant {ref.native_type}/read, then repeat." if refused else "Repeat the snapshot.",
        method="Azure Resource Manager GET", confidence="high",
    )  # fmt: skip
