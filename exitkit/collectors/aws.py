"""Take stock of AWS accounts with the generated catalog, read-only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from exitkit.ports import Check, Context, Finding, Source

# The driver is imported when it is needed: without the SDK this file still has to load, so that
# `needs` can say what to install.


class AwsCollector:
    """Every account of a source, every region and service its settings select."""

    type: ClassVar[str] = "aws"
    needs: ClassVar[tuple[str, ...]] = ("boto3:aws",)

    def collect(self, source: Source, context: Context) -> Iterator[Finding]:
        """Yield everything found and every call made."""
        from exitkit.drivers.aws_collect import collect_accounts

        yield from collect_accounts(source, context)

    def identities(self, source: Source, context: Context) -> frozenset[str]:
        """Name the endpoint and the accounts, so that no rehearsal writes to them."""
        from exitkit.drivers.aws_collect import name_accounts

        return name_accounts(source, context)

    def checks(self, source: Source, context: Context) -> Iterator[Check]:
        """Try the credentials, then permission by permission."""
        from exitkit.drivers.aws_collect import check_accounts

        yield from check_accounts(source, context)
