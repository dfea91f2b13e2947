"""Hosted DID documents and the rotation of list keys over HTTP."""

from __future__ import annotations

from typing import Any

from tests.support.api_caller import Answer, ApiCaller

HOSTED = {"name": "Utopia University", "listSigner": "did-web", "hosted": "utopia-university"}
DID = "did:web:anchor.example.org:dids:utopia-university"
PATH = "/dids/utopia-university/did.json"


async def add(api: ApiCaller, **members: object) -> Answer:
    """Add an issuer with a hosted document, or what members say."""
    body = {name: value for name, value in (HOSTED | members).items() if value is not None}
    return await api.post("/v1/issuers", body, key=api.operator_key)


async def rotate(api: ApiCaller, number: int) -> Answer:
    """Rotate the list key of an issuer."""
    return await api.call("POST", f"/v1/issuers/{number}/rotate-list-key", key=api.operator_key)


async def test_hosted_issuer_gets_its_did_and_a_public_document(api: ApiCaller) -> None:
    """The id is made from the service's own address; the document is served to anybody, for a short while."""
    added = await add(api)
    signer: dict[str, Any] = added.json["listSigner"]
    found = await api.get(PATH, Origin="https://verifier.example.org")
    preflight = await api.call("OPTIONS", PATH)

    assert (added.status, added.json["id"], added.json["warnings"]) == (201, DID, [])
    assert signer["verificationMethod"] == f"{DID}#{signer['publicKeyMultibase']}"
    assert found.status == 200
    assert found.headers["Content-Type"].partition(";")[0] == "application/did+json"
    assert found.headers["Access-Control-Allow-Origin"] == "*"
    assert found.headers["Cache-Control"] == "public, max-age=60"
    assert found.json["id"] == DID
    assert found.json["assertionMethod"] == [signer["verificationMethod"]]
    assert found.json["verificationMethod"][0]["publicKeyMultibase"] == signer["publicKeyMultibase"]
    assert preflight.status == 204


async def test_document_is_not_sent_again_until_it_changes(api: ApiCaller) -> None:
    """Its ETag answers 304 until a key is rotated; then the old key stands beside the new one."""
    added = await add(api)
    first = await api.get(PATH)
    unchanged = await api.get(PATH, If_None_Match=first.headers["ETag"])
    rotated = await rotate(api, added.json["number"])
    second = await api.get(PATH, If_None_Match=first.headers["ETag"])

    old, new = (answer.json["listSigner"]["verificationMethod"] for answer in (added, rotated))
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert (rotated.status, rotated.json["retired"], rotated.json["warnings"]) == (200, old, [])
    assert rotated.json["id"] == DID
    assert "apiKey" not in rotated.json
    assert second.status == 200
    assert second.headers["ETag"] != first.headers["ETag"]
    assert second.json["assertionMethod"] == [new, old]


async def test_document_of_nobody_is_not_found(api: ApiCaller) -> None:
    """Names that are not hosted, and spellings that are no names."""
    await add(api)
    for path in (
        "/dids/nobody/did.json",
        "/dids/Utopia-university/did.json",
        "/dids/utopia-university",
        "/dids/utopia-university/did.jsonld",
        "/dids/..%2f/did.json",
        "/dids//did.json",
        f"/dids/{'a' * 61}/did.json",
    ):
        assert (await api.get(path)).status == 404


async def test_hosted_issuer_with_contradictions_is_refused(api: ApiCaller) -> None:
    """`hosted` goes with `did-web` and without `id`; a DID of this host goes by `hosted` alone."""
    for members in (
        {"id": DID},
        {"id": "did:web:other.example.org"},
        {"listSigner": "managed"},
        {"listSigner": None},
        {"hosted": "Utopia"},
        {"hosted": ""},
        {"hosted": "a" * 61},
        {"hosted": 7},
        {"hosted": None, "id": DID},
    ):
        answer = await add(api, **members)
        assert (answer.status, answer.problem) == (400, "invalid-input"), members
    assert (await add(api)).status == 201
    taken = await add(api, name="Another")
    elsewhere = await add(api, hosted=None, id="did:web:other.example.org")

    assert (taken.status, taken.problem) == (409, "conflict")
    assert elsewhere.status == 201
    assert len(elsewhere.json["warnings"]) == 1


