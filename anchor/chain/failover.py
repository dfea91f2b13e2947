"""One chain behind several RPC endpoints that stand in for each other and, if so wished, must agree."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from anchor.chain.agreement import (
    agreed,
    agreed_finalized,
    agreed_latest,
    agreed_or_unknown,
    agreed_state,
    middle_amount,
)
from anchor.chain.client import Web3Chain
from anchor.chain.endpoint_health import EndpointHealth, FailoverPolicy
from anchor.chain.endpoint_pool import EndpointChain, EndpointPool, Member
from anchor.chain.protocol import (
    AnchoredEvent,
    AnchorRecord,
    Block,
    BlockTag,
    Chain,
    ChainIdentity,
    Head,
    Receipt,
    SendOutcome,
    SendResult,
)
from anchor.chain.rpc import RetryPolicy
from anchor.errors import ConfigError

_BEST_FIRST = (
    SendOutcome.ACCEPTED,
    SendOutcome.REPLACEMENT_TOO_CHEAP,
    SendOutcome.TOO_CHEAP,
    SendOutcome.NONCE_USED,
    SendOutcome.NO_FUNDS,
    # Above what would be fatal: one endpoint's word must not end what another may have taken.
    SendOutcome.UNKNOWN,
    SendOutcome.BAD_GAS,
    SendOutcome.WRONG_CHAIN,
)


def connect(
    *,
    rpc_urls: Sequence[str],
    contract: str,
    quorum: int = 1,
    request_timeout_s: float = 10.0,
    policy: FailoverPolicy | None = None,
) -> Chain:
    """
    Return the chain behind one RPC endpoint, or behind several of which `quorum` must agree on what is read.

    Raises ConfigError, without any URL's key in it, for no URL or one that is none, and for a quorum that these
    endpoints cannot give.
    """
    if not rpc_urls:
        raise ConfigError("no RPC endpoint is named: add its URL")
    if len(rpc_urls) == 1 and quorum == 1:
        return Web3Chain(rpc_url=rpc_urls[0], contract=contract, request_timeout_s=request_timeout_s)
    # Where all must agree nobody can stand in for one that fails: it is asked again itself.
    attempts = 2 if len(rpc_urls) == quorum else 1
    endpoints = [
        Web3Chain(
            rpc_url=url,
            contract=contract,
            request_timeout_s=request_timeout_s,
            retry=RetryPolicy(attempts=attempts, max_retry_after_s=0),
        )
        for url in rpc_urls
    ]
    _require_quorum(rpc_urls, [endpoint.origin for endpoint in endpoints], quorum)
    return FailoverChain(endpoints=endpoints, quorum=quorum, policy=policy or FailoverPolicy())


class FailoverChain:
    """
    A Chain behind several endpoints (see anchor.chain.protocol.Chain for what each method guarantees).

    Reads go to the healthiest endpoint, and to the next where it fails, once to each. Reads of the state at a block
    stay with endpoints that know this block. With a quorum above 1 every block, state, receipt and event counts only
    where as many endpoints tell the same; else ChainUnavailable is raised. Broadcasts go to all endpoints. An endpoint
    that fails, lags, goes backwards, contradicts the others or speaks for another chain is passed over until it
    recovers. No message shows more of a URL than scheme, host and port.
    """

    def __init__(
        self,
        *,
        endpoints: Sequence[EndpointChain],
        quorum: int,
        policy: FailoverPolicy,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        members = [
            Member(
                origin=endpoint.origin,
                chain=endpoint,
                health=EndpointHealth(policy=policy, monotonic_s=monotonic_s),
            )
            for endpoint in endpoints
        ]
        self._pool = EndpointPool(members=members, quorum=quorum, policy=policy)

    def __repr__(self) -> str:
        return f"FailoverChain({', '.join(member.origin for member in self._pool.members)})"

    def endpoint_problems(self) -> Sequence[str]:
        """Return a line for each endpoint that is passed over now, by its origin."""
        return self._pool.problems()

    async def identity(self) -> ChainIdentity:
        """
        Ask every endpoint for its chain and return what they agree on.

        Raises ConfigError, with their origins, where two of them speak for different chains; ChainUnavailable where
        fewer than the quorum answer.
        """
        return await self._pool.compare_identities()

    async def block(self, tag: BlockTag) -> Block | None:
        """Return the block of a tag, number or hash; None where no endpoint knows such a block."""
        if tag == "latest":
            return await agreed_latest(self._pool)
        if tag == "finalized":
            return await agreed_finalized(self._pool)
        return await agreed_or_unknown(self._pool, lambda chain: chain.block(tag))

    async def code_hash(self, address: str, at: bytes) -> bytes | None:
        """Return keccak256 of the code at an address as of block hash `at`; None where there is no code."""
        return await agreed_state(self._pool, lambda chain: chain.code_hash(address, at), at=at)

    async def record(self, publisher: str, root: bytes, at: bytes) -> AnchorRecord | None:
        """Return the contract's record of (publisher, root) as of block hash `at`; None where none exists."""
        return await agreed_state(self._pool, lambda chain: chain.record(publisher, root, at), at=at)

    async def head(self, publisher: str, at: bytes) -> Head | None:
        """Return the publisher's head as of block hash `at`; None where it has none."""
        return await agreed_state(self._pool, lambda chain: chain.head(publisher, at), at=at)

    async def successor(self, publisher: str, at: bytes) -> str | None:
        """Return the checksummed address that succeeded the publisher as of block hash `at`, or None."""
        return await agreed_state(self._pool, lambda chain: chain.successor(publisher, at), at=at)

    async def predecessor(self, publisher: str, at: bytes) -> str | None:
        """Return the checksummed address that the publisher succeeded as of block hash `at`, or None."""
        return await agreed_state(self._pool, lambda chain: chain.predecessor(publisher, at), at=at)

    async def appointed_successor(self, publisher: str, at: bytes) -> str | None:
        """Return the checksummed address that may succeed the publisher as of block hash `at`, or None."""
        return await agreed_state(self._pool, lambda chain: chain.appointed_successor(publisher, at), at=at)

    async def anchored_events(
        self, publisher: str, *, from_block: int, to_block: int
    ) -> Sequence[AnchoredEvent]:
        """Return every `Anchored` event of the publisher in the inclusive range, in chain order."""

        async def events(chain: Chain) -> tuple[AnchoredEvent, ...]:
            return tuple(await chain.anchored_events(publisher, from_block=from_block, to_block=to_block))

        return await agreed(self._pool, events, up_to_block=to_block)

    async def balance_wei(self, address: str) -> int:
        """Return the account's balance at the latest block."""
        return await middle_amount(self._pool, lambda chain: chain.balance_wei(address))

    async def nonce(self, address: str, at: BlockTag) -> int:
        """Return the account's transaction count as of the block."""
        if at == "latest":
            at = (await agreed_latest(self._pool)).hash
        if isinstance(at, bytes):
            block_hash = at
            return await agreed_state(
                self._pool, lambda chain: chain.nonce(address, block_hash), at=block_hash
            )
        tag = at
        return await agreed(self._pool, lambda chain: chain.nonce(address, tag))

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return the receipt, only if its block is the canonical one at its height at this moment."""
        return await agreed_or_unknown(self._pool, lambda chain: chain.receipt(transaction_hash))

    async def priority_fee_wei(self) -> int:
        """Return the endpoints' suggestion for the priority fee, at least 1 wei."""
        return await middle_amount(self._pool, lambda chain: chain.priority_fee_wei())

    async def broadcast(self, raw: bytes) -> SendResult:
        """
        Hand a signed transaction to every endpoint, once, and return the most hopeful of their answers.

        Never raises for what they say. Endpoints that are out are given it too where no other is left.
        """
        connected = [member for member in self._pool.members if member.health.is_connected]
        found = await self._pool.ask_each(
            connected or self._pool.members,
            lambda chain: chain.broadcast(raw),
            suffices=lambda results: any(result.outcome is SendOutcome.ACCEPTED for result in results),
        )
        return min(
            (result for _, result in found.answers), key=lambda result: _BEST_FIRST.index(result.outcome)
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()


def _require_quorum(rpc_urls: Sequence[str], origins: Sequence[str], quorum: int) -> None:
    if not 1 <= quorum <= len(rpc_urls):
        raise ConfigError(
            f"a quorum of {quorum} needs as many RPC endpoints, and there are {len(rpc_urls)}: correct one of them"
        )
    if len(set(rpc_urls)) < len(rpc_urls):
        raise ConfigError("one RPC endpoint is named twice: it cannot stand in for itself")
    if quorum > 1 and len(set(origins)) < len(origins):
        raise ConfigError(
            f"two RPC endpoints are one server ({', '.join(origins)}): it cannot agree with itself"
        )
