"""Lists and resources of others in /credentials/verify and /presentations/verify: from named hosts, or honestly not."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from anchor.config import VerifySettings
from anchor.service.foreign_status import MAX_LISTS
from anchor.service.related_resources import LIMITS, MAX_RESOURCES
from anchor.vc.linked_data import LinkedData
from status_lists.encoding import encode_list
from status_lists.jose import sign_list_jwt
from status_lists.json_text import write_json_object
from status_lists.keys import verification_method_of
from status_lists.multibase import encode_base64url
from status_lists.signing import sign_list
from tests.status_lists.served import Answer, Served, ok, saying, serving
from tests.support.clock import START_MS
from tests.support.vc_client import VcClient, vc_client
from tests.support.vc_documents import HOLDER, ISSUER, OTHER, credential, presentation, presented, signed
from tests.support.vc_lists import DAY_MS, INDEX, list_body, listed_credential, unsigned_list

LINKED_DATA = LinkedData()
STATUS = "https://www.w3.org/ns/credentials/status-list#"
OURS = "https://credential-anchor.org/problems/"

Body = Callable[[str], bytes]
"""What is served at a URL, which the list itself names."""


def allowing(served: Served, **settings: Any) -> VerifySettings:
    """Return settings by which a server on loopback may be asked for everything."""
    host = f"127.0.0.1:{served.port}"
    return VerifySettings(
        **{"list_hosts": (host,), "resource_hosts": (host,), "local_hosts": (host,)} | settings
    )


def url_of(served: Served, path: str = "/lists/1") -> str:
    """Return a URL of the server."""
    return f"http://127.0.0.1:{served.port}{path}"


async def verify(client: VcClient, document: dict[str, Any]) -> tuple[int, list[str], list[str]]:
    """Verify an unsigned credential, signed here; return the status, the kinds of problems, those of warnings."""
    body = {"verifiableCredential": signed(document, ISSUER, linked_data=LINKED_DATA)}
    return await asked(client, "/credentials/verify", body)


async def asked(client: VcClient, path: str, body: dict[str, Any]) -> tuple[int, list[str], list[str]]:
    """Post a body as an issuer."""
    caller = await client.add_issuer()
    status, answer = await client.post(path, caller.bearer, body)
    kinds = [[item["type"] for item in answer[name]] for name in ("problemDetails", "warnings")]
    return status, kinds[0], kinds[1]


@asynccontextmanager
async def serving_list(body: Body) -> AsyncIterator[Served]:
    """Serve a list that knows its own address."""
    holder: list[Served] = []

    async def answer(visit: Any) -> None:
        await ok(body(url_of(holder[0])))(visit)

    async with serving(answer) as served:
        holder.append(served)
        yield served


def not_revoked(url: str) -> bytes:
    """Return a list in which the neighbours are set."""
    return list_body(url, INDEX - 1, INDEX + 1)


def as_jwt(url: str) -> bytes:
    """Return the list as `vc+jwt`."""
    document = unsigned_list(url, INDEX)
    return sign_list_jwt(document, key=ISSUER, verification_method=verification_method_of(ISSUER)).encode()


def with_text(encoded: str) -> Body:
    """Return a list with this `encodedList`, signed as it is."""

    def body(url: str) -> bytes:
        document = unsigned_list(url)
        document["credentialSubject"]["encodedList"] = encoded
        method = verification_method_of(ISSUER)
        return write_json_object(
            sign_list(document, key=ISSUER, verification_method=method, created_ms=START_MS - 1000)
        )

    return body


BOMB = encode_list(bytes(256 * 1024 * 1024), level=6)
SHORT = encode_list(bytes(100_000 // 8), level=6)

CASES: dict[str, tuple[Body, list[str]]] = {
    "good": (not_revoked, []),
    "good, from a list as vc+jwt": (as_jwt, [f"{OURS}revoked"]),
    "revoked": (lambda url: list_body(url, INDEX), [f"{OURS}revoked"]),
    "of another issuer": (lambda url: list_body(url, key=OTHER), [f"{STATUS}STATUS_VERIFICATION_ERROR"]),
    "expired": (
        lambda url: list_body(url, from_ms=START_MS - 2 * DAY_MS),
        [f"{STATUS}STATUS_VERIFICATION_ERROR"],
    ),
    "from the future": (
        lambda url: list_body(url, from_ms=START_MS + 1000),
        [f"{STATUS}STATUS_VERIFICATION_ERROR"],
    ),
    "of another URL": (lambda url: list_body(url + "0"), [f"{STATUS}STATUS_VERIFICATION_ERROR"]),
    "of another purpose": (
        lambda url: list_body(url, purpose="suspension"),
        [f"{STATUS}STATUS_VERIFICATION_ERROR"],
    ),
    "unsigned": (
        lambda url: write_json_object(unsigned_list(url)),
        [f"{STATUS}STATUS_VERIFICATION_ERROR"],
    ),
    "of 100,000 entries": (with_text(SHORT), [f"{STATUS}STATUS_LIST_LENGTH_ERROR"]),
    "a bomb": (with_text(BOMB), [f"{STATUS}MALFORMED_VALUE_ERROR"]),
    "a page": (lambda _url: b"<html>moved</html>", [f"{STATUS}MALFORMED_VALUE_ERROR"]),
    "nothing": (lambda _url: b"", [f"{STATUS}MALFORMED_VALUE_ERROR"]),
}


@pytest.mark.parametrize("case", CASES)
async def test_verify_list_of_a_named_host_says_what_it_is(tmp_path: Path, case: str) -> None:
    """In a credential and in a presentation alike: each fault has its problem, and none passes for "not revoked"."""
    body, kinds = CASES[case]
    async with serving_list(body) as served, vc_client(tmp_path, verify=allowing(served)) as client:
        document = listed_credential(url_of(served))
        by_itself = await verify(client, document)
        held = signed(document, ISSUER, linked_data=LINKED_DATA)
        shown = presented(presentation(held, holder=HOLDER.did_key), HOLDER, linked_data=LINKED_DATA)
        in_presentation = await asked(client, "/presentations/verify", {"verifiablePresentation": shown})

    expected: tuple[int, list[str], list[str]] = (400 if kinds else 200, kinds, [])
    assert by_itself == expected
    assert in_presentation == expected


@pytest.mark.parametrize(
    "answer",
    [
        saying("HTTP/1.1 404 Not Found\nContent-Length: 0"),
        saying("HTTP/1.1 500 Oops\nContent-Length: 0"),
        saying("HTTP/1.1 302 Found\nLocation: https://lists.example.org/1\nContent-Length: 0"),
        saying("HTTP/1.1 302 Found\nLocation: http://127.0.0.1:1/\nContent-Length: 0"),
        saying("HTTP/1.1 200 OK\nContent-Length: 50", b"cut short"),
        saying("HTTP/1.1 200 OK\nContent-Encoding: br\nContent-Length: 2", b"{}"),
        saying("HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 2", b"{}"),
    ],
)
async def test_verify_list_that_cannot_be_had_is_a_retrieval_error(tmp_path: Path, answer: Answer) -> None:
    """Missing, failing, leading elsewhere, cut short: never silence."""
    async with serving(answer) as served, vc_client(tmp_path, verify=allowing(served)) as client:
        found = await verify(client, listed_credential(url_of(served)))

    assert found == (400, [f"{STATUS}STATUS_RETRIEVAL_ERROR"], [])


async def test_verify_list_of_a_server_that_is_down_is_a_retrieval_error(tmp_path: Path) -> None:
    """Nobody listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        down = Served(port=taken.getsockname()[1])
        async with vc_client(tmp_path, verify=allowing(down)) as client:
            found = await verify(client, listed_credential(url_of(down)))

    assert found == (400, [f"{STATUS}STATUS_RETRIEVAL_ERROR"], [])


