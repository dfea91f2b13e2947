"""Status entries and changes over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from status_lists import get_entry, parse_list_document
from tests.support.api_caller import ApiCaller
from tests.support.assembly import Running, digest

LENGTH = 131_072
NDJSON = "application/x-ndjson"
CSV = "text/csv"


async def allocate(api: ApiCaller, key: str, count: int = 1) -> list[dict[str, Any]]:
    """Allocate entries, as list and index."""
    answer = await api.post("/v1/status-entries", {"count": count}, key=key)
    assert answer.status == 200
    return [{"list": entry["list"], "index": entry["index"]} for entry in answer.json["entries"]]


def change(target: dict[str, Any], **members: object) -> dict[str, object]:
    """Return the revocation of a place, or what members say."""
    return {"purpose": "revocation", "value": True, "reason": "left"} | target | members


async def bits_set(api: ApiCaller, number: int) -> list[int]:
    """Return the indexes that are set in a published list."""
    published = parse_list_document(
        (await api.get(f"/status-lists/{number}")).body, max_bits_bytes=LENGTH // 8
    )
    return [
        at * 8 + bit
        for at, byte in enumerate(published.bits)
        if byte
        for bit in range(8)
        if byte & 0x80 >> bit
    ]


async def test_allocate_is_idempotent_by_key(api: ApiCaller, key: str, other_key: str) -> None:
    """The same Idempotency-Key gets the same entries; another count is a conflict; without it all are fresh."""
    first = await api.post("/v1/status-entries", {"count": 3}, key=key, Idempotency_Key="order-7")
    again = await api.post("/v1/status-entries", {"count": 3}, key=key, Idempotency_Key="order-7")
    other_count = await api.post("/v1/status-entries", {"count": 4}, key=key, Idempotency_Key="order-7")
    theirs = await api.post("/v1/status-entries", {"count": 3}, key=other_key, Idempotency_Key="order-7")
    fresh = await api.post("/v1/status-entries", {"count": 3}, key=key)

    assert first.json == again.json
    assert (other_count.status, other_count.problem) == (409, "conflict")
    assert theirs.json["entries"][0]["list"] == 2
    places = {
        (entry["list"], entry["index"]) for answer in (first, fresh) for entry in answer.json["entries"]
    }
    assert len(places) == 6
    assert [entry["statusPurpose"] for entry in first.json["entries"][0]["credentialStatus"]] == [
        "revocation",
        "suspension",
    ]


@pytest.mark.parametrize(
    "value",
    [{}, {"count": 0}, {"count": -1}, {"count": 21}, {"count": "1"}, {"count": 1.5}, {"count": True}, []],
)
async def test_allocate_bad_count_refused(api: ApiCaller, service: Running, key: str, value: object) -> None:
    """A count is an integer from 1 to the limit."""
    answer = await api.post("/v1/status-entries", value, key=key)

    assert (answer.status, answer.problem) == (400, "invalid-input")
    assert await service.store.list_states() == []


@pytest.mark.parametrize("text", ["", " ", "a b", "k" * 201, "ké"])
async def test_allocate_bad_idempotency_key_refused(
    api: ApiCaller, service: Running, key: str, text: str
) -> None:
    """An Idempotency-Key is a short text of visible ASCII characters."""
    answer = await api.post("/v1/status-entries", {"count": 1}, key=key, Idempotency_Key=text)

    assert (answer.status, answer.problem) == (400, "invalid-input")
    assert await service.store.list_states() == []


async def test_anchored_by_is_told_only_where_it_can_be_foretold(
    api: ApiCaller, service: Running, key: str
) -> None:
    """The time of the anchor is null before the chain was seen, and while an older batch waits for its block."""
    first, second, third = await allocate(api, key, 3)
    unseen = await api.post("/v1/status-changes", change(first), key=key)
    await service.anchorer.step()
    service.services.status.answered()
    foretold = await api.post("/v1/status-changes", change(second), key=key)
    service.clock.advance(60)
    await service.turn()
    waiting = await api.post("/v1/status-changes", change(third), key=key)

    assert [answer.json["anchoredBy"] for answer in (unseen, waiting)] == [None, None]
    assert foretold.json["anchoredBy"] > foretold.json["published"]


async def test_revocation_is_published_and_remembered(api: ApiCaller, service: Running, key: str) -> None:
    """The answer names the list's new version, which shows the bit; the history says who, when and why."""
    place, untouched = await allocate(api, key, 2)
    before = (await api.get("/status-lists/0")).headers["ETag"]

    answer = await api.post("/v1/status-changes", change(place), key=key)

    assert answer.status == 200
    assert (answer.json["changed"], answer.json["unchanged"]) == (1, 0)
    (listed,) = answer.json["lists"]
    assert listed["list"] == 0
    assert (await api.get("/status-lists/0")).headers["ETag"] != before
    assert (await api.get(f"/status-lists/0/versions/{listed['version']}")).status == 200
    assert await bits_set(api, 0) == [place["index"]]
    shown = await api.get(f"/v1/status-entries/0/{place['index']}", key=key)
    (issuer,) = await service.store.issuers()
    assert shown.json == {
        "list": 0,
        "index": place["index"],
        "revoked": True,
        "suspended": False,
        "history": [
            {
                "time": "2023-11-14T22:13:20.000Z",
                "purpose": "revocation",
                "value": True,
                "reason": "left",
                "actor": issuer.identifier,
            }
        ],
    }
    assert (await api.get(f"/v1/status-entries/0/{untouched['index']}", key=key)).json["history"] == []


