"""Disclosures of SD-JWTs: what the issuer signed counts, what somebody added is tampering."""

from __future__ import annotations

import pytest

from anchor.core.digest import Method
from anchor.verify import Outcome
from anchor.verify.credential import Reading, read_credential
from anchor.verify.sd_jwt import MAX_DISCLOSURES
from tests.verify.tokens import digest_of, disclosure, sd_jwt, token
from tests.verify.world import World, told

ISSUER = "did:example:a"
NAME = disclosure("name", "Ada")
END = disclosure("validUntil", "2020-01-01T00:00:00Z")


def read(content: bytes) -> Reading:
    """Read an SD-JWT."""
    return read_credential(Method.SD_JWT, content)


def problem(content: bytes) -> tuple[str, Outcome]:
    """Return the only problem of an SD-JWT: its code, and how bad it is."""
    (finding,) = read(content).problems
    assert finding.reason is not None
    return finding.reason.code, finding.outcome


def test_sd_jwt_with_all_or_no_disclosures_is_read() -> None:
    """A holder may disclose all, some or none of what the issuer signed."""
    payload = {"iss": ISSUER, "_sd": [digest_of(NAME), digest_of(END)], "_sd_alg": "sha-256"}

    assert read(sd_jwt(payload, NAME, END)) == Reading(issuers=(ISSUER,), ends_ms=(1_577_836_800_000,))
    assert read(sd_jwt(payload, NAME)) == Reading(issuers=(ISSUER,))
    assert read(sd_jwt(payload)) == Reading(issuers=(ISSUER,))


def test_sd_jwt_disclosure_within_disclosure_and_array_is_read() -> None:
    """A disclosure may be referenced by another one, and stand for an element of an array."""
    inner = disclosure("id", ISSUER)
    outer = disclosure("issuer", {"_sd": [digest_of(inner)], "name": "A"})
    element = disclosure({"id": "x:1", "type": "Other"})
    payload = {"_sd": [digest_of(outer)], "credentialStatus": [{"...": digest_of(element)}, {"...": "decoy"}]}

    reading = read(sd_jwt(payload, element, inner, outer))

    assert reading == Reading(issuers=(ISSUER,), status_entries=({"id": "x:1", "type": "Other"},))


@pytest.mark.parametrize(
    "content",
    [
        sd_jwt({"iss": ISSUER}, NAME),
        sd_jwt({"iss": ISSUER, "_sd": [digest_of(NAME)]}, NAME, END),
        sd_jwt({"iss": ISSUER, "_sd": [digest_of(NAME)]}, NAME, NAME),
        sd_jwt({"iss": ISSUER, "_sd": [digest_of(NAME)]}, NAME, ""),
        sd_jwt({"iss": ISSUER, "_sd": [digest_of(NAME)]}, NAME + "="),
        sd_jwt({"iss": ISSUER, "name": {"digest": digest_of(NAME)}}, NAME),
        sd_jwt({"iss": ISSUER}, key_binding=NAME.encode()),
        sd_jwt({"iss": ISSUER}, key_binding=b"\xff"),
    ],
)
def test_sd_jwt_with_what_nobody_signed_is_tampered(content: bytes) -> None:
    """A disclosure that no digest refers to, one twice, or loose text behind the token: nobody signed these."""
    assert problem(content) == ("disclosure_not_referenced", Outcome.FAILED)


def test_sd_jwt_key_binding_is_passed_over() -> None:
    """A holder's key binding JWT is its own signature, and no part of what was anchored."""
    assert read(sd_jwt({"iss": ISSUER}, key_binding=token({"nonce": 1}))) == Reading(issuers=(ISSUER,))


TAKEN = disclosure("iss", "did:example:b")
BAD_NAMES = [disclosure(name, 1) for name in ("_sd", "...", 5)]
SHORT = disclosure("only")
NOT_JSON = "bm90IEpTT04"


