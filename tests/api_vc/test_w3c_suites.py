"""
What W3C's test suites and DCC's coordinator ask of an implementation, asked over TLS as they ask it.

The calls are those of the suites for Bitstring Status List, Data Integrity EdDSA and VC Data Model 2.0: no key of their
own, `credential` and `options` as configured, lists fetched as `@digitalbazaar/http-client` does. A front with a
certificate of its own adds the API key, as docs/credentials.md has it done.
"""

from __future__ import annotations

import copy
import gzip
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from anchor.api.app import make_app
from anchor.config import ServerSettings
from anchor.store.records import SignerKind
from anchor.vc.linked_data import LinkedData
from status_lists.multibase import decode_base58btc, decode_base64url, decode_multikey
from tests.status_lists.served import FakeResolver, certificates_for
from tests.support.assembly import make_settings, new_chain, running
from tests.support.vc_documents import EXAMPLES_V2, HOLDER, presentation, presented, signed

HOST = "anchor.example.org"
LINKED_DATA = LinkedData()
V2 = "https://www.w3.org/ns/credentials/v2"
JSON_TYPES = "application/ld+json, application/json"
STATUS = "https://www.w3.org/ns/credentials/status-list#"


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite's view of the implementation: an https address, an issuer's DID, the options of its configuration."""

    session: aiohttp.ClientSession
    base_url: str
    issuer: str

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Post JSON without any key."""
        async with self.session.post(self.base_url + path, json=body) as response:
            return response.status, await response.json(content_type=None)

    async def issue(self, credential: dict[str, Any], **options: Any) -> tuple[int, Any]:
        """Have a credential issued as `createRequestBody` of the suites asks for it."""
        issuer = credential.get("issuer", self.issuer)
        if isinstance(issuer, dict):
            issuer = {"id": self.issuer} | issuer
        named = {**credential, "id": f"urn:uuid:{uuid.uuid4()}", "issuer": issuer}
        status, answer = await self.post("/credentials/issue", {"credential": named, "options": options})
        return status, answer.get("verifiableCredential", answer)

    async def verify(self, document: Any, **options: Any) -> tuple[int, Any]:
        """Have a credential verified."""
        return await self.post("/credentials/verify", {"verifiableCredential": document, "options": options})

    async def get(self, url: str, accept: str = JSON_TYPES) -> Any:
        """Fetch JSON as the suites' document loader does: what has no "json" in its type is not read."""
        async with self.session.get(url, headers={"Accept": accept}) as response:
            assert response.status == 200
            assert "json" in response.headers["Content-Type"]
            return await response.json(content_type=None)


@asynccontextmanager
async def tls_front(behind: str, context: ssl.SSLContext, port: int, key: str) -> AsyncIterator[None]:
    """Pass https requests on, with the API key added where the service asks for one."""

    async def forward(request: web.Request) -> web.Response:
        headers = {
            name: value for name, value in request.headers.items() if name in ("Accept", "Content-Type")
        }
        if request.path.startswith(("/credentials", "/presentations")):
            headers["Authorization"] = f"Bearer {key}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                behind + request.path_qs,
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as answer,
        ):
            kept = {
                name: value for name, value in answer.headers.items() if name in ("Content-Type", "Location")
            }
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def suite(tmp_path: Path) -> AsyncIterator[Suite]:
    """Run the service behind a TLS front whose address stands in its credentials."""
    certificates = certificates_for(HOST, tmp_path)
    port = unused_port()
    base_url = f"https://{HOST}:{port}"
    settings = replace(make_settings(tmp_path), server=ServerSettings(base_url=base_url))
    async with running(settings, new_chain()) as service, TestServer(make_app(service.services)) as server:
        added = await service.services.issuers.add(
            identifier=None, name="Suite", kind=SignerKind.MANAGED, seed=None
        )
        resolver = FakeResolver({HOST: [["127.0.0.1"]]})
        connector = aiohttp.TCPConnector(resolver=resolver, ssl=certificates.client)
        behind = str(server.make_url("")).rstrip("/")
        async with (
            tls_front(behind, certificates.server, port, added.api_key),
            aiohttp.ClientSession(connector=connector) as session,
        ):
            yield Suite(session, base_url, added.issuer.identifier)


