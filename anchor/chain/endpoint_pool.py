"""
Several RPC endpoints of one chain: asked, timed, put out when they fail, and compared before they are taken in again.

What an answer is worth is decided elsewhere (anchor.chain.agreement); here is only who may be asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import structlog

from anchor.chain.endpoint_health import EndpointHealth, FailoverPolicy, Fault
from anchor.chain.failures import EndpointRefusal
from anchor.chain.protocol import Block, Chain, ChainIdentity
from anchor.errors import ChainUnavailable, ConfigError

log = structlog.get_logger()

T = TypeVar("T")
Question = Callable[[Chain], Awaitable[T]]

_REMEMBERED_BLOCKS = 64


class EndpointChain(Chain, Protocol):
    """A Chain as one endpoint tells it."""

    @property
    def origin(self) -> str:
        """The endpoint's scheme, host and port: all that may be shown of its URL."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One endpoint: what may be shown of its URL, the chain behind it, and its health."""

    origin: str
    chain: Chain = field(repr=False)
    health: EndpointHealth = field(repr=False)


@dataclass(frozen=True, slots=True)
class Round(Generic[T]):
    """What several endpoints answered to one question; those that did not in time are `late`."""

    answers: list[tuple[Member, T]]
    failures: list[ChainUnavailable]
    late: list[Member]


