"""Unpack functions on a disk, run them there, and compare their answers with those of the source.

Step params: `{what: function-code, target: <folder target>, assets: {native_type:
"AWS::Lambda::Function", names: ["*"]}}` and `events: [{name, function, payload, answer}]`, where
`answer` is what the source gave for `payload`; optional `rename`, `canaries`, `canary_pattern`,
`env` (names of variables the functions need), `seconds` (for one answer, 30). Functions of the
runtimes `python*` and `nodejs*` are run by the `python3` and `node` of this machine; others are
compared file by file only.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from exitkit.assess.comparison import Canaries, compared
from exitkit.errors import CannotRun
from exitkit.model.plan import Step
from exitkit.model.run import ItemResult, Outcome, Proof
from exitkit.ports import StepContext, Target
from exitkit.store.holdings import chosen, restored_name
from exitkit.store.local_ground import (
    LocalGround,
    digest_of,
    fill,
    ground_of,
)
from exitkit.store.paths import below, segment
from exitkit.store.reader import Bundle, open_bundle

LARGEST_FUNCTION_BYTES = 1024 * 1024 * 1024
MARK = "EXITKIT-ANSWER "
_PYTHON = """
import importlib, json, sys
sys.path.insert(0, ".")
module, _, name = sys.argv[1].rpartition(".")
handler = getattr(importlib.import_module(module.replace("/", ".")), name)
print("\\n" + sys.argv[2] + json.dumps(handler(json.load(sys.stdin), None)))
"""
_NODE = """
const [handler, mark] = process.argv.slice(1);
const at = handler.lastIndexOf("."), path = require("path");
const event = JSON.parse(require("fs").readFileSync(0, "utf8"));
import(require("url").pathToFileURL(require.resolve(path.resolve(handler.slice(0, at)))))
  .then((m) => (m[handler.slice(at + 1)] || m.default[handler.slice(at + 1)])(event, {}))
  .then((answer) => console.log("\\n" + mark + JSON.stringify(answer)));
"""


@dataclass(frozen=True, slots=True)
class _Function:
    """One function of the bundle: its package, and how it is started."""

    urn: str
    name: str
    folder: str
    package: Path
    runtime: str
    handler: str


class FunctionCodeRestorer(LocalGround):
    """Move functions off their platform."""

    what: ClassVar[str] = "function-code"
    target_types: ClassVar[tuple[str, ...]] = ("folder",)
    needs: ClassVar[tuple[str, ...]] = ()

    def restore(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Unpack every package and read every file back."""
        functions, losses = _functions(open_bundle(context.bundle), step)

        def unpacked() -> Iterator[ItemResult]:
            for one in functions:
                fault = _unpack(one.package, ground_of(target) / one.folder)
                if fault:
                    raise CannotRun(f"function {one.name}: {fault}")
                yield from _files(one, target)

        size = sum(one.package.stat().st_size for one in functions)
        return fill(
            {one.folder for one in functions}, unpacked, target, context, losses=losses,
            what="function-code", count=len(functions), size_bytes=size,
            said=f"{len(functions)} functions unpacked, {{different}} files not as they were",
        )  # fmt: skip

    def compare(self, step: Step, target: Target, context: StepContext) -> Outcome:
        """Compare every file, then ask each function its events and compare the answers."""
        functions, losses = _functions(open_bundle(context.bundle), step)
        items: list[ItemResult] = []
        proofs: list[Proof] = []
        canaries = Canaries.of(step.params)
        answers = 0
        for one in functions:
            found = list(_files(one, target, canaries))
            asked = list(_answers(one, step, target, context))
            answers += sum(item.result == "equal" for item in asked)
            items += [*found, *asked]
            # Code that nobody ran is kept code, not proven code.
            if asked and all(item.result == "equal" for item in (*found, *asked)):
                proofs.append(Proof(one.urn, "code"))
        return compared(
            "functions", items, canaries=canaries, losses=losses, proofs=proofs,
            metrics={"answers_equal": answers},
        )  # fmt: skip


