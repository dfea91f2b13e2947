"""
One connection as the server sees it: everything goes on to aiohttp's protocol, and the time is kept.

aiohttp 3.14 has one timer for all that precedes a request, `keepalive_timeout`, none for a client that does not take
its answer, and no way to end such a connection: it calls `transport.close()`, which waits until all is sent. Hence this
protocol around aiohttp's own. It is told by a middleware when a request begins and ends, and needs nothing else of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol, cast

from anchor.clock import Clock

_HEAD_ENDS = (b"\r\n\r\n", b"\n\n")
_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class Phase(Enum):
    """What a connection is waiting for."""

    HEAD = "head"
    """For the rest of a request's head; so begins every connection."""
    REQUEST = "request"
    """For a handler, which has deadlines of its own where it reads a body."""
    LEFTOVER = "leftover"
    """For the rest of a body that no handler wanted: aiohttp throws it away, for so long."""
    IDLE = "idle"
    """For the next request, kept alive."""


class Reason(StrEnum):
    """Why a connection was ended, or not begun: a label of the metrics."""

    FULL = "full"
    ADDRESS_FULL = "address_full"
    EVICTED = "evicted"
    HEAD_DEADLINE = "head_deadline"
    HEAD_SIZE = "head_size"
    IDLE_DEADLINE = "idle_deadline"
    WRITE_DEADLINE = "write_deadline"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """
    How long a connection may take, in seconds, and how slowly it may read.

    A head is complete `head_s` after the connection, or after the first byte of a later request; a connection is idle
    for `idle_s` at most; of what waits to be sent, `write_s * min_bytes_per_s` bytes are taken in each `write_s`.
    """

    head_s: float
    idle_s: float
    write_s: float
    min_bytes_per_s: int
    max_head_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Pending:
    """How much waited to be sent, and since when the client has to take its share of it."""

    size_bytes: int
    since_s: float


class Table(Protocol):
    """Where connections are counted."""

    def admit(self, connection: Connection, transport: asyncio.BaseTransport) -> bool:
        """Return whether a new connection may stay; what may not has been counted."""
        ...

    def forget(self, connection: Connection, transport: asyncio.BaseTransport) -> None:
        """Take note that a connection has ended; more than once does no harm."""
        ...

    def count(self, reason: Reason) -> None:
        """Count a connection that was ended."""
        ...


class Connection(asyncio.Protocol):
    """A protocol around another, `make_inner()`, which is made only for a connection that may stay."""

    def __init__(
        self, *, make_inner: Callable[[], asyncio.Protocol], table: Table, deadlines: Deadlines, clock: Clock
    ) -> None:
        self._make_inner = make_inner
        self._table = table
        self._deadlines = deadlines
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._pending: _Pending | None = None
        self._head_bytes = 0
        self._head_tail = b""
        self._head_ended = False
        self._inner: asyncio.Protocol | None = None
        self.peer = ""
        self.phase = Phase.HEAD
        self.since_s = clock.monotonic_s()
        self.requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass the connection on, or end it where it is one too many."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = _address(transport.get_extra_info("peername"))
        if not self._table.admit(self, transport):
            self._transport.abort()
            return
        self._inner = self._make_inner()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; those of a head only as long as it has a sane size."""
        if self._inner is None or self._transport is None:
            return
        if self.phase is Phase.IDLE:
            self._enter(Phase.HEAD)
        if self.phase is Phase.HEAD and self._head_is_too_large(data):
            self._table.count(Reason.HEAD_SIZE)
            self._transport.write(_HEAD_TOO_LARGE)
            self._transport.close()
            return
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that the client sends no more."""
        return None if self._inner is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass on that too much waits to be sent."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that more can be sent, which shows that the client takes it."""
        self._pending = None
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on that the connection has ended."""
        if self._transport is not None:
            self._table.forget(self, self._transport)
        self._transport = None
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def request_began(self) -> None:
        """Take note that a request's head is complete and its handler begins."""
        self.requests += 1
        self._enter(Phase.REQUEST)

    def request_ended(self, *, is_body_complete: bool) -> None:
        """Take note that a handler has ended: what comes now is a new request, or the rest of this one's body."""
        self._enter(Phase.IDLE if is_body_complete else Phase.LEFTOVER)

    def overdue(self, now_s: float) -> Reason | None:
        """Return which deadline has passed; asked at intervals, it compares what is pending each time."""
        if self._transport is None:
            return None
        pending_bytes = self._transport.get_write_buffer_size()
        if pending_bytes:
            # It is the client that has to read, and it cannot be expected to ask for more meanwhile.
            self.since_s = now_s
            return Reason.WRITE_DEADLINE if self._takes_too_little(pending_bytes, now_s) else None
        self._pending = None
        waited_s = now_s - self.since_s
        if self.phase is Phase.HEAD and waited_s >= self._deadlines.head_s:
            return Reason.HEAD_DEADLINE
        if self.phase in (Phase.IDLE, Phase.LEFTOVER) and waited_s >= self._deadlines.idle_s:
            return Reason.IDLE_DEADLINE
        return None

    def abort(self, reason: Reason) -> None:
        """End the connection at once, whatever waits to be sent: nothing else ends one whose client does not read."""
        if self._transport is not None:
            self._table.count(reason)
            self._table.forget(self, self._transport)
            self._transport.abort()

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.since_s = self._clock.monotonic_s()
        self._head_bytes, self._head_tail, self._head_ended = 0, b"", False

    def _head_is_too_large(self, data: bytes) -> bool:
        """Return whether more has come than a head may have, without its end: aiohttp would take a megabyte."""
        if self._head_ended:
            return False
        # Empty lines before a request are skipped (RFC 9112, section 2.2): they do not end its head.
        window = self._head_tail + data if self._head_bytes else data.lstrip(b"\r\n")
        ends = [at for at in map(window.find, _HEAD_ENDS) if at >= 0]
        self._head_ended = bool(ends)
        self._head_bytes += (min(ends) if ends else len(window)) - len(self._head_tail)
        self._head_tail = window[-3:]
        return self._head_bytes > self._deadlines.max_head_bytes

    def _takes_too_little(self, pending_bytes: int, now_s: float) -> bool:
        share_bytes = round(self._deadlines.write_s * self._deadlines.min_bytes_per_s)
        before = self._pending
        if before is None or pending_bytes <= before.size_bytes - share_bytes:
            self._pending = _Pending(pending_bytes, now_s)
            return False
        return now_s - before.since_s >= self._deadlines.write_s


def _address(peername: object) -> str:
    """Return the address of a peer name, whose shape depends on the family; empty where there is none."""
    return str(peername[0]) if isinstance(peername, tuple) and peername else ""
