"""Sends anchors: signs payloads, stores them, broadcasts them, and makes them dearer where they are too cheap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from anchor.chain.protocol import Chain, SendOutcome, Signer
from anchor.chain.transactions import anchor_transaction
from anchor.clock import Clock
from anchor.core.fees import Fees, first_offer, raised
from anchor.service.chain_status import ChainStatus
from anchor.service.look import Look
from anchor.service.payload_signing import sign_payload
from anchor.service.spending import ANCHOR_GAS_LIMIT, Spending
from anchor.store.protocol import Store
from anchor.store.records import Batch, Payload

log = structlog.get_logger()

MAX_RAISES_AT_ONCE = 4
"""Dearer payloads of a nonce that a pool's word alone leads to: a liar must not drive the price to the cap."""

_TOO_CHEAP = frozenset({SendOutcome.TOO_CHEAP, SendOutcome.REPLACEMENT_TOO_CHEAP})


@dataclass(frozen=True, slots=True)
class SendingLimits:
    """Whose contract, and the most that a unit of gas may cost."""

    chain_id: int
    contract: str
    max_fee_wei: int


class AnchorSender:
    """
    Sends what the anchorer decides to send, from the publisher's account.

    What became of it since `begin_look`: `maybe_lost` says that nobody knows whether the last broadcast arrived,
    `unpaid` why a payload could not be paid for (None: it could).
    """

    def __init__(
        self,
        *,
        store: Store,
        chain: Chain,
        signer: Signer,
        clock: Clock,
        limits: SendingLimits,
        spending: Spending,
        status: ChainStatus,
    ) -> None:
        self._store = store
        self._chain = chain
        self._signer = signer
        self._clock = clock
        self._limits = limits
        self._spending = spending
        self._status = status
        self.maybe_lost = False
        self.unpaid: str | None = None

    def begin_look(self) -> None:
        """Forget what became of the last look's payloads."""
        self.maybe_lost, self.unpaid = False, None

    async def payloads(self, batch: Batch) -> Sequence[Payload]:
        """Return a batch's payloads of the present publisher: those of an account before it can only revert now."""
        stored = await self._store.payloads(batch.id)
        return [payload for payload in stored if payload.sender == self._signer.address]

    async def sign(self, batch: Batch, look: Look) -> bool:
        """
        Sign and durably store a payload of the next nonce; the next step broadcasts it.

        False where no fee allows it or it cannot be paid for: nothing is signed then, and the next look asks again.

        It pays more than every payload of that nonce before it, those of former seals included: so that pools take
        it, and one of them at most is mined.
        """
        if batch.root is None or batch.sequence is None:
            raise AssertionError("an unfinished batch is sealed")
        fees = await self._fees(batch, look)
        if fees is None or not await self._can_pay(fees, batch, look):
            return False
        transaction = anchor_transaction(
            chain_id=self._limits.chain_id,
            contract=self._limits.contract,
            sequence=batch.sequence,
            root=batch.root,
            leaf_count=batch.leaf_count,
            nonce=look.nonce,
            gas_limit=ANCHOR_GAS_LIMIT,
            max_fee_wei=fees.max_fee_wei,
            priority_fee_wei=fees.priority_fee_wei,
        )
        payload = await sign_payload(self._signer, transaction, now_ms=self._clock.now_ms())
        # Stored before it is broadcast: whatever happens next, the same bytes can be sent again.
        await self._store.add_payload(batch.id, payload)
        log.info(
            "anchor.signed", sequence=batch.sequence, nonce=payload.nonce, transaction=payload.hash.hex()
        )
        return True

    async def offer(self, batch: Batch, look: Look) -> None:
        """Broadcast what can be mined next and, where pools find that too cheap, a dearer payload at once."""
        while await self._broadcast(batch, look) in _TOO_CHEAP:
            earlier = await self._store.payloads_of_nonce(self._signer.address, look.nonce)
            if len(earlier) > MAX_RAISES_AT_ONCE or not await self.sign(batch, look):
                return

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
        self.unpaid = reason
        if reason is not None and self._status.unpaid is None:
            log.error("anchor.paused", sequence=batch.sequence, reason=reason)
        return reason is None

    async def _fees(self, batch: Batch, look: Look) -> Fees | None:
        """Return what a payload of the next nonce offers; None where one is stored and the cap allows no dearer."""
        market = {
            "base_fee_wei": look.latest.base_fee_wei,
            "priority_fee_wei": await self._spending.ask_tip_wei(),
            "cap_wei": self._limits.max_fee_wei,
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
            log.error("anchor.fee_cap_reached", sequence=batch.sequence, max_fee_wei=self._limits.max_fee_wei)
            # A batch without a payload of its own still gets one: no pool may know the others any more.
            own = live_payload(await self.payloads(batch), look)
            return first_offer(**market) if own is None or own.nonce != look.nonce else None
        return fees

    async def _broadcast(self, batch: Batch, look: Look) -> SendOutcome:
        """Send the payload again that can be mined next; after any answer it counts as maybe sent."""
        payload = live_payload(await self.payloads(batch), look)
        if payload is None:
            raise AssertionError("what is broadcast is stored")
        result = await self._chain.broadcast(payload.raw)
        self._status.broadcast(result.outcome)
        self.maybe_lost = result.outcome is SendOutcome.UNKNOWN
        if result.outcome is not SendOutcome.ACCEPTED:
            log.warning(
                "anchor.not_accepted",
                sequence=batch.sequence,
                outcome=result.outcome.value,
                message=result.message,
            )
        return result.outcome


def live_payload(payloads: Sequence[Payload], look: Look) -> Payload | None:
    """Return the payload that can be mined next, the dearest of that nonce, or else the newest one."""
    ready = [payload for payload in payloads if payload.nonce == look.nonce]
    candidates = ready or payloads
    return candidates[-1] if candidates else None
