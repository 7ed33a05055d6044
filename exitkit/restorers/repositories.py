"""Clone git repositories from the history the bundle holds, check them whole, compare every head.

Step params: `{what: repositories, target: <folder target>, assets: {native_type:
"Git/Repository", names: ["*"]}}`; optional `rename`, `canaries`, `canary_pattern`. Target
settings: `{path: sandbox/git}`.
Each becomes a bare repository `<name>.git`, ready to be served or pushed to another host.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from exitkit.assess.comparison import Canaries, compared
from exitkit.drivers.git import GitFailed
from exitkit.drivers.git_clone import (
    bundle_heads,
    check_whole,
    clone_bundle,
    heads_of,
    text_at_head,
)
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, Proof
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import Holding, chosen, restored_name
from exitkit.store.local_ground import (
    LocalGround,
    fill,
    ground_of,
)
from exitkit.store.paths import segment
from exitkit.store.reader import Bundle, open_bundle

DEADLINE_S = 3600
SUFFIX = ".git"


class RepositoriesRestorer(LocalGround):
    """Move repositories with their whole history to a folder of another host."""

    what: ClassVar[str] = "repositories"
    target_types: ClassVar[tuple[str, ...]] = ("folder",)
    needs: ClassVar[tuple[str, ...]] = ()

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Clone, check with fsck, and compare the heads."""
        bundle = open_bundle(context.bundle)
        held, losses = _held(bundle, step)

        def cloned() -> Iterator[ItemResult]:
            for _, name, history in held:
                clone_bundle(history, ground_of(target) / name, DEADLINE_S)
                yield from _compare(history, ground_of(target) / name, name)

        size = sum(history.stat().st_size for _, _, history in held)
        said = f"{len(held)} repositories cloned and checked, {{different}} heads not as they were"
        return fill(
            {name for _, name, _ in held}, cloned, target, context, losses=losses,
            what="repositories", count=len(held), size_bytes=size, said=said,
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Check every clone again and compare its heads with those of the bundle."""
        bundle = open_bundle(context.bundle)
        held, losses = _held(bundle, step)
        canaries = Canaries.of(step.params)
        items: list[ItemResult] = []
        proofs: list[Proof] = []
        for holding, name, history in held:
            found = list(_compare(history, ground_of(target) / name, name))
            _look_for(canaries, bundle, holding, ground_of(target) / name)
            items += found
            if all(item.result == "equal" for item in found):
                proofs.append(Proof(holding.urn, "history"))
        return compared(
            "heads", items, canaries=canaries, losses=losses, proofs=proofs,
            metrics={"repositories_compared": len(held)},
        )  # fmt: skip


def _held(
    bundle: Bundle, step: Step
) -> tuple[Sequence[tuple[Holding, str, Path]], tuple[str, ...]]:
    """Return each repository with its name there and its history; a loss where we hold none."""
    held: list[tuple[Holding, str, Path]] = []
    losses: list[str] = []
    for holding in chosen(bundle, step):
        paths = [path for path in holding.paths("script") if path.endswith(".bundle")]
        if not paths:
            losses.append(f"repository {holding.name}: its history is not in the bundle")
            continue
        name = segment(restored_name(step, holding.name)) + SUFFIX
        held.append((holding, name, bundle.content_path(paths[0])))
    return held, tuple(losses)


def _look_for(canaries: Canaries, bundle: Bundle, holding: Holding, clone: Path) -> None:
    """Look at the files at HEAD: in the bundle they stand beside the history, as an archive."""
    for path in holding.paths("script"):
        if path.endswith(".tar"):
            canaries.expect(bundle.content_path(path).read_bytes())
    with contextlib.suppress(GitFailed):  # what is wrong with the clone is an item of its own
        canaries.see(text_at_head(clone, DEADLINE_S).encode())


def _compare(history: Path, clone: Path, name: str) -> Iterator[ItemResult]:
    wanted = bundle_heads(history)
    if not clone.is_dir():
        yield from (ItemResult(f"head {name} {ref}", "missing") for ref in sorted(wanted))
        return
    fault = check_whole(clone, DEADLINE_S)
    yield ItemResult(f"repository {name}", "different" if fault else "equal", fault)
    there = heads_of(clone, DEADLINE_S)
    for ref in sorted(wanted.keys() | there.keys()):
        item = f"head {name} {ref}"
        if ref not in there:
            yield ItemResult(item, "missing")
        elif ref not in wanted:
            yield ItemResult(item, "extra")
        elif there[ref] != wanted[ref]:
            yield ItemResult(item, "different", f"{there[ref]} where {wanted[ref]} was")
        else:
            yield ItemResult(item, "equal")