async def test_suspension_comes_and_goes(api: ApiCaller, key: str) -> None:
    """A suspension is set, repeated without effect, and lifted, whichever list of the pair is named."""
    (place,) = await allocate(api, key)
    suspend = change(place, purpose="suspension")
    for value, second, changed in ((True, False, 1), (True, True, 0), (False, True, 1), (False, False, 0)):
        named = suspend | {"list": place["list"] + second, "value": value}
        answer = await api.post("/v1/status-changes", named, key=key)
        assert (answer.status, answer.json["changed"]) == (200, changed)
        assert await bits_set(api, 1) == ([place["index"]] if value else [])
    assert await bits_set(api, 0) == []


async def test_unrevoking_refused_with_all_beside_it(api: ApiCaller, key: str) -> None:
    """Revocation is final, and a request that tries otherwise changes nothing at all (fault 44)."""
    revoked, innocent = await allocate(api, key, 2)
    await api.post("/v1/status-changes", change(revoked), key=key)

    answer = await api.post(
        "/v1/status-changes", {"changes": [change(innocent), change(revoked, value=False)]}, key=key
    )

    assert (answer.status, answer.problem) == (409, "revocation-is-final")
    assert await bits_set(api, 0) == [revoked["index"]]


async def test_change_by_digest(api: ApiCaller, key: str, other_key: str) -> None:
    """A digest stands for the entry bound to it; an unbound, unknown or foreign one is refused."""
    bound = {"digest": digest(1).hex(), "method": "raw"}
    receipt = (await api.post("/v1/digests", bound | {"status": "allocate"}, key=key)).json
    await api.post("/v1/digests", {"digest": digest(2).hex(), "method": "raw"}, key=key)
    await api.post(
        "/v1/digests", {"digest": digest(3).hex(), "method": "raw", "status": "allocate"}, key=other_key
    )
    refused = {1: "conflict", 2: "not-found", 3: "not-found"}

    answer = await api.post("/v1/status-changes", change({"digest": receipt["digest"]}), key=key)

    assert answer.json["changed"] == 1
    assert await bits_set(api, 0) == [receipt["status"]["index"]]
    for number, problem in zip((2, 4, 3), refused.values(), strict=True):
        failed = await api.post("/v1/status-changes", change({"digest": digest(number).hex()}), key=key)
        assert failed.problem == problem


async def test_places_of_others_and_of_nobody_refused(api: ApiCaller, key: str, other_key: str) -> None:
    """Someone else's list, an index beyond the list, and one never handed out change nothing and show nothing."""
    (own,) = await allocate(api, key)
    (theirs,) = await allocate(api, other_key)
    never = 0 if own["index"] else 1
    places: list[tuple[int, int, int, str]] = [
        (theirs["list"], theirs["index"], 404, "not-found"),
        (99, 0, 404, "not-found"),
        (0, LENGTH, 400, "invalid-input"),
        (0, 10**14, 400, "invalid-input"),
        (0, never, 400, "invalid-input"),
    ]
    for number, index, status, problem in places:
        changes = {"changes": [change(own), change({"list": number, "index": index})]}
        changed = await api.post("/v1/status-changes", changes, key=key)
        shown = await api.get(f"/v1/status-entries/{number}/{index}", key=key)
        assert (changed.status, changed.problem) == (shown.status, shown.problem) == (status, problem)

    assert await bits_set(api, 0) == await bits_set(api, theirs["list"]) == []


