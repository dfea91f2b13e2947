"""A service starts only where chain, contract, key and database belong together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anchor.chain.protocol import BlockTag
from anchor.chain.signer import LocalSigner
from anchor.config import PublisherSettings, Secret, ServerSettings
from anchor.core.lifecycle import BatchState
from anchor.errors import AnchorError, ChainUnavailable, ConfigError, FatalError
from anchor.store.records import Issuer
from tests.support.assembly import Running, digest, make_settings, new_chain, running
from tests.support.fake_sending_chain import SendingChain
from tests.support.stored_first import check_everything


async def refused(service: Running, error: type[AnchorError], words: str) -> None:
    """Start a stopped service and see it refused."""
    with pytest.raises(error, match=words):
        await service.start()


async def test_start_twice_on_the_same_chain(tmp_path: Path) -> None:
    """What started once starts again."""
    service = Running(settings=make_settings(tmp_path), chain=new_chain())
    for _ in range(2):
        await service.start()
        await service.store.close()


async def test_endpoint_of_another_chain_refused(tmp_path: Path) -> None:
    """Fault 27: A chain id that is not the settings' is refused before anything is stored."""
    service = Running(settings=make_settings(tmp_path), chain=new_chain())
    service.chain.chain_id = 1

    await refused(service, ConfigError, "speaks for chain 1, the settings say 31337")


async def test_no_contract_refused(tmp_path: Path) -> None:
    """Fault 28: An address without code is named."""
    service = Running(settings=make_settings(tmp_path), chain=new_chain())
    service.chain.code_hash_value = None

    await refused(service, ConfigError, f"no contract at {service.settings.chain.contract}")


async def test_other_contract_refused(tmp_path: Path) -> None:
    """Code that is not this package's is refused."""
    service = Running(settings=make_settings(tmp_path), chain=new_chain())
    service.chain.code_hash_value = digest(1)

    await refused(service, ConfigError, "not this package's AnchorRegistry")


async def test_succeeded_publisher_refused(tmp_path: Path) -> None:
    """A publisher that handed over can anchor no more; the message names who can."""
    service = Running(settings=make_settings(tmp_path), chain=new_chain())
    service.chain.lies_of_successors[service.publisher] = "0x" + "12" * 20

    await refused(service, ConfigError, "succeeded by 0x1212")


@pytest.mark.parametrize(
    ("publisher", "told"),
    [
        (
            PublisherSettings(private_key=Secret("0x01"), keystore="new.json"),
            "over publisher.keystore.*unset it",
        ),
        (PublisherSettings(private_key=Secret("0x01")), "ANCHOR_PUBLISHER_PRIVATE_KEY in the environment"),
        (PublisherSettings(keystore="new.json"), "use that account's key$"),
        (
            PublisherSettings(private_key=Secret("0x01"), remote_signer_url=Secret("http://signer")),
            "use that account's key$",
        ),
    ],
)
async def test_succeeded_publisher_of_the_environment_is_told_where_its_key_came_from(
    tmp_path: Path, publisher: PublisherSettings, told: str
) -> None:
    """After a rotation the settings may name the new key, and a key that is left in the environment wins."""
    settings = replace(make_settings(tmp_path), publisher=publisher)
    service = Running(settings=settings, chain=new_chain())
    service.chain.lies_of_successors[service.publisher] = "0x" + "12" * 20

    await refused(service, ConfigError, told)


async def test_chain_does_not_answer_refused(tmp_path: Path) -> None:
    """Without the chain nothing can be compared: the start fails, and may be tried again."""
    service = Running(settings=make_settings(tmp_path), chain=new_chain())
    service.chain.failing = True
    await refused(service, ChainUnavailable, "does not answer")

    service.chain.failing = False
    await service.start()
    await service.store.close()


async def test_wiped_chain_refused(service: Running) -> None:
    """Fault 26: A database belongs to one genesis block."""
    await service.store.close()
    service.clock.advance(1)
    wiped = SendingChain(clock=service.clock)
    wiped._mined[0] = replace(wiped._mined[0], block=replace(wiped.latest, hash=digest(5)))
    service.chain = wiped

    await refused(service, ConfigError, "wiped or swapped")
    await _reopen_for_the_fixture(service)


