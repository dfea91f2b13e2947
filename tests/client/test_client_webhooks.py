"""The client's methods for webhooks and list keys: what they send, and what they take for an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from anchor.client import ServiceClient, Webhook
from anchor.errors import NotFound, ServiceUnavailable
from tests.support.fake_service import ISSUER_KEY, OPERATOR_KEY, Canned, FakeService, running_service

URL = "https://receiver.example.org/hook"
WEBHOOK = {
    "id": 3,
    "url": URL,
    "created": "2026-05-01T12:00:00.000Z",
    "disabled": False,
    "failures": 2,
    "failingSince": "2026-05-02T12:00:00.000Z",
    "lastFailure": "the receiver answered\n500",
}
ISSUER = {
    "number": 4,
    "id": "did:web:a.example:dids:x",
    "name": "X",
    "listSigner": {
        "type": "did-web",
        "did": "did:web:a.example:dids:x",
        "verificationMethod": "did:web:a.example:dids:x#new",
        "publicKeyMultibase": "z6Mk",
    },
    "disabled": False,
    "created": "2026-05-01T12:00:00.000Z",
    "retired": "did:web:a.example:dids:x#old",
    "warnings": ["one\x1b[2K", "two"],
}


@pytest.fixture
def service() -> Iterator[FakeService]:
    """Return a fake service."""
    with running_service() as fake:
        yield fake


def answers(service: FakeService, value: object, *, status: int = 200) -> None:
    """Let the next request get this JSON."""
    service.canned.append(Canned(status, json.dumps(value).encode()))


async def test_webhooks_are_created_listed_and_deleted(service: FakeService) -> None:
    """Each method asks its endpoint and returns values; the secret is in no repr."""
    quiet = WEBHOOK | {"failures": 0, "failingSince": None, "lastFailure": None}
    answers(service, quiet | {"secret": "whsec_abc="}, status=201)
    answers(service, {"webhooks": [WEBHOOK, quiet]})
    service.canned.append(Canned(204))
    async with ServiceClient(service.url, ISSUER_KEY) as client:
        created = await client.create_webhook(URL)
        listed = await client.webhooks()
        await client.delete_webhook(3)

    expected = Webhook(
        id=3,
        url=URL,
        created=datetime(2026, 5, 1, 12, tzinfo=UTC),
        is_disabled=False,
        failures=2,
        failing_since=datetime(2026, 5, 2, 12, tzinfo=UTC),
        last_failure="the receiver answered 500",
    )
    assert [(seen.method, seen.path) for seen in service.seen] == [
        ("POST", "/v1/webhooks"),
        ("GET", "/v1/webhooks"),
        ("DELETE", "/v1/webhooks/3"),
    ]
    assert json.loads(service.seen[0].body) == {"url": URL}
    assert created.secret == "whsec_abc="
    assert "whsec_abc=" not in repr(created)
    assert listed[0] == expected
    assert listed[1] == created.webhook
    assert (listed[1].failing_since, listed[1].last_failure) == (None, None)


async def test_create_webhook_without_an_answer_is_not_repeated(service: FakeService) -> None:
    """A second request could make a second webhook."""
    service.canned.append(Canned(None))
    async with ServiceClient(service.url, ISSUER_KEY) as client:
        with pytest.raises(ServiceUnavailable):
            await client.create_webhook(URL)

    assert len(service.seen) == 1


async def test_delete_webhook_of_another_issuer_not_found(service: FakeService) -> None:
    """The service's reason is passed on."""
    service.canned.append(Canned.problem(404, "not-found", "you have no webhook 3"))
    async with ServiceClient(service.url, ISSUER_KEY) as client:
        with pytest.raises(NotFound, match="you have no webhook 3"):
            await client.delete_webhook(3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 0},
        {"id": "3"},
        {"url": ""},
        {"created": "yesterday"},
        {"disabled": "no"},
        {"failures": -1},
        {"failingSince": 7},
        {"lastFailure": 7},
    ],
)
async def test_webhook_of_another_shape_is_refused(service: FakeService, wrong: dict[str, object]) -> None:
    """A member that is missing or of another type is the service's fault."""
    answers(service, {"webhooks": [WEBHOOK | wrong]})
    async with ServiceClient(service.url, ISSUER_KEY) as client:
        with pytest.raises(ServiceUnavailable, match="cannot read"):
            await client.webhooks()


async def test_rotate_list_key_returns_the_issuer_and_what_is_left_to_do(service: FakeService) -> None:
    """New and old verification method, and the warnings without control characters."""
    answers(service, ISSUER)
    async with ServiceClient(service.url, OPERATOR_KEY) as client:
        rotated = await client.rotate_list_key(4)

    assert (service.seen[0].method, service.seen[0].path) == ("POST", "/v1/issuers/4/rotate-list-key")
    assert rotated.issuer.list_signer.verification_method == "did:web:a.example:dids:x#new"
    assert rotated.retired_method == "did:web:a.example:dids:x#old"
    assert rotated.warnings == ("one [2K", "two")


async def test_rotate_list_key_without_an_answer_is_not_repeated(service: FakeService) -> None:
    """Each request makes another key."""
    service.canned.append(Canned(None))
    async with ServiceClient(service.url, OPERATOR_KEY) as client:
        with pytest.raises(ServiceUnavailable):
            await client.rotate_list_key(4)

    assert len(service.seen) == 1


async def test_create_issuer_hosted_is_sent(service: FakeService) -> None:
    """The name of the hosted document goes out, and no id."""
    async with ServiceClient(service.url, OPERATOR_KEY) as client:
        await client.create_issuer(name="X", list_signer="did-web", hosted="x")

    assert json.loads(service.seen[0].body) == {"name": "X", "listSigner": "did-web", "hosted": "x"}
