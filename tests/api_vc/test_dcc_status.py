"""The endpoints that DCC's issuer-coordinator calls, with the answers and errors of its own status service."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.assembly import BASE_URL
from tests.support.vc_client import Caller, VcClient
from tests.support.vc_documents import credential

ID = "urn:uuid:951b475e-b795-43bc-ba8f-a2d01efd2eb1"


def _update(
    status: Any = "revoked", credential_id: Any = ID, kind: str = "BitstringStatusListCredential"
) -> Any:
    return {"credentialId": credential_id, "credentialStatus": [{"type": kind, "status": status}]}


async def _allocate(client: VcClient, caller: Caller, document: Any) -> dict[str, Any]:
    status, body = await client.post("/credentials/status/allocate", caller.bearer, document)
    assert status == 200, body
    allocated: dict[str, Any] = body
    return allocated


async def test_allocate_returns_credential_with_our_pair(client: VcClient, issuer: Caller) -> None:
    """The credential comes back as it was, with revocation and suspension entries of one index."""
    document = credential("did:example:set-when-signed", id=ID)

    allocated = await _allocate(client, issuer, document)

    revocation, suspension = allocated.pop("credentialStatus")
    assert allocated == document
    assert revocation == {
        "id": f"{BASE_URL}/status-lists/0#{revocation['statusListIndex']}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": revocation["statusListIndex"],
        "statusListCredential": f"{BASE_URL}/status-lists/0",
    }
    assert (suspension["statusPurpose"], suspension["statusListIndex"]) == (
        "suspension",
        revocation["statusListIndex"],
    )


async def test_allocate_same_id_again_returns_same_entries(client: VcClient, issuer: Caller) -> None:
    """A retry costs no second entry; concurrent ones neither."""
    document = credential(id=ID)

    results = await asyncio.gather(*(_allocate(client, issuer, document) for _ in range(10)))

    assert all(result["credentialStatus"] == results[0]["credentialStatus"] for result in results)


async def test_allocate_same_id_of_another_issuer_is_its_own(client: VcClient, issuer: Caller) -> None:
    """Ids are an issuer's own business: another's credential of that id has another list."""
    other = await client.add_issuer()

    first = await _allocate(client, issuer, credential(id=ID))
    second = await _allocate(client, other, credential(id=ID))

    urls = {one["credentialStatus"][0]["statusListCredential"] for one in (first, second)}
    assert len(urls) == 2


async def test_allocate_credential_without_id_is_given_one(client: VcClient, issuer: Caller) -> None:
    """Without an id nothing could be revoked: a random one is added, as DCC's service does."""
    first = await _allocate(client, issuer, credential(id=None))
    second = await _allocate(client, issuer, credential(id=None))

    assert first["id"].startswith("urn:uuid:")
    assert first["id"] != second["id"]
    status, _ = await client.post("/credentials/status", issuer.bearer, _update(credential_id=first["id"]))
    assert status == 200


async def test_allocate_credential_with_status_is_returned_as_it_is(client: VcClient, issuer: Caller) -> None:
    """A status that is there already is left alone, and nothing is handed out."""
    document = credential(credentialStatus={"id": "did:example:s", "type": "Other"})

    assert await _allocate(client, issuer, document) == document
    assert await client.service.store.list_version(0, None) is None


async def test_allocate_drops_a_proof_that_no_longer_holds(client: VcClient, issuer: Caller) -> None:
    """What is added would break a signature, so an old one goes."""
    assert "proof" not in await _allocate(client, issuer, credential(id=ID, proof={"type": "x"}))