async def test_token_key_is_added_shown_and_rotated(api: ApiCaller) -> None:
    """The operator sees both keys, the DID document names them, and a rotation retires the one before."""
    added = await add(api, tokenKey={"algorithm": "ES256"})
    number, signer = added.json["number"], added.json["listSigner"]
    token_key = signer["tokenKey"]
    rotated = await api.call("POST", f"/v1/issuers/{number}/rotate-token-key", key=api.operator_key)
    found = (await api.get(PATH)).json
    listed = (await api.get("/v1/issuers", key=api.operator_key)).json["issuers"][-1]["listSigner"]

    assert added.status == 201
    assert token_key["algorithm"] == "ES256"
    assert token_key["verificationMethod"] == f"{DID}#{token_key['publicKeyMultibase']}"
    assert (rotated.status, rotated.json["retired"]) == (200, token_key["verificationMethod"])
    assert listed == rotated.json["listSigner"]
    assert found["assertionMethod"] == [
        signer["verificationMethod"],
        listed["tokenKey"]["verificationMethod"],
        token_key["verificationMethod"],
    ]


async def test_token_key_first_one_by_rotation_retires_nothing(api: ApiCaller, key: str) -> None:
    """`retired` is null; an issuer's own key does not rotate, and a did:key has no second key."""
    added = await add(api)
    path = f"/v1/issuers/{added.json['number']}/rotate-token-key"
    by_issuer = await api.call("POST", path, key=key)
    managed = await api.call("POST", "/v1/issuers/1/rotate-token-key", key=api.operator_key)
    unknown = await api.call("POST", "/v1/issuers/77/rotate-token-key", key=api.operator_key)
    first = await api.call("POST", path, key=api.operator_key)

    assert "tokenKey" not in added.json["listSigner"]
    assert (by_issuer.status, managed.status, unknown.status) == (401, 409, 404)
    assert (first.status, first.json["retired"]) == (200, None)


async def test_token_key_that_cannot_be_is_refused_without_its_secret(api: ApiCaller) -> None:
    """Another algorithm, a number that is no P-256 secret, an issuer that is no did:web."""
    secret = "A" * 43
    refused: tuple[dict[str, object], ...] = (
        {"tokenKey": {"algorithm": "ES384"}},
        {"tokenKey": {}},
        {"tokenKey": {"algorithm": "ES256", "secret": secret}},
        {"tokenKey": {"algorithm": "ES256", "secret": "AAAA"}},
        {"tokenKey": {"algorithm": "ES256", "other": 1}},
        {"tokenKey": "ES256"},
        {"tokenKey": {"algorithm": "ES256"}, "listSigner": "managed", "hosted": None},
    )
    for members in refused:
        answer = await add(api, **members)
        assert (answer.status, answer.problem) == (400, "invalid-input"), members
        assert secret.encode() not in answer.body


async def test_list_is_signed_when_it_changes_and_never_when_it_is_read(api: ApiCaller) -> None:
    """Each form is the same bytes at every GET, ES256's included, until something changes."""
    added = await add(api, tokenKey={"algorithm": "ES256"})
    allocated = await api.post("/v1/status-entries", {"count": 1}, key=added.json["apiKey"])
    path = f"/status-lists/{allocated.json['entries'][0]['list']}"
    for accept in (
        "application/vc",
        "application/vc+jwt",
        "application/statuslist+jwt",
        "application/statuslist+cwt",
    ):
        first, second = [await api.get(path, Accept=accept) for _ in range(2)]
        assert first.headers["Content-Type"].partition(";")[0] == accept
        assert (first.body, first.headers["ETag"]) == (second.body, second.headers["ETag"])


async def test_rotate_list_key_is_the_operators_and_for_did_web_only(api: ApiCaller, key: str) -> None:
    """An issuer's key does not rotate; a did:key is refused with the reason; an unknown number is not found."""
    added = await add(api)
    number = added.json["number"]
    by_issuer = await api.call("POST", f"/v1/issuers/{number}/rotate-list-key", key=key)
    managed = await rotate(api, 1)
    unknown = await rotate(api, 77)
    signer = (await api.get("/v1/issuers", key=api.operator_key)).json["issuers"][1]["listSigner"]

    assert (by_issuer.status, managed.status, unknown.status) == (401, 409, 404)
    assert "the key itself" in managed.json["detail"]
    assert signer == added.json["listSigner"]