def valid() -> dict[str, Any]:
    """Return the least credential that the suites have issued."""
    return {
        "@context": [V2],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"id": "did:key:z6MkhTNL7i2etLerDK8Acz5t528giE5KA4p75T6ka1E1D74r"},
    }


def expand(encoded: str) -> bytes:
    """Expand `encodedList` with nothing but base64url and gzip."""
    assert encoded[0] == "u"
    return gzip.decompress(decode_base64url(encoded[1:]))


async def test_suite_status_entries_and_lists_are_as_bitstring_status_list_says(suite: Suite) -> None:
    """Each entry's members by type, and each list had under the entry's URL, over TLS, as JSON."""
    status, issued = await suite.issue(valid())
    entries = issued["credentialStatus"]

    assert status == 201
    assert isinstance(entries, list)
    assert [entry["statusPurpose"] for entry in entries] == ["revocation", "suspension"]
    for entry in entries:
        assert entry["type"] == "BitstringStatusListEntry"
        assert entry["id"] != entry["statusListCredential"]
        assert urlsplit(entry["id"]).scheme == "https"
        assert str(int(entry["statusListIndex"])) == entry["statusListIndex"]
        assert int(entry["statusListIndex"]) >= 0
        assert entry.get("statusSize", 1) == 1
        listed = await suite.get(entry["statusListCredential"])
        assert listed["id"] == entry["statusListCredential"]
        assert listed["@context"][0] == V2
        assert {"VerifiableCredential", "BitstringStatusListCredential"} <= set(listed["type"])
        assert listed["issuer"] == issued["issuer"]
        assert listed["proof"]["type"] == "DataIntegrityProof"
        subject = listed["credentialSubject"]
        assert (subject["type"], subject["statusPurpose"]) == ("BitstringStatusList", entry["statusPurpose"])
        assert isinstance(subject["statusPurpose"], str)
        bits = expand(subject["encodedList"])
        assert len(bits) >= 16 * 1024
        assert int(entry["statusListIndex"]) < len(bits) * 8
        assert (await suite.verify(listed))[0] == 200


async def test_suite_list_as_of_a_time_is_the_list_or_an_error(suite: Suite) -> None:
    """`timestamp` is a URL-encoded dateTimeStamp; a time before the list gives no list."""
    _, issued = await suite.issue(valid())
    url = issued["credentialStatus"][0]["statusListCredential"]
    listed = await suite.get(url)
    then = await suite.get(f"{url}?timestamp={listed['validFrom'].replace(':', '%3A')}")
    async with suite.session.get(f"{url}?timestamp=2000-01-01T00%3A00%3A00Z") as before:
        assert before.status == 404

    assert then == listed


