"""Say a task definition of ECS in the words of the Compose specification, and what has no word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MASK = "<masked:"
_CPU_UNITS = 1024
_CONDITIONS = {
    "START": "service_started", "HEALTHY": "service_healthy",
    "COMPLETE": "service_completed_successfully", "SUCCESS": "service_completed_successfully",
}  # fmt: skip
_SAME = {
    "image": "image", "command": "command", "entryPoint": "entrypoint", "user": "user",
    "workingDirectory": "working_dir", "hostname": "hostname", "privileged": "privileged",
    "readonlyRootFilesystem": "read_only", "dockerLabels": "labels", "dnsServers": "dns",
    "interactive": "stdin_open", "pseudoTerminal": "tty",
}  # fmt: skip
_LOST = {
    "logConfiguration": "where its log goes", "repositoryCredentials": "its registry login",
    "resourceRequirements": "its devices", "firelensConfiguration": "its log router",
    "environmentFiles": "its environment files", "systemControls": "its kernel settings",
}  # fmt: skip
SERVICE_KEYS = frozenset(_SAME.values()) | {
    "build", "environment", "ports", "volumes", "mem_limit", "mem_reservation", "cpus",
    "depends_on", "healthcheck", "ulimits", "init", "stop_grace_period", "extra_hosts",
    "env_file", "restart", "networks", "secrets", "configs", "deploy", "logging", "expose",
    "container_name", "links", "profiles", "platform", "network_mode", "cap_add", "cap_drop",
    "security_opt", "sysctls", "tmpfs", "devices", "domainname", "external_links", "extends",
    "group_add", "ipc", "isolation", "mac_address", "pid", "pull_policy", "runtime", "scale",
    "shm_size", "stop_signal", "userns_mode", "volumes_from", "annotations", "attach", "cgroup",
    "cgroup_parent", "blkio_config", "cpu_count", "cpu_percent", "cpu_shares", "cpuset",
    "credential_spec", "dns_opt", "dns_search", "develop", "gpus", "label_file", "mem_swappiness",
    "memswap_limit", "models", "oom_kill_disable", "oom_score_adj", "pids_limit", "post_start",
    "pre_stop", "provider", "storage_opt", "use_api_socket", "uts",
}  # fmt: skip
"""What a service may say, by the Compose specification of 2026."""


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """A document of the Compose specification, and what of its origin it cannot say."""

    document: Mapping[str, Any]
    losses: tuple[str, ...]


def compose_of(task: Mapping[str, Any]) -> ComposeFile:
    """Return the containers of a task definition as services."""
    losses: list[str] = []
    family = str(task.get("family", "task"))
    volumes: dict[str, Any] = {}
    hosts = dict(_volumes(task, losses))
    services = {}
    for container in task.get("containerDefinitions") or ():
        name = str(container["name"])
        services[name] = _service(container, f"{family}/{name}", hosts, losses)
        volumes |= {
            str(mount["sourceVolume"]): {}
            for mount in container.get("mountPoints") or ()
            if not hosts.get(str(mount.get("sourceVolume")))
        }
    losses += [
        f"{family}: it runs as {task[role]}; the target needs a login in its place"
        for role in ("taskRoleArn", "executionRoleArn")
        if task.get(role)
    ]
    document: dict[str, Any] = {"name": _project(family), "services": services}
    return ComposeFile(document | ({"volumes": volumes} if volumes else {}), tuple(losses))


def compose_faults(document: Any) -> Iterator[str]:
    """Say what a program that reads Compose files would refuse."""
    services = document.get("services") if isinstance(document, Mapping) else None
    if not isinstance(services, Mapping) or not services:
        yield "no services"
        return
    declared = set(document.get("volumes") or {})
    for name, service in services.items():
        if not isinstance(service, Mapping):
            yield f"service {name}: says nothing"
            continue
        unknown = sorted(k for k in map(str, service) if k not in SERVICE_KEYS and k[:2] != "x-")
        if unknown:
            yield f"service {name}: {unknown[0]} is no word of the specification"
        if not (service.get("image") or service.get("build") or service.get("extends")):
            yield f"service {name}: neither image nor build"
        for other in service.get("depends_on") or ():
            if other not in services:
                yield f"service {name}: depends on {other}, which is not there"
        for volume in service.get("volumes") or ():
            source = volume.get("source") if isinstance(volume, Mapping) else _source(str(volume))
            is_bind = isinstance(volume, Mapping) and volume.get("type") not in (None, "volume")
            if source and not is_bind and source[0] not in "./~$" and source not in declared:
                yield f"service {name}: volume {source} is not declared"


def _service(
    container: Mapping[str, Any], label: str, hosts: Mapping[str, str], losses: list[str]
) -> dict[str, Any]:
    service = {ours: _plain(container[theirs]) for theirs, ours in _SAME.items()
               if container.get(theirs)}  # fmt: skip
    service |= _environment(container, label, losses)
    ports = [_port(one) for one in container.get("portMappings") or ()]
    mounts = [_mount(one, hosts) for one in container.get("mountPoints") or ()]
    needs = {
        str(one["containerName"]): {"condition": _CONDITIONS.get(str(one.get("condition")), "")}
        for one in container.get("dependsOn") or ()
    }
    listed = {"ports": ports, "volumes": mounts, "depends_on": needs}
    service |= {name: value for name, value in listed.items() if value}
    for theirs, ours in (("memory", "mem_limit"), ("memoryReservation", "mem_reservation")):
        if container.get(theirs):
            service[ours] = f"{container[theirs]}m"
    if container.get("cpu"):
        milli = int(container["cpu"]) * 1000 // _CPU_UNITS
        service["cpus"] = f"{milli // 1000}.{milli % 1000:03d}"
    if container.get("healthCheck"):
        service["healthcheck"] = _health(container["healthCheck"])
    if container.get("ulimits"):
        service["ulimits"] = {
            str(one["name"]): {"soft": int(one["softLimit"]), "hard": int(one["hardLimit"])}
            for one in container["ulimits"]
        }
    if (container.get("linuxParameters") or {}).get("initProcessEnabled"):
        service["init"] = True
    if container.get("stopTimeout"):
        service["stop_grace_period"] = f"{container['stopTimeout']}s"
    if container.get("extraHosts"):
        service["extra_hosts"] = [
            f"{one['hostname']}:{one['ipAddress']}" for one in container["extraHosts"]
        ]
    losses += [f"{label}: {what} is not moved" for name, what in _LOST.items()
               if container.get(name)]  # fmt: skip
    return service


def _environment(
    container: Mapping[str, Any], label: str, losses: list[str]
) -> dict[str, dict[str, str]]:
    """Return variables; what was secret is named and asked for, never copied."""
    found: dict[str, str] = {}
    for one in container.get("environment") or ():
        name, value = str(one["name"]), str(one.get("value", ""))
        if MASK in value:
            losses.append(f"{label}: {name} held a secret; give it a fresh value at the target")
            found[name] = _asked_for(name)
        else:
            found[name] = _plain(value)
    for one in container.get("secrets") or ():
        losses.append(f"{label}: {one['name']} came from a store of secrets; give it a fresh value")
        found[str(one["name"])] = _asked_for(str(one["name"]))
    return {"environment": found} if found else {}


def _asked_for(name: str) -> str:
    return f"${{{name}:?give it a value}}"


def _plain(value: Any) -> Any:
    """Return a value in which a dollar sign is one: a Compose file would fill in a variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _port(one: Mapping[str, Any]) -> str:
    inside, outside = one["containerPort"], one.get("hostPort")
    protocol = str(one.get("protocol") or "tcp")
    return f"{outside}:{inside}/{protocol}" if outside else f"{inside}/{protocol}"