@pytest.mark.parametrize("changed", ["publisher", "contract", "base_url"])
async def test_changed_fact_refused(service: Running, changed: str) -> None:
    """Publisher, contract and base URL are the database's for ever."""
    await service.store.close()
    settings, signer = service.settings, service.signer
    if changed == "publisher":
        service.signer = LocalSigner(private_key=digest(77))
    elif changed == "contract":
        pinned = replace(settings.chain, contract="0x" + "C0" * 19 + "c1")
        service.settings = replace(settings, chain=pinned)
    else:
        service.settings = replace(settings, server=ServerSettings(base_url="https://other.example.org"))

    # At the other contract's address there is no code here, which is refused even earlier.
    await refused(service, ConfigError, "no contract" if changed == "contract" else f"made with {changed}")

    service.settings, service.signer = settings, signer
    await _reopen_for_the_fixture(service)


async def test_old_backup_refused(service: Running, issuer: Issuer) -> None:
    """Fault 9: A database that knows fewer anchors than the chain is an old one: going on would fork history."""
    await service.store.close()
    database = service.settings.database
    backup = database.read_bytes()
    await service.start()
    await service.seal(issuer, 1)
    await service.turn()
    await service.mine()
    await service.store.close()
    current = database.read_bytes()
    database.write_bytes(backup)

    await refused(service, FatalError, "an old backup was put back, .* start with --accept-foreign-anchors")

    database.write_bytes(current)
    await service.start()
    assert len(service.chain.anchored_roots(service.publisher)) == 1


async def test_old_backup_is_refused_while_what_it_does_not_know_waits_in_the_pool(
    service: Running, issuer: Issuer
) -> None:
    """Fault 9: the chain shows nothing yet; once it is mined, digests of the backup would be anchored a second time."""
    chain, database = service.chain, service.settings.database
    (accepted,) = await service.submit(issuer, 1)
    await service.store.close()
    backup = database.read_bytes()
    await service.start()
    service.clock.advance(60)
    await service.turn()
    await service.store.close()
    newest = database.read_bytes()

    database.write_bytes(backup)
    await refused(service, FatalError, "nonce 0 waits in the pool, .* an old backup was put back")
    await service.start(accepts_strangers=True)
    await service.store.close()

    database.write_bytes(newest)
    await service.start()
    await service.mine(4)
    assert len(chain.anchored_roots(service.publisher)) == 1
    await check_everything(service, issuer, accepted)


async def test_pool_that_cannot_be_looked_into_hinders_no_start(service: Running, issuer: Issuer) -> None:
    """Endpoints differ in what they tell of a pool: the chain's own state is what a start needs."""
    await service.seal(issuer, 1)
    await service.turn()
    nonce = service.chain.nonce

    async def refuses_pending(address: str, at: BlockTag) -> int:
        if at == "pending":
            raise ChainUnavailable("the method is not supported")
        return await nonce(address, at)

    service.chain.nonce = refuses_pending  # type: ignore[method-assign]
    await service.restart()


async def test_old_backup_behind_an_endpoint_that_lags_stops_when_it_catches_up(
    service: Running, issuer: Issuer
) -> None:
    """Fault 9: what the endpoint did not show at the start is noticed later: no digest is anchored again."""
    chain, database = service.chain, service.settings.database
    (accepted,) = await service.submit(issuer, 1)
    await service.store.close()
    backup = database.read_bytes()
    await service.start()
    service.clock.advance(60)
    await service.turn()
    await service.mine(6)
    await service.store.close()
    newest = database.read_bytes()
    database.write_bytes(backup)
    whole = chain._mined
    chain._mined, chain._finalized_number = whole[:1], 0
    await service.start()
    await service.turn()
    assert await service.state(accepted.batch) is BatchState.SENT

    chain._mined = whole
    chain.drop_pool()
    with pytest.raises(FatalError, match="an old backup was put back"):
        await service.turn()
    await service.store.close()
    # The batch that was sealed on the endpoint's word is no excuse: the chain's anchor is older.
    await refused(service, FatalError, "start with --accept-foreign-anchors")

    database.write_bytes(newest)
    await service.start()
    await service.mine(4)
    assert len(chain.anchored_roots(service.publisher)) == 1
    await check_everything(service, issuer, accepted)


