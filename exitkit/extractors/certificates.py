"""Take the public part of certificates along, and say that the private key stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from exitkit.model.asset import Asset
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source
from exitkit.store.paths import segment

METHOD = "acm:GetCertificate"
UNISSUED = frozenset({"PENDING_VALIDATION", "VALIDATION_TIMED_OUT", "FAILED"})
BEGIN = "-----BEGIN CERTIFICATE-----"


class Certificates:
    """The identity of AWS::CertificateManager::Certificate, and the gap of its key."""

    native_types: ClassVar[tuple[str, ...]] = ("AWS::CertificateManager::Certificate",)
    aspect: ClassVar[Aspect] = Aspect.IDENTITY
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield certificate and chain, with the day they end; a pending one has neither."""
        from exitkit.drivers.aws_calls import Failure
        from exitkit.drivers.aws_reading import open_reading

        yield _key_gap(asset)
        if (status := str(asset.config.get("Status", "ISSUED"))) in UNISSUED:
            yield Gap(
                asset.ref, Aspect.IDENTITY, Level.DESCRIBED, "other",
                f"no certificate was ever issued: {status}", Responsible.CUSTOMER,
                "finish or drop the request; ask for a certificate at the target",
                confidence="high",
            )  # fmt: skip
            return
        reading = open_reading(asset, source, context)
        answer = reading.answer(METHOD, {"CertificateArn": asset.ref.native_id})
        yield from reading.calls
        if isinstance(answer, Failure):
            yield reading.gap(Aspect.IDENTITY, answer)
            return
        parts = [str(answer[0].get(part) or "") for part in ("Certificate", "CertificateChain")]
        chain = "".join(f"{part.strip()}\n" for part in parts if BEGIN in part)
        name = segment(f"certificate-{asset.ref.native_id}", 90)
        content = Content(
            f"datasets/{name}/certificate.pem", chain.encode("ascii", "replace"),
            "application/x-pem-file", "document",
        )  # fmt: skip
        ends = str(asset.config.get("NotAfter") or "a day not told")
        yield Draft(
            asset.ref, Aspect.IDENTITY, Level.OPEN, METHOD, "X.509 chain (PEM)", (content,),
            ("the private key",), reason="no-export-api",
            text=f"the certificate ends on {ends}; without its key it only proves what was",
        )  # fmt: skip


def _key_gap(asset: Asset) -> Gap:
    exportable = (asset.config.get("Options") or {}).get("Export") == "ENABLED"
    if asset.config.get("Type") == "IMPORTED":
        text, who = "the key was imported: whoever imported it holds it", Responsible.CUSTOMER
    elif exportable:
        text, who = "the key may be exported, and exitkit never reads keys", Responsible.TOOL
    else:
        text, who = "the private key cannot be exported", Responsible.PROVIDER
    return Gap(
        asset.ref, Aspect.CREDENTIALS, Level.NONE,
        "security-risk" if exportable else "no-export-api", text, who,
        "issue a new certificate at the target before this one is switched off",
        confidence="high",
    )  # fmt: skip
