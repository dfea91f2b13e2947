"""Credentials inside containers: all of them are read, and what is not read rules out `valid`."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from anchor.core.digest import Method
from anchor.core.strict_json import JsonValue
from anchor.verify import TrustedIssuer
from anchor.verify.containers import MAX_CREDENTIALS, MAX_DEPTH
from anchor.verify.credential import MAX_STATUS_ENTRIES, Reading, read_credential
from tests.support.publisher import did_key_issuer
from tests.verify.tokens import HEADER, SIGNATURE, digest_of, disclosure, encoded, sd_jwt, token
from tests.verify.world import World, told

ISSUER = "did:example:a"
OTHER = "did:example:b"
STATUS: JsonValue = {"id": "https://lists.example/1#5", "type": "Other"}
END = "2020-01-01T00:00:00Z"
END_MS = 1_577_836_800_000
INNER = {
    "type": ["VerifiableCredential"],
    "issuer": {"id": ISSUER},
    "validUntil": END,
    "credentialStatus": STATUS,
    "credentialSubject": {},
}
READ = Reading(issuers=(ISSUER,), ends_ms=(END_MS,), status_entries=(STATUS,))
JWT = token(INNER).decode()
END_SHOWN = disclosure("validUntil", END)
SD_JWT = sd_jwt(
    {"iss": ISSUER, "credentialStatus": STATUS, "_sd": [digest_of(END_SHOWN)]}, END_SHOWN
).decode()
JWS = {"payload": encoded(INNER), "signatures": [{"protected": HEADER, "signature": SIGNATURE}]}


def envelope(url: str, kind: str = "EnvelopedVerifiableCredential") -> dict[str, object]:
    """Return an envelope (VCDM 2.0, section 4.13)."""
    return {"@context": ["https://www.w3.org/ns/credentials/v2"], "type": kind, "id": url}


def presentation(*credentials: object) -> dict[str, object]:
    """Return a presentation of these."""
    return {"type": ["VerifiablePresentation"], "verifiableCredential": list(credentials)}


def read(value: object, method: Method = Method.JCS) -> Reading:
    """Read a file that holds a value as JSON."""
    return read_credential(method, json.dumps(value).encode())


def codes(reading: Reading) -> list[str]:
    """Return the codes of a reading's problems."""
    return [problem.reason.code for problem in reading.problems if problem.reason]


ENVELOPED_PRESENTATION = "data:application/vp+jwt," + token({"vp": presentation(JWT)}).decode()
CONTAINERS = {
    "array": [INNER],
    "array of tokens": [JWT],
    "array in an array": [[INNER]],
    "JSON string with a token": JWT,
    "JWS in JSON": JWS,
    "JWS in JSON, flattened": {"payload": encoded(INNER), "protected": HEADER, "signature": SIGNATURE},
    "JWS in JSON, payload not encoded": {"payload": json.dumps(INNER), "signatures": []},
    "JWS in JSON, payload an object": {"payload": INNER, "signature": SIGNATURE},
    "presentation": presentation(INNER),
    "presentation of one": {"verifiableCredential": INNER},
    "presentation of a JWT": presentation(JWT),
    "presentation of an SD-JWT": presentation(SD_JWT),
    "presentation of JSON in a text": presentation(json.dumps(INNER)),
    "presentation of an envelope": presentation(envelope(f"data:application/vc+jwt,{JWT}")),
    "envelope of a JWT": envelope(f"data:application/vc+jwt,{JWT}"),
    "envelope of an SD-JWT": envelope(f"data:application/vc+sd-jwt,{SD_JWT}"),
    "envelope in base64": envelope(f"DATA:application/vc+jwt;base64,{b64encode(JWT.encode()).decode()}"),
    "envelope of escaped JSON": envelope("data:application/vc," + json.dumps(INNER).replace('"', "%22")),
    "envelope of a presentation": envelope(ENVELOPED_PRESENTATION, "EnvelopedVerifiablePresentation"),
    "wrapped as European uploads are": {"credential": INNER},
}


