"""How many connections the process's file descriptors allow."""

from __future__ import annotations

import resource

import structlog

from anchor.errors import ConfigError

RESERVED_DESCRIPTORS = 128
"""For everything else: database and log files, RPC and webhook connections, the listening sockets, the libraries."""

LEAST_CONNECTIONS = 16
"""With fewer the service would refuse its own operator's checks."""

log = structlog.get_logger()


def descriptor_limit() -> int | None:
    """Return how many files and sockets the process may have open (RLIMIT_NOFILE); None where nothing limits it."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def connections_allowed(wanted: int, *, limit: int | None) -> int:
    """
    Return how many connections can be kept open: as many as wanted, or as the descriptors leave room for.

    A process out of descriptors cannot open its database files or reach the chain either: the cap must be met first.
    Raises ConfigError where there is room for next to none.
    """
    if limit is None or wanted <= limit - RESERVED_DESCRIPTORS:
        return wanted
    allowed = limit - RESERVED_DESCRIPTORS
    if allowed < LEAST_CONNECTIONS:
        raise ConfigError(
            f"{limit} open files are too few: raise the limit (ulimit -n) to "
            f"{RESERVED_DESCRIPTORS + LEAST_CONNECTIONS} at least, {RESERVED_DESCRIPTORS + wanted} for "
            f"limits.connections = {wanted}"
        )
    log.warning("server.connections_lowered", wanted=wanted, allowed=allowed, open_files_limit=limit)
    return allowed
