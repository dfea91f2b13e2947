"""Who may call what: API keys of issuers and of the operator."""

from __future__ import annotations

import pytest

from status_lists import ListKey
from status_lists.multibase import encode_base64url
from tests.support.api_caller import ApiCaller
from tests.support.assembly import Running, digest

SUBMISSION = {"digest": digest(1).hex(), "method": "raw"}

ISSUER_ROUTES = [
    ("POST", "/v1/digests"),
    ("POST", "/v1/digests?method=raw"),
    ("GET", f"/v1/digests/{digest(1).hex()}"),
    ("GET", f"/v1/digests/{digest(1).hex()}/proof"),
    ("POST", "/v1/status-entries"),
    ("GET", "/v1/status-entries/0/0"),
    ("POST", "/v1/status-changes"),
    ("POST", "/v1/status-lists"),
    ("GET", "/v1/status-lists"),
]
OPERATOR_ROUTES = [
    ("POST", "/v1/issuers"),
    ("GET", "/v1/issuers"),
    ("POST", "/v1/issuers/1/rotate-key"),
    ("POST", "/v1/issuers/1/disable"),
]
BAD_HEADERS = {
    "none": None,
    "empty": "",
    "no scheme": "cai_abc",
    "no key": "Bearer",
    "space for a key": "Bearer  ",
    "unknown key": "Bearer cai_" + "A" * 43,
    "other scheme": "Basic dXNlcjpwYXNz",
    "long key": "Bearer " + "a" * 5000,
    "odd characters": "Bearer \u00e9\u00ff",
}


@pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS)
async def test_no_or_unknown_key_unauthorized_everywhere(
    api: ApiCaller, service: Running, key: str, header: str | None
) -> None:
    """Every private route asks for a key first, whatever else is wrong with the request."""
    assert key
    for method, path in ISSUER_ROUTES + OPERATOR_ROUTES:
        headers = {} if header is None else {"Authorization": header}
        body = b"{" if method == "POST" else None

        answer = await api.call(
            method, path, headers=headers | {"Content-Type": "application/json"}, body=body
        )

        assert (answer.status, answer.problem) == (401, "unauthorized"), (method, path)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert await service.store.unmined_entries() == 0
    assert len(await service.store.issuers()) == 1


async def test_scheme_in_any_case(api: ApiCaller, key: str) -> None:
    """The scheme's name has no case (RFC 9110, section 11.1)."""
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = await api.call("GET", "/v1/status-lists", headers={"Authorization": f"{scheme} {key}"})
        assert answer.status == 200


async def test_issuer_key_opens_no_operator_route(api: ApiCaller, service: Running, key: str) -> None:
    """An issuer cannot add, list, rotate or disable issuers, itself included."""
    for method, path in OPERATOR_ROUTES:
        answer = await api.call(
            method, path, key=key, headers={"Content-Type": "application/json"}, body=b'{"name":"x"}'
        )
        assert (answer.status, answer.problem) == (401, "unauthorized")

    (issuer,) = await service.store.issuers()
    assert not issuer.is_disabled
    assert (await api.post("/v1/digests", SUBMISSION, key=key)).status == 201


async def test_operator_key_opens_no_issuer_route(api: ApiCaller, service: Running, key: str) -> None:
    """The operator anchors nothing in an issuer's name."""
    assert key
    for method, path in ISSUER_ROUTES:
        answer = await api.call(
            method, path, key=api.operator_key, headers={"Content-Type": "application/json"}, body=b"{}"
        )
        assert (answer.status, answer.problem) == (401, "unauthorized")
    assert await service.store.unmined_entries() == 0


async def test_rotated_key_old_one_refused(api: ApiCaller, key: str, other_key: str) -> None:
    """Rotation ends the old key at once and touches nobody else's."""
    answer = await api.post("/v1/issuers/1/rotate-key", key=api.operator_key)
    fresh = answer.json["apiKey"]

    assert answer.status == 200
    assert fresh not in (key, other_key)
    assert (await api.post("/v1/digests", SUBMISSION, key=key)).problem == "unauthorized"
    assert (await api.post("/v1/digests", SUBMISSION, key=fresh)).status == 201
    assert (await api.post("/v1/digests", SUBMISSION, key=other_key)).status == 201


async def test_disabled_issuer_refused_and_its_lists_served(
    api: ApiCaller, service: Running, key: str, other_key: str
) -> None:
    """A disabled issuer's key opens nothing, and gets no successor; what it published stays."""
    receipt = (await api.post("/v1/digests", SUBMISSION | {"status": "allocate"}, key=key)).json

    answer = await api.post("/v1/issuers/1/disable", key=api.operator_key)
    rotated = await api.post("/v1/issuers/1/rotate-key", key=api.operator_key)

    assert (answer.status, answer.json["disabled"]) == (200, True)
    assert (rotated.status, rotated.problem) == (409, "conflict")
    assert (await api.get(f"/v1/digests/{receipt['digest']}", key=key)).problem == "unauthorized"
    assert (await api.get("/status-lists/0")).status == 200
    assert (await api.get("/v1/status-lists", key=other_key)).status == 200
    service.clock.advance(60)
    await service.turn()
    await service.mine()
    assert (await api.get("/v1/batches/1")).status == 200


