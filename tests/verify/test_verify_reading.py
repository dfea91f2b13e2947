"""What is read from credentials of every form, and that nothing in them makes reading fail."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.core.digest import Method
from anchor.core.strict_json import JsonValue
from anchor.verify.credential import Reading, read_credential
from tests.verify.tokens import HEADER, SIGNATURE, encoded, token

JANUARY_2020_MS = 1_577_836_800_000


def read(method: Method, value: object) -> Reading:
    """Read a credential given as a value."""
    return read_credential(method, json.dumps(value).encode())


def codes(reading: Reading) -> list[str]:
    """Return the codes of a reading's problems."""
    return [problem.reason.code for problem in reading.problems if problem.reason]


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("did:example:a", ("did:example:a",)),
        ({"id": "did:example:a", "name": "A"}, ("did:example:a",)),
        ({"name": "A"}, ()),
        (None, ()),
    ],
)
def test_read_issuer_by_text_or_object(issuer: object, expected: tuple[str, ...]) -> None:
    """An issuer is named by a text or an object's id; one without id names nobody who could be compared."""
    assert read(Method.JCS, {"issuer": issuer}) == Reading(issuers=expected)


@pytest.mark.parametrize("issuer", [1, True, [], ["did:example:a"], "", {"id": 1}, {"id": ""}, {"id": {}}])
def test_read_issuer_of_wrong_type_is_a_problem(issuer: object) -> None:
    """An issuer that cannot be read rules out valid: it may be somebody else."""
    assert codes(read(Method.JCS, {"issuer": issuer})) == ["issuer_unreadable"]


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00.000Z",
        "2020-01-01T02:00:00+02:00",
        "2019-12-31T19:00:00.000-05:00",
    ],
)
@pytest.mark.parametrize("name", ["validFrom", "issuanceDate", "validUntil", "expirationDate"])
def test_read_date_with_and_without_zone(name: str, text: str) -> None:
    """Dates are XSD dateTimes; one without a zone is in UTC."""
    reading = read(Method.JCS, {name: text})

    is_end = name in ("validUntil", "expirationDate")
    assert reading == (
        Reading(ends_ms=(JANUARY_2020_MS,)) if is_end else Reading(starts_ms=(JANUARY_2020_MS,))
    )


@pytest.mark.parametrize("value", ["soon", "2020-01-01", "2020-02-30T00:00:00Z", 1577836800, True, [], {}])
def test_read_date_of_wrong_form_is_a_problem(value: object) -> None:
    """A date that cannot be read may be in the past."""
    assert codes(read(Method.JCS, {"validUntil": value})) == ["date_unreadable"]


def test_read_jwt_takes_claims_and_inner_credential_together() -> None:
    """In a VCDM 1.1 token both the claims and the credential within count, each with its own names."""
    inner = {
        "issuer": {"id": "did:example:b"},
        "issuanceDate": "2020-01-01T00:00:00Z",
        "credentialStatus": {"id": "x"},
    }

    reading = read_credential(
        Method.JWT, token({"iss": "did:example:a", "nbf": 1_577_836_800, "exp": 1_577_836_800.5, "vc": inner})
    )

    assert reading == Reading(
        issuers=("did:example:a", "did:example:b"),
        starts_ms=(JANUARY_2020_MS, JANUARY_2020_MS),
        ends_ms=(JANUARY_2020_MS + 500,),
        status_entries=({"id": "x"},),
    )


def test_read_jwt_takes_status_claim_as_status() -> None:
    """A token names its status by a claim of its own, and so does its payload alone."""
    claim: dict[str, JsonValue] = {"status_list": {}}
    assert read_credential(Method.JWT, token({"status": claim})).status_claims == (claim,)
    assert read(Method.JCS, {"issuer": "did:example:a", "status": claim}).status_claims == (claim,)
    assert read(Method.JCS, {"issuer": "did:example:a", "status": "done"}).problems == ()


