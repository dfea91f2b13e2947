"""
One run of everything that the service stores, to be injured at one system call after the other.

Sealer, anchorer, intake and list publisher are the real ones, on the real store; the chain is in memory. What a client
would have been told, and what happened on chain, goes to standard output line by line, unbuffered: from there the
tracing test knows what was acknowledged, and makes the same chain again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import Overloaded
from anchor.store.records import Issuer, StatusChange
from tests.support.assembly import Running, digest, make_settings, new_chain
from tests.support.fake_sending_chain import BLOCK_TIME_S, SendingChain

RAW = 4
MAX_ATTEMPTS = 3
FIRST, LAST = 0, 100
"""Numbers of digests: the first run submits from FIRST on, the next one from LAST on."""


def first_start(arguments: list[str]) -> None:
    """Start on an empty folder, add an issuer, and take digests to final."""
    asyncio.run(_first_start(Path(arguments[0])))


def later_work(arguments: list[str]) -> None:
    """Start on what `first_start` left, with the chain that its lines tell of, and take more digests to final."""
    asyncio.run(_later_work(Path(arguments[0]), Path(arguments[1]).read_text("utf-8").splitlines()))


def replayed(lines: Iterable[str]) -> SendingChain:
    """Return the chain that these lines tell of."""
    chain = new_chain()
    for line in lines:
        match line.split():
            case ["advance", seconds]:
                chain.clock.advance(float(seconds))
            case ["broadcast", raw]:
                chain._take(bytes.fromhex(raw))
            case ["block"]:
                chain.mine()
    return chain


def tell(*words: object) -> None:
    """Write a line to standard output, in one system call."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def _first_start(folder: Path) -> None:
    service = Running(settings=make_settings(folder), chain=new_chain())
    await service.start()
    issuer = await service.add_issuer()
    tell("issuer", issuer.number)
    await _run(service, issuer, FIRST)


async def _later_work(folder: Path, history: list[str]) -> None:
    service = Running(settings=make_settings(folder), chain=replayed(history))
    await service.start()
    (issuer,) = await service.store.issuers()
    await _run(service, issuer, LAST)


async def _run(service: Running, issuer: Issuer, number: int) -> None:
    """Submit, change status, seal, send and mine, to final; then close the files."""
    chain = service.chain

    async def tell_broadcast(raw: bytes) -> None:
        tell("broadcast", raw.hex())

    chain.after_broadcast = tell_broadcast
    await _persistently(lambda: _submit(service, issuer, number))
    await _persistently(lambda: _submit_packed(service, issuer, number + 10))
    await _persistently(lambda: _revoke(service, issuer))
    _advance(service, service.settings.batching.max_age_s)
    await _persistently(service.turn)
    for _ in range(4):
        _advance(service, BLOCK_TIME_S)
        chain.mine()
        tell("block")
        await _persistently(service.turn)
    tell("done")
    await service.store.close()


async def _persistently(work: Callable[[], Awaitable[None]]) -> None:
    """Do something, and again where the disk is full: neither a client nor a task gives up at the first 503."""
    for _ in range(MAX_ATTEMPTS):
        try:
            return await work()
        except Overloaded:
            tell("refused")
    raise AssertionError("the disk is full for ever")


def _advance(service: Running, seconds: float) -> None:
    service.clock.advance(seconds)
    tell("advance", seconds)


async def _submit(service: Running, issuer: Issuer, number: int) -> None:
    for item in await service.submit(issuer, number, number + 1, allocate=True):
        assert item.status is not None
        tell("bound", item.digest.hex(), item.status.list_number, item.status.index)


async def _submit_packed(service: Running, issuer: Issuer, number: int) -> None:
    digests = [digest(number + position) for position in range(3)]
    await service.services.intake.submit_packed(issuer, RAW, b"".join(digests))
    for item in digests:
        tell("packed", item.hex())


async def _revoke(service: Running, issuer: Issuer) -> None:
    (fresh,) = await service.services.intake.allocate(issuer, 1, idempotency_key=None)
    change = StatusChange(fresh, Purpose.REVOCATION, value=1, reason="under test")
    await service.services.intake.change_status(issuer, [change])
    tell("revoked", fresh.list_number, fresh.index)


def told_digests(lines: Iterable[str]) -> list[bytes]:
    """Return the digests that these lines acknowledge."""
    return [
        bytes.fromhex(words[1]) for line in lines if (words := line.split())[:1] in (["bound"], ["packed"])
    ]


def told_entries(lines: Iterable[str], kind: str) -> list[StatusEntry]:
    """Return the status entries of lines that begin with a word: `bound` or `revoked`."""
    return [
        StatusEntry(int(words[-2]), int(words[-1])) for line in lines if (words := line.split())[:1] == [kind]
    ]
