"""Lists of an issuer's own making, their signed forms, webhooks, hosted DIDs and the event stream over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.support.api_caller import ApiCaller
from tests.support.assembly import BASE_URL, Running, digest

MESSAGES = {
    "purpose": "message",
    "statusSize": 2,
    "messages": ["valid", "in review", "on probation", "withdrawn"],
}


async def test_list_of_messages_from_making_to_change(api: ApiCaller, key: str) -> None:
    """A list of messages is made, handed out from, and changed by number; revocation lists are not touched."""
    made = await api.post("/v1/status-lists", MESSAGES, key=key)
    allocated = await api.post("/v1/status-entries", {"count": 1, "purpose": "message"}, key=key)
    (entry,) = allocated.json["entries"]
    place = {"list": entry["list"], "index": entry["index"]}
    changed = await api.post(
        "/v1/status-changes", place | {"purpose": "message", "value": 2, "reason": "complaint"}, key=key
    )

    assert (made.status, made.json["list"], made.json["statusSize"]) == (201, 0, 2)
    assert [item["statusPurpose"] for item in entry["credentialStatus"]] == ["message"]
    assert changed.json["changed"] == 1
    shown = await api.get(f"/v1/status-entries/{place['list']}/{place['index']}", key=key)
    assert [item["value"] for item in shown.json["history"]] == [2]
    listed = (await api.get("/v1/status-lists", key=key)).json["lists"]
    assert [(item["list"], item["purpose"], item["allocated"]) for item in listed] == [(0, "message", 1)]


async def test_entry_of_another_purpose_cannot_be_bound(api: ApiCaller, service: Running, key: str) -> None:
    """A binding stands for revocation and suspension: an entry of a list of messages gives neither."""
    await api.post("/v1/status-lists", MESSAGES, key=key)
    (entry,) = (await api.post("/v1/status-entries", {"count": 1, "purpose": "message"}, key=key)).json[
        "entries"
    ]
    bound = {"list": entry["list"], "index": entry["index"]}

    answer = await api.post(
        "/v1/digests", {"digest": digest(1).hex(), "method": "raw", "status": bound}, key=key
    )

    assert (answer.status, answer.problem) == (400, "invalid-input")
    assert await service.store.unmined_entries() == 0


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"purpose": "revoke"},
        {"purpose": "refresh", "statusSize": 2},
        {"purpose": "message", "statusSize": 3},
        {"purpose": "message", "statusSize": 2, "messages": ["one"]},
        {"purpose": "message", "statusSize": 1, "messages": ["", "x"]},
        {"purpose": "message", "statusSize": 1, "messages": ["a" * 201, "x"]},
        {"purpose": "refresh", "length": 131_071},
        {"purpose": "refresh", "length": 131_073},
        {"purpose": "refresh", "length": 2**40},
        {"purpose": "refresh", "url": "https://example.org"},
    ],
)
async def test_bad_list_refused(api: ApiCaller, service: Running, key: str, value: dict[str, Any]) -> None:
    """A list that could not be published is not made."""
    answer = await api.post("/v1/status-lists", value, key=key)

    assert (answer.status, answer.problem) == (400, "invalid-input")
    assert await service.store.list_states() == []


async def test_entries_of_a_list_that_was_not_made_not_found(api: ApiCaller, key: str) -> None:
    """Entries of refresh and message lists come from lists that the issuer made."""
    answer = await api.post("/v1/status-entries", {"count": 1, "purpose": "refresh"}, key=key)

    assert (answer.status, answer.problem) == (404, "not-found")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/vc", "application/vc"),
        ("application/json", "application/json"),
        ("*/*", "application/vc"),
        ("", "application/vc"),
        ("application/vc+jwt", "application/vc+jwt"),
        ("application/statuslist+jwt", "application/statuslist+jwt"),
        ("application/statuslist+cwt", "application/statuslist+cwt"),
        ("text/html, application/vc+jwt;q=0.5, application/vc;q=0.4", "application/vc+jwt"),
        ("application/vc+jwt;q=0", "application/vc"),
        ("application/vc+jwt;q=x", "application/vc"),
        ("a" * 5000, "application/vc"),
    ],
)
async def test_form_by_accept(api: ApiCaller, key: str, accept: str, kind: str) -> None:
    """A reader gets the form that it asks for, with an ETag of its own, or the usual one."""
    await api.post("/v1/status-entries", {"count": 1}, key=key)
    usual = await api.get("/status-lists/0", Accept="application/vc")

    answer = await api.get("/status-lists/0", Accept=accept)

    assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
    assert answer.headers["Vary"] == "Accept"
    assert (answer.headers["ETag"] == usual.headers["ETag"]) == (
        kind in ("application/vc", "application/json")
    )


async def test_form_by_proof_and_time(api: ApiCaller, key: str) -> None:
    """The other cryptosuite is had by a parameter, and a past version by its Unix time; other values are refused."""
    await api.post("/v1/status-entries", {"count": 1}, key=key)

    answer = await api.get("/status-lists/0?proof=eddsa-jcs-2022")

    assert answer.json["proof"]["cryptosuite"] == "eddsa-jcs-2022"
    assert (await api.get("/status-lists/0?time=1700000000")).status == 200
    assert (await api.get("/status-lists/0?time=1")).status == 404
    for query in ("proof=x", "time=", "time=-1", "time=1.5", "time=" + "9" * 12, "time=%C2%B2"):
        refused = await api.get(f"/status-lists/0?{query}")
        assert (refused.status, refused.problem) == (400, "invalid-input")


async def test_aggregation_names_all_lists_of_an_issuer(api: ApiCaller, key: str, other_key: str) -> None:
    """The lists of one issuer are told, and no other's."""
    for each in (key, other_key, key):
        await api.post("/v1/status-entries", {"count": 1}, key=each)

    answer = await api.get("/v1/issuers/2/status-lists")

    assert answer.json == {"status_lists": [f"{BASE_URL}/status-lists/{number}" for number in (2, 3)]}
    assert (await api.get("/v1/issuers/99/status-lists")).json == {"status_lists": []}


