"""A rehearsal refuses a target that is a source, and shows that it left every target as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exitkit.errors import InputError
from exitkit.model.plan import Plan
from exitkit.ports import Source, Target

MakePlan = Callable[..., Plan]
Make = Callable[..., dict[str, Any]]

PLUGINS = """
import hashlib
from pathlib import Path

class FolderCollector:
    type, needs = "folder", ()
    def identities(self, source, context):
        return frozenset({f"folder:{source.settings['path']}"})

class FolderRestorer:
    what, target_types, needs = "outside-folder", ("outside-folder",), ()
    def identities(self, target, environ):
        return frozenset({f"folder:{target.settings['path']}"})
    def inventory(self, target, environ):
        files = sorted(Path(target.settings["path"]).iterdir())
        return tuple(f"{f.name} {hashlib.sha256(f.read_bytes()).hexdigest()}" for f in files)

class CloseAccount:
    kind, needs, reversible = "close-account", (), False
    def problems(self, step):
        return iter(())
"""
ENTRY_POINTS = """\
[exitkit.collectors]
folder = folder_plugins:FolderCollector
[exitkit.restorers]
folder = folder_plugins:FolderRestorer
[exitkit.steps]
close-account = folder_plugins:CloseAccount
"""


@pytest.fixture(autouse=True)
def _folder_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package of plugins from outside: folders as sources and targets."""
    site = tmp_path / "site"
    metadata = site / "folder_plugins-1.dist-info"
    metadata.mkdir(parents=True)
    (site / "folder_plugins.py").write_text(PLUGINS)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: folder-plugins\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture
def box(tmp_path: Path) -> Target:
    """A folder that held something before."""
    path = tmp_path / "box"
    path.mkdir()
    (path / "there-already").write_text("keep me")
    return Target("box", "outside-folder", {"path": str(path)}, tmp_path)


def writing(make_step: Make, undo: str) -> dict[str, Any]:
    return make_step(
        "fill", target="box", argv=["sh", "-c", "echo new > box/new"], undo=["sh", "-c", undo]
    )


def test_a_target_is_as_it_was_with_what_was_there_already(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, box: Target
) -> None:
    plan = make_plan(make_milestone("M1", [writing(make_step, "rm box/new")]))
    state = workshop.rehearse(plan, targets={"box": box})
    assert state.ended == "completed"
    assert state.incidents == ()
    before, after = workshop.of_type("sandbox.inventoried")
    assert before.data["count"] == 1
    assert before.data["lines"][0].startswith("there-already ")
    assert after.data["sha256"] == before.data["sha256"]
    assert workshop.of_type("sandbox.compared")[0].data == {
        "target": "box",
        "equal": True,
        "differences": [],
    }


def test_what_an_undo_left_or_took_is_an_incident(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, box: Target
) -> None:
    plan = make_plan(make_milestone("M1", [writing(make_step, "rm box/there-already")]))
    state = workshop.rehearse(plan, targets={"box": box})
    assert state.incidents == ("target box: not as it was before",)
    differences = workshop.of_type("sandbox.compared")[0].data["differences"]
    assert [line.split()[:2] for line in differences] == [["-", "there-already"], ["+", "new"]]


def test_a_target_that_cannot_be_read_again_is_not_equal(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, box: Target
) -> None:
    plan = make_plan(make_milestone("M1", [writing(make_step, "rm -r box")]))
    state = workshop.rehearse(plan, targets={"box": box})
    assert state.ended == "completed"
    assert state.incidents == ("target box: not as it was before",)


def test_a_target_that_is_a_source_is_refused_before_anything_starts(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make, box: Target,
    tmp_path: Path,
) -> None:  # fmt: skip
    source = Source("prod", "folder", box.settings, tmp_path)
    plan = make_plan(make_milestone("M1", [writing(make_step, "rm box/new")]))
    with pytest.raises(InputError, match=r"target box: is source prod \(folder:"):
        workshop.start(plan, targets={"box": box}, sources=[source])
    assert not (tmp_path / "runs").exists()
    assert [path.name for path in (tmp_path / "box").iterdir()] == ["there-already"]


def test_a_target_nobody_declared_is_refused(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    plan = make_plan(make_milestone("M1", [writing(make_step, "rm box/new")]))
    with pytest.raises(InputError, match='step fill: no target "box"'):
        workshop.start(plan)


def test_a_kind_of_step_that_cannot_be_undone_is_shown_and_refused(
    workshop: Any, make_plan: MakePlan, make_step: Make, make_milestone: Make
) -> None:
    close = {"id": "close", "kind": "close-account"}
    state = workshop.rehearse(make_plan(make_milestone("M1", [make_step("a"), close])))
    assert state.ended == "completed"
    refused = {e.step: e.data["message"] for e in workshop.of_type("step.refused")}
    assert refused == {"close": "close-account cannot be undone: shown, not run"}
