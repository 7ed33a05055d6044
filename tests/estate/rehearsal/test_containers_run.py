"""A restored container is started, asked after its health and stopped, and leaves nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exitkit.assess.compose_service import service_of
from exitkit.drivers.podman import podman
from exitkit.errors import CannotRun
from exitkit.model.asset import Asset, Ref
from exitkit.model.plan import Step
from exitkit.model.run import StepStatus
from exitkit.ports import Finding, StepContext, Target
from exitkit.steps.compare import CompareStep
from exitkit.steps.restore import RestoreStep
from tests.estate.rehearsal.conftest import NOW

WEB = "/bin/busybox mkdir -p $WWW && echo $MOTD > $WWW/index.html && exec busybox httpd -f -h $WWW"
ASK = 'test "$(/bin/busybox wget -q -O- http://127.0.0.1/)" = "hello $there"'
TASK = {
    "family": "shop",
    "containerDefinitions": [
        {
            "name": "web", "image": "shop:1", "entryPoint": ["/bin/sh", "-c"], "command": [WEB],
            "environment": [{"name": "MOTD", "value": "hello $there"},
                            {"name": "WWW", "value": "/srv/www"}],
            "mountPoints": [{"sourceVolume": "pages", "containerPath": "/srv"}],
            "readonlyRootFilesystem": True,
            "healthCheck": {"command": ["CMD-SHELL", ASK.replace("$there", "\\$there")]},
        },
        {"name": "once", "image": "shop:1", "command": ["/bin/busybox", "true"]},
        {"name": "elsewhere", "image": "registry.example.net/not-saved:2"},
    ],
    "volumes": [{"name": "pages"}],
}  # fmt: skip
STEP = Step("restore-containers", "restore", {
    "what": "container-definitions", "target": "ground",
    "assets": {"native_type": "AWS::ECS::TaskDefinition", "names": ["*"]},
})  # fmt: skip
ENVIRON = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one archive, of an image with a shell and a web server."""
    folder = tmp_path_factory.mktemp("images")
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as files:
        files.add(str(shutil.which("busybox")), "bin/busybox")
        for name in ("sh", "test"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            files.addfile(link)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/busybox", "sleep", "100"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }  # fmt: skip
    manifest = [{"Config": "config.json", "RepoTags": ["shop:1"], "Layers": ["layer.tar"]}]
    with tarfile.open(folder / "shop.tar", "w") as archive:
        for name, body in (
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
            ("layer.tar", layer.getvalue()),
        ):
            told = tarfile.TarInfo(name)
            told.size = len(body)
            archive.addfile(told, io.BytesIO(body))
    return folder


@pytest.fixture
def context(
    images: Path,
    tmp_path: Path,
    bundle_of: Callable[[list[Finding]], Path],
    context_of: Callable[..., StepContext],
) -> StepContext:
    ref = Ref("estate", "web1", "", "AWS::ECS::TaskDefinition", "shop:1")
    bundle = bundle_of([Asset(ref, "container", "shop", TASK, NOW)])
    target = Target("ground", "folder", {"path": "ground", "images": str(images)}, tmp_path)
    return context_of(bundle, {"ground": target}, ENVIRON)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made: a short path, for Podman takes no long one."""
    with tempfile.TemporaryDirectory(prefix="xk") as name:
        monkeypatch.setattr("tempfile.tempdir", name)
        yield Path(name)


def compose_file(context: StepContext) -> Path:
    [path] = (context.targets["ground"].base / "ground").glob("*/compose.yaml")
    return path


def runs(context: StepContext) -> dict[str, str]:
    """What became of every service that was started, by its name."""
    items = CompareStep().run(STEP, context).items
    return {one.item.split()[1]: one.detail for one in items if one.item.endswith(" runs")}


def test_restored_containers_run_as_they_were_defined(
    context: StepContext, temporary: Path
) -> None:
    restored = RestoreStep().run(STEP, context)
    assert restored.status is StepStatus.SUCCEEDED, restored.items
    same = CompareStep().run(STEP, context)
    assert same.metrics["items_different"] == same.metrics["items_missing"] == 0, same.items
    assert same.metrics["services_run"] == 2
    assert same.losses == ("service shop/elsewhere: not run, its image is not among the archives",)
    assert len(same.proofs) == 1
    assert not list(temporary.iterdir()), "what Podman kept is gone"


def test_a_service_that_is_not_well_is_named_with_what_it_lacks(context: StepContext) -> None:
    RestoreStep().run(STEP, context)
    path = compose_file(context)
    document: Any = yaml.safe_load(path.read_text())
    document["services"]["web"]["environment"]["MOTD"] = "howdy"
    document["services"]["once"]["command"] = ["/bin/busybox", "false"]
    path.write_text(yaml.safe_dump(document))
    assert runs(context) == {
        "shop/web": "runs with another environment", "shop/once": "runs with another command",
    }  # fmt: skip
    del document["services"]["web"]
    path.write_text(yaml.safe_dump(document))
    assert runs(context)["shop/web"] == "it names no image"


@pytest.mark.parametrize(("said", "fault"), [
    ({"command": "/bin/sh -c 'exit 3'"}, "ended with 3"),
    ({"command": ["/bin/nothing"]}, "does not start: "),
    ({"healthcheck": {"test": ["CMD", "/bin/busybox", "false"]}}, "not healthy in 1 s"),
    ({"command": "/bin/sh -c 'busybox ip link | busybox grep -q eth'"}, "ended with 1"),
    ({"command": ["/bin/sh", "-c", "test -e /etc/passwd -o -d /home"]}, "ended with 1"),
    ({"healthcheck": {"test": "true"}}, ""),
    ({}, ""),
])  # fmt: skip
def test_how_a_container_ends_is_told(images: Path, said: dict[str, Any], fault: str) -> None:
    service = service_of({"image": "shop:1", **said})
    with podman(images, ENVIRON) as runner:
        told = runner.try_out(service, service, deadline_s=1)
    assert told.startswith(fault)
    assert bool(told) == bool(fault)


def test_without_podman_or_with_a_broken_archive_the_next_move_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.tar").write_bytes(b"no archive")
    with (
        pytest.raises(CannotRun, match=r"broken\.tar: podman does not load it"),
        podman(tmp_path, ENVIRON),
    ):
        pass
    with (
        pytest.raises(CannotRun, match="apt-get install podman"),
        podman(tmp_path, {"PATH": os.devnull}),
    ):
        pass
