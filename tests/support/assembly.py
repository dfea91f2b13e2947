"""The whole service as the application assembles it, on a real store, with a clock and a chain that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import cast

from anchor.api.keys import Services
from anchor.assembly import Edges, assemble
from anchor.chain.protocol import Signer
from anchor.chain.signer import LocalSigner
from anchor.config import (
    AnchoringSettings,
    BatchingSettings,
    ChainSettings,
    LimitSettings,
    ListSettings,
    PublisherSettings,
    Secret,
    ServerSettings,
    Settings,
)
from anchor.core.lifecycle import BatchState
from anchor.service.anchorer import Anchorer
from anchor.service.sealer import Sealer
from anchor.service.startup import check_chain
from anchor.service.webhook_delivery import WebhookDelivery
from anchor.store.records import Accepted, Batch, Issuer, SignerKind, Submission
from anchor.store.sqlite import SqliteStore
from tests.support.clock import FakeClock
from tests.support.fake_sending_chain import BLOCK_TIME_S, CHAIN_ID, CONTRACT, SendingChain
from tests.support.interposed import Hooks, Interposed

PATIENCE_S = 60.0
"""What never happens is given up after this time; no test passes or fails by how fast something is."""

BASE_URL = "https://anchor.example.org"
RPC_URL = "https://rpc.example.org/v2/secret-rpc-token"
PUBLISHER_KEY = sha256(b"a throw-away publisher key").digest()
BATCHING = BatchingSettings(max_entries=100, max_age_s=60.0, status_wait_s=30.0, heartbeat_s=86_400.0)


def make_settings(
    folder: Path,
    *,
    batching: BatchingSettings = BATCHING,
    limits: LimitSettings | None = None,
    confirmations: int = 0,
    max_fee_gwei: float = 200.0,
    poll_s: float = 0.01,
    anchoring: AnchoringSettings | None = None,
) -> Settings:
    """Return settings that fit the fake chain."""
    return Settings(
        data_dir=folder / "data",
        server=ServerSettings(base_url=BASE_URL),
        chain=ChainSettings(
            rpc_url=Secret(RPC_URL),
            contract=CONTRACT,
            chain_id=CHAIN_ID,
            confirmations=confirmations,
            poll_s=poll_s,
        ),
        publisher=PublisherSettings(max_fee_gwei=max_fee_gwei, replace_after_s=180.0),
        batching=batching,
        lists=ListSettings(),
        limits=limits or LimitSettings(),
        anchoring=anchoring or AnchoringSettings(),
        folder=folder,
    )


def new_chain(*, finality_lag: int | None = 2) -> SendingChain:
    """Return a chain with a clock of its own, which its service shares."""
    return SendingChain(clock=FakeClock(), finality_lag=finality_lag)


@dataclass(slots=True)
class Running:
    """
    A service whose steps a test takes; `restart` makes every object anew, on the same files and chain.

    `hooks` run before and after calls of the store's methods: what they raise is a crash at that very point.
    """

    settings: Settings
    chain: SendingChain
    signer: Signer = field(default_factory=lambda: LocalSigner(private_key=PUBLISHER_KEY))
    hooks: Hooks = field(default_factory=Hooks)
    store: SqliteStore = field(init=False)
    services: Services = field(init=False)
    sealer: Sealer = field(init=False)
    anchorer: Anchorer = field(init=False)
    deliveries: WebhookDelivery = field(init=False)

    @property
    def clock(self) -> FakeClock:
        """The one clock of service and chain."""
        return self.chain.clock

    @property
    def publisher(self) -> str:
        """The publisher's address."""
        return self.signer.address

    async def start(self, *, accepts_strangers: bool = False) -> None:
        """Open the store, check the chain, assemble: what `serve` does before it listens."""
        self.store = SqliteStore(self.settings.database, base_url=self.settings.server.base_url)
        self.store.open()
        try:
            latest = await check_chain(
                store=self.store,
                chain=self.chain,
                signer=self.signer,
                settings=self.settings,
                accepts_strangers=accepts_strangers,
            )
        except BaseException:
            await self.store.close()
            raise
        edges = Edges(
            store=cast("SqliteStore", Interposed(self.store, self.hooks)),
            chain=self.chain,
            signer=self.signer,
            clock=self.clock,
        )
        parts = assemble(self.settings, edges, latest=latest)
        self.services, self.sealer, self.anchorer = parts.services, parts.sealer, parts.anchorer
        self.deliveries = parts.deliveries
        await self.services.lists.publish_due()

    async def restart(self) -> None:
        """Stop, and start again on what is stored."""
        await self.store.close()
        await self.start()

    async def turn(self) -> None:
        """Let sealer and anchorer each do what there is to do now."""
        await self.sealer.step()
        await self.anchorer.step()

    async def mine(self, blocks: int = 1) -> None:
        """Mine blocks one by one, with the time that they take, and look at each."""
        for _ in range(blocks):
            self.clock.advance(BLOCK_TIME_S)
            self.chain.mine()
            await self.turn()

    async def add_issuer(self, name: str = "university") -> Issuer:
        """Add a managed issuer."""
        new = await self.services.issuers.add(identifier=None, name=name, kind=SignerKind.MANAGED, seed=None)
        return new.issuer

    async def submit(self, issuer: Issuer, *numbers: int, allocate: bool = False) -> Sequence[Accepted]:
        """Submit digests."""
        return await self.services.intake.submit(
            issuer,
            [Submission(method_code=4, digest=digest(number), allocate=allocate) for number in numbers],
        )

    async def seal(self, issuer: Issuer, *numbers: int) -> Batch:
        """Submit digests and wait until their batch is sealed, not yet sent."""
        (accepted, *_) = await self.submit(issuer, *numbers)
        self.clock.advance(self.settings.batching.max_age_s)
        await self.sealer.step()
        return await self.batch(accepted.batch)

    async def batch(self, number: int) -> Batch:
        """Return a batch that exists."""
        found = await self.store.batch(number)
        assert found is not None
        return found

    async def state(self, number: int) -> BatchState:
        """Return a batch's state."""
        return (await self.batch(number)).state


def digest(number: int) -> bytes:
    """Return a digest."""
    return sha256(b"credential %d" % number).digest()


@asynccontextmanager
async def running(settings: Settings, chain: SendingChain) -> AsyncIterator[Running]:
    """Run a service until the end of the block."""
    service = Running(settings=settings, chain=chain)
    await service.start()
    try:
        yield service
    finally:
        await service.store.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Let other tasks run until a condition holds; fail where it never does."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - the condition is asked of the store, which tells no events
            await asyncio.sleep(0.002)
