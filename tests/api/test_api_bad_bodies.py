"""Bodies that are not what they must be: refused with a stable problem, and nothing of them is stored."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator

import pytest

from tests.support.api_caller import JSON, PACKED, ApiCaller
from tests.support.assembly import Running, digest

GOOD = digest(1).hex()


async def require_nothing_stored(service: Running) -> None:
    """See that neither a digest nor a list is there."""
    assert await service.store.unmined_entries() == 0
    assert await service.store.list_states() == []


def deep(levels: int) -> bytes:
    """Return a submission whose status is nested."""
    opened, closed = b'{"a":' * levels, b"}" * levels
    return b'{"digest":"%s","method":"raw","status":%s1%s}' % (GOOD.encode(), opened, closed)


MALFORMED = {
    "empty": b"",
    "no JSON": b"digest=1",
    "cut off": b'{"digest":',
    "two values": b"{} {}",
    "comment": b"{} // x",
    "trailing comma": b'{"digest":"a",}',
    "single quotes": b"{'digest':'a'}",
    "NaN": b'{"digest":NaN}',
    "Infinity": b'{"digest":-Infinity}',
    "1e999": b'{"digest":1e999}',
    "5000 digits": b'{"digest":' + b"9" * 5000 + b"}",
    "2 to the 64": b'{"digest":18446744073709551616}',
    "too exact": b'{"digest":0.1000000000000000000000001}',
    "name twice": b'{"digest":"a","digest":"b"}',
    "name twice below": b'{"digest":"a","status":{"list":1,"list":1}}',
    "lone surrogate": b'{"digest":"\\ud800"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"digest":"a"}'.encode("utf-16"),
    "no UTF-8": b'{"digest":"\xff"}',
    "control character": b'{"digest":"\x01"}',
    "129 levels": deep(129),
    "5000 open brackets": b"[" * 5000,
    "5000 open braces": b'{"a":' * 2000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", ["/v1/digests", "/v1/status-entries", "/v1/status-changes"])
async def test_malformed_json_refused(
    api: ApiCaller, service: Running, key: str, path: str, body: bytes
) -> None:
    """A text that is no strict JSON is answered with where it breaks off (fault 37)."""
    answer = await api.post(path, key=key, body=body)

    assert (answer.status, answer.problem) == (400, "malformed-json")
    assert answer.json["line"] >= 1
    assert answer.json["column"] >= 1
    await require_nothing_stored(service)


SUBMISSIONS: dict[str, object] = {
    "null": None,
    "text": "a",
    "number": 1,
    "empty object": {},
    "empty array": [],
    "array of arrays": [[]],
    "no digest": {"method": "raw"},
    "no method": {"digest": GOOD},
    "unknown member": {"digest": GOOD, "method": "raw", "credential": {}},
    "digest null": {"digest": None, "method": "raw"},
    "digest number": {"digest": 12, "method": "raw"},
    "digest empty": {"digest": "", "method": "raw"},
    "digest short": {"digest": GOOD[:-2], "method": "raw"},
    "digest long": {"digest": GOOD + "00", "method": "raw"},
    "digest 64 bytes": {"digest": GOOD * 2, "method": "raw"},
    "digest upper case": {"digest": GOOD.upper(), "method": "raw"},
    "digest mixed case": {"digest": GOOD[:-1] + "F", "method": "raw"},
    "digest with 0x": {"digest": "0x" + GOOD, "method": "raw"},
    "digest no hex": {"digest": "g" * 64, "method": "raw"},
    "digest with space": {"digest": GOOD + " ", "method": "raw"},
    "digest in full-width digits": {"digest": "\uff11" * 64, "method": "raw"},
    "digest zero": {"digest": "00" * 32, "method": "raw"},
    "digest zero as multibase": {
        "digest": "uEiAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "method": "raw",
    },
    "digest other multibase": {"digest": "z" + "1" * 46, "method": "raw"},
    "digest other hash": {"digest": "uEyC" + "A" * 43, "method": "raw"},
    "digest padded": {"digest": "uEi" + "A" * 44 + "=", "method": "raw"},
    "method unknown": {"digest": GOOD, "method": "sha256"},
    "method upper case": {"digest": GOOD, "method": "RAW"},
    "method number": {"digest": GOOD, "method": 4},
    "method null": {"digest": GOOD, "method": None},
    "salted text": {"digest": GOOD, "method": "raw", "salted": "true"},
    "salted number": {"digest": GOOD, "method": "raw", "salted": 1},
    "status text": {"digest": GOOD, "method": "raw", "status": "fresh"},
    "status true": {"digest": GOOD, "method": "raw", "status": True},
    "status number": {"digest": GOOD, "method": "raw", "status": 0},
    "status array": {"digest": GOOD, "method": "raw", "status": []},
    "status without index": {"digest": GOOD, "method": "raw", "status": {"list": 0}},
    "status with more": {"digest": GOOD, "method": "raw", "status": {"list": 0, "index": 0, "x": 1}},
    "index negative": {"digest": GOOD, "method": "raw", "status": {"list": 0, "index": -1}},
    "index text": {"digest": GOOD, "method": "raw", "status": {"list": 0, "index": "1"}},
    "index fraction": {"digest": GOOD, "method": "raw", "status": {"list": 0, "index": 1.5}},
    "index boolean": {"digest": GOOD, "method": "raw", "status": {"list": 0, "index": True}},
    "index 2 to the 53": {"digest": GOOD, "method": "raw", "status": {"list": 0, "index": 2**53}},
    "list negative": {"digest": GOOD, "method": "raw", "status": {"list": -1, "index": 0}},
    "one bad of three": [
        {"digest": GOOD, "method": "raw"},
        {"digest": GOOD, "method": "cbor"},
        {"digest": digest(2).hex(), "method": "raw"},
    ],
    "21 digests": [{"digest": digest(number).hex(), "method": "raw"} for number in range(21)],
}


@pytest.mark.parametrize("value", SUBMISSIONS.values(), ids=SUBMISSIONS)
async def test_bad_submission_refused(api: ApiCaller, service: Running, key: str, value: object) -> None:
    """Each rule of a submission has its refusal, and a bad digest in an array refuses all of it (fault 38)."""
    answer = await api.post("/v1/digests", value, key=key)

    assert (answer.status, answer.problem) == (400, "invalid-input")
    await require_nothing_stored(service)


def _respelled() -> str:
    """Return a digest's multibase text with the unused bits of its last character set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = "uEi" + "A" * 43 + "B"
    last = alphabet[alphabet.index("A") | 1]
    return text[:-1] + last