BAD_CHANGES: dict[str, object] = {
    "nothing": {},
    "no changes": {"changes": []},
    "changes no array": {"changes": {}},
    "more beside changes": {"changes": [], "x": 1},
    "text": "revoke",
    "no purpose": {"list": 0, "index": 0, "value": True, "reason": "r"},
    "unknown purpose": {"list": 0, "index": 0, "value": True, "reason": "r", "purpose": "revoke"},
    "no value": {"list": 0, "index": 0, "reason": "r", "purpose": "revocation"},
    "value number": {"list": 0, "index": 0, "value": 1, "reason": "r", "purpose": "revocation"},
    "value text": {"list": 0, "index": 0, "value": "true", "reason": "r", "purpose": "revocation"},
    "no reason": {"list": 0, "index": 0, "value": True, "purpose": "revocation"},
    "empty reason": {"list": 0, "index": 0, "value": True, "reason": "", "purpose": "revocation"},
    "long reason": {"list": 0, "index": 0, "value": True, "reason": "r" * 501, "purpose": "revocation"},
    "no place": {"value": True, "reason": "r", "purpose": "revocation"},
    "no index": {"list": 0, "value": True, "reason": "r", "purpose": "revocation"},
    "place and digest": {
        "list": 0,
        "index": 0,
        "digest": digest(1).hex(),
        "value": True,
        "reason": "r",
        "purpose": "revocation",
    },
    "bad digest": {"digest": "00", "value": True, "reason": "r", "purpose": "revocation"},
    "index text": {"list": 0, "index": "0", "value": True, "reason": "r", "purpose": "revocation"},
    "index negative": {"list": 0, "index": -1, "value": True, "reason": "r", "purpose": "revocation"},
    "index fraction": {"list": 0, "index": 0.5, "value": True, "reason": "r", "purpose": "revocation"},
    "index truth": {"list": 0, "index": True, "value": True, "reason": "r", "purpose": "revocation"},
    "index huge": {"list": 0, "index": 2**53, "value": True, "reason": "r", "purpose": "revocation"},
    "index padded": {"list": 0, "index": "01", "value": True, "reason": "r", "purpose": "revocation"},
    "unknown member": {"list": 0, "index": 0, "value": True, "reason": "r", "purpose": "revocation", "x": 1},
}


@pytest.mark.parametrize("value", BAD_CHANGES.values(), ids=BAD_CHANGES)
async def test_bad_change_refused(api: ApiCaller, key: str, value: object) -> None:
    """Each rule of a change has its refusal (fault 42)."""
    answer = await api.post("/v1/status-changes", value, key=key)

    assert (answer.status, answer.problem) == (400, "invalid-input")


async def test_too_many_changes_refused(api: ApiCaller, key: str) -> None:
    """More changes than the limit, in any form, are refused before any is made."""
    (place,) = await allocate(api, key)
    line = f"{place['list']},{place['index']},revocation,true,left\n"
    many = {"changes": [change(place)] * 21}

    in_json = await api.post("/v1/status-changes", many, key=key)
    in_csv = await api.post(
        "/v1/status-changes",
        key=key,
        kind=CSV,
        body=("list,index,purpose,value,reason\n" + line * 51).encode(),
    )

    assert in_json.problem == "invalid-input"
    assert (in_csv.status, in_csv.problem) == (413, "too-large")
    assert await bits_set(api, 0) == []


async def test_changes_in_bulk(api: ApiCaller, key: str) -> None:
    """NDJSON and CSV bodies do the same as JSON."""
    first, second, third = await allocate(api, key, 3)
    lines = [
        f'{{"list":0,"index":{place["index"]},"purpose":"revocation","value":true,"reason":"left"}}'
        for place in (first, second)
    ]
    table = f'reason,index,list,value,purpose\r\n"left, for good",{third["index"]},0,TRUE,revocation\r\n'

    ndjson = await api.post("/v1/status-changes", key=key, kind=NDJSON, body="\n\n".join(lines).encode())
    csv = await api.post("/v1/status-changes", key=key, kind=CSV, body=b"\xef\xbb\xbf" + table.encode())

    assert (ndjson.json["changed"], csv.json["changed"]) == (2, 1)
    assert await bits_set(api, 0) == sorted(place["index"] for place in (first, second, third))
    shown = await api.get(f"/v1/status-entries/0/{third['index']}", key=key)
    assert shown.json["history"][0]["reason"] == "left, for good"


