"""What an endpoint's answer to a broadcast means, in the words of geth and its kin and of anvil."""

from __future__ import annotations

from anchor.chain.protocol import SendOutcome

_MEANINGS: tuple[tuple[str, SendOutcome], ...] = (
    # geth and reth; anvil; Nethermind; Besu and Erigon
    # Above "known transaction", which it contains: a refusal of the transaction's type.
    ("unknown transaction", SendOutcome.UNKNOWN),
    ("already known", SendOutcome.ACCEPTED),
    ("already imported", SendOutcome.ACCEPTED),
    ("alreadyknown", SendOutcome.ACCEPTED),
    ("known transaction", SendOutcome.ACCEPTED),
    ("nonce too low", SendOutcome.NONCE_USED),
    ("oldnonce", SendOutcome.NONCE_USED),
    # Above "transaction underpriced", which it contains.
    ("replacement transaction underpriced", SendOutcome.REPLACEMENT_TOO_CHEAP),
    ("replacementnotallowed", SendOutcome.REPLACEMENT_TOO_CHEAP),
    ("could not replace existing tx", SendOutcome.REPLACEMENT_TOO_CHEAP),
    ("transaction underpriced", SendOutcome.TOO_CHEAP),
    ("transaction gas price below minimum", SendOutcome.TOO_CHEAP),
    ("max fee per gas less than block base fee", SendOutcome.TOO_CHEAP),
    ("feetoolow", SendOutcome.TOO_CHEAP),
    ("insufficient funds", SendOutcome.NO_FUNDS),
    ("insufficientfunds", SendOutcome.NO_FUNDS),
    ("upfront cost exceeds account balance", SendOutcome.NO_FUNDS),
    ("invalid sender", SendOutcome.WRONG_CHAIN),
    ("invalid chain id", SendOutcome.WRONG_CHAIN),
    ("wrong chainid", SendOutcome.WRONG_CHAIN),
    ("intrinsic gas too low", SendOutcome.BAD_GAS),
    # anvil says it for a limit below the intrinsic gas and for one above the block's alike.
    ("intrinsic gas too high", SendOutcome.BAD_GAS),
    ("exceeds block gas limit", SendOutcome.BAD_GAS),
    ("exceeds transaction gas limit", SendOutcome.BAD_GAS),
    ("transaction gas limit too high", SendOutcome.BAD_GAS),
)
"""In order of precedence: the first text that occurs in the message decides."""


def classify_send(code: int, message: str) -> SendOutcome:
    """
    Return what a JSON-RPC error to `eth_sendRawTransaction` allows to conclude; UNKNOWN for unknown words.

    The code does not take part, since clients use -32000 and -32003 for almost everything, except that an
    error of JSON-RPC itself (-32700, -32600, -32601) says nothing about the transaction.
    """
    if code in {-32700, -32600, -32601}:
        return SendOutcome.UNKNOWN
    text = message.lower()
    return next((outcome for words, outcome in _MEANINGS if words in text), SendOutcome.UNKNOWN)
