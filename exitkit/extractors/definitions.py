"""Take along what AWS runs for the customer as text: state machines, documents, start scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from exitkit.drivers.definition_scan import MASKED, scan_text
from exitkit.model.asset import Asset
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.canonical import canonical_bytes, storable
from exitkit.store.paths import segment
from exitkit.store.redact import CREDENTIAL_PATTERNS, Redactor

if TYPE_CHECKING:
    from exitkit.drivers.aws_reading import Reading

REBUILD = "it is documented text, but only AWS runs it as it is"


class StateMachines:
    """The code of AWS::StepFunctions::StateMachine, which its configuration already holds."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::StepFunctions::StateMachine",)
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the definition as a file; nothing where the describe call failed."""
        if text := str(asset.config.get("definition") or ""):
            yield from _scanned(
                asset, "stepfunctions:DescribeStateMachine", "Amazon States Language",
                "definition.asl.json", text, "application/json", context,
            )  # fmt: skip


class BuildSpecifications:
    """The code of AWS::CodeBuild::Project where it stands in the project and not in its source."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::CodeBuild::Project",)
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the specification; one that is a path lies in the repository that is built."""
        described = asset.config.get("source")
        kept = described if isinstance(described, Mapping) else {}
        text = str(kept.get("buildspec") or "")
        if "\n" in text:
            yield from _scanned(
                asset, "codebuild:BatchGetProjects", "build specification", "buildspec.yml", text,
                "application/yaml", context,
            )  # fmt: skip
        elif kept:
            place = text or "buildspec.yml"
            yield Gap(
                asset.ref, Aspect.CODE, Level.DESCRIBED, "not-supported-by-tool",
                f"Its specification is {place} of {kept.get('location') or 'its source'}.",
                Responsible.TOOL, "Add that repository as a source of type `scripts`.",
                method="codebuild:BatchGetProjects", confidence="high",
            )  # fmt: skip


class Pipelines:
    """The code of AWS::CodePipeline::Pipeline: its stages, which its configuration holds."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::CodePipeline::Pipeline",)
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the stages as a file; nothing where the call that tells them failed."""
        described = asset.config.get("pipeline")
        pipeline = described if isinstance(described, Mapping) else asset.config
        if pipeline.get("stages"):
            text = json.dumps({"pipeline": storable(pipeline)}, indent=2, ensure_ascii=False)
            yield from _scanned(
                asset, "codepipeline:GetPipeline", "pipeline of CodePipeline", "pipeline.json",
                f"{text}\n", "application/json", context,
            )  # fmt: skip


class SsmDocuments:
    """The code of AWS::SSM::Document."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::SSM::Document",)
    aspect: ClassVar[Aspect] = Aspect.CODE
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the default version of the document as it was written."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_reading import open_reading

        method = "ssm:GetDocument"
        reading = open_reading(asset, source, context)
        answer = reading.answer(method, {"Name": asset.ref.native_id})
        yield from reading.calls
        if isinstance(answer, Failure):
            yield reading.gap(Aspect.CODE, answer)
            return
        form = str(answer[0].get("DocumentFormat", "JSON"))
        name, media_type = {
            "YAML": ("document.yaml", "application/yaml"),
            "TEXT": ("document.txt", "text/plain"),
        }.get(form, ("document.json", "application/json"))
        text = str(answer[0].get("Content", ""))
        yield from _scanned(
            asset, method, f"SSM document ({form})", name, text, media_type, context
        )


class StartScripts:
    """What machines run when they start, a part of the configuration of what makes them."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::EC2::Instance", "AWS::EC2::LaunchTemplate")
    aspect: ClassVar[Aspect] = Aspect.CONFIGURATION
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the scripts, masked; a machine without one has nothing to add."""
        if asset.ref.native_type == "AWS::EC2::Instance":
            if script := str(asset.config.get("UserData") or ""):
                content = _text(asset, "user-data.txt", script, "text/plain", context)
                yield _start(asset, "ec2:DescribeInstanceAttribute", content)
            return
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_reading import open_reading

        method = "ec2:DescribeLaunchTemplateVersions"
        reading = open_reading(asset, source, context)
        answer = reading.answer(method, {"LaunchTemplateId": asset.ref.native_id})
        yield from reading.calls
        if isinstance(answer, Failure):
            yield reading.gap(Aspect.CONFIGURATION, answer)
        else:
            rows = [row for page in answer for row in page.get("LaunchTemplateVersions", ())]
            yield _start(asset, method, *_versions(reading, rows))


def _versions(reading: Reading, rows: Sequence[Mapping[str, Any]]) -> Iterator[Content]:
    """Yield all versions of a launch template as lines, and the script of each that has one."""
    from exitkit.drivers.aws_answers import plain, without_secrets

    asset, context = reading.asset, reading.context
    lines = []
    for row in sorted(rows, key=lambda row: int(row["VersionNumber"])):
        version = without_secrets(plain(row), context.mask_key)
        lines.append(canonical_bytes(storable(version)).decode())
        if script := version.get("LaunchTemplateData", {}).get("UserData"):
            name = f"user-data-{int(row['VersionNumber'])}.txt"
            yield _text(asset, name, script, "text/plain", context)
    body = "".join(f"{line}\n" for line in lines).encode()
    yield Content(f"{_folder(asset)}/versions.jsonl", body, "application/jsonl", "data")


def _text(asset: Asset, name: str, text: str, media_type: str, context: Context) -> Content:
    masked = Redactor(CREDENTIAL_PATTERNS, context.mask_key).apply(text)
    body = masked.encode("utf-8", "replace")
    return Content(f"{_folder(asset)}/{name}", body, media_type, "script")


def _folder(asset: Asset) -> str:
    noun = asset.ref.native_type.rpartition("::")[2]
    place = f"{noun}-{asset.ref.scope}-{asset.ref.region}-{asset.ref.native_id}"
    return f"automation/aws/{segment(place, 90)}"


def _scanned(
    asset: Asset, method: str, form: str, name: str, text: str, media_type: str, context: Context
) -> Iterator[Finding]:
    """Yield a text with its class, as a script of a repository has one."""
    scan = scan_text(asset.ref, name, text, context.mask_key)
    if scan.automation:
        yield scan.automation
    content = Content(f"{_folder(asset)}/{name}", scan.body, media_type, "script")
    yield Draft(
        asset.ref, Aspect.CODE, Level.OPEN, method, form, (content,), scan.losses,
        reason="semantic-loss", text=REBUILD,
    )  # fmt: skip


def _start(asset: Asset, method: str, *contents: Content) -> Draft:
    return Draft(
        asset.ref, Aspect.CONFIGURATION, Level.DESCRIBED, method, "as AWS answered, with scripts",
        contents, (MASKED,), reason="semantic-loss",
        text="what it is and what it runs at start is held; only AWS makes it from this",
    )  # fmt: skip