@pytest.mark.parametrize(
    "settings",
    [
        {"list_hosts": ()},
        {"list_hosts": ("lists.example.org",)},
        {"list_hosts": ("127.0.0.1:1",)},
        {"local_hosts": ()},
    ],
)
async def test_verify_list_of_another_host_is_not_asked_for(tmp_path: Path, settings: dict[str, Any]) -> None:
    """A host that is not named, and a private one that is not named as such, learns nothing."""
    async with (
        serving_list(not_revoked) as served,
        vc_client(tmp_path, verify=allowing(served, **settings)) as client,
    ):
        found = await verify(client, listed_credential(url_of(served)))

    assert found == (400, [f"{STATUS}STATUS_RETRIEVAL_ERROR"], [])
    assert served.connections == 0


async def test_verify_shorter_list_counts_where_the_operator_lowers_the_bound(tmp_path: Path) -> None:
    """Strict by default; some deployed lists have 100,000 entries."""
    async with (
        serving_list(with_text(SHORT)) as served,
        vc_client(tmp_path, verify=allowing(served, min_list_entries=100_000)) as client,
    ):
        found = await verify(client, listed_credential(url_of(served)))

    assert found == (200, [], [])


async def test_verify_one_list_is_fetched_once_and_few_of_them(tmp_path: Path) -> None:
    """A document of many entries does not make many calls of one."""
    async with serving_list(not_revoked) as served, vc_client(tmp_path, verify=allowing(served)) as client:
        same = await verify(client, listed_credential(*[url_of(served)] * 5))
        after_same = served.connections
        many = await verify(
            client, listed_credential(*[url_of(served, f"/lists/{n}") for n in range(MAX_LISTS + 3)])
        )

    assert (same, after_same) == ((200, [], []), 1)
    assert (many[0], many[1].count(f"{STATUS}STATUS_RETRIEVAL_ERROR")) == (400, 3)
    assert served.connections == 1 + MAX_LISTS


