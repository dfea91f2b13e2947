"""docs/faults.md is complete, what it says shows a fault is a test that names it, and the threat model names tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAULTS = 50

_ROW = re.compile(r"\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|")
_NAMED = re.compile(r"\b[Ff]aults? ((?:\d+(?:, | and | to )?)+)")
_TEST = re.compile(r"`(test_\w+)`")
_PATH = re.compile(r"`(tests/[\w/.]+)`")


def _rows() -> dict[int, list[str]]:
    """Return the names of the tests that each row of the table names."""
    text = (ROOT / "docs" / "faults.md").read_text("utf-8")
    rows: dict[int, list[str]] = {}
    for line in text.splitlines():
        match = _ROW.fullmatch(line)
        if match:
            assert int(match[1]) not in rows, f"row {match[1]} stands twice"
            rows[int(match[1])] = _TEST.findall(match[4])
    return rows


def _numbers(text: str) -> set[int]:
    found: set[int] = set()
    for words in _NAMED.findall(text):
        numbers = [int(number) for number in re.findall(r"\d+", words)]
        found |= set(range(numbers[0], numbers[1] + 1)) if " to " in words else set(numbers)
    return found


def _tests() -> dict[str, set[int]]:
    """Return the faults that each test names, in its own docstring or in that of its module."""
    tests: dict[str, set[int]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        of_module = _numbers(ast.get_docstring(tree) or "")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                tests.setdefault(node.name, set()).update(of_module | _numbers(ast.get_docstring(node) or ""))
    return tests


def test_table_has_every_fault_once_with_its_tests() -> None:
    """Fifty rows, each with at least one test."""
    rows = _rows()

    assert list(rows) == list(range(1, FAULTS + 1))
    assert [number for number, tests in rows.items() if not tests] == []


def test_tests_of_the_table_exist_and_name_their_fault() -> None:
    """No name in the table is made up or out of date, and each test says itself which fault it is about."""
    tests = _tests()

    wrong = [
        f"{name} (fault {number})"
        for number, names in _rows().items()
        for name in names
        if number not in tests.get(name, set())
    ]

    assert wrong == []


def test_tests_of_the_threat_model_exist() -> None:
    """No claim rests on a test that is not there: every row names one, or a file or folder of them."""
    text = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
    names, paths = _TEST.findall(text), _PATH.findall(text)
    assert min(len(names), len(paths)) > 0

    assert sorted(set(names) - set(_tests())) == []
    assert [path for path in paths if not (ROOT / path).exists()] == []