async def test_digest_second_spelling_refused(api: ApiCaller, service: Running, key: str) -> None:
    """A lenient decoder reads many texts as one digest; here each digest has one spelling of each kind."""
    for text in (_respelled(), "u" + "A" * 46):
        answer = await api.post("/v1/digests", {"digest": text, "method": "raw"}, key=key)
        assert (answer.status, answer.problem) == (400, "invalid-input")
    await require_nothing_stored(service)


@pytest.mark.parametrize(
    "body",
    [b"", digest(1)[:31], digest(1) + b"\x00", digest(1) + bytes(32), bytes(64)],
    ids=["empty", "31 bytes", "33 bytes", "zero digest", "zeros"],
)
async def test_bad_packed_body_refused(api: ApiCaller, service: Running, key: str, body: bytes) -> None:
    """A packed body is whole digests, at least one, and none of them zero."""
    answer = await api.post("/v1/digests?method=raw", key=key, body=body, kind=PACKED)

    assert (answer.status, answer.problem) == (400, "invalid-input")
    await require_nothing_stored(service)


@pytest.mark.parametrize(
    "query",
    ["", "?method=", "?method=md5", "?method=raw&salted=yes", "?salted=true", "?Method=raw", "?method=%00"],
)
async def test_packed_body_of_unknown_method_refused(
    api: ApiCaller, service: Running, key: str, query: str
) -> None:
    """A packed body names its method in the query."""
    answer = await api.post(f"/v1/digests{query}", key=key, body=digest(1), kind=PACKED)

    assert (answer.status, answer.problem) == (400, "invalid-input")
    await require_nothing_stored(service)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "a"]
)
async def test_wrong_content_type_refused(api: ApiCaller, service: Running, key: str, kind: str) -> None:
    """A body of another type is not looked at."""
    body = json.dumps({"digest": GOOD, "method": "raw"}).encode()

    answer = await api.post("/v1/digests", key=key, body=body, kind=kind)

    assert (answer.status, answer.problem) == (400, "invalid-input")
    await require_nothing_stored(service)


