"""Webhooks over HTTP: an issuer's own, with a secret that is shown once."""

from __future__ import annotations

import base64

from anchor.service.webhooks import WEBHOOKS_PER_ISSUER
from tests.support.api_caller import ApiCaller
from tests.support.assembly import Running

URL = "https://receiver.example.org/hook?token=s3cr3t"


async def test_webhook_is_added_listed_and_deleted(api: ApiCaller, key: str) -> None:
    """The secret comes with the first answer, of 256 bits in the specification's form, and never again."""
    added = await api.post("/v1/webhooks", {"url": URL}, key=key)
    secret = added.json["secret"]
    api.secrets.add(secret)
    listed = await api.get("/v1/webhooks", key=key)
    deleted = await api.call("DELETE", f"/v1/webhooks/{added.json['id']}", key=key)
    after = await api.get("/v1/webhooks", key=key)

    assert added.status == 201
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert listed.json == {"webhooks": [{k: v for k, v in added.json.items() if k != "secret"}]}
    assert listed.json["webhooks"][0] == {
        "id": added.json["id"],
        "url": URL,
        "created": added.json["created"],
        "disabled": False,
        "failures": 0,
        "failingSince": None,
        "lastFailure": None,
    }
    assert (deleted.status, deleted.body) == (204, b"")
    assert after.json == {"webhooks": []}


async def test_webhooks_of_another_issuer_are_neither_seen_nor_deleted(
    api: ApiCaller, key: str, other_key: str
) -> None:
    """An issuer's key leads to its own webhooks alone, and the operator's to none."""
    added = await api.post("/v1/webhooks", {"url": URL}, key=key)
    path = f"/v1/webhooks/{added.json['id']}"
    theirs = await api.get("/v1/webhooks", key=other_key)
    refused = await api.call("DELETE", path, key=other_key)
    nobody = await api.call("DELETE", path)
    operator = await api.post("/v1/webhooks", {"url": URL}, key=api.operator_key)

    assert theirs.json == {"webhooks": []}
    assert (refused.status, refused.problem) == (404, "not-found")
    assert (nobody.status, operator.status) == (401, 401)
    assert len((await api.get("/v1/webhooks", key=key)).json["webhooks"]) == 1


async def test_webhook_with_a_bad_body_or_url_is_refused(api: ApiCaller, key: str) -> None:
    """Anything but one https URL is invalid input, and nothing is added."""
    bodies: list[object] = [
        {},
        {"url": None},
        {"url": 7},
        {"url": "http://receiver.example.org/"},
        {"url": "https://receiver.example.org/" + "a" * 2048},
        {"url": URL, "secret": "whsec_mine"},
        [URL],
    ]
    for body in bodies:
        answer = await api.post("/v1/webhooks", body, key=key)
        assert (answer.status, answer.problem) == (400, "invalid-input"), body
    large = await api.post("/v1/webhooks", {"url": URL, "x": "a" * 20_000}, key=key)

    assert large.status == 413
    assert (await api.get("/v1/webhooks", key=key)).json == {"webhooks": []}


async def test_webhooks_beyond_the_limit_are_a_conflict(api: ApiCaller, key: str, other_key: str) -> None:
    """An issuer has ten at most, and room again once one is deleted."""
    for _ in range(WEBHOOKS_PER_ISSUER):
        assert (await api.post("/v1/webhooks", {"url": URL}, key=key)).status == 201
    refused = await api.post("/v1/webhooks", {"url": URL}, key=key)
    theirs = await api.post("/v1/webhooks", {"url": URL}, key=other_key)
    await api.call("DELETE", "/v1/webhooks/1", key=key)
    again = await api.post("/v1/webhooks", {"url": URL}, key=key)

    assert (refused.status, refused.problem) == (409, "conflict")
    assert (theirs.status, again.status) == (201, 201)


async def test_webhook_id_has_one_spelling(api: ApiCaller, service: Running, key: str) -> None:
    """Other spellings of a number are no path at all."""
    await api.post("/v1/webhooks", {"url": URL}, key=key)
    for spelling in ("01", "+1", "1.0", "0x1", "%31%20", "1/", "-1", "99999999999999999999"):
        assert (await api.call("DELETE", f"/v1/webhooks/{spelling}", key=key)).status == 404

    assert len(await service.store.webhooks(1)) == 1
