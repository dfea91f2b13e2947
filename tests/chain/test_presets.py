"""The presets and the names of chains."""

from __future__ import annotations

import pytest

from anchor.chain.presets import PRESETS, chain_name, preset


def test_presets_are_distinct_test_networks() -> None:
    """Names, ids and genesis hashes identify a preset; none is a network whose ether has a price."""
    assert len({known.name for known in PRESETS}) == len(PRESETS)
    assert {known.chain_id for known in PRESETS} == {11_155_111, 560_048, 84_532}
    assert {len(known.genesis_hash) for known in PRESETS} == {32}
    assert len({known.genesis_hash for known in PRESETS}) == len(PRESETS)
    assert all(known.is_test_network and known.has_finalized_tag for known in PRESETS)


def test_preset_by_name_is_found_or_none() -> None:
    """A preset is found under its exact name."""
    assert preset("sepolia") is PRESETS[0]
    assert preset("Sepolia") is None


@pytest.mark.parametrize(
    ("chain_id", "name"),
    [
        (31_337, "anvil development chain"),
        (11_155_111, "Ethereum Sepolia test network"),
        (84_532, "Base Sepolia test network"),
        (1, "chain 1"),
    ],
)
def test_chain_name_known_or_not_names_the_chain(chain_id: int, name: str) -> None:
    """A chain without a name is called by its id."""
    assert chain_name(chain_id) == name