class EndpointPool:
    """
    The endpoints, in the operator's order of preference; `quorum` of them must agree on an answer.

    That each answers, or fails, within a bounded time is the endpoints' own affair (anchor.chain.transport).
    """

    def __init__(self, *, members: Sequence[Member], quorum: int, policy: FailoverPolicy) -> None:
        self.members = tuple(members)
        self.quorum = quorum
        self._policy = policy
        self._identity: ChainIdentity | None = None
        self._probes: dict[Member, asyncio.Task[None]] = {}
        self._knowing: dict[bytes, set[Member]] = {}
        self._look: bytes | None = None

    async def usable(self) -> list[Member]:
        """
        Return the endpoints that may be read from, the healthiest first.

        Those that were out for long enough are probed beside; that is waited for only where too few are left without
        them. Raises ChainUnavailable, naming each endpoint's fault, where fewer than `quorum` remain.
        """
        return await self._enough(lambda: [member for member in self.members if member.health.is_usable])

    async def connected(self) -> list[Member]:
        """Return the endpoints that may be asked for their newest block; raises as `usable` does."""
        return await self._enough(lambda: [member for member in self.members if member.health.is_connected])

    def ranked(self, members: Iterable[Member], at: bytes | None = None) -> list[Member]:
        """Order endpoints: those that know the block (by default that of the present look), then the healthiest."""
        named = at or self._look
        knowing = self._knowing.get(named, set()) if named else set()
        return sorted(
            members,
            key=lambda member: (member not in knowing, member.health.level, self.members.index(member)),
        )

    def remember(self, block_hash: bytes, members: Collection[Member]) -> None:
        """Note who knows a block: reads of its state go to them first."""
        self._knowing.setdefault(block_hash, set()).update(members)
        while len(self._knowing) > _REMEMBERED_BLOCKS:
            del self._knowing[next(iter(self._knowing))]

    def begin_look(self, block_hash: bytes) -> None:
        """Note the newest block that was given out: what follows is preferably asked of those who know it."""
        self._look = block_hash

    def compare_heads(self) -> None:
        """Find those that are behind the others, by the newest blocks that were told last."""
        heads = sorted(
            (member.health.head for member in self.members if member.health.is_connected), reverse=True
        )
        if not heads:
            return
        # As many as must agree have this block or a later one. Of three or more, one alone cannot leave the others
        # behind by naming a block that does not exist.
        vouching = max(self.quorum, 2 if len(heads) > 2 else 1)
        for member in self.members:
            member.health.compare_head(heads[min(vouching, len(heads)) - 1])

    async def ask(self, member: Member, question: Question[T]) -> T:
        """
        Ask one endpoint; ChainUnavailable where it gives no usable answer, which puts it out.

        A refusal does not: an endpoint may well not know the block that is named.
        """
        try:
            answer = await question(member.chain)
        except EndpointRefusal:
            raise
        except ChainUnavailable as exc:
            self.put_out(member, Fault.FAILED, str(exc))
            raise
        member.health.answered()
        return answer

    async def ask_each(
        self,
        members: Iterable[Member],
        question: Question[T],
        *,
        suffices: Callable[[list[T]], bool] = lambda _: False,
    ) -> Round[T]:
        """Ask endpoints at once; when the answers suffice, the others have the policy's patience left."""
        asked: dict[asyncio.Task[T], Member] = {
            asyncio.create_task(self.ask(member, question)): member for member in members
        }
        found: Round[T] = Round(answers=[], failures=[], late=[])
        waiting: set[asyncio.Task[T]] = set(asked)
        try:
            async with asyncio.timeout(None) as patience:
                while waiting:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        _note(found, asked[task], task)
                    if patience.when() is None and suffices([answer for _, answer in found.answers]):
                        patience.reschedule(asyncio.get_running_loop().time() + self._policy.patience_s)
        except TimeoutError:
            found.late.extend(asked[task] for task in waiting)
        finally:
            await _cancelled(waiting)
        return found

    def put_out(self, member: Member, fault: Fault, reason: str) -> None:
        """Pass an endpoint over until it has been out for long enough and passes a probe."""
        is_news = member.health.fault is not fault
        member.health.failed(fault)
        if is_news:
            log.warning("chain.endpoint_out", endpoint=member.origin, fault=fault.value, reason=reason)

    async def compare_identities(self) -> ChainIdentity:
        """
        Ask all endpoints, also those that are out, which chain they speak for.

        Raises ConfigError, with each endpoint's origin, where they differ; ChainUnavailable where fewer than `quorum`
        answer.
        """
        found = await self.ask_each(self.members, lambda chain: chain.identity())
        told = dict(found.answers)
        if len(set(told.values())) > 1:
            raise ConfigError(f"the RPC endpoints speak for different chains: {_chains(told)}; correct them")
        if len(told) < self.quorum:
            raise self.too_few()
        self._identity = next(iter(told.values()))
        for member in told:
            if not member.health.is_connected:
                member.health.passed_probe()
        return self._identity

    def problems(self) -> list[str]:
        """Return a line for each endpoint that is passed over, by its origin and in fixed words."""
        return [
            f"{member.origin} {member.health.fault.value}"
            for member in self.members
            if member.health.fault is not None
        ]

    def too_few(self) -> ChainUnavailable:
        """Return the error that names each endpoint's fault."""
        count = sum(member.health.is_usable for member in self.members)
        return ChainUnavailable(
            f"{count} of {len(self.members)} RPC endpoints can be used and {self.quorum} must agree: "
            + "; ".join(self.problems())
        )

    async def close(self) -> None:
        """Stop probing and close all connections."""
        await _cancelled(self._probes.values())
        self._probes.clear()
        for member in self.members:
            await member.chain.close()

    async def _enough(self, select: Callable[[], list[Member]]) -> list[Member]:
        self._start_probes()
        while len(select()) < self.quorum and self._probes:
            await asyncio.wait(self._probes.values(), return_when=asyncio.FIRST_COMPLETED)
            self._collect_probes()
        found = select()
        if len(found) < self.quorum:
            raise self.too_few()
        return self.ranked(found)

    def _start_probes(self) -> None:
        self._collect_probes()
        for member in self.members:
            if member.health.is_due and member not in self._probes:
                self._probes[member] = asyncio.create_task(
                    self._probe(member), name=f"probe of {member.origin}"
                )

    def _collect_probes(self) -> None:
        for member, task in tuple(self._probes.items()):
            if task.done():
                del self._probes[member]
                # Raises what a probe was not meant to raise.
                task.result()

    async def _probe(self, member: Member) -> None:
        """Take an endpoint in again if it answers, and for the same chain as the others."""
        try:
            identity = await member.chain.identity()
            latest = await latest_of(member.chain)
        except ChainUnavailable as exc:
            self.put_out(member, Fault.FAILED, str(exc))
            return
        if self._identity is None:
            self._identity = identity
        if identity != self._identity:
            self.put_out(member, Fault.OTHER_CHAIN, _chains({member: identity}))
            return
        member.health.passed_probe()
        member.health.saw_head(latest.number)
        self.compare_heads()
        log.info("chain.endpoint_in", endpoint=member.origin)


async def latest_of(chain: Chain) -> Block:
    """Return an endpoint's newest block; ChainUnavailable also where it refuses to name one."""
    try:
        latest = await chain.block("latest")
    except EndpointRefusal as exc:
        raise ChainUnavailable(str(exc)) from exc
    if latest is None:
        raise ChainUnavailable("an RPC endpoint does not know its latest block")
    return latest


def _note(found: Round[T], member: Member, task: asyncio.Task[T]) -> None:
    try:
        found.answers.append((member, task.result()))
    except ChainUnavailable as exc:
        found.failures.append(exc)


async def _cancelled(tasks: Iterable[asyncio.Task[T]]) -> None:
    stopped = list(tasks)
    for task in stopped:
        task.cancel()
    await asyncio.gather(*stopped, return_exceptions=True)


def _chains(told: dict[Member, ChainIdentity]) -> str:
    return ", ".join(
        f"{member.origin} for chain {identity.chain_id} with genesis 0x{identity.genesis_hash.hex()[:16]}…"
        for member, identity in told.items()
    )
