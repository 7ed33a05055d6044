"""Turn task definitions into Compose files, keep those there are, and have both validated.

Step params: `{what: container-definitions, target: <folder target>, assets: {native_type:
"AWS::ECS::TaskDefinition", names: ["*"]}}`, or `Host/Compose`; optional `rename`, `canaries`,
`canary_pattern`. A file is read back, compared service by service and checked against the words of
the Compose specification; where this machine has `docker compose`, that has to accept it too.
Where the target names a folder of `images`, every service whose image is there is started by
Podman as the restored file says it, asked after its health and stopped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from exitkit.assess.comparison import Canaries, compared
from exitkit.assess.compose import compose_faults, compose_of
from exitkit.assess.compose_service import service_of
from exitkit.drivers.podman import Podman, podman
from exitkit.errors import CannotRun
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, Proof
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import chosen, restored_name
from exitkit.store.local_ground import LocalGround, fill, ground_of
from exitkit.store.paths import segment
from exitkit.store.placed_files import PlacedFile, put, read_back
from exitkit.store.reader import Bundle, open_bundle

FILE = "compose.yaml"
TASK = "AWS::ECS::TaskDefinition"
DEADLINE_S = 60
_RUNS = " runs"


@dataclass(frozen=True, slots=True)
class _Definition:
    """One Compose file, what it has to say, and which of its variables a person has to give."""

    name: str
    file: PlacedFile
    document: Any
    aspect: str
    is_whole: bool


class ContainerDefinitionsRestorer(LocalGround):
    """Move container definitions off their platform."""

    what: ClassVar[str] = "container-definitions"
    target_types: ClassVar[tuple[str, ...]] = ("folder",)
    needs: ClassVar[tuple[str, ...]] = ()

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Write the files and read every service back."""
        definitions, losses = _definitions(open_bundle(context.bundle), step)
        files = [one.file for one in definitions]

        def written() -> Iterator[ItemResult]:
            put(files, target)
            for one in definitions:
                yield from _compare(one, target, None)

        size = sum(file.size_bytes for file in files)
        return fill(
            {file.claimed for file in files}, written, target, context, losses=losses,
            what="container-definitions", count=len(files), size_bytes=size,
            said=f"{len(files)} Compose files written, {{different}} services not as they were",
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Read every service back and have every file validated."""
        definitions, losses = _definitions(open_bundle(context.bundle), step)
        canaries = Canaries.of(step.params)
        by_docker = _has_compose(context.environ)
        items: list[ItemResult] = []
        proofs: list[Proof] = []
        not_run: list[str] = []
        images = target.settings.get("images")
        lent = podman(target.base / images, context.environ) if images else nullcontext(None)
        with lent as runner:
            for one in definitions:
                found = [*_compare(one, target, canaries), *_validated(one, target)]
                if by_docker:
                    found.append(_accepted(one, target, context.environ))
                if runner:
                    found += _tried_out(one, target, runner, not_run)
                items += found
                if one.is_whole and all(item.result == "equal" for item in found):
                    proofs.append(Proof(one.file.urn, one.aspect))
            run = sum(item.item.endswith(_RUNS) for item in items)
        return compared(
            "services", items, canaries=canaries, losses=(*losses, *not_run), proofs=proofs,
            metrics={
                "files_compared": len(definitions), "validated_by_docker": by_docker,
                "services_run": run,
            },
        )  # fmt: skip


def _definitions(bundle: Bundle, step: Step) -> tuple[Sequence[_Definition], tuple[str, ...]]:
    definitions: list[_Definition] = []
    losses: list[str] = []
    for holding in chosen(bundle, step):
        name = restored_name(step, holding.name)
        place = f"{segment(name)}/{FILE}"
        config = bundle.native(dict(holding.record))
        if holding.record["provider"]["nativeType"] == TASK:
            task = config.get("taskDefinition", config)
            if not task.get("containerDefinitions"):
                losses.append(f"task {holding.name}: its containers are not in the bundle")
                continue
            made = compose_of(task)
            losses += made.losses
            text = yaml.safe_dump(dict(made.document), allow_unicode=True, sort_keys=False)
            file = PlacedFile(holding.urn, f"file {name}", place, text.encode())
            definitions.append(
                _Definition(name, file, made.document, "configuration", not made.losses)
            )
            continue
        held = holding.paths("script", "native-config")
        if not held:
            losses.append(f"compose file {holding.name}: its text is not in the bundle")
            continue
        path = bundle.content_path(held[0])
        document = _parsed(path)
        file = PlacedFile(holding.urn, f"file {name}", place, path)
        is_whole = b"<masked:" not in path.read_bytes()
        definitions.append(_Definition(name, file, document, "configuration", is_whole))
    return definitions, tuple(losses)


def _parsed(path: Path) -> Any:
    """Return what a file says; nothing where it is not there or says nothing."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
    except (yaml.YAMLError, OSError):
        return None


def _compare(one: _Definition, target: Target, canaries: Canaries | None) -> Iterator[ItemResult]:
    yield read_back(one.file, target, canaries)
    path = ground_of(target) / one.file.place
    there = _parsed(path)
    found = _services(there)
    for name, service in _services(one.document).items():
        label = f"service {one.name}/{name}"
        if name not in found:
            yield ItemResult(label, "missing")
        elif found[name] != service:
            yield ItemResult(label, "different", "says something else")
        else:
            yield ItemResult(label, "equal")


def _validated(one: _Definition, target: Target) -> Iterator[ItemResult]:
    path = ground_of(target) / one.file.place
    faults = list(compose_faults(_parsed(path))) if path.is_file() else ["not there"]
    for fault in faults:
        yield ItemResult(f"file {one.name} validated: {fault}", "different", fault)
    if not faults:
        yield ItemResult(f"file {one.name} validated", "equal")


def _tried_out(
    one: _Definition, target: Target, runner: Podman, not_run: list[str]
) -> Iterator[ItemResult]:
    """Run every service from the file on the target and hold it against the bundle's."""
    there = _services(_parsed(ground_of(target) / one.file.place))
    for name, said in _services(one.document).items():
        label = f"service {one.name}/{name}"
        try:
            wanted, running = service_of(said), service_of(there.get(name, {}))
            if not runner.has_image(wanted.image):
                not_run.append(f"{label}: not run, its image is not among the archives")
                continue
            fault = runner.try_out(running, wanted)
        except (ValueError, CannotRun) as error:
            fault = str(error)
        yield ItemResult(f"{label}{_RUNS}", "different" if fault else "equal", fault)


def _services(document: Any) -> Mapping[str, Any]:
    services = document.get("services") if isinstance(document, Mapping) else None
    return services if isinstance(services, Mapping) else {}


def _has_compose(environ: Mapping[str, str]) -> bool:
    docker = shutil.which("docker", path=environ.get("PATH", os.defpath))
    if docker is None:
        return False
    done = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    return done.returncode == 0


def _accepted(one: _Definition, target: Target, environ: Mapping[str, str]) -> ItemResult:
    label = f"file {one.name} accepted by docker compose"
    path = ground_of(target) / one.file.place
    # Values that a person has to give: any will do to have the file read.
    given = dict.fromkeys(_asked(one.document), "placeholder")
    done = subprocess.run(
        ["docker", "compose", "--file", str(path), "config", "--quiet"],
        env={"PATH": environ.get("PATH", os.defpath), "HOME": str(path.parent), **given},
        capture_output=True, check=False, timeout=DEADLINE_S,
    )  # fmt: skip
    return ItemResult(label, "different" if done.returncode else "equal")


def _asked(document: Any) -> Iterator[str]:
    for service in _services(document).values():
        environment = service.get("environment") if isinstance(service, Mapping) else None
        for name, value in (environment if isinstance(environment, Mapping) else {}).items():
            if str(value).startswith("${"):
                yield str(name)
