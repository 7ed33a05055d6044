"""Compare names of one thing that two of a provider's services write differently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_SHORTEST_TAIL = 4


def names_of(scope: str, native_id: str, arns: Iterable[str]) -> Iterator[str]:
    """Yield every form in which others may name an asset: whole, bare, in lower case."""
    for name in (native_id, *arns):
        lowered = name.lower()
        yield lowered
        if lowered.startswith("arn:"):
            yield from _arn_forms(lowered)
        else:
            # A bare id is unique within its account; a name perhaps only there.
            yield f"{scope}|{lowered}".lower()


def forms_of(scope: str, named: str) -> Iterator[str]:
    """Yield the forms of a name, the most certain first, then what it may be a part of."""
    lowered = named.lower()
    yield lowered
    yield f"{scope}|{lowered}".lower()
    if lowered.startswith("arn:"):
        yield from _arn_forms(lowered)
    for parent in _above(lowered):
        yield parent
        if parent.startswith("arn:"):
            parts = parent.split(":", 5)
            yield f"{parts[2]}:{parts[3]}:{parts[5]}"


def _arn_forms(arn: str) -> Iterator[str]:
    """Yield `service:region:tail` and the bare id at the end of an ARN."""
    parts = arn.split(":", 5)
    if len(parts) == 6:
        yield f"{parts[2]}:{parts[3]}:{parts[5]}"
        tail = parts[5].rpartition("/")[2].rpartition(":")[2]
        if len(tail) >= _SHORTEST_TAIL:
            yield f"{parts[4]}|{tail}"


def _above(name: str) -> Iterator[str]:
    """Yield the paths above an ARM id or an ARN, nearest first, down to its own kind."""
    if name.startswith("/subscriptions/"):
        parts = name.split("/")
        # /subscriptions/x/resourcegroups/y/providers/z/type/name
        for length in range(len(parts) - 2, 8, -2):
            yield "/".join(parts[:length])
    elif name.startswith("arn:"):
        head = name.split(":", 5)
        if len(head) < 6:
            return
        tail = head[5]
        while (cut := max(tail.rfind("/"), tail.rfind(":"))) > 0:
            tail = tail[:cut]
            yield ":".join([*head[:5], tail])
