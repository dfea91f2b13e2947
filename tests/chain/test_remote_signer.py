"""A remote signer is asked, and nothing that it answers is believed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]  # has no stubs
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from anchor.chain import registry
from anchor.chain.client import Web3Chain
from anchor.chain.deployment import deploy
from anchor.chain.failures import SignerFailure
from anchor.chain.protocol import Signer, UnsignedTransaction
from anchor.chain.remote_signer import RemoteSigner
from anchor.chain.signer import LocalSigner
from anchor.chain.transactions import anchor_transaction, read_signed
from anchor.errors import ChainUnavailable, ConfigError
from tests.support.anvil import POLL_INTERVAL_S, SECOND_KEY, AnvilChain, mined, signed_anchor
from tests.support.signer_server import CLEF, WEB3SIGNER, SignerServer, Transaction, running_signer

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
ASKED = anchor_transaction(
    chain_id=31_337,
    contract=CONTRACT,
    sequence=5,
    root=bytes(range(32)),
    leaf_count=9,
    nonce=4,
    gas_limit=120_000,
    max_fee_wei=30,
    priority_fee_wei=2,
)
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
async def server() -> AsyncIterator[SignerServer]:
    """Run an honest signer in the manner of web3signer."""
    async with running_signer(SignerServer(key=KEY)) as running:
        yield running


@pytest.fixture
async def signer(server: SignerServer) -> AsyncIterator[RemoteSigner]:
    """Return the client of it."""
    client = RemoteSigner(url=server.url, address=ADDRESS, request_timeout_s=5.0)
    yield client
    await client.close()


@pytest.mark.parametrize("method", [WEB3SIGNER, CLEF])
@pytest.mark.parametrize("asked", [ASKED, replace(ASKED, to=None), replace(ASKED, nonce=0, calldata=b"")])
async def test_remote_signer_honest_gives_what_a_local_one_gives(
    server: SignerServer, signer: RemoteSigner, asked: UnsignedTransaction, method: str
) -> None:
    """web3signer and clef sign deterministically too, so the bytes are the same."""
    server.method = method

    assert await signer.sign(asked) == await LocalSigner(private_key=KEY).sign(asked)


async def test_remote_signer_is_told_every_field_and_the_account(
    server: SignerServer, signer: RemoteSigner
) -> None:
    """The request is web3signer's and clef's: hex quantities, `data`, and no `to` for a deployment."""
    await signer.sign(ASKED)
    await signer.sign(replace(ASKED, to=None))
    (_, anchor), (_, deployment) = server.calls

    assert anchor == {
        "from": ADDRESS,
        "to": CONTRACT,
        "gas": "0x1d4c0",
        "maxFeePerGas": "0x1e",
        "maxPriorityFeePerGas": "0x2",
        "value": "0x0",
        "nonce": "0x4",
        "data": "0x" + ASKED.calldata.hex(),
        "chainId": "0x7a69",
    }
    assert "to" not in deployment


async def test_remote_signer_method_is_found_out_once(server: SignerServer, signer: RemoteSigner) -> None:
    """Clef does not know web3signer's method: it is asked by its own from then on."""
    server.method = CLEF
    for _ in range(3):
        await signer.sign(ASKED)

    assert [method for method, _ in server.calls] == [WEB3SIGNER, CLEF, CLEF, CLEF]


def test_remote_signer_fulfils_the_signer_protocol() -> None:
    """The type checker is asked here; an address in lower case is checksummed."""
    fulfilled: Signer = RemoteSigner(url="http://127.0.0.1:9000/path", address=ADDRESS.lower())

    assert fulfilled.address == ADDRESS
    assert repr(fulfilled) == f"RemoteSigner(http://127.0.0.1:9000, address={ADDRESS})"


