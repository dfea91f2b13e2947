"""The core is pure: what it may import, read from its source."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "anchor" / "core"
MODULES = sorted(CORE.rglob("*.py"))
WITHOUT_EFFECTS = {
    "__future__",
    "collections",
    "dataclasses",
    "decimal",
    "enum",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "re",
    "struct",
    "typing",
}


def imported_by(source: str) -> set[str]:
    """Return the dotted names of all modules that a source imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def is_allowed(name: str) -> bool:
    """Whether the core may import a module: rfc8785, itself, the errors, and the library without effects."""
    own = name == "anchor.errors" or name == "anchor.core" or name.startswith("anchor.core.")
    return own or name == "rfc8785" or name.split(".")[0] in WITHOUT_EFFECTS & sys.stdlib_module_names


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_core_module_imports_nothing_with_effects(module: Path) -> None:
    """No I/O, no clock, no asyncio, no other package: the core can be read, and carried elsewhere, on its own."""
    assert [name for name in sorted(imported_by(module.read_text("utf-8"))) if not is_allowed(name)] == []


def test_core_has_modules_to_look_at() -> None:
    """The check above is of the real folder."""
    assert {"digest", "entries", "fees", "lifecycle", "merkle", "proof", "strict_json", "verdict"} <= {
        path.stem for path in MODULES
    }


def test_imports_within_functions_and_relative_ones_are_seen() -> None:
    """What would hide an import from a reader does not hide it from the check."""
    source = (
        "def f():\n import time, os.path\n from . import x\n from ..store import y\n from anchor import z\n"
    )

    assert imported_by(source) == {"time", "os.path", ".", "..store", "anchor"}
    assert not any(is_allowed(name) for name in imported_by(source))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_core_module_calls_no_open_eval_or_import(module: Path) -> None:
    """The built-in functions with effects are not called either."""
    called = {
        node.func.id
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert called & {"open", "eval", "exec", "__import__", "print", "input"} == set()
