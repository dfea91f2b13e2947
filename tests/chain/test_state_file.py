"""The state file of a development chain survives what anvil does to it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from anchor.chain.genesis import header_hash
from anchor.chain.state_file import StateFile
from anchor.errors import ConfigError

OLD, NEW = json.dumps({"block": 1}), json.dumps({"block": 2, "accounts": {"a": {}}})
_ZERO = "0x" + "00" * 32
_EMPTY = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
ANVIL_BLOCK_0 = {
    "parentHash": _ZERO,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": _EMPTY,
    "transactionsRoot": _EMPTY,
    "receiptsRoot": _EMPTY,
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x0",
    "number": "0x0",
    "gasLimit": "0x1c9c380",
    "gasUsed": "0x0",
    "timestamp": "0x6b02c8b8",
    "extraData": "0x",
    "mixHash": _ZERO,
    "nonce": "0x0000000000000000",
    "baseFeePerGas": "0x3b9aca00",
    "withdrawalsRoot": _EMPTY,
    "blobGasUsed": "0x0",
    "excessBlobGas": "0x0",
    "parentBeaconBlockRoot": _ZERO,
    "requestsHash": "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
ANVIL_BLOCK_0_HASH = "e1aa2ef59dd302715b910a00da93f3a5df61630e72c4192fea12704dd051d56c"


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


def _header(number: int, timestamp_s: int, parent: bytes = bytes(32)) -> dict[str, str]:
    return {"parentHash": "0x" + parent.hex(), "number": hex(number), "timestamp": hex(timestamp_s)}


@pytest.mark.parametrize("own", range(3))
def test_prepare_with_several_blocks_0_keeps_the_parent_of_block_1(state: StateFile, own: int) -> None:
    """Wherever it stands in the file, and whichever is the oldest; everything else stays."""
    geneses = [_header(0, timestamp_s) for timestamp_s in (300, 100, 200)]
    first, second = _header(1, 300, header_hash(geneses[own])), _header(2, 301, bytes([1] * 32))
    headers = [second, geneses[0], geneses[1], first, geneses[2]]
    state.path.write_text(
        json.dumps({"accounts": {"a": 1}, "blocks": [{"header": each} for each in headers]})
    )
    state.prepare()

    after = json.loads(state.path.read_text())
    assert [block["header"] for block in after["blocks"]] == [geneses[own], second, first]
    assert after["accounts"] == {"a": 1}


def test_prepare_with_several_blocks_0_before_block_1_keeps_the_oldest(state: StateFile) -> None:
    """A chain killed before its first block has the block 0 of its first start."""
    blocks = [{"header": _header(0, timestamp_s)} for timestamp_s in (300, 100, 200)]
    state.path.write_text(json.dumps({"blocks": blocks}))
    state.prepare()

    assert json.loads(state.path.read_text()) == {"blocks": [{"header": _header(0, 100)}]}


@pytest.mark.parametrize("blocks", [[{}], [{"header": {"number": "x"}}], 5])
def test_prepare_with_another_programs_file_is_config_error(state: StateFile, blocks: object) -> None:
    """JSON that is no state of anvil is named as such."""
    state.path.write_text(json.dumps({"blocks": blocks}))

    with pytest.raises(ConfigError, match="no saved state of anvil"):
        state.prepare()


def test_header_hash_is_the_parent_hash_of_anvils_block_1() -> None:
    """Against a block 0 and its hash as anvil 1.7.1 saved them."""
    assert header_hash(ANVIL_BLOCK_0).hex() == ANVIL_BLOCK_0_HASH