@pytest.mark.parametrize(
    "content",
    [
        sd_jwt({"_sd": "text"}),
        sd_jwt({"_sd": [1]}),
        sd_jwt({"_sd": ["same", "same"]}),
        sd_jwt({"_sd": ["same"], "a": [{"...": "same"}]}),
        sd_jwt({"a": [{"...": 1}]}),
        sd_jwt({"iss": ISSUER, "_sd": [digest_of(TAKEN)]}, TAKEN),
        *(sd_jwt({"_sd": [digest_of(name)]}, name) for name in BAD_NAMES),
        sd_jwt({"_sd": [digest_of(SHORT)]}, SHORT),
        sd_jwt({"a": [{"...": digest_of(NAME)}]}, NAME),
        sd_jwt({"_sd": [digest_of(NOT_JSON)]}, NOT_JSON),
    ],
)
def test_sd_jwt_that_its_issuer_got_wrong_is_unknown(content: bytes) -> None:
    """What RFC 9901 has verifiers reject, but the issuer itself signed, is not called tampering."""
    assert problem(content) == ("sd_jwt_malformed", Outcome.OPEN)


@pytest.mark.parametrize("algorithm", ["sha-512", "SHA-256", 1, None, {}])
def test_sd_jwt_with_other_hash_is_unknown(algorithm: object) -> None:
    """Only SHA-256 is read."""
    payload = {"iss": ISSUER, "_sd_alg": algorithm}

    assert problem(sd_jwt(payload)) == ("sd_alg_unsupported", Outcome.OPEN)


def test_sd_jwt_nested_without_end_is_unknown() -> None:
    """Disclosures within disclosures cannot exhaust the verifier's stack."""
    texts = [disclosure("end", 1)]
    for _ in range(2_000):
        texts.append(disclosure("a", {"_sd": [digest_of(texts[-1])]}))

    assert problem(sd_jwt({"_sd": [digest_of(texts[-1])]}, *texts)) == ("sd_jwt_malformed", Outcome.OPEN)


async def test_sd_jwt_anchored_as_file_with_foreign_disclosure_is_unknown(world: World) -> None:
    """The bytes are what was anchored: nobody tampered with them, and nobody can rely on them."""
    content = sd_jwt({"iss": world.issuer.id}, NAME)
    stranger = sd_jwt({"iss": ISSUER}, NAME)

    unsigned = await world.verify(world.issue(content, method=Method.RAW))
    differs = await world.verify(world.issue(stranger, method=Method.RAW))
    as_token = await world.verify(world.issue(content, method=Method.SD_JWT))

    assert told(unsigned) == ("unknown", ["disclosure_not_referenced"])
    assert told(differs) == ("issuer_mismatch", ["disclosure_not_referenced", "issuer_differs"])
    assert told(as_token) == ("tampered", ["disclosure_not_referenced"])


def test_sd_jwt_with_disclosures_without_end_is_unknown() -> None:
    """Each costs memory: more than any real credential has are not read."""
    texts = [disclosure("a", number) for number in range(MAX_DISCLOSURES + 1)]

    assert problem(sd_jwt({"iss": ISSUER}, *texts)) == ("sd_jwt_malformed", Outcome.OPEN)
    assert problem(sd_jwt({"iss": ISSUER}, *texts[1:])) == ("disclosure_not_referenced", Outcome.FAILED)


async def test_sd_jwt_end_to_end_hides_or_shows_claims_but_adds_none(world: World) -> None:
    """An anchored SD-JWT stays valid with fewer disclosures, and is tampered with a foreign one."""
    payload = {"iss": world.issuer.id, "_sd": [digest_of(NAME)]}
    issued = world.issue(sd_jwt(payload, NAME), method=Method.SD_JWT)

    assert told(await world.verify(issued)) == ("valid", [])
    assert told(await world.verify(issued, content=sd_jwt(payload))) == ("valid", [])
    forged = await world.verify(issued, content=sd_jwt(payload, NAME, END))
    assert told(forged) == ("tampered", ["disclosure_not_referenced"])
    assert forged.issuer is None
    assert told(await world.verify(issued, content=token(payload))) == ("tampered", ["digest_differs"])