def _functions(bundle: Bundle, step: Step) -> tuple[list[_Function], tuple[str, ...]]:
    functions: list[_Function] = []
    losses: list[str] = []
    for holding in chosen(bundle, step):
        paths = [path for path in holding.paths("data") if path.endswith("code.zip")]
        if not paths:
            losses.append(f"function {holding.name}: its code is not in the bundle")
            continue
        config = bundle.native(dict(holding.record))
        config = config.get("Configuration", config)
        name = restored_name(step, holding.name)
        functions.append(
            _Function(
                holding.urn, name, segment(name), bundle.content_path(paths[0]),
                str(config.get("Runtime", "")), str(config.get("Handler", "")),
            )
        )  # fmt: skip
    return functions, tuple(losses)


def _members(package: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    return (one for one in package.infolist() if not one.is_dir())


def _unpack(package: Path, folder: Path) -> str:
    """Write every file of the package below `folder`; return what is wrong with it, or nothing."""
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(package) as archive:
            if sum(one.file_size for one in _members(archive)) > LARGEST_FUNCTION_BYTES:
                return f"its package unpacks to more than {LARGEST_FUNCTION_BYTES} bytes"
            for one in _members(archive):
                path = below(folder, one.filename)
                mode = one.external_attr >> 16
                if path is None or path == folder.resolve() or stat.S_ISLNK(mode):
                    return f"its package holds {one.filename!r}, which is no file of a folder"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(one))
                if mode & stat.S_IXUSR:
                    path.chmod(0o755)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        return f"its package cannot be unpacked ({error})"
    return ""


def _files(
    one: _Function, target: Target, canaries: Canaries | None = None
) -> Iterator[ItemResult]:
    folder = ground_of(target) / one.folder
    with zipfile.ZipFile(one.package) as archive:
        for member in _members(archive):
            item = f"file {one.name}/{member.filename}"
            path = below(folder, member.filename)
            if canaries is not None:
                canaries.expect(archive.read(member))
            if path is None or not path.is_file():
                yield ItemResult(item, "missing")
                continue
            if canaries is not None:
                canaries.see(path.read_bytes())
            if digest_of(path) != hashlib.sha256(archive.read(member)).hexdigest():
                yield ItemResult(item, "different", "other bytes")
            else:
                yield ItemResult(item, "equal")


def _answers(
    one: _Function, step: Step, target: Target, context: StepContext
) -> Iterator[ItemResult]:
    for event in step.params.get("events", ()):
        if event.get("function") != one.name:
            continue
        item = f"answer {one.name} {event.get('name', '')}".strip()
        try:
            answer = _ask(one, event.get("payload"), step, target, context)
        except (ValueError, OSError, subprocess.SubprocessError) as error:
            yield ItemResult(item, "missing", f"no answer: {type(error).__name__}")
            continue
        equal = answer == event.get("answer")
        yield ItemResult(item, "equal" if equal else "different", "" if equal else "other answer")


def _ask(
    one: _Function, payload: Any, step: Step, target: Target, context: StepContext
) -> Any:  # fmt: skip
    """Run the function once in its folder, with no variable it was not given."""
    if one.runtime.startswith("python"):
        program = ["python3", "-B", "-c", _PYTHON, one.handler, MARK]
    elif one.runtime.startswith("nodejs"):
        program = ["node", "-e", _NODE, one.handler, MARK]
    else:
        raise ValueError(one.runtime)
    wanted = ("PATH", "LANG", *step.params.get("env", ()))
    done = subprocess.run(
        program, input=json.dumps(payload).encode(), capture_output=True, check=True,
        cwd=os.fspath(ground_of(target) / one.folder),
        env={name: context.environ[name] for name in wanted if name in context.environ},
        timeout=int(step.params.get("seconds", 30)),
    )  # fmt: skip
    said = [line for line in done.stdout.decode().splitlines() if line.startswith(MARK)]
    return json.loads(said[-1].removeprefix(MARK)) if said else None
