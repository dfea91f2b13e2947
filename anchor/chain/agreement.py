"""
When the answers of several RPC endpoints make one.

With a quorum of 1 the first usable answer counts, and the other endpoints only stand in for one that fails. With more,
nothing counts that fewer endpoints say: fewer liars than the quorum cannot make anything true, only unavailable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from anchor.chain.endpoint_health import Fault
from anchor.chain.endpoint_pool import EndpointPool, Member, Question, Round, latest_of
from anchor.chain.protocol import Block, Chain
from anchor.errors import ChainUnavailable

T = TypeVar("T")


async def agreed_state(pool: EndpointPool, question: Question[T], *, at: bytes) -> T:
    """
    Return what `quorum` endpoints say of the state at a block, named by its hash.

    Raises ChainUnavailable where they do not. At one block there is one truth: whoever says otherwise is put out.
    """
    count = _Count[T]()
    winner = await _vote(pool, question, pool.ranked(await pool.usable(), at), count)
    pool.remember(at, count.votes[winner])
    for member in count.against(winner):
        pool.put_out(member, Fault.CONTRADICTED, "it tells another state of the same block")
    return winner


async def agreed(pool: EndpointPool, question: Question[T], *, up_to_block: int = 0) -> T:
    """
    Return what `quorum` endpoints say; ChainUnavailable where they do not.

    Endpoints that have not reached `up_to_block` are asked last.
    """
    usable = pool.ranked(await pool.usable())
    usable.sort(key=lambda member: member.health.head < up_to_block)
    return await _vote(pool, question, usable, _Count())


async def agreed_or_unknown(pool: EndpointPool, question: Question[T | None]) -> T | None:
    """
    Return what `quorum` endpoints say; None counts only when all have been asked.

    For a block or a receipt, None may merely mean that an endpoint has not heard of it yet. Raises ChainUnavailable
    where there is no agreement.
    """
    count = _Count[T | None]()
    waiting = pool.ranked(await pool.usable())
    while waiting:
        known = {answer: members for answer, members in count.votes.items() if answer is not None}
        waiting = await _ask_some(pool, question, waiting, count, missing=pool.quorum - _most(known))
        for answer, members in count.votes.items():
            if answer is not None and len(members) >= pool.quorum:
                return answer
    if len(count.votes.get(None, ())) >= pool.quorum:
        return None
    raise count.disagreement(pool)


async def agreed_latest(pool: EndpointPool) -> Block:
    """
    Return the newest block that `quorum` endpoints know; of a quorum of 1, that of the healthiest.

    All endpoints are asked, so that one is found out that lags or whose head went backwards. Raises ChainUnavailable.
    """
    count = _Count[Block]()
    await _ask_all(pool, latest_of, await pool.connected(), count)
    for block, members in count.votes.items():
        for member in members:
            member.health.saw_head(block.number)
    pool.compare_heads()
    heads = {member: block for member, block in count.by_member().items() if member.health.is_usable}
    if len(heads) < pool.quorum:
        raise pool.too_few() if count.votes else count.disagreement(pool)
    latest = await _newest_confirmed(pool, heads)
    if latest is None:
        raise count.disagreement(pool)
    pool.begin_look(latest.hash)
    return latest


async def agreed_finalized(pool: EndpointPool) -> Block | None:
    """Return the newest block that `quorum` endpoints call final; None where as many know no such block."""
    if pool.quorum == 1:
        return await agreed_or_unknown(pool, _finalized)
    count = _Count[Block | None]()
    await _ask_all(pool, _finalized, await pool.usable(), count)
    heads = {member: block for member, block in count.by_member().items() if block is not None}
    confirmed = await _newest_confirmed(pool, heads)
    if confirmed is None and len(count.votes.get(None, ())) < pool.quorum:
        raise count.disagreement(pool)
    return confirmed


async def middle_amount(pool: EndpointPool, question: Question[int]) -> int:
    """
    Return an amount that endpoints may rightly differ in: of a quorum of 1 the healthiest's, else the median of all.

    Of an even number it is the lower one. With three or more answers one endpoint decides nothing. Where only two are
    left of a quorum of two the lower one counts: one endpoint can then make an amount too low, which delays, but never
    too high, which costs. Whoever needs the median asks `FailoverChain.identity` first: until then no more endpoints
    than the quorum may have been taken in. Raises ChainUnavailable where fewer than `quorum` answer.
    """
    if pool.quorum == 1:
        return await agreed(pool, question)
    count = _Count[int]()
    await _ask_all(pool, question, await pool.usable(), count)
    amounts = sorted(count.by_member().values())
    if len(amounts) < pool.quorum:
        raise count.disagreement(pool)
    return amounts[(len(amounts) - 1) // 2]


class _Count(Generic[T]):
    """Who gave which answer, and why others gave none."""

    def __init__(self) -> None:
        self.votes: dict[T, list[Member]] = {}
        self.failures: list[ChainUnavailable] = []

    def add(self, found: Round[T]) -> None:
        self.failures += found.failures
        for member, answer in found.answers:
            self.votes.setdefault(answer, []).append(member)

    def by_member(self) -> dict[Member, T]:
        return {member: answer for answer, members in self.votes.items() for member in members}

    def against(self, winner: T) -> list[Member]:
        return [member for member, answer in self.by_member().items() if answer != winner]

    def disagreement(self, pool: EndpointPool) -> ChainUnavailable:
        """Return why there is no answer, in the endpoint's own words where all of them failed."""
        if not self.votes and self.failures:
            return self.failures[-1]
        origins = ", ".join(member.origin for member in self.by_member())
        if len(self.votes) > 1:
            return ChainUnavailable(
                f"the RPC endpoints contradict each other: {pool.quorum} must agree of {origins}"
            )
        return ChainUnavailable(f"{pool.quorum} RPC endpoints must agree, and only these answered: {origins}")


