"""IETF token status lists that an SD-JWT or JWT names: fetched with permission, verified, read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from anchor.core.digest import Method
from anchor.verify import TrustedIssuer
from status_lists import ListKey
from status_lists.cwt import sign_token_list_cwt
from status_lists.p256 import P256Key
from status_lists.signing_keys import SigningKey
from status_lists.token_jwt import sign_token_list_jwt
from status_lists.token_list import TokenList
from tests.verify.foreign import HOST, Served, allowing
from tests.verify.tokens import sd_jwt, token
from tests.verify.world import Issued, World, told

URI = f"https://{HOST}/token-lists/0"
INDEX = 4
Sign = Callable[[TokenList, SigningKey], bytes]


def as_jwt(token_list: TokenList, key: SigningKey) -> bytes:
    """Sign a list as JWT."""
    return sign_token_list_jwt(token_list, key=key, key_id="1").encode()


def as_cwt(token_list: TokenList, key: SigningKey) -> bytes:
    """Sign a list as CWT."""
    return sign_token_list_cwt(token_list, key=key)


def listed(world: World, value: int, **changes: object) -> TokenList:
    """Return a list of two-bit entries in which entry 4 has this value, and the others another."""
    others = 1 if value == 0 else 0
    bits = bytes([others * 0b01010101, others * 0b01010100 | value])
    facts: dict[str, object] = {
        "uri": URI,
        "bits": bits,
        "bits_per_entry": 2,
        "issued_at_s": world.publisher.now_s - 60,
        "expires_at_s": world.publisher.now_s + 3600,
    }
    return TokenList(**(facts | changes))  # type: ignore[arg-type]  # fields by name


def issue(world: World, status: object = None, method: Method = Method.SD_JWT) -> Issued:
    """Anchor a token that names entry 4 of the list."""
    claims = {
        "iss": world.issuer.id,
        "vct": "https://college.example/diploma",
        "status": status or {"status_list": {"idx": INDEX, "uri": URI}},
    }
    return world.issue(sd_jwt(claims) if method is Method.SD_JWT else token(claims), method=method)


@pytest.mark.parametrize("sign", [as_jwt, as_cwt])
@pytest.mark.parametrize("method", [Method.SD_JWT, Method.JWT])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, ("valid", [])),
        (1, ("revoked", ["revoked"])),
        (2, ("suspended", ["suspended"])),
        (3, ("unknown", ["status_unsupported"])),
    ],
)
async def test_token_list_of_the_issuer_counts(
    world: World, sign: Sign, method: Method, value: int, expected: tuple[str, list[str]]
) -> None:
    """Each registered value has its verdict; a value of somebody's own is not known here."""
    issued = issue(world, method=method)
    lists = Served({URI: sign(listed(world, value), world.issuer.key)})

    report = await world.verify(issued, foreign=lists, trust=allowing(world))

    assert told(report) == expected
    assert [(url, "statuslist+jwt" in accept) for url, accept in lists.asked] == [(URI, True)]


async def test_token_list_without_permission_is_not_fetched(world: World) -> None:
    """A token's list is somebody else's, too."""
    lists = Served({URI: as_jwt(listed(world, 1), world.issuer.key)})

    report = await world.verify(issue(world), foreign=lists)

    assert told(report) == ("unknown", ["status_foreign"])
    assert lists.asked == []


