"""Token Status Lists as JWT and CWT: the published examples, round trips, and what must not pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_lists.bitstring import BITS_PER_ENTRY, set_entry
from status_lists.cose import split_message
from status_lists.cwt import MEDIA_TYPE, cwt_status_claim, sign_token_list_cwt, verify_token_list_cwt
from status_lists.errors import (
    ListNotCurrent,
    ListTooLarge,
    MalformedValue,
    OutOfRange,
    StatusListError,
    VerificationFailed,
)
from status_lists.keys import ListKey
from status_lists.multibase import decode_base64url, encode_base64url
from status_lists.p256 import P256Key
from status_lists.public_keys import public_key_of
from status_lists.signing_keys import SigningKey
from status_lists.token_bits import compress_token_bits, swap_bit_order
from status_lists.token_jwt import sign_token_list_jwt, verify_token_list_jwt
from status_lists.token_list import (
    TokenList,
    TokenReference,
    TokenStatus,
    aggregation_document,
    check_token_status,
    parse_aggregation,
    parse_status_claim,
    status_claim,
)
from tests.status_lists.linked_data import load_vectors

URI = "https://lists.example/token-lists/0"
KEYS: list[SigningKey] = [ListKey(bytes(range(32))), P256Key(bytes(range(1, 33)))]
ED25519, P256 = KEYS
NOW_S = 1_780_000_000
NOW_MS = NOW_S * 1_000
MAX_BYTES = 16_384
TEXTS = st.from_regex(r"https://[a-z]{1,8}\.example/[A-Za-z0-9._~%-]{0,12}", fullmatch=True)


def _list(**changes: Any) -> TokenList:
    facts: dict[str, Any] = {
        "uri": URI,
        "bits": b"\xb9\xa3",
        "bits_per_entry": 1,
        "issued_at_s": NOW_S,
        "expires_at_s": NOW_S + 100,
        "ttl_s": 50,
    }
    return TokenList(**facts | changes)


TOKEN_LISTS = st.builds(
    TokenList,
    uri=TEXTS,
    bits=st.binary(min_size=1, max_size=200),
    bits_per_entry=st.sampled_from(BITS_PER_ENTRY),
    issued_at_s=st.integers(0, 2**33),
    expires_at_s=st.none() | st.integers(2**34, 2**35),
    ttl_s=st.none() | st.integers(1, 2**31),
    not_before_s=st.none() | st.integers(0, 2**33),
    issuer=st.none() | st.text(min_size=1, max_size=20),
    aggregation_uri=st.none() | TEXTS,
)


def _draft_key() -> P256Key:
    return P256Key(decode_base64url(load_vectors()["ietf"]["key"]["d"]))


def test_verify_published_jwt_and_cwt_hold() -> None:
    """The draft's two examples, under its example key: the same list, but for iss, which the JWT has."""
    vectors = load_vectors()["ietf"]
    public_key = public_key_of(_draft_key())
    expected = {
        "uri": "https://example.com/statuslists/1",
        "bits": bytes.fromhex("b9a3"),
        "bits_per_entry": 1,
        "issued_at_s": 1_686_920_170,
        "expires_at_s": 2_291_720_170,
        "ttl_s": 43_200,
    }

    jwt = verify_token_list_jwt(vectors["jwt"], public_key=public_key, max_bits_bytes=2)
    cwt = verify_token_list_cwt(bytes.fromhex(vectors["cwt_hex"]), public_key=public_key, max_bits_bytes=2)

    assert jwt == TokenList(**expected, issuer="https://example.com")  # type: ignore[arg-type]  # typed above
    assert cwt == TokenList(**expected)  # type: ignore[arg-type]  # typed above


