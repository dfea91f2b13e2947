"""
Takes sealed batches to `final`: watches the chain, decides, and has anchor.service.sending send.

One step function serves normal work and recovery. It looks at the chain as of one latest and one finalized block, asks
`anchor.core.lifecycle` what follows, and does that. Nothing is concluded from what an endpoint says to a broadcast.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from anchor.chain.protocol import AnchorRecord, Block, Chain
from anchor.chain.succession import record_in_line
from anchor.clock import Clock
from anchor.core.lifecycle import (
    MAX_BURNED_NONCES,
    BatchState,
    BatchView,
    ChainView,
    Decision,
    Step,
    decide_step,
)
from anchor.errors import ChainUnavailable, FatalError, Overloaded
from anchor.service.chain_status import ChainStatus
from anchor.service.kept_anchors import note_strangers, require_final_anchor
from anchor.service.look import Look, canonical_hash, final_block, latest_block, look_at_publisher
from anchor.service.mined_anchors import find_mined
from anchor.service.payload_ages import PayloadAges
from anchor.service.resealing import reseal_on_head
from anchor.service.sending import AnchorSender, live_payload
from anchor.service.spending import Funds, Spending
from anchor.service.turn import require_turn
from anchor.store.protocol import Store
from anchor.store.records import Anchorage, Batch, Payload

log = structlog.get_logger()

MAX_STEPS_A_LOOK = 8
"""Steps that one look at the chain may lead to: enough for a batch to pass from mined to final."""


@dataclass(frozen=True, slots=True)
class AnchorerSettings:
    """The anchorer's limits."""

    confirmations: int
    poll_s: float
    replace_after_s: float