@pytest.mark.parametrize("method", [Method.JCS, Method.RAW])
@pytest.mark.parametrize("value", CONTAINERS.values(), ids=CONTAINERS)
def test_read_container_reads_the_credential_inside(value: object, method: Method) -> None:
    """Issuer, end and status of what is inside count as if it were the file."""
    assert read(value, method) == READ


def test_read_presentation_counts_every_credential_inside() -> None:
    """All issuers, dates and status entries of a presentation count, and its signer."""
    second = {"issuer": OTHER, "validUntil": "2020-01-01T00:00:01Z"}
    expected = Reading(issuers=(ISSUER, OTHER), ends_ms=(END_MS, END_MS + 1000), status_entries=(STATUS,))

    assert read(presentation(INNER, second)) == expected
    signed = read_credential(Method.JWT, token({"iss": "did:example:c", "vp": presentation(INNER)}))
    assert signed.issuers == ("did:example:c", ISSUER)


def test_read_credentials_within_a_credential_are_its_issuers_statement() -> None:
    """A learner record holds other issuers' credentials: they are not whose file it is."""
    record = {"issuer": OTHER, "credentialSubject": {"verifiableCredential": [INNER]}}

    assert read(record) == Reading(issuers=(OTHER,))
    assert read_credential(Method.JWT, token({"iss": OTHER, "vc": record})) == Reading(issuers=(OTHER,))


FULL_NAME = "https://www.w3.org/2018/credentials#issuer"
UNREAD = {
    "wrapped somehow": {"data": {"document": INNER}},
    "wrapped under an issuer without id": {"issuer": {"name": "B"}, "data": INNER},
    "graph": {"@graph": [INNER]},
    "token under any name": {"jwt": JWT},
    "members by full URL": {FULL_NAME: OTHER},
    "claims of a token without the token": {"iss": ISSUER, "exp": 1},
    "encrypted": {"protected": HEADER, "ciphertext": "AA"},
    "presentation of a number": presentation(1),
    "presentation of a URL": presentation("https://example.org/credential"),
    "envelope of nothing": envelope("urn:uuid:1"),
    "envelope of an unknown form": envelope("data:application/vc+cose;base64,AAAA"),
    "envelope in bad base64": envelope("data:application/vc+jwt;base64,%"),
    "envelope without data": envelope("data:application/vc+jwt"),
    "JWS in JSON, payload no JSON": {"payload": "AAAA", "signatures": []},
    "JWS in JSON, payload no base64url": {"payload": "*", "signatures": []},
    "JWS in JSON, payload a number": {"payload": 1, "signatures": []},
    "SD-JWT in JSON": {**JWS, "signatures": [{"header": {"disclosures": [END_SHOWN]}}]},
    "SD-JWT in JSON, flattened": {"payload": encoded({}), "signature": "", "header": {"disclosures": []}},
    "badge by its URL": {"type": "Assertion", "recipient": {}, "badge": "https://badges.example/1"},
    "badge without issuer": {"type": ["Assertion"], "badge": {}},
    "badge without badge class": {"type": "Assertion"},
    "Blockcerts 1": {"document": {"certificate": {"issuer": {"id": "https://blockcerts.example"}}}},
}


@pytest.mark.parametrize("value", UNREAD.values(), ids=UNREAD)
def test_read_container_that_is_not_looked_into_is_a_problem(value: object) -> None:
    """What may hold somebody's credential never passes as a file that names nobody."""
    assert codes(read(value)) == ["credential_not_read"]


@pytest.mark.parametrize(
    "value",
    [
        {"id": "did:web:x.example", "verificationMethod": [{"publicKeyMultibase": "z6Mk"}]},
        {"credential": "Bachelor of Science", "status": "done", "revoked": True, "expires": END},
        {"payload": "text", "badge": "gold"},
        ["a.b.c", 1, None, {"name": "Ada"}],
    ],
)
def test_read_json_of_other_kinds_names_nobody(value: object) -> None:
    """Words that credentials use as well make no container."""
    assert read(value) == Reading()


