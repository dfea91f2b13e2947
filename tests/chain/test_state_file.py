"""The state file of a development chain survives what anvil does to it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from anchor.chain.state_file import StateFile
from anchor.errors import ConfigError

OLD, NEW = json.dumps({"block": 1}), json.dumps({"block": 2, "accounts": {"a": {}}})


@pytest.fixture
def state(tmp_path: Path) -> StateFile:
    """Return the name of a state file in an empty directory."""
    return StateFile(path=tmp_path / "state.json")


def test_lock_is_held_until_the_last_holder_closes_it(tmp_path: Path) -> None:
    """A second lock is refused as long as any process has the first one, and the directory is made."""
    state = StateFile(path=tmp_path / "chain" / "state.json")
    first = state.lock()
    inherited = os.dup(first)
    os.close(first)
    with pytest.raises(ConfigError, match="in use by an anvil"):
        state.lock()
    os.close(inherited)

    os.close(state.lock())


def test_prepare_without_files_leaves_none(state: StateFile) -> None:
    """The first start finds nothing and leaves nothing."""
    state.prepare()

    assert list(state.path.parent.iterdir()) == []


def test_keep_copy_of_whole_state_replaces_the_copy(state: StateFile) -> None:
    """The copy is always the last whole state seen."""
    for text in (OLD, NEW):
        state.path.write_text(text)

        assert state.keep_copy() is True
        assert state.copy_path.read_text() == text


def test_keep_copy_of_missing_file_is_false(state: StateFile) -> None:
    """Before anvil's first dump there is nothing to copy."""
    assert state.keep_copy() is False


@pytest.mark.parametrize("length", range(len(NEW)))
def test_half_written_state_is_never_taken_for_whole(state: StateFile, length: int) -> None:
    """Wherever a kill cuts the file: the copy stays as it was, and the next start begins with it."""
    state.path.write_text(OLD)
    state.keep_copy()
    state.path.write_text(NEW[:length])

    assert state.keep_copy() is False
    state.prepare()
    assert state.path.read_text() == OLD
    assert sorted(each.name for each in state.path.parent.iterdir()) == ["state.json", "state.json.whole"]


def test_state_rewritten_while_it_is_read_is_never_taken_for_whole(
    state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read may be the beginning of one state and the end of another, even if it parses."""
    state.path.write_text(OLD)
    looks: list[int] = []

    def rewritten_before_the_second_look(descriptor: int) -> os.stat_result:
        looks.append(descriptor)
        if len(looks) == 2:
            state.path.write_text(NEW)
        return os.stat(descriptor)

    monkeypatch.setattr("anchor.chain.state_file.os.fstat", rewritten_before_the_second_look)

    assert state.keep_copy() is False
    assert len(looks) == 2


def test_prepare_with_whole_state_prefers_it_to_the_copy(state: StateFile) -> None:
    """The file is newer than its copy."""
    state.path.write_text(OLD)
    state.keep_copy()
    state.path.write_text(NEW)
    state.prepare()

    assert state.path.read_text() == NEW


def test_prepare_with_lost_state_restores_the_copy(state: StateFile) -> None:
    """A file that is gone comes back from the copy."""
    state.copy_path.write_text(OLD)
    state.prepare()

    assert state.path.read_text() == OLD


def test_prepare_with_damaged_state_and_no_copy_is_config_error(state: StateFile) -> None:
    """A new chain must not silently take the old one's place."""
    state.path.write_text(NEW[:-1])

    with pytest.raises(ConfigError, match=r"state\.json is damaged"):
        state.prepare()