def test_sign_published_jwt_and_cwt_byte_for_byte() -> None:
    """All but the signatures, which the draft made with random numbers, is what the draft prints."""
    vectors = load_vectors()["ietf"]
    key = _draft_key()
    public_key = public_key_of(key)
    published_cwt = bytes.fromhex(vectors["cwt_hex"])
    from_jwt = verify_token_list_jwt(vectors["jwt"], public_key=public_key, max_bits_bytes=2)
    from_cwt = verify_token_list_cwt(published_cwt, public_key=public_key, max_bits_bytes=2)

    jwt = sign_token_list_jwt(from_jwt, key=key, key_id=vectors["key"]["kid"])
    cwt = sign_token_list_cwt(from_cwt, key=key, key_id=vectors["key"]["kid"].encode())

    assert jwt.rpartition(".")[0] == vectors["jwt"].rpartition(".")[0]
    assert cwt[:-64] == published_cwt[:-64]
    assert split_message(cwt, max_bytes=1_000).key_id == b"12"


@given(TOKEN_LISTS, st.sampled_from(KEYS), st.none() | st.text(min_size=1, max_size=8), st.integers(1, 9))
def test_signed_list_reads_back_as_it_was(
    token_list: TokenList, key: SigningKey, key_id: str | None, level: int
) -> None:
    """Every size of entry, every optional claim, either algorithm, in both envelopes; the same each time."""
    public_key = public_key_of(key)
    cwt_key_id = None if key_id is None else key_id.encode()

    jwt = sign_token_list_jwt(token_list, key=key, key_id=key_id, level=level)
    cwt = sign_token_list_cwt(token_list, key=key, key_id=cwt_key_id, level=level)

    assert verify_token_list_jwt(jwt, public_key=public_key, max_bits_bytes=200) == token_list
    assert verify_token_list_cwt(cwt, public_key=public_key, max_bits_bytes=200) == token_list
    assert jwt == sign_token_list_jwt(token_list, key=key, key_id=key_id, level=level)
    assert cwt == sign_token_list_cwt(token_list, key=key, key_id=cwt_key_id, level=level)
    assert split_message(cwt, max_bytes=10**6).key_id == cwt_key_id


@pytest.mark.parametrize("bits_per_entry", BITS_PER_ENTRY)
def test_check_token_status_reads_what_the_w3c_list_says(bits_per_entry: int) -> None:
    """One list in our bits, published the IETF's way: the same status at the same index, and its name."""
    bits = bytearray(MAX_BYTES)
    set_entry(bits, 4_567, 1, bits_per_entry)
    token_list = _list(bits=swap_bit_order(bits, bits_per_entry), bits_per_entry=bits_per_entry)

    read = [
        check_token_status(TokenReference(uri=URI, index=index), token_list, now_ms=NOW_MS)
        for index in (4_566, 4_567, 4_568, 4_567 ^ 7)
    ]

    assert read == [
        TokenStatus(status=value, name=name)
        for value, name in ((0, "VALID"), (1, "INVALID"), (0, "VALID"), (0, "VALID"))
    ]
    assert [status.is_valid for status in read] == [True, False, True, True]
    assert token_list.length == MAX_BYTES * 8 // bits_per_entry


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0, "VALID"),
        (1, "INVALID"),
        (2, "SUSPENDED"),
        (3, "APPLICATION_SPECIFIC"),
        (4, "UNASSIGNED"),
        (11, "UNASSIGNED"),
        (12, "APPLICATION_SPECIFIC"),
        (15, "APPLICATION_SPECIFIC"),
        (16, "UNASSIGNED"),
        (255, "UNASSIGNED"),
    ],
)
def test_check_token_status_names_are_the_registered_ones(value: int, name: str) -> None:
    """Section 7.1: three values with a meaning, five for applications, the rest for later; 0 alone is valid."""
    token_list = _list(bits=bytes([value]), bits_per_entry=8)

    status = check_token_status(TokenReference(uri=URI, index=0), token_list, now_ms=NOW_MS)

    assert (status.status, status.name, status.is_valid) == (value, name, value == 0)


