"""Anchoring with a remote signer: what it does not sign truthfully is neither stored nor sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from anchor.chain.remote_signer import RemoteSigner
from anchor.chain.signer import LocalSigner
from anchor.core.lifecycle import BatchState
from anchor.errors import ChainUnavailable
from tests.support.assembly import PUBLISHER_KEY, Running, make_settings, new_chain
from tests.support.signer_server import CLEF, WEB3SIGNER, SignerServer, running_signer
from tests.support.stored_first import check_everything, require_stored_before_broadcast


@pytest.fixture
async def signer_server() -> AsyncIterator[SignerServer]:
    """Run a remote signer that holds the publisher's key."""
    async with running_signer(SignerServer(key=PUBLISHER_KEY)) as server:
        yield server


@pytest.fixture
async def signed_elsewhere(tmp_path: Path, signer_server: SignerServer) -> AsyncIterator[Running]:
    """Run a service that has no key of its own."""
    address = LocalSigner(private_key=PUBLISHER_KEY).address
    signer = RemoteSigner(url=signer_server.url, address=address)
    service = Running(settings=make_settings(tmp_path), chain=new_chain(), signer=signer)
    service.chain.before_broadcast = require_stored_before_broadcast(service)
    await service.start()
    yield service
    await service.store.close()
    await signer.close()


@pytest.mark.parametrize("method", [WEB3SIGNER, CLEF])
async def test_batch_signed_elsewhere_becomes_final(
    signed_elsewhere: Running, signer_server: SignerServer, method: str
) -> None:
    """With a signer in another process a batch passes through the same states."""
    signer_server.method = method
    issuer = await signed_elsewhere.add_issuer()
    batch = await signed_elsewhere.seal(issuer, 1)
    await signed_elsewhere.turn()
    await signed_elsewhere.mine(4)

    assert await signed_elsewhere.state(batch.id) is BatchState.FINAL
    await check_everything(signed_elsewhere, issuer)


@pytest.mark.parametrize("name", ["refuses", "other nonce", "other key", "other root"])
async def test_batch_that_the_signer_does_not_sign_truthfully_waits_unsent(
    signed_elsewhere: Running, signer_server: SignerServer, name: str
) -> None:
    """Nothing is stored, nothing is sent, the reason is told, and an honest signature goes on from there."""
    issuer = await signed_elsewhere.add_issuer()
    batch = await signed_elsewhere.seal(issuer, 1)
    match name:
        case "refuses":
            signer_server.error = {"code": -32000, "message": "request denied"}
        case "other nonce":
            signer_server.change = lambda transaction: transaction | {"nonce": transaction["nonce"] + 1}
        case "other key":
            signer_server.key = bytes([9] * 32)
        case _:
            signer_server.change = lambda transaction: transaction | {"data": b"\x01" * 100}
    for _ in range(3):
        with pytest.raises(ChainUnavailable, match="the signer"):
            await signed_elsewhere.turn()
    payloads = await signed_elsewhere.store.payloads(batch.id)
    sent = list(signed_elsewhere.chain.broadcasts)
    state = await signed_elsewhere.state(batch.id)

    signer_server.error, signer_server.key = None, PUBLISHER_KEY
    signer_server.change = lambda transaction: transaction
    await signed_elsewhere.turn()
    await signed_elsewhere.mine(4)

    assert (list(payloads), sent, state) == ([], [], BatchState.SEALED)
    assert await signed_elsewhere.state(batch.id) is BatchState.FINAL