async def test_content_type_with_charset_is_json(api: ApiCaller, key: str) -> None:
    """Parameters of the type do not matter: JSON is UTF-8."""
    body = json.dumps({"digest": GOOD, "method": "raw"}).encode()

    answer = await api.call(
        "POST", "/v1/digests", key=key, headers={"Content-Type": f"{JSON}; charset=utf-8"}, body=body
    )

    assert answer.status == 201


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 4096):
        yield body[at : at + 4096]


@pytest.mark.parametrize("kind", [JSON, PACKED])
async def test_oversized_body_refused(api: ApiCaller, service: Running, key: str, kind: str) -> None:
    """More than the limit is refused, whether the length is told before or not (fault 35)."""
    limits = service.settings.limits
    limit = limits.json_body_bytes if kind == JSON else limits.packed_body_bytes
    body = b" " * (limit + 32)
    for content in (body, _chunks(body)):
        answer = await api.call(
            "POST", "/v1/digests?method=raw", key=key, headers={"Content-Type": kind}, body=content
        )
        assert (answer.status, answer.problem) == (413, "too-large")
    await require_nothing_stored(service)


@pytest.mark.parametrize("kind", [JSON, PACKED])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_compressed_bomb_refused(
    api: ApiCaller, service: Running, key: str, kind: str, encoding: str
) -> None:
    """What expands beyond the limit is refused however small it came (fault 35)."""
    bomb = b" " * 20_000_000
    body = gzip.compress(bomb) if encoding == "gzip" else zlib.compress(bomb)
    assert len(body) < 64 * 1024

    answer = await api.call(
        "POST",
        "/v1/digests?method=raw",
        key=key,
        headers={"Content-Type": kind, "Content-Encoding": encoding},
        body=body,
    )

    assert answer.status == 413
    await require_nothing_stored(service)


@pytest.mark.parametrize("body", [b"no gzip at all", gzip.compress(b"{}")[:-9]], ids=["other", "cut off"])
async def test_damaged_compression_refused(api: ApiCaller, service: Running, key: str, body: bytes) -> None:
    """A body that does not decompress is the caller's fault, not ours."""
    answer = await api.call(
        "POST", "/v1/digests", key=key, headers={"Content-Type": JSON, "Content-Encoding": "gzip"}, body=body
    )

    assert answer.status == 400
    await require_nothing_stored(service)


async def test_compressed_submission_accepted(api: ApiCaller, key: str) -> None:
    """A client may compress what it sends."""
    body = gzip.compress(json.dumps({"digest": GOOD, "method": "raw"}).encode())

    answer = await api.call(
        "POST", "/v1/digests", key=key, headers={"Content-Type": JSON, "Content-Encoding": "gzip"}, body=body
    )

    assert answer.status == 201


@pytest.mark.parametrize("kind", [JSON, PACKED])
async def test_endless_slow_body_ends_at_the_deadline(
    api: ApiCaller, service: Running, key: str, kind: str
) -> None:
    """A body that drips for ever is cut off, and others are served meanwhile (fault 36)."""
    served = asyncio.Event()

    async def drip() -> AsyncIterator[bytes]:
        yield b" "
        await served.wait()

    slow = asyncio.create_task(
        api.call("POST", "/v1/digests?method=raw", key=key, headers={"Content-Type": kind}, body=drip())
    )
    quick = await api.get("/healthz")
    answer = await slow
    served.set()

    assert quick.status == 200
    assert (answer.status, answer.problem) == (400, "invalid-input")
    assert "not complete" in answer.json["detail"]
    await require_nothing_stored(service)


async def test_body_shorter_than_told_ends_at_the_deadline(
    api: ApiCaller, service: Running, key: str
) -> None:
    """A caller that promises more bytes than it sends is answered all the same."""
    reader, writer = await asyncio.open_connection(api.base_url.host, api.base_url.port)
    writer.write(
        b"POST /v1/digests HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + key.encode() + b"\r\nContent-Length: 5000\r\n\r\n{"
    )
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()

    assert status == b"HTTP/1.1 400 Bad Request\r\n"
    await require_nothing_stored(service)
