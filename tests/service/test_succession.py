"""A publisher's key is changed by succession: the service goes on with the new key, on the same database."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.chain.endpoint_health import FailoverPolicy
from anchor.chain.failover import FailoverChain
from anchor.chain.signer import LocalSigner
from anchor.core.lifecycle import BatchState
from anchor.errors import ChainUnavailable, ConfigError, FatalError
from anchor.store.records import Batch, Issuer
from tests.support.assembly import Running, digest, make_settings
from tests.support.fake_sending_chain import SendingChain, decode
from tests.support.lying_chain import HONEST, LyingChain
from tests.support.stored_first import check_everything

SUCCESSOR = LocalSigner(private_key=digest(71))
SECOND_SUCCESSOR = LocalSigner(private_key=digest(72))
STRANGER = LocalSigner(private_key=digest(73))


async def _mined(service: Running, issuer: Issuer, number: int) -> Batch:
    batch = await service.seal(issuer, number)
    await service.turn()
    await service.mine()
    return await service.batch(batch.id)


async def _rotated(service: Running, successor: LocalSigner = SUCCESSOR) -> None:
    """Stop the service, hand over on chain, start it with the new key."""
    await service.store.close()
    service.chain.hand_over(service.publisher, successor.address)
    service.chain.mine()
    service.signer = successor
    await service.start()


async def test_new_key_goes_on_at_the_next_sequence(service: Running, issuer: Issuer) -> None:
    """After two rotations the line is one: sequences, headers and lists go on, each batch knows its account."""
    line = [service.publisher]
    accepted = list(await service.submit(issuer, 1, allocate=True))
    await _mined(service, issuer, 2)
    for number, successor in ((3, SUCCESSOR), (4, SECOND_SUCCESSOR)):
        await _rotated(service, successor)
        line.append(service.publisher)
        accepted += await service.submit(issuer, number, allocate=True)
        await _mined(service, issuer, number + 10)
    await service.mine(4)

    await check_everything(service, issuer, *accepted)
    batches = [await service.store.batch_by_sequence(sequence) for sequence in (1, 2, 3)]
    assert [batch.publisher for batch in batches if batch] == line
    document = await service.services.publications.publisher()
    assert (document.publisher, *document.successors) == tuple(line)
    assert document.head_sequence == 3
    claims = [(await service.services.publications.batch(sequence)).claim for sequence in (1, 2, 3)]
    assert [claim.publisher for claim in claims] == line
    # Nonces are an account's own: the successors' first payloads have nonce 1, after their acceptance.
    payloads = [await service.store.payloads(batch.id) for batch in batches if batch]
    assert [(own.sender, own.nonce) for (own,) in payloads] == [(line[0], 0), (line[1], 1), (line[2], 1)]


@pytest.mark.parametrize("fate", ["mined before", "never mined"])
async def test_batch_sent_with_the_old_key_ends_in_one_anchor(
    service: Running, issuer: Issuer, fate: str
) -> None:
    """Its old anchor was mined before the succession, or can never be: the step function finds out which."""
    await _mined(service, issuer, 1)
    old = service.publisher
    (accepted,) = await service.submit(issuer, 2)
    service.clock.advance(60)
    await service.turn()
    assert await service.state(accepted.batch) is BatchState.SENT
    await service.store.close()
    if fate == "mined before":
        service.chain.mine()
    else:
        service.chain.drop_pool()
    service.chain.hand_over(old, SUCCESSOR.address)
    service.chain.mine()
    service.signer = SUCCESSOR
    await service.start()

    await service.mine(4)

    batch = await service.batch(accepted.batch)
    assert (batch.state, batch.sequence) == (BatchState.FINAL, 2)
    assert batch.publisher == (old if fate == "mined before" else SUCCESSOR.address)
    await check_everything(service, issuer, accepted)
    assert service.chain.failed_transactions() == 0


async def test_payload_of_the_old_key_replayed_anchors_nothing(service: Running, issuer: Issuer) -> None:
    """Whoever broadcasts the old bytes again pays for a transaction that reverts; the new key's anchor stands."""
    await _mined(service, issuer, 1)
    (accepted,) = await service.submit(issuer, 2)
    service.clock.advance(60)
    await service.turn()
    transaction, _ = decode(service.chain.broadcasts[-1])
    service.chain.drop_pool()
    # The old account uses the nonce of its payload for the appointment, so the bytes fit a pool no more.
    await _rotated(service)
    await service.turn()
    service.chain.pool[transaction.sender, transaction.nonce] = transaction
    await service.mine(4)
    # With a later nonce the same anchor is mined, and reverts.
    sequence, root, leaves = transaction.anchor or (0, b"", 0)
    service.chain.send_foreign(transaction.sender, anchor=(sequence, root, leaves))
    await service.mine(4)

    batch = await service.batch(accepted.batch)
    assert (batch.state, batch.publisher) == (BatchState.FINAL, SUCCESSOR.address)
    assert service.chain.failed_transactions() == 1
    assert 2 not in service.chain.anchored_roots(transaction.sender)


