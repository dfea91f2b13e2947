"""
Takes sealed batches to `final`: signs, stores, broadcasts, watches.

One step function serves normal work and recovery. It looks at the chain as of one latest and one finalized block, asks
`anchor.core.lifecycle` what follows, and does that. Nothing is concluded from what an endpoint says to a broadcast.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from anchor.chain.protocol import AnchorRecord, Chain, SendOutcome, Signer
from anchor.chain.transactions import anchor_transaction
from anchor.clock import Clock
from anchor.core.fees import Fees, first_offer, raised
from anchor.core.lifecycle import BatchView, ChainView, Decision, Step, decide_step
from anchor.errors import ChainUnavailable, FatalError, Overloaded
from anchor.service.chain_status import ChainStatus
from anchor.service.look import Look, canonical_hash, final_block, latest_block, look_at_publisher
from anchor.service.sealer import reseal
from anchor.store.protocol import Store
from anchor.store.records import Batch, Mined, Payload

log = structlog.get_logger()

ANCHOR_GAS_LIMIT = 120_000
"""Twice what the dearest anchor costs, the first of a publisher; unused gas is not paid for."""

MAX_STEPS_A_LOOK = 8
"""Steps that one look at the chain may lead to: enough for a batch to pass from mined to final."""


@dataclass(frozen=True, slots=True)
class AnchorerSettings:
    """Whose contract, and the anchorer's limits."""

    chain_id: int
    contract: str
    confirmations: int
    poll_s: float
    max_fee_wei: int
    replace_after_s: float


