"""The cap of connections fits the file descriptors that the process may have."""

from __future__ import annotations

import resource

import pytest
from structlog.testing import capture_logs

from anchor.errors import ConfigError
from anchor.server.descriptors import (
    LEAST_CONNECTIONS,
    RESERVED_DESCRIPTORS,
    connections_allowed,
    descriptor_limit,
)


@pytest.mark.parametrize("limit", [None, 800 + RESERVED_DESCRIPTORS, 1024, 1_000_000])
def test_wanted_connections_are_allowed_where_there_is_room(limit: int | None) -> None:
    """Nothing is changed, and nothing said."""
    with capture_logs() as logs:
        assert connections_allowed(800, limit=limit) == 800

    assert logs == []


@pytest.mark.parametrize("limit", [799 + RESERVED_DESCRIPTORS, 256, RESERVED_DESCRIPTORS + LEAST_CONNECTIONS])
def test_cap_is_lowered_and_said(limit: int) -> None:
    """With fewer descriptors the cap is lower, so that the database's files can always be opened."""
    with capture_logs() as logs:
        assert connections_allowed(800, limit=limit) == limit - RESERVED_DESCRIPTORS

    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("server.connections_lowered", "warning")
    ]


@pytest.mark.parametrize("limit", [0, 64, RESERVED_DESCRIPTORS + LEAST_CONNECTIONS - 1])
def test_too_few_descriptors_are_refused(limit: int) -> None:
    """The message says what to raise, and to what."""
    with pytest.raises(ConfigError, match=f"ulimit -n.* to {RESERVED_DESCRIPTORS + LEAST_CONNECTIONS} "):
        connections_allowed(800, limit=limit)


def test_limit_is_the_process_own() -> None:
    """What is read is what the system says, and changes with it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 700), hard))
    try:
        assert descriptor_limit() == min(soft, 700)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