@pytest.mark.parametrize(
    "entry",
    [
        {
            "type": "BitstringStatusListEntry",
            "statusListIndex": True,
            "statusListCredential": "https://example.com",
        },
        {"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "-1"},
        {
            "statusPurpose": "revocation",
            "statusListIndex": "1",
            "statusListCredential": "https://example.com/1",
        },
    ],
)
@pytest.mark.parametrize("member", ["credentialStatus", "statusEntry"])
async def test_suite_malformed_status_entry_is_rejected_by_issuer_and_verifier(
    suite: Suite, member: str, entry: dict[str, Any]
) -> None:
    """Under its own name or one that no context defines; the error is an HTTP error either way."""
    issued, _ = await suite.issue(valid() | {member: entry})
    verified, _ = await suite.verify({**valid(), "issuer": suite.issuer, member: entry, "proof": {}})

    assert (issued, verified) == (400, 400)


async def test_suite_verifier_tells_of_revocation_by_the_specifications_errors(suite: Suite) -> None:
    """Good, then revoked through the coordinator's call, then an index beyond its list."""
    _, issued = await suite.issue(valid())
    good = await suite.verify(issued, checks=["proof", "credentialStatus"])
    update = {
        "credentialId": issued["id"],
        "credentialStatus": [{"type": "BitstringStatusListCredential", "status": "revoked"}],
    }
    updated, _ = await suite.post("/credentials/status", update)
    revoked = await suite.verify(issued)
    entry = issued["credentialStatus"][0]
    bits = expand((await suite.get(entry["statusListCredential"]))["credentialSubject"]["encodedList"])
    index = int(entry["statusListIndex"])

    assert (good[0], good[1]["errors"], good[1]["verified"]) == (200, [], True)
    assert updated == 200
    assert (revoked[0], revoked[1]["verified"]) == (400, False)
    assert bits[index // 8] & 0x80 >> index % 8


@pytest.mark.parametrize("cryptosuite", ["eddsa-rdfc-2022", "eddsa-jcs-2022"])
async def test_suite_proofs_are_as_data_integrity_eddsa_says(suite: Suite, cryptosuite: str) -> None:
    """Members of the proof, the key by its name, base58btc alone; each member taken away or changed is refused."""
    status, issued = await suite.issue(valid(), cryptosuite=cryptosuite)
    proof = issued["proof"]
    key = decode_multikey(proof["verificationMethod"].rpartition("#")[2])

    assert status == 201
    assert (proof["type"], proof["cryptosuite"], proof["proofPurpose"]) == (
        "DataIntegrityProof",
        cryptosuite,
        "assertionMethod",
    )
    assert len(key) == 32
    assert len(decode_base58btc(proof["proofValue"])) == 64
    assert (await suite.verify(issued))[0] == 200
    bad: dict[str, Any] = {
        "type": "NotDataIntegrityProof",
        "cryptosuite": "not-a-suite",
        "created": "not a date",
        "proofPurpose": "authentication",
        "verificationMethod": f"{HOLDER.did_key}#{HOLDER.multikey}",
        "proofValue": "u" + proof["proofValue"][1:],
        "domain": 1,
    }
    for name in [*bad, *(member for member in bad if member not in ("created", "domain"))]:
        changed = copy.deepcopy(issued)
        if bad[name] is None:
            del changed["proof"][name]
        changed["proof"][name] = bad[name]
        assert (await suite.verify(changed))[0] == 400, name
        bad[name] = None
    assert (await suite.verify({**issued, "proof": None}))[0] == 400


async def test_suite_presentations_with_no_checks_asked_for_are_verified(suite: Suite) -> None:
    """`checks: []`, one credential and several, by a stranger who is holder and issuer; strings for credentials not."""
    credentials = [
        signed({**valid(), "issuer": HOLDER.did_key, "id": f"urn:x:{n}"}, HOLDER, linked_data=LINKED_DATA)
        for n in range(2)
    ]
    for held in ([], credentials[:1], credentials):
        shown = presented(
            presentation(*held, holder=HOLDER.did_key, id="urn:uuid:a-presentation"),
            HOLDER,
            linked_data=LINKED_DATA,
            challenge="uAAAAAAAAAAAAAAAAAAAAAA",
        )
        status, answer = await suite.post(
            "/presentations/verify", {"verifiablePresentation": shown, "options": {"checks": []}}
        )
        assert (status, answer["errors"]) == (200, [])
    for broken in ("urn:x:0", {**credentials[0], "type": []}, 7):
        body = {
            "verifiablePresentation": {**shown, "verifiableCredential": [broken]},
            "options": {"checks": []},
        }
        assert (await suite.post("/presentations/verify", body))[0] == 400


GOOD_MEMBERS: list[dict[str, Any]] = [
    {"issuer": {"name": "no id of its own"}},
    {"name": "A name", "description": {"@value": "In English", "@language": "en"}},
    {
        "name": [
            {"@value": "HTML", "@language": "en"},
            {"@value": "HTML", "@language": "ar", "@direction": "rtl"},
        ]
    },
    {"validFrom": "2020-01-01T00:00:00Z", "validUntil": "2090-01-01T00:00:00-04:00"},
    {"credentialSubject": [{"id": "did:example:a"}, {"id": "did:example:b"}]},
    {"refreshService": {"id": "https://example.org/r", "type": "https://example.org/#Refresh"}},
    {
        "termsOfUse": [
            {"type": "https://example.org/#Terms"},
            {"id": "urn:t:2", "type": "https://example.org/#Terms"},
        ]
    },
    {"evidence": [{"type": ["https://example.org/#Evidence"]}, {"type": "https://example.org/#Evidence"}]},
    {"credentialSchema": {"id": "https://example.org/schema", "type": "JsonSchema"}},
    {"relatedResource": {"id": "https://example.org/a", "digestSRI": "sha256-" + "A" * 43 + "="}},
]
BAD_MEMBERS: list[dict[str, Any]] = [
    {"@context": [EXAMPLES_V2, V2]},
    {"@context": V2 + "x"},
    {"@context": [V2, {"VerifiableCredential": "https://example.org/#Other"}]},
    {"@context": [V2, {"credentialSubject": "https://example.org/#Other", "@protected": True}, 4]},
    {"type": "VerifiablePresentation"},
    {"type": ["VerifiableCredential", "UnmappedType"]},
    {"issuer": "not a url"},
    {"issuer": {"id": None}},
    {"issuer": ["did:example:a"]},
    {"name": {"@value": "x", "@language": 4}},
    {"name": {"@value": "x", "other": "y"}},
    {"description": 4},
    {"credentialSubject": None},
    {"credentialSubject": []},
    {"credentialSubject": {}},
    {"credentialSubject": "did:example:a"},
    {"validFrom": "January"},
    {"validUntil": "2020-01-01"},
    {"validFrom": "2090-01-01T00:00:00Z", "validUntil": "2020-01-01T00:00:00Z"},
    {"credentialStatus": {"id": "https://example.org/s"}},
    {"credentialStatus": {"id": "not a url", "type": "https://example.org/#S"}},
    {"credentialSchema": {"type": "JsonSchema"}},
    {"credentialSchema": {"id": "https://example.org/schema"}},
    {"refreshService": {"id": "https://example.org/r"}},
    {"termsOfUse": {"id": "urn:t:1"}},
    {"evidence": {"id": "urn:e:1"}},
    {"relatedResource": {"id": "https://example.org/a"}},
    {"relatedResource": {"digestSRI": "sha256-" + "A" * 43 + "="}},
    {"relatedResource": [{"id": "https://example.org/a", "digestSRI": "sha256-" + "A" * 43 + "="}] * 2},
    {"relatedResource": {"id": "https://example.org/a", "digestSRI": "md5-abc"}},
]


async def test_suite_data_model_good_members_are_issued_and_verify(suite: Suite) -> None:
    """What Data Model 2.0 allows is signed as it came, and holds."""
    for members in GOOD_MEMBERS:
        status, issued = await suite.issue(valid() | members)
        assert status == 201, (members, issued)
        assert (await suite.verify(issued))[0] == 200, members


async def test_suite_data_model_bad_members_are_an_http_error(suite: Suite) -> None:
    """What it forbids is refused by the issuer, and by the verifier though somebody signed it."""
    for members in BAD_MEMBERS:
        status, answer = await suite.issue(valid() | members)
        assert status == 400, (members, answer)
        document = {**valid(), "issuer": HOLDER.did_key, **members}
        proof = signed({**valid(), "issuer": HOLDER.did_key}, HOLDER, linked_data=LINKED_DATA)["proof"]
        assert (await suite.verify({**document, "proof": proof}))[0] == 400, members


async def test_coordinator_finds_a_status_service_that_does_what_it_calls(suite: Suite) -> None:
    """Is it there, allocate, update, look, and the list under its short name."""
    async with suite.session.get(suite.base_url + "/") as there:
        assert (there.status, "message" in await there.json()) == (200, True)
    status, allocated = await suite.post(
        "/credentials/status/allocate", {**valid(), "id": "urn:x:coordinated"}
    )
    list_id = urlsplit(allocated["credentialStatus"][0]["statusListCredential"]).path.rpartition("/")[2]
    update = {
        "credentialId": "urn:x:coordinated",
        "credentialStatus": [{"type": "BitstringStatusListCredential", "status": "revoked"}],
    }
    updated = await suite.post("/credentials/status", update)
    shown = await suite.get(f"{suite.base_url}/credentials/urn%3Ax%3Acoordinated")
    listed = await suite.get(f"{suite.base_url}/{list_id}", accept="application/json, text/plain, */*")
    unknown, answer = await suite.post("/credentials/status", {**update, "credentialId": "urn:x:nobody"})

    assert status == 200
    assert (updated[0], updated[1]["code"]) == (200, 200)
    assert shown["statusInfo"]["revocation"]["valid"] is False
    assert listed["credentialSubject"]["statusPurpose"] == "revocation"
    assert (unknown, answer["code"]) == (404, 404)
