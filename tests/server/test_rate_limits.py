"""A key has its rate, an address its number of failures; a stranger's failures lock nobody out who has a good key."""

from __future__ import annotations

import pytest

from tests.server.conftest import LIMITS
from tests.support.api_caller import Answer, ApiCaller
from tests.support.assembly import Running

PROBLEM = "rate-limited"
FORWARDED = "X-Forwarded-For"


async def ask(api: ApiCaller, key: str | None, *, client: str | None = None) -> Answer:
    """Ask for something that needs an issuer's key, on behalf of a client behind the proxy that this machine is."""
    headers = {FORWARDED: client} if client else {}
    headers |= {"Authorization": f"Bearer {key}"} if key is not None else {}
    return await api.call("GET", "/v1/webhooks", headers=headers)


async def test_key_beyond_its_rate_is_answered_429_until_it_has_rested(
    api: ApiCaller, key: str, service: Running
) -> None:
    """The burst, then one request for each token; Retry-After is when the next token comes, and is true."""
    within = [(await ask(api, key)).status for _ in range(LIMITS.key_burst)]
    beyond = await ask(api, key)

    assert within == [200] * LIMITS.key_burst
    assert (beyond.status, beyond.problem, beyond.headers["Retry-After"]) == (429, PROBLEM, "2")
    service.clock.advance(1.9)
    assert (await ask(api, key)).headers["Retry-After"] == "1"
    service.clock.advance(0.1)
    assert [(await ask(api, key)).status for _ in range(2)] == [200, 429]


async def test_keys_have_buckets_of_their_own(api: ApiCaller, key: str) -> None:
    """One issuer's haste is no other's, nor the operator's."""
    other = await api.new_issuer("academy")
    for _ in range(LIMITS.key_burst + 1):
        hasty = await ask(api, key)

    assert hasty.status == 429
    assert (await ask(api, other)).status == 200
    assert (await api.get("/v1/issuers", key=api.operator_key)).status == 200


async def test_refused_request_changes_nothing(api: ApiCaller, key: str, service: Running) -> None:
    """What is answered 429 was not done."""
    for _ in range(LIMITS.key_burst):
        await ask(api, key)
    answer = await api.post("/v1/digests", {"digest": "00" * 31 + "01", "method": "raw"}, key=key)

    assert answer.status == 429
    assert await service.store.unmined_entries() == 0


@pytest.mark.parametrize("key", [None, "", "anchor_wrong", "x" * 300])
async def test_failures_of_an_address_are_limited(api: ApiCaller, service: Running, key: str | None) -> None:
    """No key or a wrong one: 401 so often, then 429 without a look at the key, and 401 again after a rest."""
    allowed = [(await ask(api, key)).status for _ in range(LIMITS.failed_keys_per_minute)]
    looked_up = _look_ups(service)
    beyond = [await ask(api, f"another{number}") for number in range(5)]

    assert allowed == [401] * LIMITS.failed_keys_per_minute
    assert {(answer.status, answer.problem, answer.headers["Retry-After"]) for answer in beyond} == {
        (429, PROBLEM, "5")
    }
    assert not looked_up
    service.clock.advance(5)
    assert [(await ask(api, key)).status for _ in range(2)] == [401, 429]


async def test_known_key_works_where_its_address_has_failed_too_often(api: ApiCaller, key: str) -> None:
    """A stranger behind the same NAT locks no issuer out."""
    assert (await ask(api, key)).status == 200
    for _ in range(LIMITS.failed_keys_per_minute + 1):
        stranger = await ask(api, "wrong")

    assert stranger.status == 429
    assert (await ask(api, key)).status == 200


async def test_revoked_key_is_known_no_more(api: ApiCaller, key: str) -> None:
    """A key that was good once is a wrong key like others after it was replaced."""
    await ask(api, key)
    await api.post("/v1/issuers/1/rotate-key", key=api.operator_key)
    answers = [(await ask(api, key)).status for _ in range(LIMITS.failed_keys_per_minute + 1)]

    assert answers == [401] * LIMITS.failed_keys_per_minute + [429]


async def test_failures_count_for_the_client_that_a_trusted_proxy_names(api: ApiCaller) -> None:
    """Behind a proxy each client has its own failures; what clients write into the header themselves counts nothing."""
    for number in range(LIMITS.failed_keys_per_minute + 1):
        first = await ask(api, "wrong", client=f"198.51.100.{number}, 203.0.113.7")

    assert first.status == 429
    assert (await ask(api, "wrong", client="203.0.113.8")).status == 401
    assert (await ask(api, "wrong", client="198.51.100.1")).status == 401


async def test_operator_key_is_limited_likewise(api: ApiCaller) -> None:
    """The operator's endpoints are no way round."""
    answers = [await api.get("/v1/issuers", key="wrong") for _ in range(LIMITS.failed_keys_per_minute + 1)]

    assert [answer.status for answer in answers] == [401] * LIMITS.failed_keys_per_minute + [429]


async def test_basic_authentication_is_limited_likewise(api: ApiCaller) -> None:
    """Nor is the coordinator's way to send a key, which has answers of its own shape."""
    sent = {"Authorization": "Basic aXNzdWVyOndyb25n", "Content-Type": "application/json"}
    answers = [
        await api.call("POST", "/credentials/status", headers=sent, body=b"{}")
        for _ in range(LIMITS.failed_keys_per_minute + 1)
    ]

    assert [answer.status for answer in answers] == [401] * LIMITS.failed_keys_per_minute + [429]
    assert (answers[-1].json["code"], answers[-1].headers["Retry-After"]) == (429, "5")


async def test_public_reads_are_not_limited(api: ApiCaller) -> None:
    """Verifiers need no key, and are let in however many fail beside them."""
    for _ in range(LIMITS.failed_keys_per_minute + 1):
        await ask(api, "wrong")

    assert (await api.get("/v1/publisher")).status == 200


def _look_ups(service: Running) -> list[str]:
    """Return where the next look-up of a key in the store will be noted."""
    noted: list[str] = []

    async def note() -> None:
        noted.append("issuer_by_key")

    service.hooks.before["issuer_by_key"] = note
    return noted