@pytest.mark.parametrize(
    ("changes", "index", "now_ms", "error"),
    [
        ({"uri": URI + "1"}, 0, NOW_MS, VerificationFailed),
        ({}, 0, NOW_MS - 1, ListNotCurrent),
        ({}, 0, NOW_MS + 100_000, ListNotCurrent),
        ({"not_before_s": NOW_S + 1}, 0, NOW_MS, ListNotCurrent),
        ({}, 16, NOW_MS, OutOfRange),
    ],
)
def test_check_token_status_other_list_or_time_or_index_is_refused(
    changes: dict[str, object], index: int, now_ms: int, error: type[Exception]
) -> None:
    """Section 8.3, steps 4 and 6: another list, from the future, expired, an index beyond the end."""
    with pytest.raises(error):
        check_token_status(TokenReference(uri=URI, index=index), _list(**changes), now_ms=now_ms)


@pytest.mark.parametrize("now_ms", [NOW_MS, NOW_MS + 99_999])
def test_check_token_status_in_force_is_read(now_ms: int) -> None:
    """From the second it was issued to the last millisecond before it expires."""
    assert check_token_status(TokenReference(uri=URI, index=0), _list(), now_ms=now_ms).status == 1


# What stands in a token: one change, the error it gives, the same in both envelopes.

CLAIMS: dict[str, tuple[dict[str, object], type[Exception]]] = {
    "no sub": ({"sub": None}, MalformedValue),
    "sub is no URI": ({"sub": "list 1"}, MalformedValue),
    "sub is a number": ({"sub": 1}, MalformedValue),
    "no iat": ({"iat": None}, MalformedValue),
    "iat is text": ({"iat": "1780000000"}, MalformedValue),
    "iat is true": ({"iat": True}, MalformedValue),
    "iat is negative": ({"iat": -1}, MalformedValue),
    "exp is text": ({"exp": "never"}, MalformedValue),
    "exp before iat": ({"exp": NOW_S}, MalformedValue),
    "exp beyond any clock": ({"exp": 2**60}, MalformedValue),
    "ttl is 0": ({"ttl": 0}, MalformedValue),
    "ttl is negative": ({"ttl": -5}, MalformedValue),
    "ttl is text": ({"ttl": "50"}, MalformedValue),
    "nbf is text": ({"nbf": "now"}, MalformedValue),
    "iss is a number": ({"iss": 1}, MalformedValue),
    "no status_list": ({"status_list": None}, MalformedValue),
    "status_list is text": ({"status_list": "eNrbuRgAAhcBXQ"}, MalformedValue),
}
LISTS: dict[str, tuple[dict[str, object], type[Exception]]] = {
    "no bits": ({"bits": None}, MalformedValue),
    "3 bits": ({"bits": 3}, MalformedValue),
    "bits is text": ({"bits": "1"}, MalformedValue),
    "bits is true": ({"bits": True}, MalformedValue),
    "bits is 1.0": ({"bits": 1.0}, MalformedValue),
    "no lst": ({"lst": None}, MalformedValue),
    "lst is a number": ({"lst": 1}, MalformedValue),
    "aggregation_uri is a number": ({"aggregation_uri": 1}, MalformedValue),
    "aggregation_uri is relative": ({"aggregation_uri": "/lists"}, MalformedValue),
}
LABELS = {"iss": 1, "sub": 2, "exp": 4, "nbf": 5, "iat": 6, "status_list": 65533, "ttl": 65534}


def _claims(
    packed: object, changes: Mapping[str, object], list_changes: Mapping[str, object]
) -> dict[str, object]:
    status_list = {"bits": 1, "lst": packed, **list_changes}
    claims = {
        "sub": URI,
        "iat": NOW_S,
        "exp": NOW_S + 100,
        "status_list": {name: value for name, value in status_list.items() if value is not None},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _jwt(claims: object, header: Mapping[str, object] | None = None, key: SigningKey = ED25519) -> str:
    full = {"alg": key.algorithm, "typ": "statuslist+jwt", **(header or {})}
    signed = ".".join(encode_base64url(json.dumps(part).encode()) for part in (full, claims))
    return f"{signed}.{encode_base64url(key.sign(signed.encode()))}"


def _cwt(
    payload: bytes,
    *,
    header: Mapping[object, object] | None = None,
    unprotected: Mapping[object, object] | None = None,
    key: SigningKey = ED25519,
) -> bytes:
    protected = cbor2.dumps({1: {"EdDSA": -8, "ES256": -7}[key.algorithm], 16: MEDIA_TYPE, **(header or {})})
    signature = key.sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, dict(unprotected or {}), payload, signature]))


