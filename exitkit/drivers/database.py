"""Say what every relational database has in common, whoever made it."""

from __future__ import annotations

from dataclasses import dataclass

from exitkit.errors import ExitkitError


class DatabaseError(ExitkitError):
    """The server answered with an error, or not at all; `permission` where it refused."""

    def __init__(self, message: str, permission: str = "") -> None:
        super().__init__(message)
        self.permission = permission


@dataclass(frozen=True, slots=True)
class Table:
    """A table with rows of its own; `columns` are those that hold data, not generated ones.

    `schema` is empty where a database has no schemas.
    """

    schema: str
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name a person uses: without the schema where it is `public`."""
        return self.name if self.schema in ("", "public") else f"{self.schema}.{self.name}"
