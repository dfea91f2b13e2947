"""All open connections: how many there may be, and which have run out of time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import prometheus_client
from prometheus_client import CollectorRegistry

from anchor.clock import Clock
from anchor.server.addresses import TrustedProxies, counted_as
from anchor.server.connection import Connection, Deadlines, Phase, Reason

SWEEP_S = 0.5
"""How often deadlines are looked at: their precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many connections there may be, in all and from one address; trusted proxies are held to the first only."""

    total: int
    per_address: int


class Connections:
    """
    Counts connections, makes room for new ones, and ends those that are overdue.

    When all places are taken, a new connection gets the place of the one that has waited longest for its client, first
    of those that never sent a request: holding connections open keeps nobody out.
    """

    def __init__(
        self,
        *,
        caps: Caps,
        deadlines: Deadlines,
        proxies: TrustedProxies,
        clock: Clock,
        metrics: CollectorRegistry,
    ) -> None:
        self._caps = caps
        self._deadlines = deadlines
        self._proxies = proxies
        self._clock = clock
        self._open: dict[asyncio.BaseTransport, Connection] = {}
        self._per_address: Counter[str] = Counter()
        gauge = prometheus_client.Gauge("anchor_connections", "Open connections", registry=metrics)
        gauge.set_function(lambda: len(self._open))
        self._ended = prometheus_client.Counter(
            "anchor_connections_ended", "Connections that the service ended", ["reason"], registry=metrics
        )

    def around(self, make_inner: Callable[[], asyncio.Protocol]) -> Connection:
        """Return the protocol of a new connection, around that of an HTTP server."""
        return Connection(make_inner=make_inner, table=self, deadlines=self._deadlines, clock=self._clock)

    def of(self, transport: asyncio.BaseTransport | None) -> Connection | None:
        """Return an open connection by its transport; None where it has ended, or is not one of these."""
        return self._open.get(transport) if transport else None

    def admit(self, connection: Connection, transport: asyncio.BaseTransport) -> bool:
        """Take a new connection in, in place of a waiting one if need be; False where it may not stay."""
        key = self._counted_as(connection)
        if key and self._per_address[key] >= self._caps.per_address:
            self.count(Reason.ADDRESS_FULL)
            return False
        if len(self._open) >= self._caps.total and not self._make_room():
            self.count(Reason.FULL)
            return False
        self._open[transport] = connection
        if key:
            self._per_address[key] += 1
        return True

    def forget(self, connection: Connection, transport: asyncio.BaseTransport) -> None:
        """Take note that a connection has ended; more than once does no harm."""
        if self._open.pop(transport, None) is None:
            return
        key = self._counted_as(connection)
        if key:
            self._per_address[key] -= 1
            if not self._per_address[key]:
                del self._per_address[key]

    def count(self, reason: Reason) -> None:
        """Count a connection that was ended, or not begun."""
        self._ended.labels(reason=reason.value).inc()

    def sweep(self) -> None:
        """End every connection that is overdue."""
        now_s = self._clock.monotonic_s()
        for connection in list(self._open.values()):
            reason = connection.overdue(now_s)
            if reason:
                connection.abort(reason)

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            self.sweep()
            await asyncio.sleep(SWEEP_S)

    def abort_all(self) -> None:
        """End what is still open when the server stops: clients that do not read would keep theirs for ever."""
        for connection in list(self._open.values()):
            connection.abort(Reason.STOPPED)

    def _make_room(self) -> bool:
        """End the connection that has waited longest for its client; False where handlers run on all of them."""
        waiting = [item for item in self._open.values() if item.phase is not Phase.REQUEST]
        if not waiting:
            return False
        min(waiting, key=lambda item: (item.requests > 0, item.since_s)).abort(Reason.EVICTED)
        return True

    def _counted_as(self, connection: Connection) -> str:
        """Return what a connection is counted under beside the total; empty for a trusted proxy's."""
        return "" if self._proxies.trusts(connection.peer) else counted_as(connection.peer)