def _volumes(task: Mapping[str, Any], losses: list[str]) -> Iterator[tuple[str, str]]:
    for one in task.get("volumes") or ():
        if one.get("efsVolumeConfiguration") or one.get("fsxWindowsFileServerVolumeConfiguration"):
            losses.append(
                f"{task.get('family')}: volume {one['name']} is a file system of the provider; it"
                " begins empty"
            )
        yield str(one["name"]), str((one.get("host") or {}).get("sourcePath") or "")


def _mount(one: Mapping[str, Any], hosts: Mapping[str, str]) -> str:
    source = str(one["sourceVolume"])
    mode = ":ro" if one.get("readOnly") else ""
    return f"{_plain(hosts.get(source) or source)}:{_plain(str(one['containerPath']))}{mode}"


def _health(check: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"test": _plain(list(check["command"]))}
    for theirs, ours in (("interval", "interval"), ("timeout", "timeout"),
                         ("startPeriod", "start_period")):  # fmt: skip
        if check.get(theirs):
            found[ours] = f"{check[theirs]}s"
    return found | ({"retries": int(check["retries"])} if check.get("retries") else {})


def _source(volume: str) -> str:
    return volume.split(":")[0] if ":" in volume else ""


def _project(family: str) -> str:
    """Return a name that Compose takes for a project: small letters, digits, dashes."""
    plain = "".join(
        c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in family.lower()
    )
    return plain.lstrip("-_") or "task"