LIES: dict[str, tuple[Transaction, str]] = {
    "chain id": ({"chainId": 1}, "another chain id"),
    "nonce": ({"nonce": 5}, "another nonce"),
    "nonce zero": ({"nonce": 0}, "another nonce"),
    "priority fee": ({"maxPriorityFeePerGas": 3}, "another priority fee"),
    "fee cap": ({"maxFeePerGas": 31}, "another fee cap"),
    "gas limit": ({"gas": 120_001}, "another gas limit"),
    "recipient": ({"to": bytes([7] * 20)}, "another recipient"),
    "no recipient": ({"to": b""}, "another recipient"),
    "value": ({"value": 1}, "another value"),
    "root": (
        {"data": registry.anchor_call(sequence=5, root=bytes(32), leaf_count=9)},
        "another calldata",
    ),
    "more calldata": ({"data": ASKED.calldata + b"\x00"}, "another calldata"),
    "no calldata": ({"data": b""}, "another calldata"),
    "access list": ({"accessList": ({"address": CONTRACT, "storageKeys": ()},)}, "another access list"),
}


@pytest.mark.parametrize("method", [WEB3SIGNER, CLEF])
@pytest.mark.parametrize("name", LIES)
async def test_remote_signer_that_lies_in_one_field_is_refused_naming_it(
    server: SignerServer, signer: RemoteSigner, name: str, method: str
) -> None:
    """A transaction that differs in any one field, correctly signed by the right key, is never taken."""
    changes, words = LIES[name]
    server.method = method
    server.change = lambda transaction: transaction | changes

    with pytest.raises(SignerFailure, match=words):
        await signer.sign(ASKED)


async def test_remote_signer_signing_with_another_key_is_refused(
    server: SignerServer, signer: RemoteSigner
) -> None:
    """The sender is recovered from the signature, and must be the configured address."""
    server.key = SECOND_KEY

    with pytest.raises(SignerFailure, match=f"another key than that of {ADDRESS}"):
        await signer.sign(ASKED)


def _as_type_1(transaction: Transaction) -> Transaction:
    kept = {name: value for name, value in transaction.items() if not name.startswith("max")}
    return kept | {"type": 1, "gasPrice": 30, "accessList": ()}


def _as_legacy(transaction: Transaction) -> Transaction:
    kept = {name: value for name, value in transaction.items() if not name.startswith("max")}
    del kept["type"]
    return kept | {"gasPrice": 30}


@pytest.mark.parametrize("change", [_as_type_1, _as_legacy], ids=["access list type", "legacy"])
async def test_remote_signer_answering_with_another_type_is_refused(
    server: SignerServer, signer: RemoteSigner, change: Callable[[Transaction], Transaction]
) -> None:
    """Only an EIP-1559 transaction was asked for."""
    server.change = change

    with pytest.raises(SignerFailure, match="no EIP-1559 transaction"):
        await signer.sign(ASKED)


def _with_signature(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], Any]:
    def answer(raw: bytes) -> Any:
        items = rlp.decode(raw[1:])
        return "0x02" + rlp.encode([*items[:9], *change(items[9:])]).hex()

    return answer