async def test_strangers_anchor_under_a_sealed_batchs_sequence_is_accepted_for_good(
    service: Running, issuer: Issuer
) -> None:
    """A stranger that was quicker than our own seal, unseen until the next start, is told from a backup by a person."""
    service.chain.send_foreign(service.publisher, anchor=(1, digest(666), 1))
    service.chain.mine()
    service.clock.advance(1)
    batch = await service.seal(issuer, 1)
    await service.store.close()
    await refused(service, FatalError, "start with --accept-foreign-anchors")

    await service.start(accepts_strangers=True)
    await service.restart()
    await service.mine(8)

    anchored = await service.batch(batch.id)
    assert (anchored.state, anchored.sequence, anchored.previous_root) == (BatchState.FINAL, 2, digest(666))


async def test_key_used_by_another_service_refused(tmp_path: Path) -> None:
    """Fault 8: A second service with the same key and an empty database does not start beside the first."""
    chain = new_chain()
    chain.send_foreign(LocalSigner(private_key=digest(1)).address)
    service = Running(settings=make_settings(tmp_path), chain=chain)
    chain.send_foreign(service.publisher, anchor=(1, digest(666), 1))
    chain.mine()

    await refused(service, FatalError, "the key is used elsewhere")


async def test_strangers_anchor_seen_while_running_is_no_obstacle(service: Running, issuer: Issuer) -> None:
    """What a stranger anchored before the eyes of the service is known to its database, whatever else is under way."""
    await service.seal(issuer, 1)
    await service.turn()
    await service.mine(4)
    service.chain.send_foreign(service.publisher, anchor=(2, digest(666), 1))
    await service.mine()
    (accepted,) = await service.submit(issuer, 2)

    await service.restart()
    service.clock.advance(60)
    await service.mine(8)

    batch = await service.batch(accepted.batch)
    assert (batch.state, batch.sequence, batch.previous_root) == (BatchState.FINAL, 3, digest(666))


@pytest.mark.parametrize("state", ["open", "closed", "sent"])
async def test_strangers_anchor_while_stopped_refused_unless_accepted(
    service: Running, issuer: Issuer, state: str
) -> None:
    """It looks like an old backup: only a person can say that it is none, once, and then all goes on."""
    first = await service.seal(issuer, 1)
    await service.turn()
    await service.mine(4)
    (accepted,) = await service.submit(issuer, 2)
    if state == "closed":
        await service.store.close_batch(now_s=1)
    if state == "sent":
        service.clock.advance(60)
        await service.turn()
        service.chain.send_foreign(service.publisher, anchor=(2, digest(666), 1))
        service.chain.mine()
    await service.store.close()
    service.chain.send_foreign(
        service.publisher, anchor=(service.chain.next_sequence(service.publisher), digest(667), 1)
    )
    service.chain.mine()
    await refused(service, FatalError, "--accept-foreign-anchors")

    await service.start(accepts_strangers=True)
    await service.restart()
    service.clock.advance(60)
    await service.mine(12)

    assert await service.state(first.id) is BatchState.FINAL
    assert await service.state(accepted.batch) is BatchState.FINAL
    await check_everything(service, issuer, accepted)


async def test_final_anchor_gone_refused(tmp_path: Path) -> None:
    """A chain that lost what was final is not gone on with: in the running service, nor at a start."""
    settings = make_settings(tmp_path, confirmations=2)
    async with running(settings, new_chain(finality_lag=None)) as service:
        batch = await service.seal(await service.add_issuer(), 1)
        await service.turn()
        await service.mine(4)
        assert await service.state(batch.id) is BatchState.FINAL
        service.chain.reorganise(4, back_to_pool=False)
        # A block below the anchor's says nothing: it may be an endpoint that lags.
        await service.turn()

        with pytest.raises(FatalError, match="no longer holds the anchor of batch 1, which was final"):
            await service.mine(4)

        await service.store.close()
        await refused(service, FatalError, "which was final")
        await _reopen_for_the_fixture(service)


async def test_sealed_and_mined_batches_are_no_obstacle(service: Running, issuer: Issuer) -> None:
    """A database that is ahead of the chain, or level with it, starts."""
    await service.seal(issuer, 1)
    await service.restart()
    await service.turn()
    await service.restart()
    await service.mine()
    await service.restart()

    assert len(service.chain.anchored_roots(service.publisher)) == 1


async def _reopen_for_the_fixture(service: Running) -> None:
    service.store = type(service.store)(service.settings.database, base_url=service.settings.server.base_url)
    service.store.open()
