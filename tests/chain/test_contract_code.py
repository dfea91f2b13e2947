"""What is sent to deploy each contract, and what must then stand on chain; against anvil in test_deployment.py."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from anchor.chain.contract_code import expected_verifier_code, read_artifact, registry_code, verifier_code
from anchor.errors import InvalidInput

REGISTRY = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OTHER_REGISTRY = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_expected_verifier_code_holds_the_registry_in_every_place_and_nothing_else() -> None:
    """Code and compiled code differ in the immutable places alone, where the address stands as a word."""
    compiled, code = read_artifact("AnchorVerifier"), expected_verifier_code(REGISTRY)
    word = encode(["address"], [REGISTRY])
    places = {at for start in compiled.immutable_places for at in range(start, start + 32)}

    assert compiled.immutable_places
    assert all(code[start : start + 32] == word for start in compiled.immutable_places)
    assert len(code) == len(compiled.deployed_code)
    assert all(code[at] == compiled.deployed_code[at] for at in range(len(code)) if at not in places)


def test_expected_verifier_code_tells_one_registry_from_another() -> None:
    """Each registry has verifiers of its own code; how its address is spelt makes no difference."""
    code = expected_verifier_code(REGISTRY)

    assert expected_verifier_code(OTHER_REGISTRY) != code
    assert expected_verifier_code(REGISTRY.lower()) == code


def test_verifier_code_is_created_with_the_registry_as_argument() -> None:
    """The ABI encoding of the constructor's one argument follows the compiled creation code."""
    code = verifier_code(REGISTRY.lower())

    assert code.creation_code == read_artifact("AnchorVerifier").creation_code + encode(
        ["address"], [REGISTRY]
    )
    assert (code.name, code.registry) == ("AnchorVerifier", REGISTRY)
    assert code.deployed_code == expected_verifier_code(REGISTRY)
    assert code.code_hash == keccak(code.deployed_code)


def test_registry_code_takes_no_argument() -> None:
    """AnchorRegistry is sent and stands as it was compiled."""
    compiled, code = read_artifact("AnchorRegistry"), registry_code()

    assert (code.creation_code, code.deployed_code) == (compiled.creation_code, compiled.deployed_code)
    assert (compiled.immutable_places, code.registry) == ((), None)


@pytest.mark.parametrize("address", ["", "0x", REGISTRY[:-1], REGISTRY + "00", REGISTRY.replace("F", "f", 1)])
def test_verifier_code_of_no_address_is_invalid_input(address: str) -> None:
    """Neither a wrong length nor a wrong checksum can become part of the code."""
    with pytest.raises(InvalidInput, match="no Ethereum address"):
        verifier_code(address)