class Anchorer:
    """Takes anchors from `sealed` to `final`; holds no state that matters and is not in the store."""

    def __init__(
        self,
        *,
        store: Store,
        chain: Chain,
        publisher: str,
        sender: AnchorSender,
        clock: Clock,
        settings: AnchorerSettings,
        spending: Spending,
        status: ChainStatus,
        sealed: asyncio.Event,
        work: asyncio.Event,
    ) -> None:
        self._store = store
        self._chain = chain
        self._publisher = publisher
        self._sender = sender
        self._clock = clock
        self._settings = settings
        self._spending = spending
        self._status = status
        self._sealed = sealed
        self._work = work
        self._seen: tuple[object, ...] = ()
        self._ages = PayloadAges(clock)
        self._started_s = clock.now_ms() // 1000

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
                self._status.failed(str(exc))
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
        self._status.final = final
        anchorage = (await self._store.anchorages())[-1]
        line = await require_turn(
            self._publisher, chain=self._chain, anchorage=anchorage, latest=latest, final=final
        )
        await require_final_anchor(self._store, self._chain, line, latest)
        await note_strangers(self._store, self._chain, self._publisher, latest, started_s=self._started_s)
        look = None
        if unfinished or await self._store.open_costs():
            look = await look_at_publisher(self._chain, line, latest=latest, final=final)
            await self._spending.settle(look)
        self._status.final_problem = look.final_problem if look else None
        funds = await self._take_stock(latest, look)
        if look is not None:
            self._sender.begin_look()
            await self._advance_all(unfinished, look, anchorage)
            self._status.unpaid = self._sender.unpaid
        # A chain may make its next block only for our transaction: a lost broadcast, or one that waits for money, must
        # not wait for that block.
        self._seen = () if self._sender.maybe_lost or self._status.unpaid or funds.pause else seen

    async def _take_stock(self, latest: Block, look: Look | None) -> Funds:
        """Note, and return, what the account has and what keeps the next anchor from being paid for."""
        balance_wei = await self._chain.balance_wei(self._publisher)
        purse = await self._spending.purse(
            balance_wei=balance_wei, now_s=latest.timestamp_s, nonce=look.nonce if look else 0
        )
        funds = await self._spending.funds(purse, now_s=latest.timestamp_s, base_fee_wei=latest.base_fee_wei)
        self._status.balance_wei, self._status.funds = balance_wei, funds
        return funds

    async def _advance_all(self, unfinished: Sequence[Batch], look: Look, anchorage: Anchorage) -> None:
        waits = False
        for batch in await self._without_dropped(unfinished, look):
            if waits and not await self._is_recorded(batch, look):
                await self._withdraw(batch)
            elif not await self._advance(batch, look, anchorage):
                # Later batches stand on this one: the lowest sequence is always pushed first.
                waits = True

    async def _without_dropped(self, unfinished: Sequence[Batch], look: Look) -> Sequence[Batch]:
        """Take back `mined` from batches whose sequence the chain gives anew, so that others can have it."""
        dropped = [
            batch
            for batch in unfinished
            if batch.state.is_mined and (batch.sequence or 0) >= look.next_sequence
        ]
        for batch in dropped:
            await self._withdraw(batch)
        return await self._store.unfinished_batches() if dropped else unfinished

    async def _is_recorded(self, batch: Batch, look: Look) -> bool:
        if batch.root is None:
            raise AssertionError("an unfinished batch is sealed")
        return await record_in_line(self._chain, look.line, batch.root, look.latest.hash) is not None

    async def _withdraw(self, batch: Batch) -> None:
        """Take back `mined` from a batch whose anchor is gone: its proof leads nowhere now."""
        if batch.state.is_mined:
            await self._store.mark_unmined(batch.id)
            log.warning("anchor.step", step=Step.MARK_UNMINED.value, sequence=batch.sequence)

    async def _advance(self, batch: Batch, look: Look, anchorage: Anchorage) -> bool:
        """Take one batch as far as the look allows; return whether the batches after it may go on."""
        for _ in range(MAX_STEPS_A_LOOK):
            decision, found = await self._decide(batch, look, anchorage)
            match decision.step:
                case Step.WAIT:
                    if decision.reason:
                        log.warning("anchor.waiting", sequence=batch.sequence, reason=decision.reason)
                    return batch.state.is_mined
                case Step.HALT:
                    raise FatalError(f"batch {batch.sequence} cannot be anchored: {decision.reason}")
                case step:
                    if not await self._take(step, decision, batch, look, found):
                        return False
            refreshed = await self._store.batch(batch.id)
            if refreshed is None or refreshed.state is BatchState.FINAL:
                return True
            batch = refreshed
        return False

    async def _decide(
        self, batch: Batch, look: Look, anchorage: Anchorage
    ) -> tuple[Decision, tuple[str, AnchorRecord] | None]:
        """Return what follows for a batch, and who of the line anchored its root, with the record."""
        if batch.root is None or batch.sequence is None:
            raise AssertionError("an unfinished batch is sealed")
        is_elsewhere = batch.anchorage != anchorage.number
        found = await record_in_line(self._chain, look.line, batch.root, look.latest.hash)
        record = found[1] if found else None
        if record is not None and record.sequence != batch.sequence:
            raise FatalError(f"the contract holds root {batch.root.hex()} under sequence {record.sequence}")
        can_be_final = found is not None and look.final_problem is None
        final_found = (
            await record_in_line(self._chain, look.line, batch.root, look.final.hash)
            if can_be_final
            else None
        )
        payloads = await self._sender.payloads(batch)
        live = live_payload(payloads, look)
        view = BatchView(
            state=batch.state,
            sequence=batch.sequence,
            mined_block_hash=batch.block_hash,
            payload_nonce=live.nonce if live else None,
            burned_nonces=await self._burned_nonces(payloads, look),
            payload_age_s=self._ages.age_s(live) if live and not batch.state.is_mined else 0.0,
            is_elsewhere=is_elsewhere,
        )
        chain_view = ChainView(
            record_block_hash=await canonical_hash(self._chain, record.block_number) if record else None,
            record_is_final=found is not None and final_found == found,
            next_sequence=look.next_sequence,
            next_sequence_final=look.next_sequence_final,
            nonce=look.nonce,
            nonce_final=look.nonce_final,
        )
        return decide_step(view, chain_view, replace_after_s=self._settings.replace_after_s), found

    async def _burned_nonces(self, payloads: Sequence[Payload], look: Look) -> int:
        """Count the nonces that payloads of ours have used for good; whose they were is asked only once it matters."""
        used = [payload for payload in payloads if payload.nonce < look.nonce_final]
        if len({payload.nonce for payload in used}) < MAX_BURNED_NONCES:
            return 0
        receipts = [(payload.nonce, await self._chain.receipt(payload.hash)) for payload in used]
        # A stranger's transaction at a nonce cost us nothing there: only our own must not go on for ever.
        return len({nonce for nonce, receipt in receipts if receipt is not None})

    async def _take(
        self,
        step: Step,
        decision: Decision,
        batch: Batch,
        look: Look,
        found: tuple[str, AnchorRecord] | None,
    ) -> bool:
        """Take a step; return False where this look leads no further."""
        if decision.reason:
            log.warning("anchor.step", step=step.value, sequence=batch.sequence, reason=decision.reason)
        match step:
            case Step.SIGN:
                return await self._sender.sign(batch, look)
            case Step.REPLACE if await self._sender.sign(batch, look):
                return True
            case Step.BROADCAST | Step.REPLACE:
                await self._sender.offer(batch, look)
                return False
            case Step.MARK_MINED if found is not None:
                await self._mark_mined(batch, *found)
            case Step.MARK_FINAL:
                await self._store.mark_final(batch.id)
                log.info("batch.final", sequence=batch.sequence)
            case Step.MARK_UNMINED:
                await self._store.mark_unmined(batch.id)
            case Step.RESEAL:
                await reseal_on_head(self._store, batch, look, now_s=self._clock.now_ms() // 1000)
            case _:
                raise AssertionError(f"no way to take step {step}")
        return True

    async def _mark_mined(self, batch: Batch, publisher: str, record: AnchorRecord) -> None:
        mined = await find_mined(self._store, self._chain, batch, publisher, record)
        await self._store.mark_mined(batch.id, mined)
        self._status.mined()
        self._work.set()
        log.info("batch.mined", sequence=batch.sequence, block=mined.block_number)
