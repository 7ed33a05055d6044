"""Read scripts by tree-sitter into the pieces that rules look at; nothing runs or recurses."""

from __future__ import annotations

import importlib
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from tree_sitter import Language, Node, Parser

from exitkit.knowledge.script_languages import node_modules
from exitkit.knowledge.script_rules import Fragment

LONGEST_TEXT = 400
MOST_FAULTS = 20
PARSING_S = 2.0
CHUNK = 4096
PIECE, OVERLAP = 4000, 300
GRAMMARS = {
    "shell": ("tree_sitter_bash", "language"),
    "python": ("tree_sitter_python", "language"),
    "powershell": ("tree_sitter_powershell", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "groovy": ("tree_sitter_groovy", "language"),
    "terraform": ("tree_sitter_hcl", "language"),
    "bicep": ("tree_sitter_bicep", "language"),
    "dockerfile": ("tree_sitter_containerfile", "language"),
}
COMMENTS = frozenset({"comment", "line_comment", "block_comment", "multiline_comment"})
CALLS = frozenset(
    {
        "command", "call", "call_expression", "new_expression", "invokation_expression",
        "juxt_function_call", "method_invocation", "function_call",
    }
)  # fmt: skip
_WRAPPER = re.compile(
    r"^(?:\w+=\S*\s+|(?:\S*/)?(?:sudo|doas|env|nohup|time|exec|command|xargs|nice|ionice|chroot|"
    r"timeout|watch|retry)\s+(?:-[uUgn]\s+\S+\s+|--?[\w=-]+\s+|\w+=\S*\s+|\d+[smh]?\s+)*)+"
)
_CARRIES_COMMANDS = re.compile(r"^(?:(?:ba|da|k)?sh|ssh|su|eval|docker exec|kubectl exec)\s")


@dataclass(frozen=True, slots=True)
class Inner:
    """A script inside a script: its language, its text, and the lines that stand before it."""

    language: str
    text: str
    lines_before: int


@dataclass(slots=True)
class Reading:
    """What one file gave: pieces, lines nobody could read, scripts inside it."""

    fragments: list[Fragment] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    inner: list[Inner] = field(default_factory=list)


def read_tree(language: str, text: str) -> Reading:
    """Return the pieces of a script in one of GRAMMARS."""
    source = text.encode("utf-8", "replace")
    ends_at = time.thread_time() + PARSING_S
    in_time = True

    def piece(offset: int, _: object) -> bytes:
        # Some grammars take the square of the length of hostile text; an early end ends that.
        nonlocal in_time
        in_time = in_time and time.thread_time() < ends_at
        return source[offset : offset + CHUNK] if in_time else b""

    tree = _parser(language).parse(piece)
    walk = _Walk("typescript" if language == "tsx" else language, source)
    if not in_time:
        walk.reading.faults.append(1)
        walk.lines()
        return walk.reading
    for node in _nodes(tree.root_node):
        walk.visit(node)
    walk.lines()
    return walk.reading


def pieces_of(line: str) -> Iterator[str]:
    """Yield a line in pieces of bounded length that overlap, so that no pattern runs away."""
    if line.strip():
        for start in range(0, len(line), PIECE - OVERLAP):
            yield line[start : start + PIECE]


def _nodes(root: Node) -> Iterator[Node]:
    """Yield every node in the order of the text; no recursion, a hostile file nests deep."""
    cursor = root.walk()
    while True:
        if cursor.node is not None:
            yield cursor.node
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


@cache
def _parser(language: str) -> Parser:
    module, function = GRAMMARS[language]
    return Parser(Language(getattr(importlib.import_module(module), function)()))


@dataclass(slots=True)
class _Walk:
    """One pass over a tree; `bound` maps names of a script to the modules they come from."""

    language: str
    source: bytes
    reading: Reading = field(default_factory=Reading)
    bound: dict[str, str] = field(default_factory=dict)
    comments: list[tuple[int, int, int]] = field(default_factory=list)

    def visit(self, node: Node) -> None:
        kind = node.type
        if node.is_error or node.is_missing:
            # Where the root itself is an error, the place is that of an error below it.
            if node.parent is None and any(child.has_error for child in node.children):
                return
            if len(self.reading.faults) < MOST_FAULTS:
                self.reading.faults.append(node.start_point.row + 1)
        elif kind in COMMENTS:
            self._comment(node)
        elif kind in CALLS:
            self._call(node)
        else:
            self._by_kind(node, kind)

    def lines(self) -> None:
        """Add every line without its comments, and the comments by themselves."""
        plain = bytearray(self.source)
        for start, end, row in self.comments:
            for number, line in enumerate(self.source[start:end].split(b"\n")):
                self._add("comment", row + number, line.decode("utf-8", "replace"))
            blank = re.sub(rb"[^\n]", b" ", self.source[start:end])
            plain[start:end] = blank
        for number, line in enumerate(bytes(plain).split(b"\n"), 1):
            for piece in pieces_of(line.decode("utf-8", "replace")):
                self.reading.fragments.append(Fragment(self.language, "text", number, piece))

    def _by_kind(self, node: Node, kind: str) -> None:
        match kind:
            case "import_statement" | "import_from_statement":
                self._import(node)
            case "print_statement" | "exec_statement":
                self._add("block", _row(node), f"{kind.partition('_')[0]} statement")
            case "function_definition" if self.language == "python":
                self._add("block", _row(node), self._text(node))
            case "expression_statement" if self.language == "python":
                if node.child_count == 1 and node.children[0].type == "string":
                    self.comments.append((node.start_byte, node.end_byte, _row(node)))
            case "assignment" | "variable_declarator":
                self._assignment(node)
            case "block" if self.language == "terraform":
                self._block(node)
            case "heredoc_template" | "template_literal" if self.language == "terraform":
                self._inner_program(self._whole(node), _row(node) - 1)
            case "resource_declaration" | "module_declaration" | "target_scope_assignment":
                self._declaration(node)
            case _ if kind.endswith("_instruction"):
                self._instruction(node)

    def _comment(self, node: Node) -> None:
        text = self._whole(node)
        if self.language == "powershell" and text.lower().startswith("#requires"):
            for name in re.findall(r"(?i)-Modules?\s+([\w.]+)", text):
                self._module(_row(node), name)
            return
        # A first line `#!` is no comment to the system; it has a piece of its own.
        self.comments.append((node.start_byte, node.end_byte, _row(node)))

    def _call(self, node: Node) -> None:
        text = self._text(node)
        if self.language == "shell":
            text = _WRAPPER.sub("", " ".join(text.replace("\\\n", " ").split()) + " ").strip()
            text = re.sub(r"^[\w./~-]*/(?=\w)", "", text)
            self._shell_inner(node, text)
        elif self.language == "powershell":
            text = re.sub(r"^[&.]\s*['\"]?", "", text)
            if found := re.match(
                r"(?i)(?:Import-Module|Install-Module)\s+(?:-Name\s+)?([\w.]+)", text
            ):
                self._module(_row(node), found[1])
        elif self.language == "groovy":
            self._groovy_inner(node, text)
        elif self.language in ("python", "javascript", "typescript"):
            text = self._resolved(text.removeprefix("new ").strip())
            if found := re.match(
                r"(?:require|import|__import__|importlib\.import_module)\(\s*[\"'`]([^\"'`]+)", text
            ):
                self._module(_row(node), found[1])
        self._add("call", _row(node), text)

    def _shell_inner(self, node: Node, text: str) -> None:
        if not _CARRIES_COMMANDS.match(text):
            return
        for child in node.children:
            if child.type in ("string", "raw_string") and child.end_byte - child.start_byte > 2:
                whole = self._whole(child)[1:-1]
                self.reading.inner.append(Inner("shell", whole, child.start_point.row))

    def _groovy_inner(self, node: Node, text: str) -> None:
        name = re.match(r"(sh|bat|powershell|pwsh)\b", text)
        arguments = next((c for c in node.children if c.type == "argument_list"), None)
        if not name or arguments is None:
            return
        language = {"sh": "shell", "bat": "batch"}.get(name[1], "powershell")
        for child in arguments.children:
            value = child.children[-1] if child.type == "map_item" and child.children else child
            if value.type in ("character_literal", "string_literal"):
                whole = self._whole(value)
                quotes = 3 if whole[:3] in ("'''", '"""') else 1
                self.reading.inner.append(
                    Inner(language, whole[quotes:-quotes], value.start_point.row)
                )

    def _import(self, node: Node) -> None:
        text = " ".join(self._text(node).split())
        if self.language != "python":
            found = re.search(r"[\"']([^\"']+)[\"']", text)
            if found:
                self._module(_row(node), found[1])
                for name in re.findall(r"[\w$]+", text.partition(" from ")[0])[1:]:
                    if name not in ("as", "type"):
                        self.bound[name] = (
                            found[1] if f"* as {name}" in text else f"{found[1]}.{name}"
                        )
            return
        if found := re.match(r"from (\S+) import (.*)", text):
            module, names = found[1], found[2].strip("() ")
            self._module(_row(node), module)
            for name, alias in re.findall(r"(\w+)(?: as (\w+))?", names):
                self.bound[alias or name] = f"{module}.{name}"
            return
        for module, alias in re.findall(r"([\w.]+)(?: as (\w+))?(?:,|$)", text[len("import ") :]):
            self._module(_row(node), module)
            if alias:
                self.bound[alias] = module

    def _module(self, line: int, module: str) -> None:
        self._add("import", line, module)
        root = re.split(r"[./]", module.removeprefix("node:"))[0]
        own = module.startswith((".", "/", "node:"))
        brought = {
            "python": sys.stdlib_module_names,
            "javascript": node_modules(),
            "typescript": node_modules(),
        }.get(self.language, frozenset())
        if root and not own and root not in brought:
            self._add("dependency", line, module)

    def _assignment(self, node: Node) -> None:
        """Remember what a name stands for: a client made by a provider's module is the provider."""
        if self.language not in ("python", "javascript", "typescript") or node.child_count < 3:
            return
        name, value = node.children[0], node.children[-1]
        if name.type not in ("identifier", "attribute", "object_pattern"):
            return
        while value.type in ("await_expression", "await") and value.children:
            value = value.children[-1]
        if value.type not in ("call", "call_expression", "new_expression"):
            return
        text = self._text(value).removeprefix("new ").strip()
        required = re.match(r"require\(\s*[\"']([^\"']+)", text)
        if name.type == "object_pattern":
            for taken in re.findall(r"(\w+)\s*(?=[,}])", self._text(name)) if required else ():
                self.bound[taken] = f"{required[1]}.{taken}" if required else taken
            return
        made = required[1] if required else self._resolved(text).partition("(")[0]
        if made != text.partition("(")[0] or required or made.split(".")[0] in self._modules():
            self.bound[self._whole(name)] = made

    def _modules(self) -> set[str]:
        return {f.text.split(".")[0] for f in self.reading.fragments if f.place == "import"}

    def _resolved(self, text: str) -> str:
        """Put the module for the name a call begins with: `s3.put(` is `boto3.client.put(`."""
        for name in (r"self\.\w+", r"[\w$]+"):
            found = re.match(name, text)
            if found and found[0] in self.bound:
                return self.bound[found[0]] + text[found.end() :]
        return text

    def _block(self, node: Node) -> None:
        words = [
            self._whole(child).strip('"')
            for child in node.children
            if child.type in ("identifier", "string_lit")
        ]
        self._add("block", _row(node), " ".join(words))

    def _declaration(self, node: Node) -> None:
        head = node.type.partition("_")[0]
        label = next((self._whole(c).strip("'") for c in node.children if c.type == "string"), "")
        head = "targetScope" if head == "target" else head
        self._add("block", _row(node), f"{head} {label}")

    def _instruction(self, node: Node) -> None:
        text = self._whole(node)
        self._add("block", _row(node), " ".join(text.replace("\\\n", " ").split()))
        for child in node.children:
            if child.type == "shell_command" and not self._whole(child).startswith("<<"):
                self.reading.inner.append(Inner("shell", self._whole(child), child.start_point.row))
            elif child.type == "heredoc_block":
                body = self._whole(child).rsplit("\n", 1)[0]
                self.reading.inner.append(Inner("shell", body, child.start_point.row))

    def _inner_program(self, text: str, lines_before: int) -> None:
        head = re.match(r"(?:<<[-~]?\s*\w+\n)?\s*#!\s*(\S+)(?:\s+(\S+))?", text)
        if head is None:
            return
        program = (head[2] if head[1].endswith("/env") and head[2] else head[1]).rsplit("/", 1)[-1]
        language = "python" if program.startswith("python") else "shell"
        if text.startswith("<<"):
            text, lines_before = text.partition("\n")[2].rpartition("\n")[0], lines_before + 1
        self.reading.inner.append(Inner(language, text, lines_before))

    def _add(self, place: str, line: int, text: str) -> None:
        self.reading.fragments.append(Fragment(self.language, place, line, text[:LONGEST_TEXT]))

    def _text(self, node: Node) -> str:
        end = min(node.end_byte, node.start_byte + LONGEST_TEXT)
        return self.source[node.start_byte : end].decode("utf-8", "replace")

    def _whole(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _row(node: Node) -> int:
    return node.start_point.row + 1
