"""The verifier's artifact: what runs on chain, by which registry, and what it can never do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from web3 import Web3
from web3.exceptions import ContractLogicError

from tests.contracts.registry import REPOSITORY, Registry
from tests.contracts.test_artifact import FORBIDDEN_OPCODES, opcodes, run_check
from tests.contracts.verifier import ARTIFACT_PATH, Verifier, abi_error, artifact

STATICCALL = 0xFA
STATE_OPCODES = {
    0x54: "SLOAD",
    0x55: "SSTORE",
    0x5C: "TLOAD",
    0x5D: "TSTORE",
    **{0xA0 + topics: f"LOG{topics}" for topics in range(5)},
}


def expected_code(registry_address: str) -> bytes:
    """Return the deployed code of a verifier of that registry, as anybody can work it out from the artifact."""
    compiled = artifact()
    code = bytearray.fromhex(compiled["deployedBytecode"][2:])
    word = bytes(12) + bytes.fromhex(registry_address[2:])
    for place in compiled["immutablePlaces"]:
        start, length = place["start"], place["length"]
        assert bytes(code[start : start + length]) == bytes(32)
        code[start : start + length] = word
    return bytes(code)


@pytest.mark.anvil
def test_verifier_code_on_chain_follows_from_artifact_and_registry(
    verifier: Verifier, registry: Registry
) -> None:
    """The code at the address is the artifact's with the registry's address in its places, and nothing else."""
    code = bytes(registry.web3.eth.get_code(verifier.contract.address))

    assert code == expected_code(registry.contract.address)
    assert verifier.answer("registry") == registry.contract.address


def test_verifier_template_hash_is_that_of_the_code_without_registry() -> None:
    """The hash in the artifact is of the code with zeros in the registry's places."""
    compiled = artifact()

    assert compiled["templateHash"] == Web3.to_hex(Web3.keccak(hexstr=compiled["deployedBytecode"]))
    assert "codeHash" not in compiled


@pytest.mark.anvil
def test_verifier_of_anything_but_a_registry_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Neither an account without code nor another contract can pass for the registry."""
    web3, compiled = registry.web3, artifact()
    factory = web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    unused = Web3.to_checksum_address("0x" + "5e" * 20)
    no_code = bytes(Web3.keccak(b""))
    other_code = bytes(Web3.keccak(web3.eth.get_code(verifier.contract.address)))

    for address, code_hash in (
        (unused, bytes(32)),
        (accounts[0], no_code),
        (verifier.contract.address, other_code),
    ):
        with pytest.raises(ContractLogicError) as refused:
            factory.constructor(address).estimate_gas({"from": web3.eth.accounts[0]})
        assert refused.value.data == Web3.to_hex(abi_error("NotARegistry", address, code_hash))


def test_verifier_code_keeps_nothing_and_changes_nothing() -> None:
    """No instruction reads or writes storage, logs, creates, destroys, or calls otherwise than to read."""
    found = opcodes(bytes.fromhex(artifact()["deployedBytecode"][2:]))
    forbidden = {**FORBIDDEN_OPCODES, **STATE_OPCODES}
    del forbidden[STATICCALL]

    assert {name for opcode, name in forbidden.items() if opcode in found} == set()
    assert STATICCALL in found


def test_verifier_abi_is_views_alone() -> None:
    """Every function is a view; the constructor takes the registry and no ether; there is no fallback."""
    surface = {
        item.get("name", item["type"]): item["stateMutability"]
        for item in artifact()["abi"]
        if item["type"] != "error"
    }

    assert surface == {
        "constructor": "nonpayable",
        "registry": "view",
        "checkCredential": "view",
        "checkStatus": "view",
        "checkStatusAsOf": "view",
        "isInForce": "view",
        "currentPublisher": "view",
    }


@pytest.mark.node
@pytest.mark.parametrize("artifact_text", [None, "{}\n"], ids=["missing", "different"])
def test_compile_check_of_other_verifier_artifact_fails(tmp_path: Path, artifact_text: str | None) -> None:
    """The check covers this artifact as well, where the registry's is in order, and repairs nothing."""
    sources = REPOSITORY / "contracts"
    shutil.copytree(sources, tmp_path / "contracts", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "contracts" / "node_modules").symlink_to(sources / "node_modules")
    copy = tmp_path / ARTIFACT_PATH.relative_to(REPOSITORY)
    copy.parent.mkdir(parents=True)
    shutil.copy(ARTIFACT_PATH.with_name("AnchorRegistry.json"), copy.parent)
    if artifact_text is not None:
        copy.write_text(artifact_text, encoding="utf-8")

    checked = run_check(tmp_path / "contracts" / "compile.mjs")

    assert checked.returncode == 1
    assert "AnchorVerifier.json is not what the sources compile to" in checked.stderr
    assert "AnchorRegistry.json is what the sources compile to" in checked.stdout
    assert (copy.read_text(encoding="utf-8") if copy.exists() else None) == artifact_text