def _verify_jwt(text: str, key: SigningKey = ED25519) -> TokenList:
    return verify_token_list_jwt(text, public_key=public_key_of(key), max_bits_bytes=100)


def _verify_cwt(data: bytes, key: SigningKey = ED25519) -> TokenList:
    return verify_token_list_cwt(data, public_key=public_key_of(key), max_bits_bytes=100)


PACKED = compress_token_bits(b"\xb9\xa3")


def _both(claims: Mapping[str, object], list_claims: Mapping[str, object]) -> list[Callable[[], TokenList]]:
    jwt = _jwt(_claims(encode_base64url(PACKED), claims, list_claims))
    labelled = {LABELS[name]: value for name, value in _claims(PACKED, claims, list_claims).items()}
    cwt = _cwt(cbor2.dumps(labelled))
    return [lambda: _verify_jwt(jwt), lambda: _verify_cwt(cwt)]


def test_signed_claims_without_a_fault_are_read() -> None:
    """The claims that the faults below are planted in, members of others' beside them."""
    for verify in _both({}, {"x": 1}):
        assert verify().bits == b"\xb9\xa3"
    with_times = _both({"iat": NOW_S + 0.5, "exp": NOW_S + 7.5, "ttl": 1.5}, {})
    assert [(verify().issued_at_s, verify().expires_at_s, verify().ttl_s) for verify in with_times] == [
        (NOW_S, NOW_S + 7, 1)
    ] * 2


@pytest.mark.parametrize("name", [*CLAIMS, *LISTS])
def test_verify_token_list_bad_claim_is_malformed(name: str) -> None:
    """Soundly signed, and still no Status List Token: sections 4.2, 4.3, 5.1 and 5.2."""
    changes, error = CLAIMS.get(name) or LISTS[name]
    for verify in _both(*((changes, {}) if name in CLAIMS else ({}, changes))):
        with pytest.raises(error):
            verify()


@pytest.mark.parametrize(
    "packed", [PACKED[:-1], PACKED + b"\x00", b"", b"\x1f\x8b" + PACKED, compress_token_bits(b"")]
)
def test_verify_token_list_bad_stream_is_malformed(packed: bytes) -> None:
    """A damaged list in a sound token."""
    with pytest.raises(MalformedValue):
        _verify_jwt(_jwt(_claims(encode_base64url(packed), {}, {})))
    with pytest.raises(MalformedValue):
        _verify_cwt(_cwt(cbor2.dumps({2: URI, 6: NOW_S, 65533: {"bits": 1, "lst": packed}})))


@pytest.mark.parametrize("text", ["eNrbuRgAAhcBXQ==", "eNrbuRgAAhcBXR", "eNrb uRgAAhcBXQ", "ueNrbuRgAAhcBXQ"])
def test_verify_token_list_jwt_lenient_base64_is_malformed(text: str) -> None:
    """Padding, unused bits, white space, the prefix of the W3C's lists."""
    with pytest.raises(MalformedValue):
        _verify_jwt(_jwt(_claims(text, {}, {})))


def test_verify_token_list_too_large_is_refused() -> None:
    """A list of 101 bytes where 100 are allowed, and bodies that are larger than any such list."""
    token_list = _list(bits=bytes(101))
    with pytest.raises(ListTooLarge):
        _verify_jwt(sign_token_list_jwt(token_list, key=ED25519))
    with pytest.raises(ListTooLarge):
        _verify_cwt(sign_token_list_cwt(token_list, key=ED25519))
    with pytest.raises(ListTooLarge):
        _verify_jwt("A" * 100_000)
    with pytest.raises(ListTooLarge):
        _verify_cwt(bytes(100_000))


