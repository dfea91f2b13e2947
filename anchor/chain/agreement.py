"""
When the answers of several RPC endpoints make one.

With a quorum of 1 the first usable answer counts, and the other endpoints only stand in for one that fails. With more,
nothing counts that fewer endpoints say: fewer liars than the quorum cannot make anything true, only unavailable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from anchor.chain.endpoint_health import Fault
from anchor.chain.endpoint_pool import EndpointPool, Member, Question, Round, latest_of
from anchor.chain.protocol import Block
from anchor.errors import ChainUnavailable

T = TypeVar("T")

_Votes = dict[T, list[Member]]


async def agreed_state(pool: EndpointPool, question: Question[T], *, at: bytes) -> T:
    """
    Return what `quorum` endpoints say of the state at a block, named by its hash.

    Raises ChainUnavailable where they do not. At one block there is one truth: whoever says otherwise is put out.
    """
    votes: _Votes[T] = {}
    winner = await _vote(pool, question, pool.ranked(await pool.usable(), at), votes)
    for answer, members in votes.items():
        if answer == winner:
            pool.remember(at, members)
            continue
        for member in members:
            pool.put_out(member, Fault.CONTRADICTED, "it tells another state of the same block")
    return winner


async def agreed(pool: EndpointPool, question: Question[T], *, up_to_block: int = 0) -> T:
    """
    Return what `quorum` endpoints say; ChainUnavailable where they do not.

    Endpoints that have not reached `up_to_block` are asked last.
    """
    usable = pool.ranked(await pool.usable())
    usable.sort(key=lambda member: member.health.head < up_to_block)
    return await _vote(pool, question, usable, {})


async def agreed_or_unknown(pool: EndpointPool, question: Question[T | None]) -> T | None:
    """
    Return what `quorum` endpoints say; None counts only when all have been asked.

    For a block or a receipt, None may merely mean that an endpoint has not heard of it yet. Raises ChainUnavailable
    where there is no agreement.
    """
    votes: _Votes[T | None] = {}
    usable = pool.ranked(await pool.usable())
    failures: list[ChainUnavailable] = []
    while usable:
        count, most = len(votes.get(None, ())), _most(votes, but=None)
        usable, found = await _ask_some(pool, question, usable, pool.quorum - most)
        failures += found.failures
        _count(votes, found)
        for answer, members in votes.items():
            if answer is not None and len(members) >= pool.quorum:
                return answer
    count = len(votes.get(None, ()))
    if count >= pool.quorum and (pool.quorum > 1 or len(votes) == 1):
        return None
    raise _disagreement(pool, votes, failures)


async def agreed_latest(pool: EndpointPool) -> Block:
    """
    Return the newest block that `quorum` endpoints know; of a quorum of 1, that of the healthiest.

    All endpoints are asked, so that one is found out that lags or whose head went backwards. Raises ChainUnavailable.
    """
    found = await pool.ask_each(
        await pool.connected(), latest_of, suffices=lambda answers: len(answers) >= pool.quorum
    )
    for member in found.late:
        pool.put_out(member, Fault.FAILED, "it is slower than the others")
    for member, block in found.answers:
        member.health.saw_head(block.number)
    pool.compare_heads()
    heads = {member: block for member, block in found.answers if member.health.is_usable}
    latest = await _highest_confirmed(pool, heads)
    if latest is None:
        raise _disagreement(pool, {}, found.failures)
    pool.begin_look(latest.hash)
    return latest


async def agreed_finalized(pool: EndpointPool) -> Block | None:
    """Return the newest block that `quorum` endpoints call final; None where as many know no such block."""

    def finalized(chain: Chain) -> Awaitable[Block | None]:
        return chain.block("finalized")

    if pool.quorum == 1:
        return await agreed_or_unknown(pool, finalized)
    found = await pool.ask_each(
        await pool.usable(), finalized, suffices=lambda answers: len(answers) >= pool.quorum
    )
    heads = {member: block for member, block in found.answers if block is not None}
    confirmed = await _highest_confirmed(pool, heads)
    if confirmed is None and len(found.answers) - len(heads) < pool.quorum:
        raise _disagreement(pool, {}, found.failures)
    return confirmed


async def middle(pool: EndpointPool, question: Question[int]) -> int:
    """
    Return an amount that endpoints may rightly differ in: of a quorum of 1 the healthiest's, else the median of all.

    Of an even number it is the lower one. Raises ChainUnavailable where fewer than `quorum` answer.
    """
    if pool.quorum == 1:
        return await agreed(pool, question)
    found = await pool.ask_each(
        await pool.usable(), question, suffices=lambda answers: len(answers) >= pool.quorum
    )
    amounts = sorted(amount for _, amount in found.answers)
    if len(amounts) < pool.quorum:
        raise _disagreement(pool, {}, found.failures)
    return amounts[(len(amounts) - 1) // 2]
