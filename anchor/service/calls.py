"""
Sends a call that changes the line of succession, and stays with it until it is final.

The same rules as for anchors: signed bytes are stored before they are broadcast, what an endpoint says to a broadcast
decides nothing, and only the contract's state at a block tells that the call was made. So the call can be begun again
after any end of the process, and a second transaction never runs beside the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from anchor.chain.protocol import Block, Chain, Signer, UnsignedTransaction
from anchor.clock import Clock
from anchor.core.fees import Fees, first_offer, raised
from anchor.errors import ChainUnavailable, ConfigError, FatalError
from anchor.service.look import final_block, latest_block
from anchor.service.payload_ages import PayloadAges
from anchor.service.payload_signing import sign_payload
from anchor.store.anchorages import AnchorageStore
from anchor.store.protocol import OutboxStore
from anchor.store.records import Payload


class CallStore(AnchorageStore, OutboxStore, Protocol):
    """What is asked of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of the contract; `is_made` says whether its effect stands as of a block hash."""

    contract: str
    calldata: bytes
    gas_limit: int
    is_made: Callable[[bytes], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """Whose chain, how finality is told, and what the call may cost and take."""

    chain_id: int
    confirmations: int
    max_fee_wei: int
    replace_after_s: float
    poll_s: float
    wait_s: float = 3 * 3600.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What has become of a call; the block is where its effect was first seen, None before."""

    transaction: bytes | None
    block: Block | None
    is_final: bool = False


class CallSender:
    """Makes calls from one account."""

    def __init__(
        self,
        *,
        store: CallStore,
        chain: Chain,
        signer: Signer,
        clock: Clock,
        limits: CallLimits,
        on_progress: Callable[[Progress], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._chain = chain
        self._signer = signer
        self._clock = clock
        self._limits = limits
        self._on_progress = on_progress
        self._sleep = sleep
        self._ages = PayloadAges(clock)
        self._watched: dict[bytes, Payload] = {}
        self._told: set[Progress] = set()

    async def make(self, call: Call) -> Progress:
        """
        Return when the call's effect is final, and no other call of ours can still be mined and undo it.

        Nothing is sent where that is so already. Raises FatalError where a transaction of it was mined and reverted,
        ConfigError where the fee cap keeps it from taking the place of another call, and ChainUnavailable where the
        chain does not answer or the wait takes too long: the call may be made again then, and goes on where it was.
        """
        deadline_s = self._clock.monotonic_s() + self._limits.wait_s
        while self._clock.monotonic_s() < deadline_s:
            latest = await latest_block(self._chain)
            final = await final_block(self._chain, latest, confirmations=self._limits.confirmations)
            nonce = await self._chain.nonce(self._signer.address, latest.hash)
            # A withdrawal is made before it is sent, where an appointment that it is to stop is not mined yet.
            if not await call.is_made(latest.hash) or await self._is_opposed(call, nonce):
                await self._push(call, latest, nonce)
            # Both: what is final may be undone by a later call that is not.
            elif await call.is_made(final.hash) and not await self._is_opposed(
                call, await self._chain.nonce(self._signer.address, final.hash)
            ):
                return self._tell(block=final, is_final=True)
            else:
                self._tell(block=latest)
            await self._sleep(self._limits.poll_s)
        raise ChainUnavailable(
            f"the call was not final within {self._limits.wait_s / 3600:g} hours: give the command again, it goes on"
        )

    async def _is_opposed(self, call: Call, nonce: int) -> bool:
        """
        Whether another call of ours has a nonce or a later one: it can still be mined.

        A later one may wait behind an anchor that a reorganisation dropped.
        """
        own = {payload.hash for payload in await self._store.calls(self._signer.address, call.calldata)}
        others = await self._store.calls_from_nonce(self._signer.address, nonce)
        return any(other.hash not in own for other in others)

    async def _push(self, call: Call, latest: Block, nonce: int) -> None:
        """Broadcast what the account sends next: the call, or an anchor that is on its way before it."""
        account = self._signer.address
        await self._refuse_reverted(nonce)
        waiting = await self._store.payloads_of_nonce(account, nonce)
        own = {payload.hash for payload in await self._store.calls(account, call.calldata)}
        others = {payload.hash for payload in await self._store.calls_from_nonce(account, nonce)} - own
        newest = waiting[-1] if waiting else None
        if newest is None:
            newest = await self._sign(call, nonce, await self._first_fees(latest))
        elif newest.hash in others:
            # Another call of ours that was broken off and is not wanted any more: this one takes its nonce.
            newest = await self._replaced(call, nonce, latest, newest)
        elif newest.hash in own and self._ages.age_s(newest) >= self._limits.replace_after_s:
            fees = await self._raised_fees(latest, newest)
            newest = newest if fees is None else await self._sign(call, nonce, fees)
        if not waiting or waiting[-1].hash in own | others:
            self._watched[newest.hash] = newest
        self._tell(transaction=newest.hash)
        await self._chain.broadcast(newest.raw)

    async def _replaced(self, call: Call, nonce: int, latest: Block, before: Payload) -> Payload:
        fees = await self._raised_fees(latest, before)
        if fees is None:
            raise ConfigError(
                f"transaction 0x{before.hash.hex()} of a former command is not mined, and the fee cap allows none in "
                "its place: raise publisher.max_fee_gwei"
            )
        return await self._sign(call, nonce, fees)

    async def _refuse_reverted(self, nonce: int) -> None:
        for payload in self._watched.values():
            receipt = await self._chain.receipt(payload.hash) if payload.nonce < nonce else None
            if receipt is not None and not receipt.succeeded:
                raise FatalError(
                    f"the contract refused transaction 0x{payload.hash.hex()}: look with `anchor key show` at what "
                    "has changed meanwhile"
                )

    async def _sign(self, call: Call, nonce: int, fees: Fees) -> Payload:
        """Sign and durably store the call; whatever happens next, the same bytes can be sent again."""
        transaction = UnsignedTransaction(
            chain_id=self._limits.chain_id,
            to=call.contract,
            calldata=call.calldata,
            nonce=nonce,
            gas_limit=call.gas_limit,
            max_fee_wei=fees.max_fee_wei,
            priority_fee_wei=fees.priority_fee_wei,
        )
        payload = await sign_payload(self._signer, transaction, now_ms=self._clock.now_ms())
        await self._store.add_call(call.calldata, payload)
        return payload

    async def _first_fees(self, latest: Block) -> Fees:
        return first_offer(
            base_fee_wei=latest.base_fee_wei,
            priority_fee_wei=await self._chain.priority_fee_wei(),
            cap_wei=self._limits.max_fee_wei,
        )

    async def _raised_fees(self, latest: Block, before: Payload) -> Fees | None:
        """Return what a replacement offers; None where the cap allows none."""
        return raised(
            Fees(max_fee_wei=before.max_fee_wei, priority_fee_wei=before.priority_fee_wei),
            base_fee_wei=latest.base_fee_wei,
            priority_fee_wei=await self._chain.priority_fee_wei(),
            cap_wei=self._limits.max_fee_wei,
        )

    def _tell(
        self, *, transaction: bytes | None = None, block: Block | None = None, is_final: bool = False
    ) -> Progress:
        """Report each stage once."""
        stage = Progress(transaction, block, is_final)
        known = {(told.transaction, told.block is None, told.is_final) for told in self._told}
        if (stage.transaction, stage.block is None, stage.is_final) not in known:
            self._told.add(stage)
            self._on_progress(stage)
        return stage
