"""What each call costs, compared with the snapshot in `gas.json`.

After a wanted change: `UPDATE_GAS_SNAPSHOT=1 pytest tests/contracts/test_gas.py`, and review the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.contracts.registry import HIGHEST_UINT64, Registry, root

pytestmark = pytest.mark.anvil

SNAPSHOT_PATH = Path(__file__).with_name("gas.json")
STEADY_ANCHOR_LIMIT_GAS = 56_000
TRANSACTION_GAS = 21_000
ZERO_BYTE_GAS = 4
NONZERO_BYTE_GAS = 16  # EIP-2028


def anchor_gas(registry: Registry, publisher: str, sequence: int, leaf_count: int) -> int:
    """Return the gas that a transaction pays for one anchor, everything included."""
    return registry.send(publisher, "anchor", sequence, root(sequence), leaf_count)["gasUsed"]


def call_data_gas(registry: Registry, sequence: int, leaf_count: int) -> int:
    """Return what the call data of such an anchor costs; EIP-7623's floor is below the rest of the gas."""
    data = bytes.fromhex(registry.contract.encode_abi("anchor", [sequence, root(sequence), leaf_count])[2:])
    zeros = data.count(0)
    return ZERO_BYTE_GAS * zeros + NONZERO_BYTE_GAS * (len(data) - zeros)


def test_gas_matches_snapshot(registry: Registry, accounts: list[str]) -> None:
    """Every call costs exactly what the snapshot says; roots here have no zero byte, the dearest kind."""
    publisher, successor, *_ = accounts
    measured = {
        "deploy": registry.deployment["gasUsed"],
        "anchor_first": anchor_gas(registry, publisher, 1, 1_000),
        "anchor_steady": anchor_gas(registry, publisher, 2, 1_000),
        "appoint": registry.send(publisher, "appointSuccessor", successor)["gasUsed"],
        "accept": registry.send(successor, "acceptSuccession", publisher)["gasUsed"],
    }
    if os.environ.get("UPDATE_GAS_SNAPSHOT"):
        SNAPSHOT_PATH.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")

    assert measured == json.loads(SNAPSHOT_PATH.read_text(encoding="utf-8"))


def test_gas_of_steady_anchors_is_constant_and_within_limit(registry: Registry, accounts: list[str]) -> None:
    """From the second anchor on, the cost does not grow with the number of anchors."""
    costs = [anchor_gas(registry, accounts[0], sequence, 1_000) for sequence in range(1, 21)]

    assert len(set(costs[1:])) == 1
    assert costs[1] <= STEADY_ANCHOR_LIMIT_GAS


def test_gas_of_successor_anchor_is_that_of_any_steady_anchor(
    registry: Registry, accounts: list[str]
) -> None:
    """Having a predecessor costs nothing more, from the first anchor after the succession on."""
    publisher, successor, stranger, *_ = accounts
    anchor_gas(registry, publisher, 1, 1_000)
    anchor_gas(registry, stranger, 1, 1_000)
    registry.hand_over(publisher, successor)

    costs = [anchor_gas(registry, account, 2, 1_000) for account in (successor, stranger)]

    assert costs[0] == costs[1]


def test_gas_of_anchor_is_independent_of_leaf_count(registry: Registry, accounts: list[str]) -> None:
    """One leaf, a million or 2^64 - 1 cost the same, but for the bytes of the number in the call data.

    Measured as the receipt's gasUsed, less 21,000 for the transaction, 4 gas for each zero byte and 16 for
    each other byte of call data: what remains is execution and storage.
    """
    anchor_gas(registry, accounts[0], 1, 1)

    execution = [
        anchor_gas(registry, accounts[0], sequence, leaf_count)
        - call_data_gas(registry, sequence, leaf_count)
        - TRANSACTION_GAS
        for sequence, leaf_count in enumerate((1, 1_000_000, HIGHEST_UINT64), start=2)
    ]

    assert len(set(execution)) == 1


def test_gas_of_dearest_steady_anchor_is_within_limit(registry: Registry, accounts: list[str]) -> None:
    """Even call data without avoidable zero bytes, with a sequence of eight bytes, keeps to the limit."""
    anchor_gas(registry, accounts[0], 1, 1)
    measured = anchor_gas(registry, accounts[0], 2, HIGHEST_UINT64)

    dearest = measured + 7 * (NONZERO_BYTE_GAS - ZERO_BYTE_GAS)

    assert dearest <= STEADY_ANCHOR_LIMIT_GAS
