"""Put documents into a folder, and hold every one against the digest it had at its source.

Step params: `{what: documents, target: <folder target>, assets: {native_type: "Document/File",
names: ["*"]}}`; optional `rename` (of the folder, `{name}` is `documents`), `canaries`,
`canary_pattern`. A document that was masked, or of which only the text is held, is no proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from exitkit.assess.comparison import Canaries, compared
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, Proof
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import chosen, restored_name
from exitkit.store.local_ground import LocalGround, fill
from exitkit.store.paths import segment
from exitkit.store.placed_files import PlacedFile, beside, put, read_back
from exitkit.store.reader import Bundle, open_bundle

FOLDER = "documents"


class DocumentsRestorer(LocalGround):
    """Move documents to a folder."""

    what: ClassVar[str] = "documents"
    target_types: ClassVar[tuple[str, ...]] = ("folder",)
    needs: ClassVar[tuple[str, ...]] = ()

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Write every document and read it back."""
        files, _, losses = _files(open_bundle(context.bundle), step)

        def written() -> Iterator[ItemResult]:
            put(files, target)
            yield from (read_back(file, target) for file in files)

        return fill(
            {file.claimed for file in files}, written, target, context, losses=losses,
            what=FOLDER, count=len(files), size_bytes=sum(file.size_bytes for file in files),
            said=f"{len(files)} documents restored, {{different}} not as they were",
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Hash what is there; only what is as it was at the source is a proof."""
        files, whole, losses = _files(open_bundle(context.bundle), step)
        canaries = Canaries.of(step.params)
        results = [(file, read_back(file, target, canaries)) for file in files]
        extra = list(beside(files, target))
        faulty = {file.urn for file, item in results if item.result != "equal"}
        proofs = [Proof(urn, "documentation") for urn in sorted(whole - faulty)]
        items = [item for _, item in results]
        return compared(
            FOLDER, [*items, *extra], canaries=canaries, losses=losses, proofs=proofs
        )  # fmt: skip


def _files(bundle: Bundle, step: Step) -> tuple[Sequence[PlacedFile], set[str], tuple[str, ...]]:
    """Return the files, the documents held as they were at the source, and what is lost."""
    files: list[PlacedFile] = []
    whole: set[str] = set()
    losses: list[str] = []
    folder = segment(restored_name(step, FOLDER))
    for holding in chosen(bundle, step):
        held = [path for path in holding.paths("document") if path.startswith("docs")]
        if not held:
            losses.append(f"document {holding.name}: not in the bundle, only its digest")
        wanted = str(bundle.native(dict(holding.record)).get("sha256", ""))
        for path in held:
            file = PlacedFile(
                holding.urn, f"document {holding.name}", f"{folder}/{path}",
                bundle.content_path(path),
            )  # fmt: skip
            if len(held) > 1 or path.startswith("docs-text/"):
                file = PlacedFile(file.urn, f"{file.label} ({path})", file.place, file.body)
            files.append(file)
            if wanted and file.digest() == wanted:
                whole.add(holding.urn)
        if held and holding.urn not in whole:
            losses.append(f"document {holding.name}: held as text, or masked; not as it was")
    return files, whole, tuple(losses)
