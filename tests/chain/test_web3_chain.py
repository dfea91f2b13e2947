"""The client against a real node: what it reads is what the chain holds."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from anchor.chain import registry
from anchor.chain.client import Web3Chain
from anchor.chain.protocol import AnchorRecord, Block, Chain, Head
from anchor.chain.signer import LocalSigner
from anchor.errors import ChainUnavailable, ConfigError
from tests.support.anvil import SECOND_KEY, THIRD_KEY, AnvilChain, control, mined, signed_anchor

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]

ROOTS = [bytes([number] * 32) for number in range(1, 6)]
_WITHOUT_TRANSACTIONS = False
NOBODY = "0x00000000000000000000000000000000000000AA"


async def _latest(chain: Web3Chain) -> Block:
    block = await chain.block("latest")
    assert block is not None
    return block


@pytest.fixture
async def publisher(anvil: AnvilChain) -> LocalSigner:
    """Return an account of its own, funded, that never anchored."""
    account = LocalSigner(private_key=keccak(text=f"publisher {await anvil.control('eth_blockNumber')}"))
    await anvil.control("anvil_setBalance", account.address, hex(10**20))
    return account


async def _anchored(anvil: AnvilChain, chain: Web3Chain, signer: LocalSigner, *roots: bytes) -> None:
    for sequence, root in enumerate(roots, start=1):
        transaction = await signed_anchor(
            chain, signer, contract=anvil.contract, sequence=sequence, root=root, leaf_count=sequence + 1
        )
        await chain.broadcast(transaction.raw)
        receipt = await mined(chain, transaction.hash)
        assert receipt.succeeded


async def test_web3_chain_fulfils_the_chain_protocol(chain: Web3Chain) -> None:
    """The type checker is asked here, so that a drift of either side shows."""
    fulfilled: Chain = chain

    assert repr(fulfilled).startswith("Web3Chain(http://127.0.0.1:")


@pytest.mark.parametrize("contract", ["", "0x12", "not an address", "0x" + "00" * 32])
async def test_web3_chain_of_no_address_is_config_error(anvil: AnvilChain, contract: str) -> None:
    """A contract that is no address is a configuration fault."""
    with pytest.raises(ConfigError, match="no Ethereum address"):
        Web3Chain(rpc_url=anvil.rpc_url, contract=contract)


async def test_identity_is_chain_id_and_hash_of_block_zero(anvil: AnvilChain, chain: Web3Chain) -> None:
    """Both are asked for anew at each call: a changed chain id shows at once (fault 27)."""
    genesis = await anvil.control("eth_getBlockByNumber", "0x0", _WITHOUT_TRANSACTIONS)
    before = await chain.identity()
    await anvil.control("anvil_setChainId", 31_338)
    changed = await chain.identity()
    await anvil.control("anvil_setChainId", 31_337)

    assert (before.chain_id, "0x" + before.genesis_hash.hex()) == (31_337, genesis["hash"])
    assert (changed.chain_id, changed.genesis_hash) == (31_338, before.genesis_hash)


async def test_block_by_tag_number_and_hash_agree(chain: Web3Chain) -> None:
    """The three ways to name a block lead to the same one."""
    latest = await _latest(chain)

    assert await chain.block(latest.number) == latest
    assert await chain.block(latest.hash) == latest


async def test_block_finalized_is_behind_the_latest(anvil: AnvilChain, chain: Web3Chain) -> None:
    """The finalized block is an earlier one of the same chain."""
    await anvil.control("anvil_mine", "0x3")
    latest = await _latest(chain)
    finalized = await chain.block("finalized")

    assert finalized is not None
    assert 0 < finalized.number < latest.number + 1
    assert await chain.block(finalized.number) == finalized


@pytest.mark.parametrize("tag", [2**40, bytes([0xEE] * 32)])
async def test_block_unknown_is_none(chain: Web3Chain, tag: int | bytes) -> None:
    """A height that is not reached and a hash that nobody knows are no blocks."""
    assert await chain.block(tag) is None


async def test_code_hash_of_contract_and_account(anvil: AnvilChain, chain: Web3Chain) -> None:
    """The registry is recognised by its code hash; an account has none, nor had the address before."""
    latest = await _latest(chain)
    genesis = await chain.block(0)
    assert genesis is not None

    assert await chain.code_hash(anvil.contract, latest.hash) == registry.code_hash()
    assert await chain.code_hash(anvil.contract.lower(), latest.hash) == registry.code_hash()
    assert await chain.code_hash(NOBODY, latest.hash) is None
    assert await chain.code_hash(anvil.contract, genesis.hash) is None


async def test_record_and_head_follow_the_anchors(
    anvil: AnvilChain, chain: Web3Chain, publisher: LocalSigner
) -> None:
    """The records of all anchors and the head of the last are read, each as of the block asked for."""
    before = await _latest(chain)
    await _anchored(anvil, chain, publisher, *ROOTS[:2])
    after = await _latest(chain)
    records = [await chain.record(publisher.address, root, after.hash) for root in ROOTS[:3]]
    blocks = [await chain.block(record.block_number) for record in records if record is not None]

    assert records == [
        AnchorRecord(
            sequence=index + 1,
            timestamp_s=block.timestamp_s,
            block_number=block.number,
            leaf_count=index + 2,
        )
        for index, block in enumerate(blocks)
        if block is not None
    ] + [None]
    assert records[1] is not None
    assert await chain.head(publisher.address, after.hash) == Head(root=ROOTS[1], record=records[1])
    assert await chain.head(publisher.address, before.hash) is None


async def test_successor_after_acceptance_is_read(anvil: AnvilChain, chain: Web3Chain) -> None:
    """After a succession the old publisher has a successor and no head; the new one has the head."""
    old, new = LocalSigner(private_key=SECOND_KEY), LocalSigner(private_key=THIRD_KEY)
    await _anchored(anvil, chain, old, ROOTS[0])
    before = await _latest(chain)
    appoint = "0x" + keccak(text="appointSuccessor(address)")[:4].hex() + "00" * 12 + new.address[2:]
    accept = "0x" + keccak(text="acceptSuccession(address)")[:4].hex() + "00" * 12 + old.address[2:]
    for sender, call in ((old, appoint), (new, accept)):
        sent = {"from": sender.address, "to": anvil.contract, "data": call}
        hash_hex = await anvil.control("eth_sendTransaction", sent)
        assert (await mined(chain, bytes.fromhex(hash_hex[2:]))).succeeded
    after = await _latest(chain)

    assert await chain.successor(old.address, before.hash) is None
    assert await chain.successor(old.address, after.hash) == new.address
    assert await chain.predecessor(new.address, before.hash) is None
    assert await chain.predecessor(new.address, after.hash) == old.address
    assert await chain.head(old.address, after.hash) is None
    assert await chain.head(new.address, after.hash) == await chain.head(old.address, before.hash)
    assert await chain.record(old.address, ROOTS[0], after.hash) is not None


@pytest.mark.parametrize("method", ["head", "successor", "predecessor"])
async def test_state_as_of_unknown_block_is_chain_unavailable(chain: Web3Chain, method: str) -> None:
    """A block hash that the endpoint does not know is no ground for an answer."""
    with pytest.raises(ChainUnavailable):
        await getattr(chain, method)(NOBODY, bytes([0xEE] * 32))
    with pytest.raises(ChainUnavailable):
        await chain.code_hash(NOBODY, bytes([0xEE] * 32))


async def test_state_as_of_reorganised_block_is_chain_unavailable(
    anvil: AnvilChain, chain: Web3Chain
) -> None:
    """State is never read from a block that is no longer canonical."""
    await anvil.control("anvil_mine", "0x2")
    gone = await _latest(chain)
    await anvil.control("anvil_reorg", 2, [])

    with pytest.raises(ChainUnavailable):
        await chain.head(NOBODY, gone.hash)


async def test_view_without_contract_is_chain_unavailable(anvil: AnvilChain, chain: Web3Chain) -> None:
    """Fault 28: an address without code gives no answer, which must not be read as "never anchored"."""
    latest = await _latest(chain)
    elsewhere = Web3Chain(rpc_url=anvil.rpc_url, contract=NOBODY)
    with pytest.raises(ChainUnavailable, match=f"no contract answers at {NOBODY}"):
        await elsewhere.head(NOBODY, latest.hash)
    await elsewhere.close()


async def test_view_of_other_contract_is_chain_unavailable(anvil: AnvilChain, chain: Web3Chain) -> None:
    """Fault 28: code that answers something else is noticed by the shape of its answer."""
    # PUSH1 1, PUSH1 0, MSTORE, PUSH1 33, PUSH1 0, RETURN: 33 bytes for whatever is asked.
    await anvil.control("anvil_setCode", NOBODY, "0x600160005260216000f3")
    await anvil.control("anvil_mine", "0x1")
    elsewhere = Web3Chain(rpc_url=anvil.rpc_url, contract=NOBODY)
    latest = await _latest(chain)
    with pytest.raises(ChainUnavailable, match="33 bytes"):
        await elsewhere.record(NOBODY, ROOTS[0], latest.hash)
    await elsewhere.close()


async def test_anchored_events_are_read_in_order_within_the_range(
    anvil: AnvilChain, chain: Web3Chain, publisher: LocalSigner
) -> None:
    """Every event of the publisher, no other's, and only those of the range; none beyond the head."""
    await _anchored(anvil, chain, publisher, *ROOTS)
    head = (await _latest(chain)).number
    events = await chain.anchored_events(publisher.address, from_block=0, to_block=2**50)
    middle = await chain.anchored_events(
        publisher.address.lower(), from_block=events[1].block_number, to_block=events[3].block_number
    )

    assert [(event.sequence, event.root, event.leaf_count) for event in events] == [
        (index + 1, root, index + 2) for index, root in enumerate(ROOTS)
    ]
    assert middle == events[1:4]
    assert await chain.anchored_events(NOBODY, from_block=0, to_block=head) == []
    assert await chain.anchored_events(publisher.address, from_block=head + 10**6, to_block=2**50) == []
    assert await chain.anchored_events(publisher.address, from_block=head, to_block=0) == []
    for event in events:
        receipt = await chain.receipt(event.transaction_hash)
        assert receipt is not None
        assert (receipt.block_hash, receipt.block_number) == (event.block_hash, event.block_number)


