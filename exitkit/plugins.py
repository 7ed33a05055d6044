"""Find plugins by scanning our own folders and everyone else's entry points."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from exitkit.errors import CannotRun, InputError, PluginError
from exitkit.model.plan import Step
from exitkit.ports import Restorer, Target

FOLDERS = ("collectors", "extractors", "restorers", "steps")
NAME_ATTRIBUTE = {"collectors": "type", "restorers": "what", "steps": "kind"}


def load_all(folder: str) -> Iterator[Any]:
    """Yield one instance of every plugin class of `folder`, ours first, in name order.

    One whose client is not installed is there too, able to say what it needs and nothing else.
    """
    if folder not in FOLDERS:
        raise PluginError(f"no plugin folder {folder!r}; one of {', '.join(FOLDERS)}")
    package = importlib.import_module(f"exitkit.{folder}")
    for module_info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        yield from (cls() for cls in _classes(f"{package.__name__}.{module_info.name}"))
    for point in sorted(entry_points(group=f"exitkit.{folder}"), key=lambda point: point.name):
        yield point.load()()


def load_by_name(folder: str, name: str) -> Any:
    """Return the plugin of `folder` that calls itself `name`, with what it needs at hand."""
    attribute = NAME_ATTRIBUTE[folder]
    known = _in_own_file(folder, name)
    if name not in known:
        known = {getattr(plugin, attribute): plugin for plugin in load_all(folder)}
    if name not in known:
        choices = ", ".join(sorted(known))
        raise PluginError(f"{folder}: no {attribute} {name!r}; use one of {choices}")
    require(known[name].needs, f"{attribute} {name}")
    return known[name]


def _in_own_file(folder: str, name: str) -> dict[str, Any]:
    """Return the plugins of the file that is named like the plugin, where only we bring any.

    A step's process starts thousands of times; the other files of the folder cost it most.
    """
    module = name.replace("-", "_")
    if not module.isidentifier() or entry_points(group=f"exitkit.{folder}"):
        return {}
    if importlib.util.find_spec(f"exitkit.{folder}.{module}") is None:
        return {}
    attribute = NAME_ATTRIBUTE[folder]
    classes = _classes(f"exitkit.{folder}.{module}")
    return {getattr(cls, attribute): cls() for cls in classes}


def restorer_of(step: Step, targets: Mapping[str, Target]) -> tuple[Restorer, Target]:
    """Return the restorer a step names by `what`, and the target it names, which must fit."""
    restorer: Restorer = load_by_name("restorers", str(step.params["what"]))
    name = str(step.params["target"])
    if name not in targets:
        known = ", ".join(sorted(targets)) or "none"
        raise InputError(f"step {step.id}: no target {name!r} in exitkit.yaml; there are {known}")
    target = targets[name]
    if target.type not in restorer.target_types:
        types = " or ".join(restorer.target_types)
        raise InputError(
            f"step {step.id}: target {name} is of type {target.type};"
            f" {restorer.what} are restored to {types}"
        )
    return restorer, target


def missing(needs: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the (module, extra) pairs of `needs` that are not installed."""
    pairs = [(module, extra) for module, _, extra in (need.partition(":") for need in needs)]
    return [(module, extra) for module, extra in pairs if not _is_installed(module)]


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        # The package around a dotted name is absent.
        return False


def require(needs: tuple[str, ...], who: str) -> None:
    """Raise CannotRun with the next move where something in `needs` is absent."""
    for module, extra in missing(needs):
        raise CannotRun(
            f"{who}: {module} is not installed; pip install 'exitkit-reversibility[{extra}]'"
        )


def _classes(name: str) -> list[type]:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as absent:
        stand_ins = _stand_ins(name)
        if any(missing(cls.needs) for cls in stand_ins):
            return [*stand_ins]
        raise PluginError(f"{name}: imports {absent.name}, which its `needs` do not name") from None
    members = inspect.getmembers(module, inspect.isclass)
    return [cls for _, cls in members if cls.__module__ == name and hasattr(cls, "needs")]


def _stand_ins(name: str) -> list[Any]:
    """Read the literal class attributes of a plugin file that cannot be imported."""
    spec = importlib.util.find_spec(name)
    source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            members = dict(_literals(node))
            if "needs" in members:
                found.append(type(node.name, (), members))
    return found


def _literals(cls: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            try:
                yield node.target.id, ast.literal_eval(node.value)
            except ValueError:
                continue