def _high_s(signature: list[bytes]) -> list[bytes]:
    parity, r, s = signature
    flipped = b"\x01" if parity == b"" else b""
    return [flipped, r, (CURVE_ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")]


ANSWERS: dict[str, Callable[[bytes], Any]] = {
    "null": lambda _: None,
    "number": lambda _: 7,
    "list": lambda raw: [raw.hex()],
    "true": lambda _: True,
    "empty": lambda _: "0x",
    "no text": lambda _: "",
    "no hex": lambda raw: "0x" + raw.hex()[:-1] + "g",
    "no prefix": lambda raw: raw.hex(),
    "object without raw": lambda _: {"tx": {}},
    "object with number": lambda _: {"raw": 7},
    "truncated": lambda raw: "0x" + raw[:-1].hex(),
    "one byte more": lambda raw: "0x" + raw.hex() + "00",
    "hash only": lambda _: "0x" + "ab" * 32,
    "type byte only": lambda _: "0x02",
    "deep nesting": lambda _: "0x02" + "c1" * 600,
    "a megabyte": lambda raw: "0x02" + raw.hex() + "00" * 1_000_000,
    "unsigned": lambda raw: "0x02" + rlp.encode(rlp.decode(raw[1:])[:9]).hex(),
    "one field more": lambda raw: "0x02" + rlp.encode([*rlp.decode(raw[1:]), b""]).hex(),
    "long form of a length": lambda raw: "0x02" + _long_form(raw[1:]).hex(),
    "zero before a number": _with_signature(
        lambda signature: [signature[0], b"\x00" + signature[1], signature[2]]
    ),
    "other s": _with_signature(lambda signature: [signature[0], signature[1], signature[1]]),
    "zero s": _with_signature(lambda signature: [signature[0], signature[1], b""]),
    "huge r": _with_signature(lambda signature: [signature[0], b"\xff" * 32, signature[2]]),
    "huger r": _with_signature(lambda signature: [signature[0], b"\xff" * 33, signature[2]]),
    "parity of 27": _with_signature(lambda signature: [b"\x1b", *signature[1:]]),
    "parity of zero byte": _with_signature(lambda signature: [b"\x00", *signature[1:]]),
    "s in the upper half": _with_signature(_high_s),
}


def _long_form(payload: bytes) -> bytes:
    """Encode a list's length in more bytes than it needs."""
    assert payload[0] == 0xF8, "the list has 56 to 255 bytes"
    return b"\xf9\x00" + payload[1:]


@pytest.mark.parametrize("name", ANSWERS)
async def test_remote_signer_answering_with_nonsense_is_refused(
    server: SignerServer, signer: RemoteSigner, name: str
) -> None:
    """Every other form of answer is SignerFailure: a malleated signature too, since nodes would refuse it."""
    server.answer = ANSWERS[name]

    with pytest.raises(SignerFailure):
        await signer.sign(ASKED)


@pytest.mark.parametrize(
    ("code", "message"),
    [(-32000, "request denied"), (-32601, "no such method"), (-32005, "too many requests")],
)
async def test_remote_signer_that_refuses_is_signer_failure_with_its_words(
    server: SignerServer, signer: RemoteSigner, code: int, message: str
) -> None:
    """A refusal, as of a person before clef, is not repeated."""
    server.error = {"code": code, "message": message}

    with pytest.raises(SignerFailure, match=message if code != -32601 else "account_signTransaction"):
        await signer.sign(ASKED)
    assert len(server.calls) == (2 if code == -32601 else 1)


async def test_remote_signer_that_is_not_there_can_be_retried(server: SignerServer) -> None:
    """What callers see is ChainUnavailable, as for an RPC endpoint: to be tried again."""
    nowhere = RemoteSigner(url="http://127.0.0.1:1", address=ADDRESS)
    with pytest.raises(ChainUnavailable, match=r"did not sign: http://127\.0\.0\.1:1 failed"):
        await nowhere.sign(ASKED)
    await nowhere.close()
    server.status = 500
    failing = RemoteSigner(url=server.url, address=ADDRESS)
    with pytest.raises(SignerFailure, match="http status 500"):
        await failing.sign(ASKED)
    server.status = 200

    assert (await failing.sign(ASKED)).nonce == ASKED.nonce
    await failing.close()


@pytest.mark.parametrize(
    ("url", "address", "words"),
    [
        ("ftp://127.0.0.1/secretkey", ADDRESS, "publisher.remote_signer_url"),
        ("127.0.0.1:9000", ADDRESS, "publisher.remote_signer_url"),
        ("http://127.0.0.1:9000", "0x12", "publisher.address"),
        ("http://127.0.0.1:9000", ADDRESS[:-1] + "7", "publisher.address"),
        ("http://127.0.0.1:9000", ADDRESS.replace("f39F", "F39f"), "publisher.address"),
    ],
)
def test_remote_signer_of_impossible_settings_is_config_error(url: str, address: str, words: str) -> None:
    """The setting is named, the URL is not; an address of another checksum is a typing error."""
    with pytest.raises(ConfigError, match=words) as caught:
        RemoteSigner(url=url, address=address)

    assert "secretkey" not in str(caught.value)


def _signed() -> bytes:
    signed = Account.sign_transaction(
        {
            "type": 2,
            "chainId": ASKED.chain_id,
            "nonce": ASKED.nonce,
            "maxPriorityFeePerGas": ASKED.priority_fee_wei,
            "maxFeePerGas": ASKED.max_fee_wei,
            "gas": ASKED.gas_limit,
            "to": bytes.fromhex(CONTRACT[2:]),
            "value": 0,
            "data": ASKED.calldata,
        },
        KEY,
    )
    return bytes(signed.raw_transaction)


SIGNED = _signed()


@given(st.integers(0, len(SIGNED) * 8 - 1))
def test_read_signed_with_any_bit_flipped_is_refused(position: int) -> None:
    """No bit of the signed bytes is free: each is compared, or changes who signed."""
    flipped = bytearray(SIGNED)
    flipped[position // 8] ^= 1 << position % 8

    assert read_signed(SIGNED, asked=ASKED, sender=ADDRESS).raw == SIGNED
    with pytest.raises(SignerFailure):
        read_signed(bytes(flipped), asked=ASKED, sender=ADDRESS)


NESTED = st.recursive(st.binary(max_size=40), lambda inner: st.lists(inner, max_size=13), max_leaves=30)


@given(st.one_of(st.binary(max_size=600), NESTED.map(lambda value: b"\x02" + rlp.encode(value))))
def test_read_signed_of_any_bytes_raises_nothing_but_signer_failure(raw: bytes) -> None:
    """The decoder leaks no exception of the libraries under it."""
    with pytest.raises(SignerFailure):
        read_signed(raw, asked=ASKED, sender=ADDRESS)


@given(
    st.binary(max_size=34) | st.lists(st.binary(max_size=3), max_size=2),
    st.binary(max_size=34) | st.lists(st.binary(max_size=3), max_size=2),
    st.binary(max_size=34) | st.lists(st.binary(max_size=3), max_size=2),
)
def test_read_signed_of_any_signature_raises_nothing_but_signer_failure(parity: Any, r: Any, s: Any) -> None:
    """Nobody's signature, and what is none, are told alike."""
    raw = b"\x02" + rlp.encode([*rlp.decode(SIGNED[1:])[:9], parity, r, s])

    with pytest.raises(SignerFailure):
        read_signed(raw, asked=ASKED, sender=ADDRESS)


@pytest.mark.anvil
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("method", [WEB3SIGNER, CLEF])
async def test_remote_signer_deploys_and_anchors_on_a_chain(
    anvil: AnvilChain, chain: Web3Chain, method: str
) -> None:
    """What it signed is taken by a node, for a deployment and for an anchor."""
    async with running_signer(SignerServer(key=anvil.development.private_key, method=method)) as server:
        signer = RemoteSigner(url=server.url, address=ADDRESS)
        deployment = await deploy(chain=chain, signer=signer, poll_interval_s=POLL_INTERVAL_S)
        at = await chain.block("latest")
        assert at is not None
        head = await chain.head(ADDRESS, at.hash)
        sequence = 1 if head is None else head.record.sequence + 1
        transaction = await signed_anchor(
            chain, signer, contract=anvil.contract, sequence=sequence, root=sequence.to_bytes(32, "big")
        )
        await chain.broadcast(transaction.raw)
        receipt = await mined(chain, transaction.hash)
        await signer.close()

    assert deployment.address.startswith("0x")
    assert receipt.succeeded