async def test_running_service_stops_when_its_key_is_succeeded(service: Running, issuer: Issuer) -> None:
    """It sends nothing from the first look on, takes digests until the succession is final, and ends then."""
    await _mined(service, issuer, 1)
    service.chain.finality_lag = None
    (accepted,) = await service.submit(issuer, 2)
    await service.seal(issuer, 3)
    service.chain.hand_over(service.publisher, SUCCESSOR.address)
    service.chain.mine(take_pool=True)
    sent = len(service.chain.broadcasts)

    with pytest.raises(ChainUnavailable, match=r"succeeded by .* not final yet: nothing is sent"):
        await service.turn()
    (later,) = await service.submit(issuer, 4)
    service.chain.finalize()
    with pytest.raises(FatalError, match=f"succeeded by {SUCCESSOR.address}: start again with"):
        await service.anchorer.step()
    assert len(service.chain.broadcasts) == sent

    await service.store.close()
    with pytest.raises(ConfigError, match=f"succeeded by {SUCCESSOR.address}: use that account's key"):
        await service.start()
    service.signer = SUCCESSOR
    await service.start()
    service.chain.finality_lag = 2
    await service.mine(6)
    service.clock.advance(60)
    await service.mine(6)

    assert {await service.state(item.batch) for item in (accepted, later)} == {BatchState.FINAL}
    await check_everything(service, issuer, accepted, later)


async def test_reorganisation_takes_the_succession_back(service: Running, issuer: Issuer) -> None:
    """The new key waits, and is no publisher of its own; the old one can go on; when it is made again, so can it."""
    await _mined(service, issuer, 1)
    old = service.signer
    service.chain.finalize()
    service.chain.finality_lag = None
    await service.store.close()
    service.chain.hand_over(service.publisher, SUCCESSOR.address)
    service.chain.mine()
    service.signer = SUCCESSOR
    await service.start()
    second = await _mined(service, issuer, 2)
    assert (second.state, second.publisher) == (BatchState.MINED, SUCCESSOR.address)

    # Acceptance and the new key's anchor go; the appointment stays.
    service.chain.reorganise(2, back_to_pool=False)
    service.chain.mine(take_pool=False)
    sent = len(service.chain.broadcasts)
    with pytest.raises(ChainUnavailable, match=r"does not show that .* run `anchor key rotate` again"):
        await service.turn()
    assert len(service.chain.broadcasts) == sent
    await service.store.close()
    with pytest.raises(ConfigError, match="took it back"):
        await service.start()
    service.signer = old
    await service.start()
    await service.mine(2)
    again = await service.batch(second.id)
    assert (again.state, again.sequence, again.publisher) == (BatchState.MINED, 2, old.address)

    await service.store.close()
    service.chain.send_foreign(SUCCESSOR.address, accepts=old.address)
    service.chain.mine()
    service.signer = SUCCESSOR
    await service.start()
    third = await _mined(service, issuer, 3)
    service.chain.finalize()
    await service.mine()

    assert await service.state(second.id) is BatchState.FINAL
    batch = await service.batch(third.id)
    assert (batch.state, batch.sequence, batch.publisher) == (BatchState.FINAL, 3, SUCCESSOR.address)
    assert batch.previous_root == again.root