async def test_unknown_issuer_number_not_found(api: ApiCaller) -> None:
    """Numbers that are nobody's are told so, and spelled otherwise they are no route."""
    for number, problem in (("7", "not-found"), ("0", "not-found"), ("01", "not-found"), ("-1", "not-found")):
        for action in ("rotate-key", "disable"):
            answer = await api.post(f"/v1/issuers/{number}/{action}", key=api.operator_key)
            assert (answer.status, answer.problem) == (404, problem)


async def test_issuers_are_shown_without_keys(api: ApiCaller, key: str, other_key: str) -> None:
    """The operator sees names, identifiers and public keys; API keys are shown once, seeds never."""
    answer = await api.get("/v1/issuers", key=api.operator_key)

    assert [(issuer["number"], issuer["name"]) for issuer in answer.json["issuers"]] == [
        (1, "university"),
        (2, "academy"),
    ]
    assert key.encode() not in answer.body
    assert other_key.encode() not in answer.body
    assert b"apiKey" not in answer.body


async def test_managed_issuer_imported_by_seed(api: ApiCaller) -> None:
    """The seed makes the did:key, is not told back, and makes it once."""
    seed = bytes(range(32))
    text = encode_base64url(seed)
    api.secrets |= {text}

    answer = await api.post(
        "/v1/issuers", {"name": "u", "listSigner": "managed", "seed": text}, key=api.operator_key
    )
    again = await api.post(
        "/v1/issuers", {"name": "v", "listSigner": "managed", "seed": text}, key=api.operator_key
    )

    assert answer.status == 201
    assert answer.json["id"] == answer.json["listSigner"]["did"] == ListKey(seed).did_key
    assert (again.status, again.problem) == (409, "conflict")


async def test_other_issuers_bring_their_identifier(api: ApiCaller) -> None:
    """A did:web signs under its own name with a warning what to publish; any other gets a stand-in, with a warning."""
    web = await api.post(
        "/v1/issuers",
        {"id": "did:web:example.org", "name": "w", "listSigner": "did-web"},
        key=api.operator_key,
    )
    stand_in = await api.post(
        "/v1/issuers",
        {"id": "https://example.org/i", "name": "s", "listSigner": "service"},
        key=api.operator_key,
    )

    assert (web.status, stand_in.status) == (201, 201)
    assert web.json["listSigner"]["did"] == "did:web:example.org"
    assert web.json["listSigner"]["verificationMethod"].startswith("did:web:example.org#z6Mk")
    assert stand_in.json["id"] == "https://example.org/i"
    assert stand_in.json["listSigner"]["did"].startswith("did:key:z6Mk")
    assert web.json["warnings"]
    assert stand_in.json["warnings"]


BAD_ISSUERS: dict[str, object] = {
    "no name": {"listSigner": "managed"},
    "empty name": {"name": "", "listSigner": "managed"},
    "long name": {"name": "n" * 201, "listSigner": "managed"},
    "unknown signer": {"name": "n", "listSigner": "notary"},
    "managed with id": {"name": "n", "listSigner": "managed", "id": "did:web:example.org"},
    "service without id": {"name": "n", "listSigner": "service"},
    "did-web without id": {"name": "n", "listSigner": "did-web"},
    "did-web of did:key": {"name": "n", "listSigner": "did-web", "id": "did:key:z6Mk"},
    "id over http": {"name": "n", "listSigner": "service", "id": "http://example.org"},
    "id no identifier": {"name": "n", "listSigner": "service", "id": "example"},
    "id with space": {"name": "n", "listSigner": "service", "id": "https://example.org/a b"},
    "id with line break": {"name": "n", "listSigner": "service", "id": "https://example.org/\n"},
    "id too long": {"name": "n", "listSigner": "service", "id": "https://example.org/" + "a" * 500},
    "short seed": {"name": "n", "listSigner": "managed", "seed": "AAAA"},
    "seed no base64url": {"name": "n", "listSigner": "managed", "seed": "+" * 43},
    "unknown member": {"name": "n", "listSigner": "managed", "key": "x"},
}


@pytest.mark.parametrize("value", BAD_ISSUERS.values(), ids=BAD_ISSUERS)
async def test_bad_issuer_refused(api: ApiCaller, service: Running, value: object) -> None:
    """An issuer that breaks a rule is not added."""
    answer = await api.post("/v1/issuers", value, key=api.operator_key)

    assert (answer.status, answer.problem) == (400, "invalid-input")
    assert list(await service.store.issuers()) == []


async def test_operator_key_on_an_issuers_route_says_whose_key_is_wanted(api: ApiCaller, key: str) -> None:
    """The operator's own key is refused like any other, with the words that help."""
    assert key

    answer = await api.post("/v1/digests", SUBMISSION, key=api.operator_key)

    assert (answer.status, answer.problem) == (401, "unauthorized")
    assert answer.json["detail"] == "this is the operator's key: use an issuer's"
