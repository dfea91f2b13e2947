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

from anchor.chain.protocol import AnchorRecord, Block, Chain, SendOutcome, Signer
from anchor.chain.succession import record_in_line
from anchor.chain.transactions import anchor_transaction
from anchor.clock import Clock
from anchor.core.fees import Fees, first_offer, raised
from anchor.core.lifecycle import BatchState, BatchView, ChainView, Decision, Step, decide_step
from anchor.errors import ChainUnavailable, FatalError, Overloaded
from anchor.service.chain_status import ChainStatus
from anchor.service.kept_anchors import note_strangers, require_final_anchor
from anchor.service.look import Look, canonical_hash, final_block, latest_block, look_at_publisher
from anchor.service.payload_ages import PayloadAges
from anchor.service.resealing import reseal_on_head
from anchor.service.spending import ANCHOR_GAS_LIMIT, Funds, Spending
from anchor.service.turn import require_turn
from anchor.store.protocol import Store
from anchor.store.records import Anchorage, Batch, Mined, Payload

log = structlog.get_logger()

MAX_RAISES_AT_ONCE = 4
"""Dearer payloads of a nonce that a pool's word alone leads to: a liar must not drive the price to the cap."""

_TOO_CHEAP = frozenset({SendOutcome.TOO_CHEAP, SendOutcome.REPLACEMENT_TOO_CHEAP})

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
        spending: Spending,
        status: ChainStatus,
        sealed: asyncio.Event,
        work: asyncio.Event,
    ) -> None:
        self._store = store
        self._chain = chain
        self._signer = signer
        self._clock = clock
        self._settings = settings
        self._spending = spending
        self._status = status
        self._sealed = sealed
        self._work = work
        self._seen: tuple[object, ...] = ()
        self._maybe_lost = False
        self._unpaid: str | None = None
        self._ages = PayloadAges(clock)

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
        self._status.final = final
        anchorage = (await self._store.anchorages())[-1]
        line = await require_turn(
            self._signer.address, chain=self._chain, anchorage=anchorage, latest=latest, final=final
        )
        await require_final_anchor(self._store, self._chain, line, latest)
        await note_strangers(self._store, self._chain, self._signer.address, latest)
        look = None
        if unfinished or await self._store.open_costs():
            look = await look_at_publisher(self._chain, line, latest=latest, final=final)
            await self._spending.settle(look)
        funds = await self._take_stock(latest, look)
        if look is not None:
            self._maybe_lost, self._unpaid = False, None
            await self._advance_all(unfinished, look, anchorage)
            self._status.unpaid = self._unpaid
        # A chain may make its next block only for our transaction: a lost broadcast, or one that waits for money, must
        # not wait for that block.
        self._seen = () if self._maybe_lost or self._status.unpaid or funds.pause else seen

    async def _take_stock(self, latest: Block, look: Look | None) -> Funds:
        """Note, and return, what the account has and what keeps the next anchor from being paid for."""
        balance_wei = await self._chain.balance_wei(self._signer.address)
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
        final_found = (
            await record_in_line(self._chain, look.line, batch.root, look.final.hash) if found else None
        )
        payloads = await self._payloads(batch)
        live = _live(payloads, look)
        view = BatchView(
            state=batch.state,
            sequence=batch.sequence,
            mined_block_hash=batch.block_hash,
            payload_nonce=live.nonce if live else None,
            burned_nonces=len({payload.nonce for payload in payloads if payload.nonce < look.nonce_final}),
            payload_age_s=self._ages.age_s(live) if live else 0.0,
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

    async def _payloads(self, batch: Batch) -> Sequence[Payload]:
        """Return a batch's payloads of the present publisher: those of an account before it can only revert now."""
        stored = await self._store.payloads(batch.id)
        return [payload for payload in stored if payload.sender == self._signer.address]

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
                return await self._sign(batch, look)
            case Step.REPLACE if await self._sign(batch, look):
                return True
            case Step.BROADCAST | Step.REPLACE:
                await self._offer(batch, look)
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

    async def _sign(self, batch: Batch, look: Look) -> bool:
        """
        Sign and durably store a payload of the next nonce; the next step broadcasts it.

        False where no fee allows it or it cannot be paid for: nothing is signed then, and the next look asks again.

        It pays more than every payload of that nonce before it, those of former seals included: so that pools take
        it, and one of them at most is mined.
        """
        if batch.root is None or batch.sequence is None:
            raise AssertionError("an unfinished batch is sealed")
        nonce = look.nonce
        fees = await self._fees(batch, look)
        if fees is None or not await self._can_pay(fees, batch, look):
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
                sender=self._signer.address,
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

    async def _can_pay(self, fees: Fees, batch: Batch, look: Look) -> bool:
        """Whether funds and budget allow a payload; it takes the place of those of its nonce, of which one is mined."""
        replaced = await self._store.payloads_of_nonce(self._signer.address, look.nonce)
        purse = await self._spending.purse(
            balance_wei=self._status.balance_wei or 0, now_s=look.latest.timestamp_s, nonce=look.nonce
        )
        reason = self._spending.why_not(
            purse,
            fees,
            replaced_wei=max((payload.gas_limit * payload.max_fee_wei for payload in replaced), default=0),
        )
        self._unpaid = reason
        if reason is not None and self._status.unpaid is None:
            log.error("anchor.paused", sequence=batch.sequence, reason=reason)
        return reason is None

    async def _fees(self, batch: Batch, look: Look) -> Fees | None:
        """Return what a payload of the next nonce offers; None where one is stored and the cap allows no dearer."""
        market = {
            "base_fee_wei": look.latest.base_fee_wei,
            "priority_fee_wei": await self._chain.priority_fee_wei(),
            "cap_wei": self._settings.max_fee_wei,
        }
        earlier = await self._store.payloads_of_nonce(self._signer.address, look.nonce)
        if not earlier:
            return first_offer(**market)
        before = Fees(
            max_fee_wei=max(payload.max_fee_wei for payload in earlier),
            priority_fee_wei=max(payload.priority_fee_wei for payload in earlier),
        )
        fees = raised(before, **market)
        self._status.fee_cap_reached = fees is None
        if fees is None:
            log.error(
                "anchor.fee_cap_reached", sequence=batch.sequence, max_fee_wei=self._settings.max_fee_wei
            )
            # A batch without a payload of its own still gets one: no pool may know the others any more.
            own = _live(await self._payloads(batch), look)
            return first_offer(**market) if own is None or own.nonce != look.nonce else None
        return fees

    async def _offer(self, batch: Batch, look: Look) -> None:
        """Broadcast what can be mined next and, where pools find that too cheap, a dearer payload at once."""
        while await self._broadcast(batch, look) in _TOO_CHEAP:
            earlier = await self._store.payloads_of_nonce(self._signer.address, look.nonce)
            if len(earlier) > MAX_RAISES_AT_ONCE or not await self._sign(batch, look):
                return

    async def _broadcast(self, batch: Batch, look: Look) -> SendOutcome:
        """Send the payload again that can be mined next; after any answer it counts as maybe sent."""
        payload = _live(await self._payloads(batch), look)
        if payload is None:
            raise AssertionError("what is broadcast is stored")
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
        return result.outcome

    async def _mark_mined(self, batch: Batch, publisher: str, record: AnchorRecord) -> None:
        # A payload of an account that was succeeded since counts like any other: its record stands for good.
        for payload in reversed(await self._store.payloads(batch.id)):
            receipt = await self._chain.receipt(payload.hash)
            if receipt is not None and receipt.succeeded and receipt.block_number == record.block_number:
                mined = Mined(
                    transaction=payload.hash,
                    block_number=receipt.block_number,
                    block_hash=receipt.block_hash,
                    block_time_s=record.timestamp_s,
                    publisher=publisher,
                )
                await self._store.mark_mined(batch.id, mined)
                self._status.mined()
                self._work.set()
                log.info("batch.mined", sequence=batch.sequence, block=receipt.block_number)
                return
        raise ChainUnavailable("the contract has the record, but no receipt of ours fits it yet")


def _live(payloads: Sequence[Payload], look: Look) -> Payload | None:
    """Return the payload that can be mined next, the dearest of that nonce, or else the newest one."""
    ready = [payload for payload in payloads if payload.nonce == look.nonce]
    candidates = ready or payloads
    return candidates[-1] if candidates else None