@pytest.mark.parametrize(
    ("words", "valid"),
    [
        ([], (True, True)),
        (["revoked"], (False, True)),
        (["revoked", "revoked"], (False, True)),
        (["suspended"], (True, False)),
        (["suspended", "unsuspended"], (True, True)),
        (["suspended", "revoked"], (False, False)),
    ],
)
async def test_status_updates_show_in_credential_info(
    client: VcClient, issuer: Caller, words: list[str], valid: tuple[bool, bool]
) -> None:
    """Each word sets or clears its own bit, twice is once, and GET tells."""
    allocated = await _allocate(client, issuer, credential(id=ID))
    for word in words:
        status, body = await client.post("/credentials/status", issuer.bearer, _update(word))
        assert (status, body) == (200, {"code": 200, "message": f"Credential successfully {word}."})

    status, shown = await client.get(f"/credentials/{ID}", issuer.bearer)

    info = shown["statusInfo"]
    assert (status, shown["id"], shown["issuer"]) == (200, ID, issuer.identifier)
    assert (info["revocation"]["valid"], info["suspension"]["valid"]) == valid
    assert info["revocation"]["statusCredentialId"] == "0"
    assert info["suspension"]["statusCredentialId"] == "1"
    assert str(info["revocation"]["statusListIndex"]) == allocated["credentialStatus"][0]["statusListIndex"]


async def test_update_changes_all_credentials_of_that_id(client: VcClient, issuer: Caller) -> None:
    """An id that was issued under twice is revoked as a whole."""
    documents = []
    for _ in range(2):
        status, body = await client.post(
            "/credentials/issue", issuer.bearer, {"credential": credential(issuer.identifier, id=ID)}
        )
        assert status == 201
        documents.append(body["verifiableCredential"])

    assert (await client.post("/credentials/status", issuer.bearer, _update()))[0] == 200

    for document in documents:
        index = document["credentialStatus"][0]["statusListIndex"]
        _, entry = await client.get(f"/v1/status-entries/0/{index}", issuer.bearer)
        assert entry["revoked"] is True


@pytest.mark.parametrize("credential_id", ["https://example.org/credentials/37?x=1", "urn:ex:ä ö", "a/../b"])
async def test_show_takes_any_id_percent_encoded(
    client: VcClient, issuer: Caller, credential_id: str
) -> None:
    """Ids are often URLs themselves."""
    await _allocate(client, issuer, credential(id=credential_id))

    status, shown = await client.get(f"/credentials/{quote(credential_id, safe='')}", issuer.bearer)

    assert (status, shown["id"]) == (200, credential_id)


async def test_show_another_issuers_credential_is_unknown(client: VcClient, issuer: Caller) -> None:
    """Nobody learns whether somebody else has a credential of an id."""
    other = await client.add_issuer()
    await _allocate(client, issuer, credential(id=ID))

    status, body = await client.get(f"/credentials/{ID}", other.bearer)
    updated, _ = await client.post("/credentials/status", other.bearer, _update())

    assert (status, body["code"], updated) == (404, 404, 404)


async def test_list_number_redirects_to_list(client: VcClient) -> None:
    """The short address of a list leads to where it is."""
    async with client.http.get("/12", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (301, f"{BASE_URL}/status-lists/12")


@pytest.mark.parametrize("path", ["/list", "/01", "/-1", "/1.0", "/1/2", "/%30x"])
async def test_other_short_paths_are_not_found(client: VcClient, path: str) -> None:
    """The short address takes numbers only and hides no other path."""
    async with client.http.get(path, allow_redirects=False) as response:
        assert response.status == 404


async def test_basic_authentication_carries_the_key_for_clients_without_headers(
    client: VcClient, issuer: Caller
) -> None:
    """The coordinator sends no header of its own; its HTTP library makes one of `user:key@host`."""
    status, _ = await client.post("/credentials/status/allocate", issuer.basic, credential(id=ID))
    updated, _ = await client.post("/credentials/status", issuer.basic, _update())
    shown, _ = await client.get(f"/credentials/{ID}", issuer.basic)

    assert (status, updated, shown) == (200, 200, 200)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic aXNzdWVyOndyb25n"},
        {"Authorization": "Basic ***"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer wrong"},
    ],
)
async def test_dcc_calls_without_valid_key_are_unauthorized(
    client: VcClient, headers: dict[str, str]
) -> None:
    """Each call needs an issuer's key, and says so in DCC's form."""
    for path in ("/credentials/status/allocate", "/credentials/status"):
        status, body = await client.post(path, headers, credential())
        assert (status, body["code"]) == (401, 401)
    status, body = await client.get(f"/credentials/{ID}", headers)
    assert (status, body["code"]) == (401, 401)


