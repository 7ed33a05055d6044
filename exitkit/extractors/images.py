"""Take along what images are made of: manifests of containers, block devices of machines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from exitkit.model.asset import Asset
from exitkit.model.holdings import Dataset
from exitkit.model.verdict import Aspect, Content, Draft, Level
from exitkit.ports import Context, Finding, Source
from exitkit.store.canonical import canonical_bytes, storable
from exitkit.store.paths import segment

if TYPE_CHECKING:
    from exitkit.drivers.aws_calls import Failure
    from exitkit.drivers.aws_reading import Reading

LIST, READ = "ecr:DescribeImages", "ecr:BatchGetImage"
AT_ONCE = 100
MEDIA_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class ContainerImages:
    """The manifests and indexes of AWS::ECR::Repository, by digest."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::ECR::Repository",)
    aspect: ClassVar[Aspect] = Aspect.DATA
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield every manifest as it was pushed; layers are left to the registry's own tools."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_reading import open_reading

        reading = open_reading(asset, source, context)
        name = {"repositoryName": asset.ref.native_id}
        listed = reading.answer(LIST, name)
        if isinstance(listed, Failure):
            yield from reading.calls
            yield reading.gap(Aspect.DATA, listed)
            return
        rows = {
            str(row["imageDigest"]): row for page in listed for row in page.get("imageDetails", ())
        }
        manifests = _manifests(reading, sorted(rows))
        yield from reading.calls
        if isinstance(manifests, Failure):
            yield reading.gap(Aspect.DATA, manifests)
            return
        yield from _draft(asset, rows, manifests)


def _manifests(reading: Reading, digests: Sequence[str]) -> dict[str, str] | Failure:
    """Return the manifests by digest, each only where its bytes are those of the digest."""
    from exitkit.drivers.aws_calls import FAULTS, failure_of

    found: dict[str, str] = {}
    for start in range(0, len(digests), AT_ONCE):
        wanted = [{"imageDigest": digest} for digest in digests[start : start + AT_ONCE]]
        arguments = {
            "repositoryName": reading.asset.ref.native_id,
            "imageIds": wanted,
            "acceptedMediaTypes": list(MEDIA_TYPES),
        }
        try:
            pages = list(reading.ask(READ, arguments))
        except FAULTS as fault:
            failure = failure_of(fault, READ)
            reading.note(READ, len(found), failure)
            return failure
        for image in (image for page in pages for image in page.get("images", ())):
            text = str(image.get("imageManifest", ""))
            digest = str(image.get("imageId", {}).get("imageDigest", ""))
            if f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" == digest:
                found[digest] = text
    if digests:
        reading.note(READ, len(found))
    return found


def _draft(
    asset: Asset, rows: Mapping[str, Mapping[str, Any]], manifests: Mapping[str, str]
) -> Iterator[Finding]:
    lines = [
        {
            "digest": digest,
            "tags": sorted(str(tag) for tag in row.get("imageTags", ())),
            "sizeBytes": int(row.get("imageSizeInBytes", 0)),
            "mediaType": str(row.get("imageManifestMediaType", "")),
            "manifest": manifests.get(digest, ""),
        }
        for digest, row in sorted(rows.items())
    ]
    body = b"".join(canonical_bytes(storable(line)) + b"\n" for line in lines)
    place = f"ecr-{asset.ref.scope}-{asset.ref.region}-{asset.ref.native_id}"
    content = Content(
        f"datasets/{segment(place, 90)}/images.jsonl", body, "application/jsonl", "data"
    )
    lost = len(rows) - len(manifests)
    losses = [f"the layers of {len(rows)} images"] if rows else []
    losses += [f"{lost} manifests that were not handed out as their digest says"] if lost else []
    size = sum(int(row.get("imageSizeInBytes", 0)) for row in rows.values())
    yield Dataset(asset.ref, "images.jsonl", len(rows), size)
    yield Draft(
        asset.ref, Aspect.DATA, Level.DESCRIBED if rows else Level.IMPORTABLE, READ,
        "OCI and Docker manifests by digest", (content,), tuple(losses), size,
        "not-supported-by-tool" if rows else "",
        f"manifests of {len(manifests)} of {len(rows)} images are held; their layers are copied"
        " from registry to registry by digest (skopeo copy --all)" if rows else "",
    )  # fmt: skip


class MachineImages:
    """The block devices of AWS::EC2::Image."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::EC2::Image",)
    aspect: ClassVar[Aspect] = Aspect.DATA
    needs: ClassVar[tuple[str, ...]] = ()

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the list of devices with their snapshots; the bytes leave by an export task."""
        devices = asset.config.get("BlockDeviceMappings") or []
        body = canonical_bytes(storable(devices)) + b"\n"
        place = f"image-{asset.ref.scope}-{asset.ref.region}-{asset.ref.native_id}"
        path = f"datasets/{segment(place, 90)}/block-devices.json"
        content = Content(path, body, "application/json", "data")
        yield Draft(
            asset.ref, Aspect.DATA, Level.DESCRIBED, "ec2:DescribeImages", "block devices",
            (content,), (f"the bytes of {len(devices)} block devices",),
            reason="not-supported-by-tool",
            text="the list of block devices is held; their bytes leave by ec2:ExportImage",
        )  # fmt: skip
