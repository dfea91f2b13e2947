"""Fault 36: ten thousand sockets that say nothing, against the service as it is run, with the limits that it ships."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator

import pytest

from anchor.config import LimitSettings
from tests.support.running_service import RunningService

pytestmark = pytest.mark.anvil

SOCKETS = 10_000
OTHER_DESCRIPTORS = 500
ADDRESSES = 250
ASKED_EVERY = 500
MAX_GROWTH_MIB = 64
"""The connections that the cap allows at once, with their buffers, and room to spare."""


@pytest.fixture
def service(installed_service: RunningService) -> RunningService:
    """Return the service that the operator's own command starts: its process has limits of its own."""
    return installed_service


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Let this process have the descriptors that the flood needs; the limit of before comes back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = SOCKETS + OTHER_DESCRIPTORS
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), max(hard, needed)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("descriptors")
async def test_ten_thousand_idle_sockets_keep_no_issuer_out(service: RunningService) -> None:
    """They take the places of one another; digests are accepted throughout, and memory does not follow their number."""
    issuer = await service.add_issuer()
    before = service.memory_mib
    flood: list[socket.socket] = []
    accepted = []
    try:
        for number in range(SOCKETS):
            flood.append(_opened(service.port, f"127.0.1.{number % ADDRESSES + 1}"))
            if number % ASKED_EVERY == ASKED_EVERY - 1:
                status, receipt = await service.request(
                    "POST",
                    "/v1/digests",
                    headers=issuer.headers,
                    json={"digest": number.to_bytes(32, "big").hex(), "method": "raw"},
                )
                assert status == 201, receipt
                accepted.append(receipt["digest"])
        still_open = await _open_connections(service)
        grown = service.memory_mib - before
    finally:
        for each in flood:
            each.close()

    assert len(accepted) == SOCKETS // ASKED_EVERY
    assert still_open <= LimitSettings().connections
    assert grown < MAX_GROWTH_MIB
    for digest in accepted:
        await service.wait_for_state(issuer, digest, "mined")


def _opened(port: int, address: str) -> socket.socket:
    client = socket.socket()
    client.bind((address, 0))
    client.connect(("127.0.0.1", port))
    return client


async def _open_connections(service: RunningService) -> int:
    """Return how many connections the service counts, this question's included."""
    lines = await service.read_text("/metrics")
    (count,) = [line.split()[1] for line in lines.splitlines() if line.startswith("anchor_connections ")]
    return int(float(count))
