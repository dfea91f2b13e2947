"""The signer: deterministic, exact, and silent about its key."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any

import pytest
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from anchor.chain import registry
from anchor.chain.protocol import SignedTransaction, Signer, UnsignedTransaction
from anchor.chain.signer import LocalSigner
from anchor.chain.transactions import anchor_transaction
from anchor.errors import ConfigError

KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
ROOT = bytes(range(32))
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def signer() -> LocalSigner:
    """Return the signer of a publicly known key."""
    return LocalSigner(private_key=bytes.fromhex(KEY))


async def _anchor(signer: LocalSigner) -> SignedTransaction:
    asked = anchor_transaction(
        chain_id=31_337,
        contract=CONTRACT,
        sequence=5,
        root=ROOT,
        leaf_count=9,
        nonce=4,
        gas_limit=120_000,
        max_fee_wei=30,
        priority_fee_wei=2,
    )
    return await signer.sign(asked)


async def test_sign_anchor_holds_every_argument(signer: LocalSigner) -> None:
    """What was signed is the call asked for, to the contract, on the chain, at these fees, by us."""
    signed = await _anchor(signer)
    fields = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()

    assert Account.recover_transaction(signed.raw) == ADDRESS == signer.address
    assert signed.hash == keccak(signed.raw)
    assert (signed.nonce, signed.gas_limit) == (4, 120_000)
    assert (signed.max_fee_wei, signed.priority_fee_wei) == (30, 2)
    assert {name: fields[name] for name in ("type", "chainId", "nonce", "gas", "value")} == {
        "type": 2,
        "chainId": 31_337,
        "nonce": 4,
        "gas": 120_000,
        "value": 0,
    }
    assert (fields["maxFeePerGas"], fields["maxPriorityFeePerGas"]) == (30, 2)
    assert bytes(fields["to"]).hex() == CONTRACT[2:].lower()
    assert bytes(fields["data"]) == registry.anchor_call(sequence=5, root=ROOT, leaf_count=9)


async def test_sign_anchor_twice_gives_the_same_bytes(signer: LocalSigner) -> None:
    """Signing is deterministic, so a repeated broadcast is the same transaction."""
    assert len({(await _anchor(signer)).raw for _ in range(20)}) == 1


async def test_sign_deployment_creates_a_contract(signer: LocalSigner) -> None:
    """A deployment goes to no address and carries the creation code that it was given."""
    asked = UnsignedTransaction(
        chain_id=31_337,
        to=None,
        calldata=registry.artifact().creation_code,
        nonce=0,
        gas_limit=1_000_000,
        max_fee_wei=30,
        priority_fee_wei=2,
    )
    signed = await signer.sign(asked)
    fields = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()

    assert bytes(fields["to"]) == b""
    assert bytes(fields["data"]) == registry.artifact().creation_code


def test_signer_fulfils_the_signer_protocol(signer: LocalSigner) -> None:
    """The type checker is asked here, so that a drift of either side shows."""
    fulfilled: Signer = signer

    assert fulfilled.address == ADDRESS


def test_signer_shows_its_address_only(signer: LocalSigner) -> None:
    """Neither repr, str nor a format shows the key, and there is no dictionary of members to dump."""
    assert {repr(signer), str(signer), f"{signer}"} == {f"LocalSigner({ADDRESS})"}
    with pytest.raises(TypeError):
        vars(signer)


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_signer_cannot_be_serialised(signer: LocalSigner, take: Any) -> None:
    """The key does not leave the process by accident."""
    with pytest.raises(TypeError):
        take(signer)


@pytest.mark.parametrize("text", [KEY, "0x" + KEY, f" {KEY}\n", KEY.upper()])
def test_from_environment_key_in_hex_is_taken(text: str) -> None:
    """64 hex digits are the key, with or without 0x and surrounding space."""
    assert LocalSigner.from_environment("ANCHOR_KEY", {"ANCHOR_KEY": text}).address == ADDRESS


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "is not set"),
        ({"ANCHOR_KEY": "  "}, "is not set"),
        ({"ANCHOR_KEY": ADDRESS}, "holds an address"),
        ({"ANCHOR_KEY": KEY[:-1]}, "no private key"),
        ({"ANCHOR_KEY": KEY + "00"}, "no private key"),
        ({"ANCHOR_KEY": "z" + KEY[1:]}, "no private key"),
        ({"ANCHOR_KEY": "0" * 64}, "no secp256k1 key"),
        ({"ANCHOR_KEY": f"{ORDER:064x}"}, "no secp256k1 key"),
    ],
)
def test_from_environment_faulty_key_is_config_error(environment: dict[str, str], words: str) -> None:
    """Fault 49: the message says what is wrong and never repeats the value."""
    with pytest.raises(ConfigError, match=words) as caught:
        LocalSigner.from_environment("ANCHOR_KEY", environment)

    shown = "".join(traceback.format_exception(caught.value))
    assert KEY[8:24] not in shown
    assert ADDRESS not in shown


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), bytes(32), ORDER.to_bytes(32, "big")])
def test_signer_of_impossible_key_is_config_error(key: bytes) -> None:
    """A key has 32 bytes and a value from 1 to the curve's order less one."""
    with pytest.raises(ConfigError):
        LocalSigner(private_key=key)
