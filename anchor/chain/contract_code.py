"""The contracts that this package ships: what is sent to deploy each, and what code must then stand on chain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_utils.address import (
    is_address,
    is_checksum_address,
    is_checksum_formatted_address,
    to_canonical_address,
    to_checksum_address,
)
from eth_utils.conversions import to_bytes
from eth_utils.crypto import keccak

from anchor.errors import InvalidInput

_WORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Artifact:
    """
    A contract as it left the compiler: its interface, the code that deploys it, the code that then stands on chain.

    `immutable_places` are the offsets in the deployed code, in bytes, of the words that the constructor fills in.
    """

    abi: list[dict[str, Any]]
    creation_code: bytes
    deployed_code: bytes
    immutable_places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ContractCode:
    """
    A contract ready to be deployed, its constructor's arguments included.

    `registry` is the checksummed address of the AnchorRegistry that it rests on; None for the registry itself.
    """

    name: str
    creation_code: bytes
    deployed_code: bytes
    registry: str | None

    @property
    def code_hash(self) -> bytes:
        """keccak256 of the deployed code: what `code_hash` of a chain returns where this contract stands."""
        return keccak(self.deployed_code)


@cache
def read_artifact(name: str) -> Artifact:
    """Return the compiled contract of that name (precondition: this package ships it)."""
    text = resources.files("anchor.chain.artifacts").joinpath(f"{name}.json").read_text("utf-8")
    document = json.loads(text)
    places = document.get("immutablePlaces", [])
    assert all(place["length"] == _WORD_BYTES for place in places)
    return Artifact(
        abi=document["abi"],
        creation_code=to_bytes(hexstr=document["bytecode"]),
        deployed_code=to_bytes(hexstr=document["deployedBytecode"]),
        immutable_places=tuple(place["start"] for place in places),
    )


def registry_code() -> ContractCode:
    """Return AnchorRegistry, which is the same wherever it stands."""
    compiled = read_artifact("AnchorRegistry")
    return ContractCode(
        name="AnchorRegistry",
        creation_code=compiled.creation_code,
        deployed_code=compiled.deployed_code,
        registry=None,
    )


def verifier_code(registry: str) -> ContractCode:
    """Return AnchorVerifier for the registry at an address; InvalidInput for none, or a wrong checksum (EIP-55)."""
    is_misspelt = is_checksum_formatted_address(registry) and not is_checksum_address(registry)
    if not is_address(registry) or is_misspelt:
        raise InvalidInput(f"the registry {registry!r} is no Ethereum address: correct it")
    return ContractCode(
        name="AnchorVerifier",
        creation_code=read_artifact("AnchorVerifier").creation_code + _address_word(registry),
        deployed_code=expected_verifier_code(registry),
        registry=to_checksum_address(registry),
    )


def expected_verifier_code(registry: str) -> bytes:
    """
    Return the code that an AnchorVerifier of the registry at an address has on chain, byte for byte.

    Precondition: an Ethereum address. The constructor writes the address, as a word, into every immutable place of the
    compiled code and changes nothing else, so that anybody can tell the code from the address alone.
    """
    compiled, word = read_artifact("AnchorVerifier"), _address_word(registry)
    code = bytearray(compiled.deployed_code)
    for place in compiled.immutable_places:
        code[place : place + _WORD_BYTES] = word
    return bytes(code)


def _address_word(address: str) -> bytes:
    """Return an address as the ABI encodes it, and as it stands in code."""
    return to_canonical_address(address).rjust(_WORD_BYTES, b"\0")