@pytest.mark.parametrize("key", KEYS)
def test_verify_token_list_any_changed_byte_is_refused(key: SigningKey) -> None:
    """No bit of header, claims or signature can be another; of a CWT, all but the unprotected key name."""
    jwt = sign_token_list_jwt(_list(), key=key)
    cwt = sign_token_list_cwt(_list(), key=key)
    for position in range(len(jwt)):
        with pytest.raises(StatusListError):
            _verify_jwt(jwt[:position] + ("A" if jwt[position] != "A" else "B") + jwt[position + 1 :], key)
    for position in range(len(cwt)):
        changed = cwt[:position] + bytes([cwt[position] ^ 1]) + cwt[position + 1 :]
        with pytest.raises(StatusListError):
            _verify_cwt(changed, key)


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "HS256"}, {"alg": "ES256"}, {"typ": "vc+jwt"}, {"typ": "JWT"}, {"crit": []}],
)
def test_verify_token_list_jwt_other_header_is_refused(header: dict[str, object]) -> None:
    """Another algorithm, another kind of token, an extension that must be understood."""
    with pytest.raises(VerificationFailed):
        _verify_jwt(_jwt(_claims(encode_base64url(PACKED), {}, {}), header))


COSE: dict[str, dict[str, Any]] = {
    "another algorithm": {"header": {1: -7}},
    "a MAC": {"header": {1: 5}},
    "another type": {"header": {16: "application/vc+cwt"}},
    "critical extension": {"header": {2: [16]}},
    "algorithm unprotected too": {"unprotected": {1: -8}},
    "type unprotected too": {"unprotected": {16: MEDIA_TYPE}},
}


@pytest.mark.parametrize("name", COSE)
def test_verify_token_list_cwt_other_header_is_refused(name: str) -> None:
    """What must be protected is taken from nowhere else."""
    payload = cbor2.dumps({2: URI, 6: NOW_S, 65533: {"bits": 1, "lst": PACKED}})
    assert _verify_cwt(_cwt(payload)).uri == URI
    with pytest.raises(VerificationFailed):
        _verify_cwt(_cwt(payload, **COSE[name]))


SOUND = sign_token_list_cwt(_list(), key=ED25519)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SOUND[:-1],
        SOUND[1:],
        SOUND + b"\x00",
        b"\xd8\x3d" + SOUND,
        b"\xd1" + SOUND[1:],
        cbor2.dumps(cbor2.CBORTag(18, [])),
        cbor2.dumps(cbor2.CBORTag(18, {})),
        cbor2.dumps(cbor2.CBORTag(18, [b"", {}, b"", b"", b""])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa0", [], b"\xa0", bytes(64)])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa0", {}, None, bytes(64)])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa0", {True: 1}, b"\xa0", bytes(64)])),
        cbor2.dumps(cbor2.CBORTag(18, [b"", {}, b"\xa0", bytes(64)])),
        b"\x81" * 1_000 + b"\x00",
        b"\xd2\x84\x43\xa1\x01\x27\xa2\x04\x41\x01\x04\x41\x02\x41\xa0\x40",
        b"\xd8\x23\x63(a+",
    ],
)
def test_verify_token_list_cwt_other_bytes_are_malformed(data: bytes) -> None:
    """Cut short, untagged, within a CWT tag, a MAC, other parts, a key twice, too deep, a pattern's tag."""
    with pytest.raises(MalformedValue):
        _verify_cwt(data)


@pytest.mark.parametrize(
    "payload",
    [
        b"\x80",
        b"\xa1\x02",
        cbor2.dumps({2: URI}) + b"\x00",
        b"\xa2\x06\x01\x06\x02",
        cbor2.dumps({2: URI, 6: cbor2.CBORTag(1, NOW_S), 65533: {"bits": 1, "lst": PACKED}}),
        cbor2.dumps({2: URI, 6: NOW_S, 65533: {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}}),
        cbor2.dumps({2: URI, 6: NOW_S, 65533: {"bits": 1, "lst": PACKED}, True: 1}),
    ],
)
def test_verify_token_list_cwt_bad_payload_is_malformed(payload: bytes) -> None:
    """No map, cut short, bytes behind it, a claim twice, a tagged time (RFC 8392), text for bytes."""
    with pytest.raises(MalformedValue):
        _verify_cwt(_cwt(payload))


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"\xd2\x84" + tail))
def test_verify_token_list_cwt_any_bytes_raise_only_typed_errors(data: bytes) -> None:
    """Whatever the bytes, no other exception than the package's own comes out."""
    with pytest.raises(StatusListError):
        _verify_cwt(data)