class Anchorer:
    """Sends and watches anchors; holds no state that matters and is not in the store."""

    def __init__(
        self,
        *,
        store: Store,
        chain: Chain,
        signer: Signer,
        clock: Clock,
        settings: AnchorerSettings,
        status: ChainStatus,
        sealed: asyncio.Event,
        work: asyncio.Event,
    ) -> None:
        self._store = store
        self._chain = chain
        self._signer = signer
        self._clock = clock
        self._settings = settings
        self._status = status
        self._sealed = sealed
        self._work = work
        self._seen: tuple[object, ...] = ()
        self._maybe_lost = False

    async def run(self) -> None:
        """Step at every poll, and at once when a batch is sealed, until cancelled."""
        while True:
            self._sealed.clear()
            try:
                await self.step()
                self._status.answered()
            except ChainUnavailable as exc:
                self._status.failed(str(exc))
                log.warning("chain.unavailable", reason=str(exc))
            except Overloaded as exc:
                log.error("anchor.not_stored", reason=str(exc))
            try:
                await asyncio.wait_for(self._sealed.wait(), timeout=self._settings.poll_s)
            except TimeoutError:
                continue

    async def step(self) -> None:
        """
        Look at the chain once and take every unfinished batch as far as that look allows.

        A block that was looked at before is not looked at again unless there is something new to send, or nobody knows
        whether the last broadcast arrived: so the same bytes are broadcast once a block, and an idle service asks
        little of its endpoint.
        """
        latest = await latest_block(self._chain)
        unfinished = await self._store.unfinished_batches()
        seen = (latest.hash, *((batch.id, batch.state) for batch in unfinished))
        if seen == self._seen:
            return
        final = await final_block(self._chain, latest, confirmations=self._settings.confirmations)
        self._status.saw(latest, final_number=final.number)
        self._status.balance_wei = await self._chain.balance_wei(self._signer.address)
        if unfinished:
            look = await look_at_publisher(self._chain, self._signer.address, latest=latest, final=final)
            self._maybe_lost = False
            await self._advance_all(unfinished, look)
        # A chain may make its next block only for our transaction: a lost broadcast must not wait for that block.
        self._seen = () if self._maybe_lost else seen

    async def _advance_all(self, unfinished: Sequence[Batch], look: Look) -> None:
        waits = False
        for batch in unfinished:
            if waits:
                await self._withdraw_if_dropped(batch, look)
            elif not await self._advance(batch, look):
                # Later batches stand on this one: the lowest sequence is always pushed first.
                waits = True

    async def _withdraw_if_dropped(self, batch: Batch, look: Look) -> None:
        """Take back `mined` from a batch whose anchor went with an earlier one's: its proof leads nowhere now."""
        if not batch.state.is_mined or batch.root is None:
            return
        if await self._chain.record(self._signer.address, batch.root, look.latest.hash) is None:
            await self._store.mark_unmined(batch.id)
            log.warning("anchor.step", step=Step.MARK_UNMINED.value, sequence=batch.sequence)

    async def _advance(self, batch: Batch, look: Look) -> bool:
        """Take one batch as far as the look allows; return whether the batches after it may go on."""
        for _ in range(MAX_STEPS_A_LOOK):
            decision, record = await self._decide(batch, look)
            match decision.step:
                case Step.WAIT:
                    if decision.reason:
                        log.warning("anchor.waiting", sequence=batch.sequence, reason=decision.reason)
                    return batch.state.is_mined
                case Step.HALT:
                    raise FatalError(f"batch {batch.sequence} cannot be anchored: {decision.reason}")
                case Step.RESEAL if await self._is_promised(look.next_sequence):
                    log.warning("anchor.waiting", sequence=batch.sequence, reason="a later batch goes first")
                    return True
                case step:
                    if not await self._take(step, decision, batch, look, record):
                        return False
            refreshed = await self._store.batch(batch.id)
            if refreshed is None or refreshed.state.value == "final":
                return True
            batch = refreshed
        return False

    async def _decide(self, batch: Batch, look: Look) -> tuple[Decision, AnchorRecord | None]:
        if batch.root is None or batch.sequence is None:
            raise AssertionError("an unfinished batch is sealed")
        publisher = self._signer.address
        record = await self._chain.record(publisher, batch.root, look.latest.hash)
        if record is not None and record.sequence != batch.sequence:
            raise FatalError(f"the contract holds root {batch.root.hex()} under sequence {record.sequence}")
        final_record = await self._chain.record(publisher, batch.root, look.final.hash) if record else None
        payloads = await self._store.payloads(batch.id)
        newest = payloads[-1] if payloads else None
        view = BatchView(
            state=batch.state,
            sequence=batch.sequence,
            mined_block_hash=batch.block_hash,
            payload_nonce=newest.nonce if newest else None,
            burned_nonces=len({payload.nonce for payload in payloads}),
            payload_age_s=(self._clock.now_ms() - newest.created_ms) / 1000 if newest else 0.0,
        )
        chain_view = ChainView(
            record_block_hash=await canonical_hash(self._chain, record.block_number) if record else None,
            record_is_final=final_record == record and record is not None,
            next_sequence=look.next_sequence,
            next_sequence_final=look.next_sequence_final,
            nonce=look.nonce,
            nonce_final=look.nonce_final,
        )
        return decide_step(view, chain_view, replace_after_s=self._settings.replace_after_s), record

    async def _take(
        self, step: Step, decision: Decision, batch: Batch, look: Look, record: AnchorRecord | None
    ) -> bool:
        """Take a step; return False where this look leads no further."""
        if decision.reason:
            log.warning("anchor.step", step=step.value, sequence=batch.sequence, reason=decision.reason)
        match step:
            case Step.SIGN:
                return await self._sign(batch, look, nonce=look.nonce, previous=None)
            case Step.REPLACE if await self._replace(batch, look):
                return True
            case Step.BROADCAST | Step.REPLACE:
                await self._broadcast(batch)
                return False
            case Step.MARK_MINED if record is not None:
                await self._mark_mined(batch, record)
            case Step.MARK_FINAL:
                await self._store.mark_final(batch.id)
                log.info("batch.final", sequence=batch.sequence)
            case Step.MARK_UNMINED:
                await self._store.mark_unmined(batch.id)
            case Step.RESEAL:
                await self._reseal(batch, look)
            case _:
                raise AssertionError(f"no way to take step {step}")
        return True

    async def _sign(self, batch: Batch, look: Look, *, nonce: int, previous: Fees | None) -> bool:
        """Sign and durably store a payload; it is broadcast by the next step. False where no fee allows it."""
        if batch.root is None or batch.sequence is None:
            raise AssertionError("an unfinished batch is sealed")
        market = {
            "base_fee_wei": look.latest.base_fee_wei,
            "priority_fee_wei": await self._chain.priority_fee_wei(),
            "cap_wei": self._settings.max_fee_wei,
        }
        fees = first_offer(**market) if previous is None else raised(previous, **market)
        if fees is None:
            log.error(
                "anchor.fee_cap_reached", sequence=batch.sequence, max_fee_wei=self._settings.max_fee_wei
            )
            return False
        transaction = anchor_transaction(
            chain_id=self._settings.chain_id,
            contract=self._settings.contract,
            sequence=batch.sequence,
            root=batch.root,
            leaf_count=batch.leaf_count,
            nonce=nonce,
            gas_limit=ANCHOR_GAS_LIMIT,
            max_fee_wei=fees.max_fee_wei,
            priority_fee_wei=fees.priority_fee_wei,
        )
        signed = await self._signer.sign(transaction)
        # Stored before it is broadcast: whatever happens next, the same bytes can be sent again.
        await self._store.add_payload(
            batch.id,
            Payload(
                hash=signed.hash,
                nonce=nonce,
                max_fee_wei=fees.max_fee_wei,
                priority_fee_wei=fees.priority_fee_wei,
                gas_limit=ANCHOR_GAS_LIMIT,
                created_ms=self._clock.now_ms(),
                raw=signed.raw,
            ),
        )
        log.info("anchor.signed", sequence=batch.sequence, nonce=nonce, transaction=signed.hash.hex())
        return True

    async def _replace(self, batch: Batch, look: Look) -> bool:
        """Store a dearer payload of the same nonce; False where the fee cap forbids it."""
        payload = (await self._store.payloads(batch.id))[-1]
        offer = Fees(max_fee_wei=payload.max_fee_wei, priority_fee_wei=payload.priority_fee_wei)
        return await self._sign(batch, look, nonce=payload.nonce, previous=offer)

    async def _broadcast(self, batch: Batch) -> None:
        """Send the newest payload again; after any answer it counts as maybe sent."""
        payload = (await self._store.payloads(batch.id))[-1]
        result = await self._chain.broadcast(payload.raw)
        self._status.broadcast(result.outcome)
        self._maybe_lost = result.outcome is SendOutcome.UNKNOWN
        if result.outcome is not SendOutcome.ACCEPTED:
            log.warning(
                "anchor.not_accepted",
                sequence=batch.sequence,
                outcome=result.outcome.value,
                message=result.message,
            )

    async def _mark_mined(self, batch: Batch, record: AnchorRecord) -> None:
        for payload in reversed(await self._store.payloads(batch.id)):
            receipt = await self._chain.receipt(payload.hash)
            if receipt is not None and receipt.succeeded and receipt.block_number == record.block_number:
                mined = Mined(
                    transaction=payload.hash,
                    block_number=receipt.block_number,
                    block_hash=receipt.block_hash,
                    block_time_s=record.timestamp_s,
                )
                await self._store.mark_mined(batch.id, mined)
                self._work.set()
                log.info("batch.mined", sequence=batch.sequence, block=receipt.block_number)
                return
        raise ChainUnavailable("the contract has the record, but no receipt of ours fits it yet")

    async def _is_promised(self, sequence: int) -> bool:
        """
        Say whether a later batch was sealed under a sequence.

        It keeps it: a payload of its may be in a pool, and could be mined beside one that it was given anew.
        """
        return await self._store.batch_by_sequence(sequence) is not None

    async def _reseal(self, batch: Batch, look: Look) -> None:
        await reseal(
            self._store,
            batch,
            sequence=look.next_sequence,
            previous_root=look.head_root or bytes(32),
            now_s=self._clock.now_ms() // 1000,
        )
