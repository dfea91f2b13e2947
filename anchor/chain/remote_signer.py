"""
A signer that keeps the publisher's key elsewhere, and speaks JSON-RPC.

web3signer knows it as `eth_signTransaction`, clef as `account_signTransaction`.
"""

from __future__ import annotations

from typing import Any

from eth_utils.address import (
    is_address,
    is_checksum_address,
    is_checksum_formatted_address,
    to_checksum_address,
)

from anchor.chain import answers
from anchor.chain.endpoint import Endpoint
from anchor.chain.failures import BadAnswer, EndpointRefusal, SignerFailure
from anchor.chain.protocol import SignedTransaction, UnsignedTransaction
from anchor.chain.rpc import RetryPolicy, RpcClient
from anchor.chain.transactions import read_signed
from anchor.errors import ChainUnavailable, ConfigError

METHODS = ("eth_signTransaction", "account_signTransaction")
"""web3signer's, and geth's; clef's, which knows no other."""

_NO_SUCH_METHOD = -32601


class RemoteSigner:
    """
    A Signer that asks another program to sign, and believes nothing of its answer.

    No message, log or repr shows more of the signer's URL than scheme, host and port.
    """

    def __init__(self, *, url: str, address: str, request_timeout_s: float = 10.0) -> None:
        """Raise ConfigError for a URL or an address that is none."""
        is_mistyped = is_checksum_formatted_address(address) and not is_checksum_address(address)
        if not is_address(address) or is_mistyped:
            raise ConfigError(f"the publisher {address!r} is no Ethereum address: correct publisher.address")
        self._address = str(to_checksum_address(address))
        self._rpc = RpcClient(
            endpoint=Endpoint.parse(url, setting="publisher.remote_signer_url"),
            request_timeout_s=request_timeout_s,
            retry=RetryPolicy(attempts=1),
        )
        self._methods: tuple[str, ...] = METHODS

    def __repr__(self) -> str:
        return f"RemoteSigner({self._rpc.origin}, address={self._address})"

    @property
    def address(self) -> str:
        """The publisher's checksummed address."""
        return self._address

    async def sign(self, transaction: UnsignedTransaction) -> SignedTransaction:
        """
        Return the transaction as the remote signer signed it, once it has been found to be the one asked for.

        Asks once: a signer may have to ask a person. Raises SignerFailure where no usable answer comes, or one to
        another question, or one signed by another key.
        """
        try:
            answer = await self._ask(_arguments(self._address, transaction))
            raw = answers.data(_raw(answer), name="a signed transaction")
        except BadAnswer as exc:
            raise SignerFailure(f"the signer at {self._rpc.origin} answered with {exc}") from exc
        except ChainUnavailable as exc:
            raise SignerFailure(f"the signer did not sign: {exc}") from exc
        return read_signed(raw, asked=transaction, sender=self._address)

    async def close(self) -> None:
        """Close all connections."""
        await self._rpc.close()

    async def _ask(self, arguments: dict[str, str]) -> Any:
        """Ask by the method that the signer knows, which is found out at the first time."""
        *others, last = self._methods
        for method in others:
            try:
                answer = await self._rpc.once(method, [arguments])
            except EndpointRefusal as exc:
                if exc.code != _NO_SUCH_METHOD:
                    raise
            else:
                self._methods = (method,)
                return answer
        answer = await self._rpc.once(last, [arguments])
        self._methods = (last,)
        return answer


def _arguments(address: str, transaction: UnsignedTransaction) -> dict[str, str]:
    """Return the members that both programs read; web3signer takes the chain id from its own configuration."""
    arguments = {
        "from": address,
        "gas": hex(transaction.gas_limit),
        "maxFeePerGas": hex(transaction.max_fee_wei),
        "maxPriorityFeePerGas": hex(transaction.priority_fee_wei),
        "value": "0x0",
        "nonce": hex(transaction.nonce),
        "data": "0x" + transaction.calldata.hex(),
        "chainId": hex(transaction.chain_id),
    }
    if transaction.to is not None:
        arguments["to"] = transaction.to
    return arguments


def _raw(answer: Any) -> Any:
    """Return the signed bytes in hex: all of web3signer's answer, a member of clef's."""
    return answer.get("raw") if isinstance(answer, dict) else answer