async def test_token_list_signed_with_p256_by_a_key_of_the_trust_set_counts(world: World) -> None:
    """Wallets' issuers sign with P-256: the trust set holds such keys as well."""
    key = P256Key(b"\x05" * 32)
    issuer = TrustedIssuer(id=world.issuer.id, p256_keys=(key.public_key,))
    lists = Served({URI: as_jwt(listed(world, 1), key)})

    with_key = await world.verify(issue(world), foreign=lists, trust=allowing(world, issuer))
    without = await world.verify(issue(world), foreign=lists, trust=allowing(world))

    assert told(with_key) == ("revoked", ["revoked"])
    assert told(without) == ("unknown", ["STATUS_VERIFICATION_ERROR"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"uri": URI + "0"}, "STATUS_VERIFICATION_ERROR"),
        ({"issuer": "did:web:other.example"}, "STATUS_VERIFICATION_ERROR"),
        ({"bits": b"\x00"}, "RANGE_ERROR"),
    ],
)
async def test_token_list_not_for_this_token_is_unknown(
    world: World, changes: dict[str, object], code: str
) -> None:
    """Another list, another issuer's, or one without that entry says nothing of this token."""
    lists = Served({URI: as_jwt(listed(world, 0, **changes), world.issuer.key)})

    assert told(await world.verify(issue(world), foreign=lists, trust=allowing(world))) == ("unknown", [code])


@pytest.mark.parametrize(("begin_s", "end_s"), [(60, 120), (-120, -60)])
async def test_token_list_of_another_time_is_unknown(world: World, begin_s: int, end_s: int) -> None:
    """A list that is to come or has expired is none."""
    now_s = world.publisher.now_s
    found = listed(world, 0, issued_at_s=now_s + begin_s, expires_at_s=now_s + end_s)
    lists = Served({URI: as_jwt(found, world.issuer.key)})

    report = await world.verify(issue(world), foreign=lists, trust=allowing(world), now_s=now_s)

    assert report.verdict.value == "unknown"
    assert "STATUS_VERIFICATION_ERROR" in [reason.code for reason in report.reasons]


@pytest.mark.parametrize("body", [b"", b"eyJ", b"nonsense", b"\xd2\x84", b"e" * 100, b"{}"])
async def test_token_list_that_is_none_is_unknown(world: World, body: bytes) -> None:
    """Whatever a server sends in place of a list, the verdict is unknown."""
    report = await world.verify(issue(world), foreign=Served({URI: body}), trust=allowing(world))

    assert report.verdict.value == "unknown"
    assert report.reasons[0].code in ("MALFORMED_VALUE_ERROR", "STATUS_VERIFICATION_ERROR")


async def test_token_list_that_cannot_be_had_is_unknown(world: World) -> None:
    """Neither revoked nor not revoked."""
    report = await world.verify(issue(world), foreign=Served({}), trust=allowing(world))

    assert told(report) == ("unknown", ["STATUS_RETRIEVAL_ERROR"])


async def test_token_list_of_a_stranger_is_unknown(world: World) -> None:
    """A list that some other key signed is worth nothing, in either form."""
    stranger = ListKey(b"\x09" * 32)
    for sign in (as_jwt, as_cwt):
        lists = Served({URI: sign(listed(world, 0), stranger)})
        report = await world.verify(issue(world), foreign=lists, trust=allowing(world))
        assert told(report) == ("unknown", ["STATUS_VERIFICATION_ERROR"])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"status_list": {"idx": "4", "uri": URI}}, "status_malformed"),
        ({"status_list": {"idx": 4}}, "status_malformed"),
        ({"status_list": []}, "status_malformed"),
        ({"status_attestation": {}}, "status_unsupported"),
    ],
)
async def test_token_status_malformed_or_of_another_kind_is_unknown(
    world: World, status: object, code: str
) -> None:
    """A claim that cannot be read rules out valid, with its own reason."""
    issued = issue(world, status)

    assert told(await world.verify(issued, trust=allowing(world))) == ("unknown", [code])


async def test_token_status_of_a_past_time_cannot_be_proved(world: World) -> None:
    """Nothing anchors what a token status list said."""
    issued = issue(world)
    lists = Served({URI: as_jwt(listed(world, 0), world.issuer.key)})
    trust = replace(allowing(world))

    report = await world.verify(issued, foreign=lists, trust=trust, at_s=world.publisher.now_s)

    assert told(report) == ("unknown", ["status_foreign"])
    assert lists.asked == []