def resource(url: str, content: bytes, **changes: Any) -> dict[str, Any]:
    """Return a related resource by both of its digests."""
    multihash = b"\x12\x20" + hashlib.sha256(content).digest()
    sri = "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
    whole = {"id": url, "digestSRI": sri, "digestMultibase": "u" + encode_base64url(multihash)} | changes
    return {name: value for name, value in whole.items() if value is not None}


CONTENT = b'{"a": "picture of a campus"}'
OTHER_SRI = "sha256-" + base64.b64encode(hashlib.sha256(b"another").digest()).decode()


@pytest.mark.parametrize(
    ("changes", "status", "kinds"),
    [
        ({}, 200, ([], [])),
        ({"digestSRI": None}, 200, ([], [])),
        ({"digestMultibase": None}, 200, ([], [])),
        ({"digestSRI": OTHER_SRI}, 400, ([f"{OURS}related-resource-changed"], [])),
        (
            {"digestMultibase": resource("x:y", b"another")["digestMultibase"]},
            400,
            ([f"{OURS}related-resource-changed"], []),
        ),
    ],
)
async def test_verify_related_resource_of_a_named_host_is_compared(
    tmp_path: Path, changes: dict[str, Any], status: int, kinds: tuple[list[str], list[str]]
) -> None:
    """What is served must be what the credential commits to, by each digest that it gives."""
    async with serving(ok(CONTENT)) as served, vc_client(tmp_path, verify=allowing(served)) as client:
        related = resource(url_of(served, "/picture"), CONTENT, mediaType="image/png", **changes)
        found = await verify(client, credential(relatedResource=related))

    assert found == (status, *kinds)
    assert b"Accept: image/png, */*;q=0.1\r\n" in served.requests[0]


@pytest.mark.parametrize("settings", [{"resource_hosts": ()}, {"local_hosts": ()}])
async def test_verify_related_resource_of_another_host_is_told_of_and_not_asked_for(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    """The credential holds, and the answer says what was not compared."""
    async with (
        serving(ok(b"changed")) as served,
        vc_client(tmp_path, verify=allowing(served, **settings)) as client,
    ):
        found = await verify(client, credential(relatedResource=resource(url_of(served), CONTENT)))

    assert found == (200, [], [f"{OURS}related-resource-unchecked"])
    assert served.connections == 0


async def test_verify_related_resource_too_large_or_too_many_is_told_of(tmp_path: Path) -> None:
    """Bounded in bytes and in number, and honest about it."""
    huge = saying(f"HTTP/1.1 200 OK\nContent-Length: {LIMITS.body_bytes + 1}", bytes(LIMITS.body_bytes + 1))
    async with serving(huge) as served, vc_client(tmp_path, verify=allowing(served)) as client:
        too_large = await verify(client, credential(relatedResource=resource(url_of(served), CONTENT)))
        related = [resource(url_of(served, f"/{n}"), CONTENT) for n in range(MAX_RESOURCES + 2)]
        before = served.connections
        too_many = await verify(client, credential(relatedResource=related))

    assert too_large == (200, [], [f"{OURS}related-resource-unchecked"])
    assert too_many == (200, [], [f"{OURS}related-resource-unchecked"] * (MAX_RESOURCES + 2))
    assert served.connections == before + MAX_RESOURCES


async def test_verify_related_resource_of_a_forged_credential_is_not_asked_for(tmp_path: Path) -> None:
    """What does not hold by itself makes this service call nobody."""
    async with serving(ok(CONTENT)) as served, vc_client(tmp_path, verify=allowing(served)) as client:
        document = credential(
            relatedResource=resource(url_of(served), CONTENT),
            credentialStatus=listed_credential(url_of(served))["credentialStatus"],
        )
        forged = {**signed(document, ISSUER, linked_data=LINKED_DATA), "validFrom": "2011-01-01T00:00:00Z"}
        status, kinds, _ = await asked(client, "/credentials/verify", {"verifiableCredential": forged})

    assert (status, len(kinds)) == (400, 1)
    assert served.connections == 0