@pytest.mark.parametrize("value", ["revoked", 1, True, False, [], [{"status_list": {}}], ""])
def test_read_jwt_status_of_wrong_type_is_a_problem(value: object) -> None:
    """A status claim that cannot be read may say revoked."""
    assert codes(read_credential(Method.JWT, token({"status": value}))) == ["status_malformed"]


@pytest.mark.parametrize("name", ["vc", "vp"])
@pytest.mark.parametrize("value", ["x", 1, False, [], [{"credentialStatus": {"id": "x"}}]])
def test_read_jwt_inner_credential_of_wrong_type_is_a_problem(name: str, value: object) -> None:
    """A credential within a token that cannot be read may name anybody, and any status."""
    claims = {"iss": "did:example:a", name: value}

    assert codes(read_credential(Method.JWT, token(claims))) == ["credential_unreadable"]


@pytest.mark.parametrize("claim", ["nbf", "exp"])
@pytest.mark.parametrize("value", ["1", True, 1e300, -1e300, [], {}])
def test_read_jwt_date_of_wrong_type_is_a_problem(claim: str, value: object) -> None:
    """A numeric date is a number of seconds, within the calendar."""
    assert codes(read_credential(Method.JWT, token({claim: value}))) == ["date_unreadable"]


@pytest.mark.parametrize("payload", ["bm90IEpTT04", encoded([1]), encoded("x"), "A", encoded({}) + "A"])
def test_read_jwt_with_other_payload_is_a_problem(payload: str) -> None:
    """A token whose payload is no JSON object cannot be read."""
    content = f"{HEADER}.{payload}.{SIGNATURE}".encode()

    assert codes(read_credential(Method.JWT, content)) == ["credential_unreadable"]


@pytest.mark.parametrize("value", [None, 1, "text", [], [{"name": "Ada"}]])
def test_read_json_that_is_no_object_names_nobody(value: object) -> None:
    """JSON other than an object says nothing by the names that are read."""
    assert read(Method.JCS, value) == Reading()


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.7\x00", b"\x89PNG", b'{"name":', b"a.b", b"{]", b"\xff\xfe{"]
)
def test_read_file_of_other_kinds_names_nobody(content: bytes) -> None:
    """A file that is neither JSON nor a token says nothing that could be read."""
    assert read_credential(Method.RAW, content) == Reading()


@pytest.mark.parametrize(
    "content",
    [
        b'{"issuer":"did:example:a"}',
        b'\xef\xbb\xbf{"issuer":"did:example:a"}',
        b'{"issuer":"did:example:a","n":0.10000000000000000000000001,"m":' + b"9" * 5_000 + b"}",
        '{"issuer":"did:example:a"}'.encode("utf-16"),
        token({"iss": "did:example:a"}),
        token({"iss": "did:example:a"}) + b"~",
    ],
)
def test_read_file_that_is_a_credential_is_read_as_one(content: bytes) -> None:
    """A credential anchored as a mere file still names its issuer."""
    assert read_credential(Method.RAW, content).issuers == ("did:example:a",)


def test_read_file_nested_without_end_is_a_problem() -> None:
    """JSON too deep to read is told, and does not bring the verifier down."""
    assert codes(read_credential(Method.RAW, b"[" * 200_000)) == ["credential_unreadable"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        [
            "issuer",
            "iss",
            "validFrom",
            "validUntil",
            "nbf",
            "exp",
            "credentialStatus",
            "status",
            "vc",
            "_sd",
            "_sd_alg",
        ],
        JSON,
    ),
)


@given(members=MEMBERS, tail=st.binary(max_size=20))
def test_read_never_raises_whatever_is_in_the_members(members: dict[str, object], tail: bytes) -> None:
    """Members of any type, in any form of credential, give a reading."""
    content = json.dumps(members).encode()

    readings = [
        read_credential(Method.RAW, content + tail),
        read_credential(Method.JWT, token(members)),
        read_credential(Method.SD_JWT, token(members) + b"~" + tail),
    ]

    assert all(isinstance(reading, Reading) for reading in readings)
