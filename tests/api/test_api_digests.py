"""Submitting digests, looking them up and fetching their proofs over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from anchor.documents import parse_proof
from status_lists.multibase import encode_digest
from tests.support.api_caller import PACKED, ApiCaller
from tests.support.assembly import BASE_URL, Running, digest

MULTIBASE = encode_digest(digest(1))


def item(number: int, **members: object) -> dict[str, object]:
    """Return a submission."""
    return {"digest": digest(number).hex(), "method": "raw"} | members


def without_receipt(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer says beside its signed receipt, which is new each time."""
    return {name: value for name, value in answer.items() if name != "receipt"}


async def mine(service: Running, *, blocks: int = 1) -> None:
    """Seal what is there and mine it."""
    service.clock.advance(60)
    await service.turn()
    await service.mine(blocks)


async def test_new_digest_created_known_one_ok(api: ApiCaller, key: str) -> None:
    """The first submission is 201, the same again 200 with the same receipt but for `new` (fault 39)."""
    first = await api.post("/v1/digests", item(1), key=key)
    again = await api.post("/v1/digests", {"digest": MULTIBASE, "method": "raw", "salted": False}, key=key)

    assert (first.status, again.status) == (201, 200)
    assert without_receipt(first.json) == {
        "digest": MULTIBASE,
        "method": "raw",
        "salted": False,
        "new": True,
        "state": "accepted",
        "status": None,
        "credentialStatus": [],
        "accepted": "2023-11-14T22:13:20.000Z",
        "sequence": None,
        "leafIndex": 1,
        "expected": None,
    }
    assert without_receipt(again.json) == without_receipt(first.json) | {"new": False}


async def test_array_receipts_in_order(api: ApiCaller, key: str) -> None:
    """An array is answered item by item, duplicates within it included."""
    await api.post("/v1/digests", item(2), key=key)

    answer = await api.post("/v1/digests", [item(1), item(2), item(1), item(3, salted=True)], key=key)

    assert answer.status == 200
    assert (answer.json["new"], answer.json["known"]) == (2, 2)
    assert [(each["leafIndex"], each["new"], each["salted"]) for each in answer.json["items"]] == [
        (2, True, False),
        (1, False, False),
        (2, False, False),
        (3, True, True),
    ]


async def test_packed_body_counts(api: ApiCaller, key: str) -> None:
    """A packed body is answered with how many were new."""
    body = b"".join(digest(number) for number in (1, 2, 3, 2))

    first = await api.post("/v1/digests?method=jcs", key=key, body=body, kind=PACKED)
    salted = await api.post("/v1/digests?method=jcs&salted=true", key=key, body=body, kind=PACKED)
    again = await api.post("/v1/digests?method=jcs", key=key, body=body, kind=PACKED)

    assert [
        (answer.status, answer.json["new"], answer.json["known"]) for answer in (first, salted, again)
    ] == [
        (200, 3, 1),
        (200, 3, 1),
        (200, 0, 4),
    ]


async def test_allocate_gives_ready_status_objects(api: ApiCaller, key: str) -> None:
    """`allocate` answers with the two objects that go into the credential, whose lists can be fetched already."""
    receipt = (await api.post("/v1/digests", item(1, status="allocate"), key=key)).json

    index = receipt["status"]["index"]
    assert receipt["status"]["list"] == 0
    assert receipt["credentialStatus"] == [
        {
            "id": f"{BASE_URL}/status-lists/{number}#{index}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": purpose,
            "statusListIndex": str(index),
            "statusListCredential": f"{BASE_URL}/status-lists/{number}",
        }
        for number, purpose in ((0, "revocation"), (1, "suspension"))
    ]
    for number in (0, 1):
        assert (await api.get(f"/status-lists/{number}")).status == 200
    assert (await api.post("/v1/digests", item(1, status="allocate"), key=key)).json == receipt | {
        "new": False
    }


async def test_other_binding_conflict(api: ApiCaller, service: Running, key: str) -> None:
    """A known digest with another binding is refused, and the first one stands."""
    (entry, _) = (await api.post("/v1/status-entries", {"count": 2}, key=key)).json["entries"]
    bound = {"list": entry["list"], "index": entry["index"]}
    await api.post("/v1/digests", item(1), key=key)
    await api.post("/v1/digests", item(2, status=bound), key=key)

    for refused in (item(1, status=bound), item(1, status="allocate"), item(2), item(3, status=bound)):
        answer = await api.post("/v1/digests", refused, key=key)
        assert (answer.status, answer.problem) == (409, "conflict")

    assert (await api.get(f"/v1/digests/{digest(2).hex()}", key=key)).json["status"] == bound
    assert await service.store.unmined_entries() == 2


async def test_status_entries_that_cannot_be_bound_refused(
    api: ApiCaller, service: Running, key: str, other_key: str
) -> None:
    """Someone else's list or index, one beyond the list, and one never handed out are refused, each in its way."""
    (own,) = (await api.post("/v1/status-entries", {"count": 1}, key=key)).json["entries"]
    (theirs,) = (await api.post("/v1/status-entries", {"count": 1}, key=other_key)).json["entries"]
    never = 0 if own["index"] else 1
    refused: list[tuple[int, int, int, str]] = [
        (theirs["list"], theirs["index"], 404, "not-found"),
        (77, 0, 404, "not-found"),
        (own["list"], 131_072, 400, "invalid-input"),
        (own["list"], 2**53 - 1, 400, "invalid-input"),
        (own["list"], never, 400, "invalid-input"),
        (own["list"] + 1, own["index"], 409, "conflict"),
    ]

    for number, index, status, problem in refused:
        answer = await api.post("/v1/digests", item(1, status={"list": number, "index": index}), key=key)
        assert (answer.status, answer.problem) == (status, problem), (number, index)

    assert await service.store.unmined_entries() == 0