async def test_balance_and_nonce_are_those_of_the_account(
    anvil: AnvilChain, chain: Web3Chain, publisher: LocalSigner
) -> None:
    """The nonce is read as of latest, a number or a hash; the balance at the latest block."""
    before = await _latest(chain)
    await _anchored(anvil, chain, publisher, ROOTS[0])
    after = await _latest(chain)

    assert await chain.nonce(publisher.address, "latest") == 1
    assert await chain.nonce(publisher.address, after.hash) == 1
    assert await chain.nonce(publisher.address, before.hash) == 0
    assert await chain.nonce(publisher.address, before.number) == 0
    assert 0 < await chain.balance_wei(publisher.address) < 10**20
    assert await chain.balance_wei(NOBODY) == 0


async def test_receipt_of_reverted_transaction_says_so(
    anvil: AnvilChain, chain: Web3Chain, publisher: LocalSigner
) -> None:
    """Fault 30: mined and reverted is told from mined and successful."""
    transaction = await signed_anchor(chain, publisher, contract=anvil.contract, sequence=9, root=ROOTS[0])
    await chain.broadcast(transaction.raw)
    receipt = await mined(chain, transaction.hash)

    assert not receipt.succeeded
    assert receipt.transaction_hash == transaction.hash


async def test_receipt_of_unknown_transaction_is_none(chain: Web3Chain) -> None:
    """What was never mined has no receipt."""
    assert await chain.receipt(bytes([0xEE] * 32)) is None


async def test_receipt_after_reorganisation_is_gone(
    anvil: AnvilChain, chain: Web3Chain, publisher: LocalSigner
) -> None:
    """Fault 23: a transaction whose block is dropped is not mined any more."""
    transaction = await signed_anchor(chain, publisher, contract=anvil.contract, sequence=1, root=ROOTS[0])
    await chain.broadcast(transaction.raw)
    receipt = await mined(chain, transaction.hash)
    latest = await _latest(chain)
    await anvil.control("anvil_reorg", latest.number - receipt.block_number + 1, [])

    assert await chain.receipt(transaction.hash) is None


async def test_priority_fee_is_at_least_one_wei(chain: Web3Chain) -> None:
    """The endpoint's suggestion is passed on."""
    assert await chain.priority_fee_wei() >= 1


async def test_control_reports_errors(anvil: AnvilChain) -> None:
    """The tests' own helper does not hide an error of anvil."""
    with pytest.raises(AssertionError, match="Method not found"):
        await control(anvil.rpc_url, "anvil_noSuchMethod")
