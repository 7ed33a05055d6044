"""Say of every place that keeps a secret that its value stays there, and how it can move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from exitkit.model.asset import Asset
from exitkit.model.verdict import Aspect, Gap, Level, Responsible
from exitkit.ports import Context, Finding, Source


class SecretValues:
    """The credentials of secrets and encrypted parameters: described, never read."""

    native_types: ClassVar[tuple[str, ...]] = (
        "AWS::SecretsManager::Secret",
        "AWS::SSM::Parameter",
    )
    aspect: ClassVar[Aspect] = Aspect.CREDENTIALS
    needs: ClassVar[tuple[str, ...]] = ()

    def extract(self, asset: Asset, source: Source, context: Context) -> Iterator[Finding]:
        """Yield the Gap; a parameter that is not encrypted holds no credential by its own word."""
        if asset.ref.native_type == "AWS::SSM::Parameter" and (
            asset.config.get("Type") != "SecureString"
        ):
            return
        yield Gap(
            asset.ref, Aspect.CREDENTIALS, Level.DESCRIBED, "security-risk",
            f"{_reference(asset)}; the value is never read",
            Responsible.CUSTOMER,
            "make a new secret at the target at cut-over, switch its users, then revoke this one",
        )  # fmt: skip


def _reference(asset: Asset) -> str:
    """Say what a restorer needs to know of the secret beside its value."""
    config = asset.config
    key = config.get("KmsKeyId") or config.get("KeyId") or "the provider's own key"
    rotation = "not rotated"
    if config.get("RotationEnabled"):
        days = (config.get("RotationRules") or {}).get("AutomaticallyAfterDays")
        by = config.get("RotationLambdaARN") or "the provider"
        rotation = f"rotated every {days} days by {by}" if days else f"rotated by {by}"
    return f"the name is held, it is encrypted with {key} and {rotation}"