def test_read_old_badge_names_its_issuer_end_and_revocation() -> None:
    """An Open Badges 2 assertion says these by names of its own."""
    badge = {"type": "BadgeClass", "issuer": {"id": ISSUER, "type": "Profile"}}
    assertion = {"type": "Assertion", "badge": badge, "expires": END}

    assert read(assertion) == Reading(issuers=(ISSUER,), ends_ms=(END_MS,))
    assert codes(read({**assertion, "revoked": True})) == ["revoked"]
    assert codes(read({**assertion, "revoked": "yes"})) == ["status_malformed"]
    assert codes(read({**assertion, "expires": "soon"})) == ["date_unreadable"]
    kept = {"issuer": {"id": ISSUER, "revocationList": "https://badges.example/revoked"}}
    assert codes(read({**assertion, "badge": kept})) == ["status_unsupported"]


async def test_verify_old_badge_that_says_revoked_is_revoked(world: World) -> None:
    """The anchored words of the badge itself are a definite no."""
    assertion = {"type": "Assertion", "badge": {"issuer": world.issuer.id}, "revoked": True}
    issued = world.issue(json.dumps(assertion).encode())

    assert told(await world.verify(issued)) == ("revoked", ["revoked"])


PLAIN = json.dumps(INNER).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\r\n\xef\xbb\xbf " + PLAIN,
        PLAIN + b"\x00",
        b"\xef\xbb\xbf" + JWT.encode(),
        b"\x0b" + JWT.encode() + b"\x00",
        b"\xef\xbb\xbf" + SD_JWT.encode(),
    ],
)
def test_read_file_with_noise_around_is_read(content: bytes) -> None:
    """Byte order marks, control characters and space around a credential hide nothing of it."""
    assert read_credential(Method.RAW, content) == READ


@pytest.mark.parametrize(
    "content",
    [
        PLAIN + b"\n" + PLAIN,
        PLAIN + b"\xff\xd8",
        PLAIN[:-1] + b",}",
        PLAIN[:-1],
        b'{"\\u0069ssuer": "did:example:a",}',
        json.dumps(INNER).encode("utf-16") + b"\x00,",
        JWT.encode() + b"==",
        JWT.encode() + b"." + JWT.encode(),
    ],
)
def test_read_file_that_is_nearly_a_credential_is_a_problem(content: bytes) -> None:
    """Trailing bytes and small damage do not make somebody's credential a file that names nobody."""
    assert codes(read_credential(Method.RAW, content)) == ["credential_not_read"]


def test_read_container_is_bounded_in_depth_and_number() -> None:
    """More containers than any real file has are told, and cost no more."""
    deep: object = INNER
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    many = presentation(*({"issuer": f"did:example:{number}"} for number in range(MAX_CREDENTIALS + 1)))

    assert codes(read(deep)) == ["credential_not_read"]
    assert codes(read(many)) == ["credential_not_read"]
    assert len(read([INNER] * 5_000).status_entries) <= MAX_STATUS_ENTRIES
    assert "credential_not_read" in codes(read([INNER] * 5_000))
    nested = JWT
    for _ in range(3):
        nested = token({"vp": presentation(nested, nested)}).decode()
    assert len(read_credential(Method.JWT, nested.encode()).status_entries) == 8


async def test_verify_container_of_somebodys_revoked_credential_is_never_valid(world: World) -> None:
    """Another accepted issuer anchors a revoked credential in a container, under a clean entry of its own."""
    world.publisher.set_bit(0, 5, 1)
    credential = json.loads(world.credential(credentialStatus=world.own_status(5)))
    other = did_key_issuer(2)
    world.publisher.add_pair(other)
    trust = world.trust(TrustedIssuer(id=world.issuer.id), TrustedIssuer(id=other.id))
    inside = token(credential).decode()
    disguises = [
        [credential],
        presentation(credential),
        envelope(f"data:application/vc+jwt,{inside}"),
        {"payload": encoded(credential), "signatures": []},
    ]
    told_of = [
        told(await world.verify(world.issue(json.dumps(value).encode(), issuer=other), trust=trust))
        for value in disguises
    ]
    wrapped = world.issue(json.dumps({"x": credential}).encode(), issuer=other)

    assert told_of == [("issuer_mismatch", ["issuer_differs", "revoked"])] * 4
    assert told(await world.verify(wrapped, trust=trust)) == ("unknown", ["credential_not_read"])