async def test_look_up_any_spelling_own_only(api: ApiCaller, key: str, other_key: str) -> None:
    """A receipt is found by either spelling of its digest, and by its own issuer alone."""
    await api.post("/v1/digests", item(1), key=key)

    for spelling in (MULTIBASE, digest(1).hex()):
        answer = await api.get(f"/v1/digests/{spelling}", key=key)
        assert answer.status == 200
        assert answer.json["digest"] == MULTIBASE
        assert answer.json["anchor"] is None
        for path in (f"/v1/digests/{spelling}", f"/v1/digests/{spelling}/proof"):
            refused = await api.get(path, key=other_key)
            assert (refused.status, refused.problem) == (404, "not-found")
            unknown = await api.get(path.replace(spelling, digest(2).hex()), key=key)
            assert unknown.json["detail"] == refused.json["detail"], "theirs cannot be told from nobody's"


async def test_look_up_several_methods_conflict_until_one_is_named(api: ApiCaller, key: str) -> None:
    """A digest under several methods is asked for with one."""
    await api.post("/v1/digests", [item(1), item(1, method="jcs"), item(1, salted=True)], key=key)
    path = f"/v1/digests/{MULTIBASE}"

    ambiguous = await api.get(path, key=key)

    assert (ambiguous.status, ambiguous.problem) == (409, "conflict")
    assert (await api.get(f"{path}?method=jcs", key=key)).json["method"] == "jcs"
    assert (await api.get(f"{path}?method=raw&salted=true", key=key)).json["salted"] is True
    assert (await api.get(f"{path}?method=jwt", key=key)).status == 404
    for query in ("?method=md5", "?salted=true", "?method=raw&salted=1"):
        answer = await api.get(path + query, key=key)
        assert (answer.status, answer.problem) == (400, "invalid-input")


async def test_proof_before_mined_retry_later(api: ApiCaller, service: Running, key: str) -> None:
    """Until a block holds the batch there is no proof, and the answer says when to come back."""
    await api.post("/v1/digests", item(1), key=key)
    path = f"/v1/digests/{MULTIBASE}/proof"
    answers = [await api.get(path, key=key)]
    service.clock.advance(60)
    await service.turn()
    answers.append(await api.get(path, key=key))

    for answer in answers:
        assert (answer.status, answer.problem) == (409, "not-yet-mined")
        assert int(answer.headers["Retry-After"]) > 0

    await service.mine()
    assert (await api.get(path, key=key)).status == 200


async def test_proof_leads_to_the_anchored_root(api: ApiCaller, service: Running, key: str) -> None:
    """A proof document is complete: it parses strictly and leads to the root that the contract holds."""
    await api.post("/v1/digests", [item(0), item(1, status="allocate"), item(2)], key=key)
    await mine(service)

    answer = await api.get(f"/v1/digests/{MULTIBASE}/proof", key=key)

    document = parse_proof(answer.body)
    assert document.proof.root() == service.chain.anchored_roots(service.publisher)[1]
    assert document.proof.entry.digest == digest(1)
    assert document.proof.entry.status is not None
    assert document.claim.publisher == service.publisher


@pytest.mark.parametrize("blocks", [1, 4])
async def test_receipt_tells_the_anchor(api: ApiCaller, service: Running, key: str, blocks: int) -> None:
    """Once mined a receipt names transaction and block; final is said only behind the finalized block."""
    await api.post("/v1/digests", item(1), key=key)
    await mine(service, blocks=blocks)
    batch = await service.store.batch_by_sequence(1)
    assert batch is not None
    assert batch.transaction is not None

    receipt: dict[str, Any] = (await api.get(f"/v1/digests/{MULTIBASE}", key=key)).json

    assert receipt["state"] == ("mined" if blocks == 1 else "final")
    assert receipt["sequence"] == receipt["anchor"]["sequence"] == 1
    assert receipt["anchor"]["transaction"] == "0x" + batch.transaction.hex()
    assert (receipt["anchor"]["blockNumber"], receipt["anchor"]["blockTime"]) == (
        batch.block_number,
        batch.block_time_s,
    )


async def test_reorganised_proof_is_taken_back(api: ApiCaller, service: Running, key: str) -> None:
    """Fault 23: When the anchor's block is dropped the proof goes back to pending."""
    await api.post("/v1/digests", item(1), key=key)
    await mine(service)
    path = f"/v1/digests/{MULTIBASE}"
    assert (await api.get(f"{path}/proof", key=key)).status == 200

    service.chain.reorganise(1)
    service.chain.mine(take_pool=False)
    await service.turn()

    assert (await api.get(f"{path}/proof", key=key)).problem == "not-yet-mined"
    assert (await api.get(path, key=key)).json["anchor"] is None


async def test_backlog_full_unavailable_with_retry(api: ApiCaller, service: Running, key: str) -> None:
    """Beyond the backlog limit the answer is 503, and `/readyz` says so when the limit is reached."""
    body = b"".join(digest(number) for number in range(2000))
    for method in ("raw", "jcs"):
        await api.post(f"/v1/digests?method={method}", key=key, body=body, kind=PACKED)

    answer = await api.post("/v1/digests?method=jwt", key=key, body=body, kind=PACKED)

    assert (answer.status, answer.problem) == (503, "overloaded")
    assert int(answer.headers["Retry-After"]) > 0
    assert await service.store.unmined_entries() == 4000
