"""The public test networks that need no configuration but an RPC endpoint, and the names of chains."""

from __future__ import annotations

from dataclasses import dataclass

DEVELOPMENT_CHAIN_ID = 31337


@dataclass(frozen=True, slots=True)
class Preset:
    """A chain that is known by name; `minutes_to_finality` is what its finalized tag usually lags behind."""

    name: str
    title: str
    chain_id: int
    genesis_hash: bytes
    is_test_network: bool
    has_finalized_tag: bool
    block_time_s: int
    minutes_to_finality: int


PRESETS: tuple[Preset, ...] = (
    # Genesis hashes: eth-clients/sepolia, eth-clients/hoodi (README), base/node and the superchain registry.
    Preset(
        name="sepolia",
        title="Ethereum Sepolia test network",
        chain_id=11_155_111,
        genesis_hash=bytes.fromhex("25a5cc106eea7138acab33231d7160d69cb777ee0c2c553fcddf5138993e6dd9"),
        is_test_network=True,
        has_finalized_tag=True,
        block_time_s=12,
        minutes_to_finality=15,
    ),
    Preset(
        name="hoodi",
        title="Ethereum Hoodi test network",
        chain_id=560_048,
        genesis_hash=bytes.fromhex("bbe312868b376a3001692a646dd2d7d1e4406380dfd86b98aa8a34d1557c971b"),
        is_test_network=True,
        has_finalized_tag=True,
        block_time_s=12,
        minutes_to_finality=15,
    ),
    Preset(
        name="base-sepolia",
        title="Base Sepolia test network",
        chain_id=84_532,
        genesis_hash=bytes.fromhex("0dcc9e089e30b90ddfc55be9a37dd15bc551aeee999d2e2b51414c54eaf934e4"),
        is_test_network=True,
        has_finalized_tag=True,
        block_time_s=2,
        # Its blocks are final when the Sepolia block that holds their batch is.
        minutes_to_finality=20,
    ),
)


def preset(name: str) -> Preset | None:
    """Return the preset of a name such as `sepolia`; None where there is none."""
    return next((known for known in PRESETS if known.name == name), None)


def chain_name(chain_id: int) -> str:
    """Return what to call a chain before people, its id at least."""
    if chain_id == DEVELOPMENT_CHAIN_ID:
        return "anvil development chain"
    return next((known.title for known in PRESETS if known.chain_id == chain_id), f"chain {chain_id}")
