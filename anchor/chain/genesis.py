"""
Which block 0 of anvil's saved state is the chain's.

Each start of anvil makes a block 0 of its own, with the time of the start, and its next save holds that beside
the old one. On load an arbitrary one of them wins, and with it another genesis hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rlp  # type: ignore[import-untyped]  # has no stubs
from eth_utils.conversions import to_bytes
from eth_utils.crypto import keccak

_HASHES_AND_BYTES = frozenset(
    {
        *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
        *("extraData", "mixHash", "nonce", "withdrawalsRoot", "parentBeaconBlockRoot", "requestsHash"),
    }
)
# Yellow paper, section 4.3.3, then EIP-1559, EIP-4895, EIP-4844, EIP-4788 and EIP-7685, as appended by each fork.
_HEADER_FIELDS = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),
    "requestsHash",
)


def header_hash(header: Mapping[str, str]) -> bytes:
    """Return the hash of a block by its header as anvil saves it; fields of later forks may be missing."""
    present = [name for name in _HEADER_FIELDS if header.get(name) is not None]
    return bytes(keccak(rlp.encode([_encoded(name, header[name]) for name in present])))


def with_one_genesis(state: Any) -> Any | None:
    """
    Return anvil's state with one block 0 left, or None where there is none too many.

    That is the parent of block 1; before block 1 is saved, the oldest.
    """
    blocks: list[Any] = state.get("blocks", []) if isinstance(state, dict) else []
    geneses = [block for block in blocks if _number(block) == 0]
    if len(geneses) < 2:
        return None
    parents = {block["header"]["parentHash"] for block in blocks if _number(block) == 1}
    own = [genesis for genesis in geneses if "0x" + header_hash(genesis["header"]).hex() in parents]
    kept = min(own or geneses, key=lambda genesis: int(genesis["header"]["timestamp"], 16))
    return {**state, "blocks": [kept, *(block for block in blocks if _number(block) != 0)]}


def _number(block: Any) -> int:
    return int(block["header"]["number"], 16)


def _encoded(name: str, value: str) -> bytes:
    if name in _HASHES_AND_BYTES:
        return to_bytes(hexstr=value)
    number = int(value, 16)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