async def test_accounts_that_are_not_the_publisher_are_refused(service: Running, issuer: Issuer) -> None:
    """A stranger's key, a key that is appointed and has not accepted, one that another publisher appointed."""
    await _mined(service, issuer, 1)
    await service.store.close()
    old = service.signer
    service.chain.send_foreign(old.address, appoints=SUCCESSOR.address)
    service.chain.send_foreign(STRANGER.address, anchor=(1, digest(666), 1))
    service.chain.mine()
    service.chain.send_foreign(STRANGER.address, appoints=SECOND_SUCCESSOR.address)
    service.chain.mine()
    service.chain.send_foreign(SECOND_SUCCESSOR.address, accepts=STRANGER.address)
    service.chain.mine()

    for signer, words in (
        (SUCCESSOR, "is appointed to succeed .* has not accepted: run `anchor key rotate`"),
        (LocalSigner(private_key=digest(74)), f"made with publisher {old.address}, not"),
        # Whoever else it succeeded: it has no part in this line.
        (SECOND_SUCCESSOR, f"made with publisher {old.address}, not"),
    ):
        service.signer = signer
        with pytest.raises(ConfigError, match=words):
            await service.start()

    service.signer = old
    await service.start()
    assert len((await service.store.anchorages())[0].publishers) == 1


async def test_services_on_the_old_and_the_new_key_anchor_each_sequence_once(
    service: Running, issuer: Issuer, tmp_path: Path
) -> None:
    """A copy of the database that still runs with the old key stops by itself; nothing it sends is ever mined."""
    await _mined(service, issuer, 1)
    await service.store.close()
    copy = Running(settings=make_settings(tmp_path / "copy"), chain=service.chain)
    copy.settings.data_dir.mkdir(parents=True)
    copy.settings.database.write_bytes(service.settings.database.read_bytes())
    await copy.start()
    # It asks this service's store, which is closed by now.
    service.chain.before_broadcast = None
    await copy.submit(issuer, 5)
    copy.clock.advance(60)
    await copy.turn()
    service.chain.drop_pool()
    service.chain.hand_over(service.publisher, SUCCESSOR.address)
    service.chain.mine()
    service.signer = SUCCESSOR
    await service.start()

    await _mined(service, issuer, 6)
    with pytest.raises((ChainUnavailable, FatalError), match="succeeded"):
        await copy.turn()
    await service.mine(4)
    await copy.store.close()

    assert sorted(service.chain.anchored_roots(SUCCESSOR.address)) == [1, 2]
    assert sorted(service.chain.anchored_roots(copy.publisher)) == [1]


async def test_old_backup_is_noticed_across_a_rotation(service: Running, issuer: Issuer) -> None:
    """The head that counts is the present account's: a database from before the rotation is an old one."""
    await _mined(service, issuer, 1)
    await service.store.close()
    backup = service.settings.database.read_bytes()
    await service.start()
    await _rotated(service)
    await _mined(service, issuer, 2)
    await service.store.close()
    newest = service.settings.database.read_bytes()
    service.settings.database.write_bytes(backup)

    with pytest.raises(FatalError, match=f"anchors of {SUCCESSOR.address} up to sequence 2, .* knows 1"):
        await service.start()

    service.settings.database.write_bytes(newest)
    await service.start()


async def test_endpoint_that_lies_of_a_successor_is_outvoted(service: Running, issuer: Issuer) -> None:
    """With a quorum, one endpoint cannot make a stranger's key the publisher's, nor take the publisher's turn."""
    await _mined(service, issuer, 1)
    await service.store.close()
    truth, old = service.chain, service.signer
    lie = {old.address: STRANGER.address}
    voted = FailoverChain(
        endpoints=[_Liar(truth, lie), _honest(truth, "two"), _honest(truth, "three")],
        quorum=2,
        policy=FailoverPolicy(),
    )
    service.chain = voted  # type: ignore[assignment]  # what the service asks of a chain, not what a test moves
    service.chain.clock = truth.clock
    service.signer = STRANGER
    with pytest.raises(ConfigError, match="made with publisher"):
        await service.start()
    service.signer = old
    await service.start()
    service.chain = truth


class _Liar(LyingChain):
    """Tells the truth of all but successors."""

    def __init__(self, truth: SendingChain, successors: dict[str, str]) -> None:
        super().__init__(origin="https://liar.example", truth=truth, manner=lambda: HONEST)
        self._successors = successors

    async def successor(self, publisher: str, at: bytes) -> str | None:
        """Return an account that nobody appointed."""
        return self._successors.get(publisher) or await super().successor(publisher, at)


def _honest(truth: SendingChain, name: str) -> LyingChain:
    return LyingChain(origin=f"https://{name}.example", truth=truth, manner=lambda: HONEST)
