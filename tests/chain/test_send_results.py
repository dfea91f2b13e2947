"""The send-result table, in the words of every client that is known to differ, and as anvil really speaks."""

from __future__ import annotations

import pytest

from anchor.chain.client import Web3Chain
from anchor.chain.protocol import SendOutcome
from anchor.chain.send_results import classify_send
from anchor.chain.signer import LocalSigner
from anchor.chain.transactions import anchor_transaction
from tests.support.anvil import SECOND_KEY, AnvilChain, mined, signed_anchor

WORDS = [
    # geth
    (-32000, "already known", SendOutcome.ACCEPTED),
    (-32000, "nonce too low: next nonce 7, tx nonce 5", SendOutcome.NONCE_USED),
    (-32000, "replacement transaction underpriced", SendOutcome.REPLACEMENT_TOO_CHEAP),
    (-32000, "transaction underpriced: tip needed 1, tip permitted 0", SendOutcome.TOO_CHEAP),
    (-32000, "transaction gas price below minimum: gas tip cap 0, minimum needed 1", SendOutcome.TOO_CHEAP),
    (-32000, "insufficient funds for gas * price + value: balance 0, tx cost 9", SendOutcome.NO_FUNDS),
    (-32000, "invalid sender", SendOutcome.WRONG_CHAIN),
    (-32000, "invalid chain id for signer: have 1 want 2", SendOutcome.WRONG_CHAIN),
    (-32000, "intrinsic gas too low: gas 0, minimum needed 21000", SendOutcome.BAD_GAS),
    (-32000, "exceeds block gas limit", SendOutcome.BAD_GAS),
    (-32000, "transaction gas limit too high (cap: 16777216, tx: 30000000)", SendOutcome.BAD_GAS),
    # anvil
    (-32003, "transaction already imported", SendOutcome.ACCEPTED),
    (-32003, "nonce too low", SendOutcome.NONCE_USED),
    (-32003, "max fee per gas less than block base fee", SendOutcome.TOO_CHEAP),
    (-32003, "Insufficient funds for gas * price + value", SendOutcome.NO_FUNDS),
    (-32003, "invalid chain id for signer", SendOutcome.WRONG_CHAIN),
    (-32003, "intrinsic gas too high -- tx.gas_limit > env.block.gas_limit", SendOutcome.BAD_GAS),
    (-32003, "intrinsic gas too high -- CallGasCostMoreThanGasLimit", SendOutcome.BAD_GAS),
    # Nethermind
    (-32010, "AlreadyKnown", SendOutcome.ACCEPTED),
    (-32010, "OldNonce, Current nonce: 7, nonce of rejected tx: 5", SendOutcome.NONCE_USED),
    (-32010, "ReplacementNotAllowed", SendOutcome.REPLACEMENT_TOO_CHEAP),
    (-32010, "FeeTooLow, EffectivePriorityFeePerGas too low 0 < 1", SendOutcome.TOO_CHEAP),
    (-32010, "InsufficientFunds, Account balance: 0, cumulative cost: 9", SendOutcome.NO_FUNDS),
    # Besu, Erigon
    (-32000, "Known transaction", SendOutcome.ACCEPTED),
    (-32001, "Nonce too low", SendOutcome.NONCE_USED),
    (-32000, "could not replace existing tx", SendOutcome.REPLACEMENT_TOO_CHEAP),
    (-32004, "Upfront cost exceeds account balance", SendOutcome.NO_FUNDS),
    (-32000, "Wrong chainId", SendOutcome.WRONG_CHAIN),
    # Nothing can be concluded.
    (-32000, "", SendOutcome.UNKNOWN),
    (-32603, "Internal error", SendOutcome.UNKNOWN),
    (-32005, "daily request count exceeded", SendOutcome.UNKNOWN),
    (-32601, "the method nonce too low does not exist", SendOutcome.UNKNOWN),
    (-32600, "already known", SendOutcome.UNKNOWN),
    (-32000, "nonce too high", SendOutcome.UNKNOWN),
    (-32000, "txpool is full", SendOutcome.UNKNOWN),
]


@pytest.mark.parametrize(("code", "words", "expected"), WORDS)
def test_classify_send_known_words_give_their_outcome(code: int, words: str, expected: SendOutcome) -> None:
    """Each client's words lead to the row of the table that they mean."""
    assert classify_send(code, words) is expected


@pytest.mark.parametrize(("code", "words", "expected"), WORDS)
def test_classify_send_other_case_gives_same_outcome(code: int, words: str, expected: SendOutcome) -> None:
    """Clients differ in capitals, so these do not count."""
    assert {classify_send(code, words.upper()), classify_send(code, words.lower())} == {expected}


def test_classify_send_every_outcome_is_reachable() -> None:
    """No row of the table is dead."""
    assert {classify_send(code, words) for code, words, _ in WORDS} == set(SendOutcome)


@pytest.mark.anvil
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"max_fee_wei": 1, "priority_fee_wei": 1}, SendOutcome.TOO_CHEAP),
        ({"max_fee_wei": 10**30, "priority_fee_wei": 10**9}, SendOutcome.NO_FUNDS),
        ({"chain_id": 1}, SendOutcome.WRONG_CHAIN),
        ({"gas_limit": 20_000}, SendOutcome.BAD_GAS),
        ({"gas_limit": 10**9}, SendOutcome.BAD_GAS),
    ],
)
async def test_broadcast_refused_by_anvil_gives_outcome(
    anvil: AnvilChain, chain: Web3Chain, changes: dict[str, int], expected: SendOutcome
) -> None:
    """The table knows the words of the node that this project is tested with."""
    account = LocalSigner(private_key=SECOND_KEY)
    sound = {
        "chain_id": anvil.chain_id,
        "gas_limit": 120_000,
        "max_fee_wei": 10**11,
        "priority_fee_wei": 10**9,
        "nonce": await chain.nonce(account.address, "latest"),
    }
    transaction = await account.sign(
        anchor_transaction(
            contract=anvil.contract, sequence=1, root=bytes([1] * 32), leaf_count=1, **(sound | changes)
        )
    )

    sent = await chain.broadcast(transaction.raw)

    assert sent.outcome is expected, sent.message


@pytest.mark.anvil
@pytest.mark.asyncio(loop_scope="module")
async def test_broadcast_again_is_accepted_until_mined_then_nonce_used(
    anvil: AnvilChain, chain: Web3Chain, signer: LocalSigner
) -> None:
    """Fault 21: the same bytes are accepted while they wait; once mined, the nonce is used."""
    transaction = await signed_anchor(
        chain, signer, contract=anvil.contract, sequence=1, root=bytes([1] * 32)
    )
    first = await chain.broadcast(transaction.raw)
    second = await chain.broadcast(transaction.raw)
    await mined(chain, transaction.hash)
    third = await chain.broadcast(transaction.raw)

    assert first.outcome is SendOutcome.ACCEPTED
    # A block may have been mined between the two.
    assert second.outcome in {SendOutcome.ACCEPTED, SendOutcome.NONCE_USED}
    assert third.outcome is SendOutcome.NONCE_USED