BAD_TABLES = {
    "empty": b"",
    "only a header": b"list,index,purpose,value,reason\n",
    "no header": b"0,0,revocation,true,left\n",
    "unknown column": b"list,index,purpose,value,reason,x\n0,0,revocation,true,left,1\n",
    "too many values": b"list,index,purpose,value,reason\n0,0,revocation,true,left,more\n",
    "too few values": b"list,index,purpose,value,reason\n0,0,revocation\n",
    "index hex": b"list,index,purpose,value,reason\n0,0x1,revocation,true,left\n",
    "index with zero": b"list,index,purpose,value,reason\n0,01,revocation,true,left\n",
    "index fraction": b"list,index,purpose,value,reason\n0,1.0,revocation,true,left\n",
    "index long": b"list,index,purpose,value,reason\n0," + b"9" * 5000 + b",revocation,true,left\n",
    "value yes": b"list,index,purpose,value,reason\n0,0,revocation,yes,left\n",
    "quote open": b'list,index,purpose,value,reason\n0,0,revocation,true,"left\n',
    "no UTF-8": b"list,index,purpose,value,reason\n0,0,revocation,true,\xff\n",
    "field too long": b"list,index,purpose,value,reason\n0,0,revocation,true," + b"r" * 60_000 + b"\n",
}


@pytest.mark.parametrize("body", BAD_TABLES.values(), ids=BAD_TABLES)
async def test_bad_csv_refused(api: ApiCaller, key: str, body: bytes) -> None:
    """A table that is not what it must be is refused as a whole."""
    answer = await api.post("/v1/status-changes", key=key, kind=CSV, body=body)

    assert (answer.status, answer.problem) == (400, "invalid-input")


async def test_fault_in_a_csv_is_named_by_its_line(api: ApiCaller, key: str) -> None:
    """Among a hundred thousand rows a person looks for one."""
    body = b"list,index,purpose,value,reason\r\n0,1,suspension,true,x\r\n0,2,susp,true,x\r\n"

    answer = await api.post("/v1/status-changes", key=key, kind=CSV, body=body)

    assert answer.json["detail"].startswith("line 3: 'purpose': unknown status purpose 'susp'")


@pytest.mark.parametrize("body", [b"", b"\n\n", b"[]\n", b'{"changes":[]}\n'])
async def test_bad_ndjson_refused(api: ApiCaller, key: str, body: bytes) -> None:
    """Lines that are no changes are refused as a whole."""
    answer = await api.post("/v1/status-changes", key=key, kind=NDJSON, body=body)

    assert (answer.status, answer.problem) == (400, "invalid-input")


async def test_clock_fault_changes_are_kept_and_not_published(
    api: ApiCaller, service: Running, key: str
) -> None:
    """While no date can be signed a change is answered with 503, and published as soon as it can be."""
    (place,) = await allocate(api, key)
    service.services.lists.set_clock_fault("the clock is wrong")

    answer = await api.post("/v1/status-changes", change(place), key=key)

    assert (answer.status, answer.problem) == (503, "overloaded")
    assert await bits_set(api, 0) == []
    service.services.lists.set_clock_fault(None)
    again = await api.post("/v1/status-changes", change(place), key=key)
    assert (again.json["changed"], again.json["unchanged"]) == (0, 1)
    assert get_entry(
        parse_list_document((await api.get("/status-lists/0")).body, max_bits_bytes=LENGTH // 8).bits,
        place["index"],
    )


async def test_csv_with_semicolons_is_refused_with_the_reason(api: ApiCaller, key: str) -> None:
    """Some spreadsheets write semicolons: the refusal says so."""
    body = b"list;index;purpose;value;reason\n0;1;suspension;true;x\n"

    answer = await api.post("/v1/status-changes", key=key, kind=CSV, body=body)

    assert (answer.status, answer.problem) == (400, "invalid-input")
    assert "separated by commas, not semicolons" in answer.json["detail"]
