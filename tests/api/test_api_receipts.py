"""Signed receipts over HTTP: one signature a request, over every digest of it, and the keys to check it by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anchor.client import receipts_of_packed
from anchor.core.digest import Method
from anchor.core.entries import CredentialEntry, StatusEntry, identifier_hash
from anchor.core.promise import SignedPromise
from anchor.documents import parse_receipt, parse_receipt_keys, read_promise, receipts_of
from anchor.errors import FatalError, InvalidInput, InvalidProof
from anchor.fields import Fields
from anchor.store.records import NewAnchorage
from status_lists.keys import check_signature
from status_lists.multibase import decode_digest
from tests.support.api_caller import PACKED, ApiCaller
from tests.support.assembly import BASE_URL, Running, digest

PROMISE_S = 86_400


def item(number: int, **members: object) -> dict[str, object]:
    """Return a submission."""
    return {"digest": digest(number).hex(), "method": "raw"} | members


def promise_in(answer: dict[str, Any]) -> SignedPromise:
    """Return the promise of an answer, its signature checked."""
    signed = read_promise(Fields(answer["promise"], "promise"))
    check_signature(signed.signature, signed.promise.encode(), public_key=signed.public_key)
    return signed


async def service_key(api: ApiCaller) -> bytes:
    """Return the key that the service says it signs receipts with."""
    return parse_receipt_keys((await api.get("/v1/receipt-keys")).body).current


async def test_one_digest_is_answered_with_a_whole_receipt(api: ApiCaller, key: str) -> None:
    """The document stands alone: what a holder saves as it is."""
    answer = await api.post("/v1/digests", item(1, status="allocate"), key=key)

    receipt = parse_receipt(json.dumps(answer.json["receipt"]).encode())

    signed, entry = receipt.signed, receipt.promised.entry
    check_signature(signed.signature, signed.promise.encode(), public_key=signed.public_key)
    assert signed.public_key == await service_key(api)
    assert (entry.digest, entry.method, entry.salted) == (digest(1), Method.RAW, False)
    status = answer.json["status"]
    assert entry.status == StatusEntry(status["list"], status["index"])
    assert (signed.promise.entry_count, signed.promise.base_url) == (1, BASE_URL)
    assert signed.promise.anchored_by_s - signed.promise.accepted_s == PROMISE_S


async def test_array_is_answered_with_one_promise_for_all(api: ApiCaller, key: str) -> None:
    """Known, repeated, salted and bound ones; whoever sent them can make the receipt of each."""
    await api.post("/v1/digests", item(2), key=key)
    sent = [item(1), item(2), item(1), item(3, salted=True), item(4, status="allocate")]

    answer = await api.post("/v1/digests", sent, key=key)

    signed = promise_in(answer.json)
    entries = [
        CredentialEntry(
            issuer_id=identifier_hash(signed.promise.issuer),
            method=Method.from_label(each["method"]),
            digest=decode_digest(each["digest"]),
            salted=each["salted"],
            status=StatusEntry(each["status"]["list"], each["status"]["index"]) if each["status"] else None,
        )
        for each in answer.json["items"]
    ]
    receipts = receipts_of(signed, entries)
    assert [receipt.promised.entry.digest for receipt in receipts] == [
        digest(number) for number in (1, 2, 1, 3, 4)
    ]
    assert all("receipt" not in each for each in answer.json["items"])
    with pytest.raises(InvalidProof):
        receipts_of(signed, entries[::-1])


async def test_packed_body_is_answered_with_one_promise(api: ApiCaller, key: str) -> None:
    """The sender, who has the digests, makes the receipt of any position."""
    body = b"".join(digest(number) for number in (1, 2, 3, 2))
    await api.post("/v1/digests?method=jcs", key=key, body=digest(3), kind=PACKED)
    answer = await api.post("/v1/digests?method=jcs&salted=false", key=key, body=body, kind=PACKED)
    signed = promise_in(answer.json)

    first, last = receipts_of_packed(signed, body, method=Method.JCS, positions=(0, 3))

    assert (answer.json["new"], answer.json["known"]) == (2, 2)
    assert (first.promised.entry.digest, last.promised.entry.digest) == (digest(1), digest(2))
    first.promised.check(signed.promise)
    last.promised.check(signed.promise)
    with pytest.raises(InvalidProof):
        receipts_of_packed(signed, body, method=Method.RAW, positions=(0,))
    with pytest.raises(InvalidProof):
        receipts_of_packed(signed, body[32:], method=Method.JCS, positions=(0,))
    with pytest.raises(InvalidInput):
        receipts_of_packed(signed, body, method=Method.JCS, positions=(4,))


async def test_known_digest_gets_a_new_promise_and_keeps_its_place(
    api: ApiCaller, service: Running, key: str
) -> None:
    """A day later the promise is for a day later; the leaf is where it was."""
    first = await api.post("/v1/digests", item(1), key=key)
    service.clock.advance(86_400)
    again = await api.post("/v1/digests", item(1), key=key)

    promises = [answer.json["receipt"]["promise"] for answer in (first, again)]
    assert promises[1]["anchoredByTime"] == promises[0]["anchoredByTime"] + 86_400
    assert first.json["leafIndex"] == again.json["leafIndex"]
    assert first.json["accepted"] == again.json["accepted"]


async def test_digest_of_an_anchorage_that_was_left_is_promised_nothing(
    api: ApiCaller, service: Running, key: str
) -> None:
    """It is never anchored again, so a promise of it in the last one would be broken; every other digest gets one."""
    before = b"".join(digest(number) for number in (1, 2))
    await api.post("/v1/digests?method=raw", key=key, body=before, kind=PACKED)
    service.clock.advance(60)
    await service.mine(9)
    assert not await service.store.unfinished_batches()
    (left,) = await service.store.anchorages()
    place = NewAnchorage(
        chain_id=left.chain_id,
        genesis_hash=digest(9),
        contract=left.contract,
        publisher=service.publisher,
        from_block=0,
    )
    await api.post("/v1/digests", item(3), key=key)
    await service.store.move(place, abandons=False)

    known = await api.post("/v1/digests", item(1), key=key)
    some_known = await api.post("/v1/digests", [item(3), item(4), item(2)], key=key)
    body = digest(5) + before
    packed = await api.post("/v1/digests?method=raw", key=key, body=body, kind=PACKED)
    others = await api.post("/v1/digests", [item(number) for number in (3, 4, 5, 6)], key=key)

    assert (known.status, known.json["receipt"]) == (200, None)
    assert (some_known.json["new"], some_known.json["promise"]) == (1, None)
    assert (packed.json["new"], packed.json["promise"]) == (1, None)
    assert promise_in(others.json).promise.genesis_hash == digest(9)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["accept", "accept_packed"])
async def test_submission_that_failed_is_answered_without_a_promise(
    api: ApiCaller, service: Running, key: str, when: str, method: str
) -> None:
    """Whether it was stored nobody knows then; nothing is promised that may be lost."""

    async def fail() -> None:
        raise FatalError("the disk is gone")

    getattr(service.hooks, when)[method] = fail
    if method == "accept":
        answer = await api.post("/v1/digests", [item(1)], key=key)
    else:
        answer = await api.post("/v1/digests?method=jcs", key=key, body=digest(1), kind=PACKED)

    assert answer.status == 503
    assert b"signature" not in answer.body


async def test_receipt_keys_are_public_and_name_those_before(api: ApiCaller, service: Running) -> None:
    """Before the first receipt too; a lost key's public half stays."""
    answer = await api.get("/v1/receipt-keys")
    document = parse_receipt_keys(answer.body)

    assert (answer.status, document.retired) == (200, ())
    await service.store.add_receipt_key(bytes(range(32)), now_ms=1)
    assert parse_receipt_keys((await api.get("/v1/receipt-keys")).body).retired == (bytes(range(32)),)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_look_up_signs_nothing(api: ApiCaller, key: str) -> None:
    """Only a submission is answered with a promise: reading makes the service sign nothing."""
    await api.post("/v1/digests", item(1), key=key)

    answer = await api.get(f"/v1/digests/{digest(1).hex()}", key=key)

    assert answer.status == 200
    assert not {"receipt", "promise"} & answer.json.keys()


async def test_every_answer_tells_when_the_anchor_is_expected(
    api: ApiCaller, service: Running, key: str
) -> None:
    """One digest, many, a packed body, a look-up: one batch, one estimate, beside the promise and unsigned."""
    await service.mine(4)
    service.services.status.answered()
    one = await api.post("/v1/digests", item(1), key=key)
    many = await api.post("/v1/digests", [item(1), item(2)], key=key)
    packed = await api.post("/v1/digests?method=jcs", key=key, body=digest(3), kind=PACKED)
    looked = await api.get(f"/v1/digests/{digest(2).hex()}", key=key)

    expected = one.json["expected"]
    assert expected == {"mined": "2023-11-14T22:15:32.000Z", "final": "2023-11-14T22:16:08.000Z"}
    assert [each["expected"] for each in many.json["items"]] == [expected, expected]
    assert packed.json["expected"] == looked.json["expected"] == expected
    assert "expected" not in one.json["receipt"]