BAD_UPDATES: dict[str, tuple[Any, int]] = {
    "no body": ({}, 400),
    "an array": ([], 400),
    "no id": ({"credentialStatus": [{}]}, 400),
    "no status": ({"credentialId": ID}, 400),
    "another type": (_update(kind="StatusList2021Credential"), 400),
    "an unknown word": (_update("annulled"), 400),
    "a word that is no text": (_update(1), 400),
    "an unknown id": (_update(credential_id="urn:uuid:unknown"), 404),
    "an id that is no text": (_update(credential_id=5), 400),
    "an endless id": (_update(credential_id="x" * 3000), 400),
    "two updates": ({"credentialId": ID, "credentialStatus": [{}, {}]}, 400),
    "an update that is no object": ({"credentialId": ID, "credentialStatus": ["revoked"]}, 400),
}


@pytest.mark.parametrize("case", BAD_UPDATES)
async def test_bad_update_is_answered_with_code_and_message(
    client: VcClient, issuer: Caller, case: str
) -> None:
    """Errors are `{code, message}`, and nothing changes."""
    await _allocate(client, issuer, credential(id=ID))
    body, expected = BAD_UPDATES[case]

    status, answer = await client.post("/credentials/status", issuer.bearer, body)

    assert (status, answer["code"], set(answer)) == (expected, expected, {"code", "message"})
    _, shown = await client.get(f"/credentials/{ID}", issuer.bearer)
    assert shown["statusInfo"]["revocation"]["valid"]


@pytest.mark.parametrize("body", [{}, [], "x", {"id": 5}, {"id": ""}, {"id": "x" * 3000}])
async def test_bad_allocation_is_answered_with_code_and_message(
    client: VcClient, issuer: Caller, body: Any
) -> None:
    """What is no credential, or has an unusable id, gets no entry."""
    status, answer = await client.post("/credentials/status/allocate", issuer.bearer, body)

    assert (status, answer["code"], set(answer)) == (400, 400, {"code", "message"})
    assert await client.service.store.list_version(0, None) is None


async def test_malformed_json_is_answered_with_code_and_message(client: VcClient, issuer: Caller) -> None:
    """Strict JSON here as everywhere: a name twice is refused."""
    async with client.http.post(
        "/credentials/status",
        headers=issuer.bearer | {"Content-Type": "application/json"},
        data=b'{"credentialId":"a","credentialId":"b"}',
    ) as response:
        assert (response.status, (await response.json())["code"]) == (400, 400)


async def test_only_a_hash_of_the_id_is_stored(client: VcClient, issuer: Caller) -> None:
    """Neither the id nor anything else of the credential is found in the database's files."""
    marked = credential(id="urn:marked:id-of-a-person", name="Marked Name Of A Person")
    await _allocate(client, issuer, marked)
    await client.post(
        "/credentials/status", issuer.bearer, _update(credential_id="urn:marked:id-of-a-person")
    )
    folder = client.service.settings.database.parent
    stored = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())

    assert b"named_credentials" in stored
    assert b"id-of-a-person" not in stored
    assert b"Marked Name" not in stored


@pytest.mark.parametrize("missing", ["@context", "type"])
async def test_allocate_for_what_is_no_credential_is_refused(
    client: VcClient, issuer: Caller, missing: str
) -> None:
    """Nothing is handed out for an object that no verifier would take for a credential."""
    document = credential(id=ID)
    del document[missing]

    status, answer = await client.post("/credentials/status/allocate", issuer.bearer, document)

    assert (status, answer["code"]) == (400, 400)
    assert missing in answer["message"]
