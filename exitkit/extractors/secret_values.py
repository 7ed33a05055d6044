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
            "name, rotation and policy are held; the value is never read",
            Responsible.CUSTOMER,
            "make a new secret at the target at cut-over, switch its users, then revoke this one",
        )  # fmt: skip
