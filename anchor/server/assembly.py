"""Makes what this package offers from the settings."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from anchor.clock import Clock
from anchor.config import LimitSettings
from anchor.server.addresses import TrustedProxies
from anchor.server.admission import Admission
from anchor.server.connection import Deadlines
from anchor.server.connections import Caps, Connections
from anchor.server.descriptors import connections_allowed, descriptor_limit
from anchor.server.token_buckets import Rate


def make_admission(limits: LimitSettings, *, clock: Clock) -> Admission:
    """Return the limits of keys and addresses."""
    return Admission(
        keys=Rate(per_s=limits.key_requests_per_s, burst=limits.key_burst),
        failures=Rate(per_s=limits.failed_keys_per_minute / 60, burst=limits.failed_keys_per_minute),
        clock=clock,
    )


def make_connections(
    limits: LimitSettings, *, proxies: TrustedProxies, clock: Clock, metrics: CollectorRegistry
) -> Connections:
    """Return the table of connections; as many as the process may have open at most, ConfigError where that is none."""
    return Connections(
        caps=Caps(
            total=connections_allowed(limits.connections, limit=descriptor_limit()),
            per_address=limits.connections_per_address,
        ),
        deadlines=Deadlines(
            head_s=limits.head_timeout_s,
            idle_s=limits.idle_timeout_s,
            write_s=limits.write_timeout_s,
            min_bytes_per_s=limits.min_bytes_per_s,
        ),
        proxies=proxies,
        clock=clock,
        metrics=metrics,
    )