async def test_hosted_did_document(api: ApiCaller) -> None:
    """An issuer whose did:web is hosted here has its document served, with the key that signs its lists."""
    value = {"name": "n", "listSigner": "did-web", "hosted": "example-university"}
    issuer = (await api.post("/v1/issuers", value, key=api.operator_key)).json

    answer = await api.get("/dids/example-university/did.json")

    assert (answer.status, answer.json["id"]) == (200, issuer["id"])
    assert answer.json["assertionMethod"] == [issuer["listSigner"]["verificationMethod"]]
    assert (
        await api.get("/dids/example-university/did.json", If_None_Match=answer.headers["ETag"])
    ).status == 304
    for slug in ("nobody", "..%2f..", "Example", "a" * 61):
        assert (await api.get(f"/dids/{slug}/did.json")).problem == "not-found"


async def test_rotated_list_key_is_named_beside_the_old_one(api: ApiCaller, key: str) -> None:
    """A hosted did:web gets a new list key and keeps the old one in its document; a did:key cannot rotate."""
    assert key
    value = {"name": "n", "listSigner": "did-web", "hosted": "u"}
    issuer = (await api.post("/v1/issuers", value, key=api.operator_key)).json

    rotated = await api.post(f"/v1/issuers/{issuer['number']}/rotate-list-key", key=api.operator_key)
    refused = await api.post("/v1/issuers/1/rotate-list-key", key=api.operator_key)

    assert rotated.json["retired"] == issuer["listSigner"]["verificationMethod"]
    methods = (await api.get("/dids/u/did.json")).json["assertionMethod"]
    assert methods == [rotated.json["listSigner"]["verificationMethod"], rotated.json["retired"]]
    assert (refused.status, refused.problem) == (409, "conflict")


async def test_webhook_secret_is_shown_once(api: ApiCaller, key: str, other_key: str) -> None:
    """A webhook is added, listed without its secret, and deleted by its own issuer alone."""
    made = await api.post("/v1/webhooks", {"url": "https://issuer.example.org/hooks"}, key=key)
    api.secrets |= {made.json["secret"]}
    listed = await api.get("/v1/webhooks", key=key)
    path = f"/v1/webhooks/{made.json['id']}"

    assert made.status == 201
    assert [hook["url"] for hook in listed.json["webhooks"]] == ["https://issuer.example.org/hooks"]
    assert (await api.get("/v1/webhooks", key=other_key)).json == {"webhooks": []}
    assert (await api.call("DELETE", path, key=other_key)).problem == "not-found"
    assert (await api.call("DELETE", path)).problem == "unauthorized"
    assert (await api.call("DELETE", path, key=key)).status == 204
    assert (await api.get("/v1/webhooks", key=key)).json == {"webhooks": []}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "http://example.org",
        "ftp://example.org",
        "https://user:pw@example.org",
        "https://",
        "//example.org",
    ],
)
async def test_webhook_of_bad_url_refused(api: ApiCaller, key: str, url: str) -> None:
    """A webhook is an https URL without credentials in it."""
    answer = await api.post("/v1/webhooks", {"url": url}, key=key)

    assert (answer.status, answer.problem) == (400, "invalid-input")


async def next_event(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Read one event of a stream."""
    async with asyncio.timeout(10):
        lines = (await response.content.readuntil(b"\n\n")).decode().strip().split("\n")
    return dict(line.split(": ", 1) for line in lines)


async def test_event_stream_tells_new_versions_and_what_was_missed(api: ApiCaller, key: str) -> None:
    """A listener hears of each version as it is published, and after a pause of what came in between."""
    url = api.base_url.with_path("/v1/events")
    async with api.session.get(url) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        await api.post("/v1/status-entries", {"count": 1}, key=key)
        first, second = await next_event(response), await next_event(response)
    async with api.session.get(url, headers={"Last-Event-ID": first["id"]}) as response:
        again = await next_event(response)

    assert [json.loads(event["data"])["list"] for event in (first, second)] == [0, 1]
    assert {event["event"] for event in (first, second)} == {"status-list"}
    assert again == second
    version_url = json.loads(first["data"])["versionUrl"].removeprefix(BASE_URL)
    assert (await api.get(version_url)).status == 200


@pytest.mark.parametrize("text", ["x", "-1", "1.5", " ", "9" * 16, "\u00b2"])
async def test_event_stream_bad_id_refused(api: ApiCaller, text: str) -> None:
    """An id that no event has is refused instead of silently skipping events."""
    answer = await api.get("/v1/events", Last_Event_ID=text)

    assert (answer.status, answer.problem) == (400, "invalid-input")


async def test_event_stream_head_ends_at_once(api: ApiCaller) -> None:
    """HEAD gets the headers and no stream, and the connection serves the next request."""
    async with asyncio.timeout(10):
        answer = await api.call("HEAD", "/v1/events")

    assert (answer.status, answer.body) == (200, b"")
    assert (await api.get("/healthz")).status == 200
