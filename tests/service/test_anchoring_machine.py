"""Every order of blocks, reorganisations, strangers, restarts and new keys, against the real store and its parts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anchor.chain.protocol import Signer
from anchor.chain.signer import LocalSigner
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.lifecycle import BatchState
from anchor.errors import ChainUnavailable, FatalError
from anchor.store.records import Accepted, Issuer, StatusChange
from tests.support.assembly import Running, digest, make_settings, new_chain
from tests.support.fake_sending_chain import decode
from tests.support.fast_folder import fast_folder
from tests.support.stored_first import check_everything, check_versions_rise, require_stored_before_broadcast

T = TypeVar("T")

MAX_UNFINAL_BLOCKS = 8
MAX_DIGESTS = 8
MAX_ROTATIONS = 2
MAX_STRANGERS = 2
"""More used nonces than these would halt the service, as they should; another test sees to that."""


class LifeOfAService(RuleBasedStateMachine):
    """One publisher, one issuer; blocks become final only where a rule says so."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.resources = ExitStack()
        folder = self.resources.enter_context(fast_folder())
        self.service = Running(settings=make_settings(folder), chain=new_chain(finality_lag=None))
        self.accepted: list[Accepted] = []
        self.roots: dict[int, set[bytes]] = {}
        self.strangers = 0
        self.signers: list[Signer] = [self.service.signer]

    @initialize()
    def start(self) -> None:
        """Start the service, with an issuer."""
        self.run(self.service.start())
        self.issuer: Issuer = self.run(self.service.add_issuer())
        self.service.chain.before_broadcast = require_stored_before_broadcast(self.service)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end."""
        return self.loop.run_until_complete(work)

    @property
    def chain(self) -> Any:
        """The chain, as the tests move it."""
        return self.service.chain

    @property
    def unfinal_blocks(self) -> int:
        """How many blocks a reorganisation can drop."""
        return int(self.chain.latest.number - self.chain._finalized_number)

    @precondition(lambda self: len(self.accepted) < MAX_DIGESTS)
    @rule(bound=st.booleans())
    def submit(self, bound: bool) -> None:  # noqa: FBT001 - drawn
        """Submit a digest and let its batch fall due."""
        self.accepted += self.run(self.service.submit(self.issuer, len(self.accepted), allocate=bound))
        self.service.clock.advance(60)

    @precondition(lambda self: any(item.status for item in self.accepted))
    @rule(data=st.data())
    def revoke(self, data: Any) -> None:
        """Revoke a credential, so that a list has a new version."""
        entries: list[StatusEntry] = [item.status for item in self.accepted if item.status]
        change = StatusChange(data.draw(st.sampled_from(entries)), Purpose.REVOCATION, value=1, reason="left")
        self.run(self.service.services.intake.change_status(self.issuer, [change]))
        self.service.clock.advance(30)

    @rule()
    def turn(self) -> None:
        """Let sealer and anchorer do what there is to do; without its succession on chain an account sends nothing."""
        sent = len(self.chain.broadcasts)
        try:
            self.run(self.service.turn())
        except (ChainUnavailable, FatalError):
            # Fatal once the succession is final; the next start is refused until somebody brings the new key.
            assert not self._is_our_turn()
            assert len(self.chain.broadcasts) == sent
        else:
            assert self._is_our_turn()
        self._note_roots()

    @precondition(lambda self: self.unfinal_blocks < MAX_UNFINAL_BLOCKS)
    @rule(take_pool=st.booleans())
    def mine(self, take_pool: bool) -> None:  # noqa: FBT001 - drawn
        """Mine a block, with or without what waits."""
        self.service.clock.advance(12)
        self.chain.mine(take_pool=take_pool)

    @precondition(lambda self: len(self.accepted) < MAX_DIGESTS and self.unfinal_blocks < MAX_UNFINAL_BLOCKS)
    @rule(count=st.integers(1, 3))
    def anchor(self, count: int) -> None:
        """Take digests to mined batches, one after the other, on an endpoint and a chain that behave."""
        for _ in range(count):
            self.submit(bound=True)
            self.turn()
            self.mine(take_pool=True)
            self.turn()

    @precondition(lambda self: self.unfinal_blocks > 0)
    @rule(data=st.data(), back_to_pool=st.booleans(), stranger=st.sampled_from(["", "call", "anchor"]))
    def reorganise(self, data: Any, back_to_pool: bool, stranger: str) -> None:  # noqa: FBT001 - drawn
        """Drop blocks that are not final; another holder of the key may be quicker than we are afterwards."""
        depth = data.draw(st.integers(1, self.unfinal_blocks))
        self.chain.reorganise(depth, back_to_pool=back_to_pool)
        if not stranger or self.strangers == MAX_STRANGERS:
            return
        self.strangers += 1
        publisher = self.service.publisher
        foreign = (self.chain.next_sequence(publisher), digest(10_000 + self.strangers), 1)
        self.chain.send_foreign(publisher, anchor=foreign if stranger == "anchor" else None)
        self.chain.mine()

    @precondition(lambda self: self.chain.broadcasts)
    @rule(data=st.data())
    def old_bytes_come_back(self, data: Any) -> None:
        """Let a pool have any bytes that were ever broadcast, in place of what it has."""
        transaction, _ = decode(data.draw(st.sampled_from(sorted(set(self.chain.broadcasts)))))
        self.chain.pool[transaction.sender, transaction.nonce] = transaction

    @rule()
    def drop_pool(self) -> None:
        """Let the pool forget what waits."""
        self.chain.drop_pool()

    @rule()
    def finalize(self) -> None:
        """Make every block so far final."""
        self.chain.finalize()

    @rule()
    def restart(self) -> None:
        """End the process and start it again, as a person would who knows of the stranger and has the right key."""
        self.run(self._restart())

    @precondition(
        lambda self: len(self.signers) <= MAX_ROTATIONS and self.unfinal_blocks < MAX_UNFINAL_BLOCKS - 1
    )
    @rule(stopped=st.booleans())
    def rotate(self, stopped: bool) -> None:  # noqa: FBT001 - drawn
        """Let a new account succeed the publisher, with whatever is under way; the service may still run."""
        publisher = self._last_of_line()
        if not self.chain.anchored_roots(publisher):
            return
        successor = LocalSigner(private_key=digest(20_000 + len(self.signers)))
        self.signers.append(successor)
        self.chain.hand_over(publisher, successor.address)
        self.chain.mine()
        if stopped:
            self.restart()

    async def _restart(self) -> None:
        await self.service.store.close()
        last = self._last_of_line()
        self.service.signer = next(signer for signer in self.signers if signer.address == last)
        await self.service.start(accepts_strangers=True)

    def _last_of_line(self) -> str:
        return str(self.chain.last_of_line(self.signers[0].address))

    def _is_our_turn(self) -> bool:
        return self._last_of_line() == self.service.publisher

    @invariant()
    def no_batch_is_anchored_twice(self) -> None:
        """However often a batch is sealed, one of its roots at most is on chain."""
        on_chain = set(self.chain.roots_of_line(self._last_of_line()).values())
        for roots in self.roots.values():
            assert len(roots & on_chain) <= 1

    def _note_roots(self) -> None:
        for batch in self.run(self.service.store.unfinished_batches()):
            assert batch.root is not None
            self.roots.setdefault(batch.id, set()).add(batch.root)

    def teardown(self) -> None:
        """When the chain goes its ordinary way again, every digest is final, in one batch, and every list has risen."""
        try:
            if hasattr(self, "issuer"):
                self.run(self._to_the_end())
        finally:
            self.run(self.service.store.close())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            self.resources.close()

    async def _to_the_end(self) -> None:
        service, chain = self.service, self.chain
        service.clock.advance(60)
        await self._restart()
        for _ in range(60):
            await service.turn()
            states = {await service.state(item.batch) for item in self.accepted}
            if states <= {BatchState.FINAL}:
                break
            service.clock.advance(12)
            chain.mine()
            chain.finalize()
        assert states <= {BatchState.FINAL}
        await self._check_end()

    async def _check_end(self) -> None:
        """Check headers against the chain, and each digest in exactly one batch."""
        service = self.service
        await check_versions_rise(service)
        roots = service.chain.roots_of_line(service.publisher)
        for item in self.accepted:
            batch = await service.batch(item.batch)
            assert [sequence for sequence, root in roots.items() if root == batch.root] == [batch.sequence]
            await service.services.publications.batch(batch.sequence or 0)
        if not self.strangers:
            await check_everything(service, self.issuer, *self.accepted)


TestLifeOfAService = LifeOfAService.TestCase
TestLifeOfAService.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    # Making a failure smaller would take minutes; the steps that led to it are told anyway.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
