"""Any one value changed makes a credential tampered, and no input at all makes verification fail."""

from __future__ import annotations

import asyncio
import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchor.core.entries import StatusEntry
from tests.verify.world import Issued, World, told

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

VALUES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20)


@pytest.fixture
def anchored(tmp_path: Path) -> tuple[World, Issued]:
    """Return a world with one credential that is valid."""
    world = World.make(tmp_path)
    content = world.credential(
        evidence=[{"id": "urn:1", "score": 3.25, "passed": True}, None], name="Zoë", note="", empty={}
    )
    return world, world.issue(content, status=StatusEntry(0, 7))


def leaves(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the path of every value in a JSON value that holds no other."""
    if isinstance(value, dict) and value:
        return [path for name, inner in value.items() for path in leaves(inner, (*at, name))]
    if isinstance(value, list) and value:
        return [path for index, inner in enumerate(value) for path in leaves(inner, (*at, index))]
    return [at]


def replaced(document: object, path: tuple[object, ...], new: object) -> object:
    """Return a JSON value with one value replaced."""
    result = copy.deepcopy(document)
    inner = result
    for step in path[:-1]:
        inner = inner[step]  # type: ignore[index]  # JSON by its path
    inner[path[-1]] = new  # type: ignore[index]  # JSON by its path
    return result


@SETTINGS
@given(data=st.data())
def test_any_one_value_changed_is_tampered(anchored: tuple[World, Issued], data: st.DataObject) -> None:
    """Whatever value is changed, to whatever else, the verdict is tampered."""
    world, issued = anchored
    document = json.loads(issued.content)
    path = data.draw(st.sampled_from(leaves(document)))
    new = data.draw(VALUES)
    changed = replaced(document, path, new)

    report = asyncio.run(world.verify(issued, content=json.dumps(changed).encode()))

    same = json.dumps(changed, sort_keys=True) == json.dumps(document, sort_keys=True)
    assert told(report) == (("valid", []) if same else ("tampered", ["digest_differs"]))


@SETTINGS
@given(position=st.integers(0, 10_000), flipped=st.integers(1, 255))
def test_any_byte_changed_in_the_proof_is_never_valid_by_mistake(
    anchored: tuple[World, Issued], position: int, flipped: int
) -> None:
    """A proof with one byte changed is unknown, or still says the same: it never makes a definite no."""
    world, issued = anchored
    proof = bytearray(issued.proof_file)
    proof[position % len(proof)] ^= flipped

    report = asyncio.run(world.verify(issued, proof=bytes(proof)))

    assert report.verdict.value in ("valid", "unknown")


@SETTINGS
@given(content=st.binary(max_size=200), proof=st.binary(max_size=200))
def test_any_bytes_at_all_give_a_report(anchored: tuple[World, Issued], content: bytes, proof: bytes) -> None:
    """Neither a credential nor a proof of any content makes verification raise."""
    world, issued = anchored

    assert asyncio.run(world.verify(issued, content=content)).verdict.value == "tampered"
    assert asyncio.run(world.verify(issued, proof=proof)).verdict.value == "unknown"