@given(st.binary(max_size=60))
def test_verify_token_list_cwt_any_signed_payload_raises_only_typed_errors(payload: bytes) -> None:
    """Nor does one when a trusted issuer signs nonsense."""
    with pytest.raises(StatusListError):
        _verify_cwt(_cwt(payload))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"uri": "lists/0"}, MalformedValue),
        ({"uri": "https://lists.example/ü"}, MalformedValue),
        ({"uri": "https://lists.example/" + "a" * 2_048}, MalformedValue),
        ({"aggregation_uri": ""}, MalformedValue),
        ({"bits_per_entry": 3}, MalformedValue),
        ({"bits": b""}, MalformedValue),
        ({"ttl_s": 0}, MalformedValue),
        ({"expires_at_s": NOW_S}, MalformedValue),
    ],
)
def test_token_list_impossible_list_is_refused(changes: dict[str, object], error: type[Exception]) -> None:
    """A wrong address, size or time never gets as far as a token."""
    with pytest.raises(error):
        _list(**changes)


def test_status_claim_is_the_drafts_example() -> None:
    """Section 6.2 for JWT, 6.3.1 for CWT."""
    claim = status_claim("https://example.com/statuslists/1", 0)

    assert claim == {"status_list": {"idx": 0, "uri": "https://example.com/statuslists/1"}}
    assert cwt_status_claim(claim) == {65535: claim}
    assert parse_status_claim(claim) == TokenReference(uri="https://example.com/statuslists/1", index=0)


@given(st.integers(0, 2**63 - 1), TEXTS)
def test_status_claim_reads_back_as_it_was(index: int, uri: str) -> None:
    """Index and address survive the way through the claim, other mechanisms beside them or not."""
    assert parse_status_claim({**status_claim(uri, index), "other": {}}) == TokenReference(
        uri=uri, index=index
    )


@pytest.mark.parametrize(
    "value",
    [
        None,
        "status_list",
        [],
        {},
        {"status_list": []},
        {"status_list": {"uri": URI}},
        {"status_list": {"idx": 0}},
        {"status_list": {"idx": "0", "uri": URI}},
        {"status_list": {"idx": "0x0c", "uri": URI}},
        {"status_list": {"idx": True, "uri": URI}},
        {"status_list": {"idx": 1.0, "uri": URI}},
        {"status_list": {"idx": -1, "uri": URI}},
        {"status_list": {"idx": 0, "uri": "lists/0"}},
        {"status_list": {"idx": 0, "uri": 5}},
    ],
)
def test_parse_status_claim_bad_claim_is_malformed(value: object) -> None:
    """An index is an integer here, never text; an address is a whole one."""
    with pytest.raises(MalformedValue):
        parse_status_claim(value)


def test_status_claim_impossible_index_is_refused() -> None:
    """None before the first, none that no list has."""
    with pytest.raises(OutOfRange):
        status_claim(URI, -1)
    with pytest.raises(OutOfRange):
        parse_status_claim({"status_list": {"idx": 2**63, "uri": URI}})


def test_aggregation_names_the_lists() -> None:
    """Section 9.3's document, there and back."""
    uris = tuple(f"https://example.com/statuslists/{number}" for number in (1, 2, 3))

    assert aggregation_document(uris) == {"status_lists": list(uris)}
    assert parse_aggregation(aggregation_document(uris)) == uris
    with pytest.raises(MalformedValue):
        aggregation_document(["lists/0"])


@pytest.mark.parametrize(
    "document", [{}, {"status_lists": URI}, {"status_lists": [1]}, {"status_lists": [URI] * 100_001}]
)
def test_parse_aggregation_bad_document_is_malformed(document: dict[str, object]) -> None:
    """No array, no addresses, or more of them than anyone has lists."""
    with pytest.raises(MalformedValue):
        parse_aggregation(document)
