"""Load botocore models cut down to the calls that only read, so that no client here can write.

A model without documentation and without what we never call also loads several times faster.
Cut models are kept under the user's cache folder, one file per service and botocore version.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import JSONFileLoader, Loader

from exitkit.store.files import write_atomically

CREDENTIAL_SERVICES = frozenset({"sts", "sso", "sso-oidc", "signin"})
"""What the SDK itself calls to get credentials; these models stay whole."""


class PlainFileLoader(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
    """A reader of model files that takes half the time: a plain dict keeps its order, too."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
        try:
            with open_method(full_path, "rb") as file:
                return json.loads(file.read())
        except FileNotFoundError:
            return None


class ReadOnlyLoader(Loader):  # type: ignore[misc]  # botocore has no types
    """A loader whose service models hold the operations of `read_set` and no others."""

    FILE_LOADER_CLASS = PlainFileLoader

    def __init__(self, read_set: Iterable[tuple[str, str]], environ: Mapping[str, str]) -> None:
        super().__init__()
        self._read: dict[str, set[str]] = defaultdict(set)
        for service, operation in read_set:
            self._read[service].add(operation)
        self._kept_in = cache_folder(environ) / "models" / self._edition()
        self._loaded: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        """Return a service model cut down; everything else as it is."""
        if type_name != "service-2" or service_name in CREDENTIAL_SERVICES:
            return super().load_service_model(service_name, type_name, api_version)
        with self._lock:
            if service_name not in self._loaded:
                self._loaded[service_name] = self._from_cache(service_name)
            return self._loaded[service_name]

    def _from_cache(self, service: str) -> dict[str, Any]:
        kept = self._kept_in / f"{service}.json"
        try:
            model: dict[str, Any] = json.loads(kept.read_bytes())
        except (OSError, ValueError):
            whole = super().load_service_model(service, "service-2")
            model = cut_down(whole, self._read[service])
            _keep(kept, model)
        return model

    def _edition(self) -> str:
        """Name the botocore version and the read set: another of either makes other models."""
        wanted = json.dumps({name: sorted(ops) for name, ops in sorted(self._read.items())})
        return f"{botocore.__version__}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return exitkit's folder below the user's cache, by the XDG rules."""
    base = environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "exitkit"


def cut_down(model: Mapping[str, Any], operations: Iterable[str]) -> dict[str, Any]:
    """Return the model with only `operations` and the shapes they reach."""
    wanted = set(operations)
    kept = {name: row for name, row in model["operations"].items() if name in wanted}
    shapes: set[str] = set()
    for row in kept.values():
        starts = [row[side]["shape"] for side in ("input", "output") if side in row]
        starts += [error["shape"] for error in row.get("errors", ())]
        _reach(model["shapes"], starts, shapes)
    return {
        **{name: part for name, part in model.items() if name not in ("operations", "shapes")},
        "operations": _undocumented(kept),
        "shapes": _undocumented({name: model["shapes"][name] for name in sorted(shapes)}),
    }


def _reach(shapes: Mapping[str, Any], starts: list[str], reached: set[str]) -> None:
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        shape = shapes[name]
        waiting += [reference["shape"] for reference in shape.get("members", {}).values()]
        waiting += [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]


def _undocumented(value: Any) -> Any:
    if isinstance(value, dict):
        # A member may itself be called `documentation`: then it is a reference, not a text.
        return {
            name: _undocumented(part)
            for name, part in value.items()
            if name != "documentation" or not isinstance(part, str)
        }
    return [_undocumented(part) for part in value] if isinstance(value, list) else value


def _keep(path: Path, model: Mapping[str, Any]) -> None:
    """Write a cut model for the next run; a machine without a cache is only slower."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(model, separators=(",", ":")).encode())
    except OSError:
        return
