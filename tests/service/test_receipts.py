"""Promises: signed by the service's own key, for what is durable, due when they can be kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from anchor.core.digest import Method
from anchor.core.entries import CredentialEntry, encode_credential, identifier_hash
from anchor.core.merkle import leaf_hash, root_of
from anchor.core.promise import SignedPromise
from anchor.documents import receipts_of
from anchor.errors import ConfigError, FatalError
from anchor.service.receipts import RECEIPT_KEY_FILE, open_receipt_key
from anchor.store.records import Accepted, Issuer
from status_lists.keys import check_signature
from tests.support.assembly import BASE_URL, Running, digest
from tests.support.fake_sending_chain import CHAIN_ID, CONTRACT

PROMISE_S = 86_400


async def promise_of(service: Running, issuer: Issuer, *numbers: int) -> tuple[SignedPromise, list[Accepted]]:
    """Submit digests and have their anchor promised."""
    accepted = list(await service.submit(issuer, *numbers))
    signed = await service.services.receipts.promise_items(issuer, accepted)
    assert signed is not None
    return signed, accepted


def is_good(signed: SignedPromise) -> bool:
    """Check a promise's signature under the key that it names."""
    check_signature(signed.signature, signed.promise.encode(), public_key=signed.public_key)
    return True


async def test_promise_says_what_for_whom_where_and_until_when(service: Running, issuer: Issuer) -> None:
    """Every fact that a verifier needs, under one good signature."""
    signed, accepted = await promise_of(service, issuer, 1, 2, 3)
    promise = signed.promise

    assert is_good(signed)
    assert (promise.chain_id, promise.contract, promise.publisher) == (
        CHAIN_ID,
        CONTRACT,
        service.publisher,
    )
    assert promise.genesis_hash == (await service.chain.identity()).genesis_hash
    assert (promise.base_url, promise.issuer, promise.entry_count) == (BASE_URL, issuer.identifier, 3)
    assert promise.accepted_s == service.clock.now_ms() // 1000
    assert promise.anchored_by_s == promise.accepted_s + PROMISE_S
    entries = [
        CredentialEntry(
            issuer_id=identifier_hash(issuer.identifier),
            method=Method.RAW,
            digest=item.digest,
            status=item.status,
        )
        for item in accepted
    ]
    assert [receipt.promised.index for receipt in receipts_of(signed, entries)] == [0, 1, 2]


async def test_promised_leaf_is_the_one_in_the_batch(service: Running, issuer: Issuer) -> None:
    """Bound or not, new, known or twice in one request: the promise is over the leaves that are anchored."""
    await service.submit(issuer, 1)
    accepted = [
        *await service.submit(issuer, 2, 2, 1),
        *await service.submit(issuer, 7, allocate=True),
    ]
    issuer_id = identifier_hash(issuer.identifier)

    for item in accepted:
        leaf = leaf_hash(encode_credential(issuer_id, item.method_code, item.digest, item.status))
        assert leaf == await service.store.nodes(item.batch, 0, item.leaf_index, 1)
    await service.services.receipts.promise_items(issuer, accepted)


async def test_packed_root_is_over_all_digests_in_order(service: Running, issuer: Issuer) -> None:
    """Known ones and repetitions have their place, though the batch has each but once."""
    await service.services.intake.submit_packed(issuer, 1, digest(5) + digest(6))
    body = [digest(number) for number in (1, 5, 2, 1, 6, 3)]

    packed = await service.services.intake.submit_packed(issuer, 1, b"".join(body))

    issuer_id = identifier_hash(issuer.identifier)
    leaves = [leaf_hash(encode_credential(issuer_id, 1, each, None)) for each in body]
    assert packed.root == root_of(b"".join(leaves))
    assert (packed.new, packed.known) == (3, 3)
    stored = await service.store.nodes((await service.store.backlog()).open_batch or 0, 0, 1, 10)
    assert {stored[at : at + 32] for at in range(0, len(stored), 32)} == set(leaves)
    assert len(stored) == 5 * 32


async def test_promise_runs_from_the_newest_block_where_the_clock_is_slow(
    service: Running, issuer: Issuer
) -> None:
    """A clock an hour behind the chain must not cost an hour of the time in which a promise can be kept."""
    service.chain.clock_offset_s = 3600
    await service.mine()

    signed, _ = await promise_of(service, issuer, 1)

    assert signed.promise.anchored_by_s == service.chain.latest.timestamp_s + PROMISE_S
    assert signed.promise.accepted_s == service.clock.now_ms() // 1000


async def test_promise_before_the_first_look_runs_from_the_block_that_the_start_saw(
    service: Running, issuer: Issuer
) -> None:
    """Fault 13: a clock that is days behind at the start must not make a promise that is broken when it is given."""
    days_s = 7 * 86_400
    service.chain.clock_offset_s = days_s
    block = service.chain.mine()
    await service.restart()

    signed, _ = await promise_of(service, issuer, 1)

    assert signed.promise.anchored_by_s == block.timestamp_s + PROMISE_S


async def test_key_is_stored_before_it_signs(service: Running, issuer: Issuer) -> None:
    """A receipt whose public key no database knows could never be checked again."""

    async def fail() -> None:
        raise FatalError("the disk is gone")

    accepted = await service.submit(issuer, 1)
    service.hooks.before["add_receipt_key"] = fail
    with pytest.raises(FatalError):
        await service.services.receipts.promise_items(issuer, accepted)
    signed = await service.services.receipts.promise_items(issuer, accepted)

    assert signed is not None
    assert await service.store.receipt_keys() == [signed.public_key]


async def test_key_is_kept_over_a_restart(service: Running, issuer: Issuer) -> None:
    """One key, in a file that is its owner's alone."""
    first, _ = await promise_of(service, issuer, 1)
    await service.restart()
    second, _ = await promise_of(service, issuer, 2)

    assert first.public_key == second.public_key
    path = service.settings.data_dir / RECEIPT_KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = await service.services.receipts.keys()
    assert (keys.current, keys.retired) == (first.public_key, ())


async def test_lost_key_is_replaced_and_its_public_half_is_kept(service: Running, issuer: Issuer) -> None:
    """Old receipts stay checkable; a key that is put back is the present one again."""
    path = service.settings.data_dir / RECEIPT_KEY_FILE
    first, _ = await promise_of(service, issuer, 1)
    kept = path.read_text("utf-8")
    path.unlink()
    await service.restart()
    second, _ = await promise_of(service, issuer, 2)

    assert second.public_key != first.public_key
    keys = await service.services.receipts.keys()
    assert (keys.current, keys.retired) == (second.public_key, (first.public_key,))
    assert is_good(first)

    path.write_text(kept, "utf-8")
    await service.restart()
    keys = await service.services.receipts.keys()
    assert (keys.current, keys.retired) == (first.public_key, (second.public_key,))


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """As with every secret of the service; the message names the file and nothing in it."""
    open_receipt_key(tmp_path)
    path = tmp_path / RECEIPT_KEY_FILE
    path.chmod(mode)

    with pytest.raises(ConfigError, match="can be read by others") as caught:
        open_receipt_key(tmp_path)
    assert path.read_text("utf-8").strip() not in str(caught.value)