async def _vote(pool: EndpointPool, question: Question[T], waiting: Sequence[Member], count: _Count[T]) -> T:
    """Ask as many as are missing to a quorum, and more of them while they disagree or fail."""
    while waiting:
        waiting = await _ask_some(pool, question, waiting, count, missing=pool.quorum - _most(count.votes))
        for answer, members in count.votes.items():
            if len(members) >= pool.quorum:
                return answer
    raise count.disagreement(pool)


async def _ask_some(
    pool: EndpointPool, question: Question[T], waiting: Sequence[Member], count: _Count[T], *, missing: int
) -> list[Member]:
    """Ask the first `missing` of those waiting, count their answers, and return the rest."""
    count.add(await pool.ask_each(waiting[:missing], question))
    return list(waiting[missing:])


async def _ask_all(
    pool: EndpointPool, question: Question[T], members: Sequence[Member], count: _Count[T]
) -> None:
    """Ask all; one that is much slower than a quorum of the others is put out."""
    found = await pool.ask_each(members, question, suffices=lambda answers: len(answers) >= pool.quorum)
    count.add(found)
    for member in found.late:
        pool.put_out(member, Fault.FAILED, "it is slower than the others")


async def _newest_confirmed(pool: EndpointPool, heads: Mapping[Member, Block]) -> Block | None:
    """Return the newest of these blocks that `quorum` of the endpoints know; None where there is none."""
    if pool.quorum == 1:
        healthiest = next(iter(pool.ranked(heads)), None)
        return None if healthiest is None else heads[healthiest]
    for block in sorted(set(heads.values()), key=lambda found: found.number, reverse=True):
        knowing = [member for member, own in heads.items() if own == block]
        beyond = [member for member, own in heads.items() if own.number > block.number]
        found = await pool.ask_each(beyond, _block_at(block.number))
        knowing += [member for member, own in found.answers if own == block]
        if len(knowing) >= pool.quorum:
            pool.remember(block.hash, knowing)
            return block
    return None


def _block_at(number: int) -> Question[Block | None]:
    return lambda chain: chain.block(number)


async def _finalized(chain: Chain) -> Block | None:
    return await chain.block("finalized")


def _most(votes: Mapping[T, Sequence[Member]]) -> int:
    return max(map(len, votes.values()), default=0)
