"""What anyone may fetch: publisher, batches, leaves, lists, evidence; with what caches and browsers need."""

from __future__ import annotations

import json

import pytest
import pytest_asyncio

from anchor.core.entries import identifier_hash
from anchor.core.merkle import Tree
from anchor.documents import parse_batch, parse_publisher
from status_lists import parse_json_object, verify_list
from tests.support.api_caller import PACKED, ApiCaller
from tests.support.assembly import BASE_URL, Running, digest

LEAVES = 41
SIZE = LEAVES * 32


@pytest_asyncio.fixture
async def mined(api: ApiCaller, service: Running, key: str) -> Running:
    """Have one mined batch: 40 digests, one of them bound to a status entry."""
    body = b"".join(digest(number) for number in range(1, 40))
    await api.post("/v1/digests?method=raw", key=key, body=body, kind=PACKED)
    await api.post("/v1/digests", {"digest": digest(0).hex(), "method": "raw", "status": "allocate"}, key=key)
    service.clock.advance(60)
    await service.turn()
    await service.mine()
    return service


async def test_nothing_mined_yet(api: ApiCaller, service: Running, key: str) -> None:
    """Before the first anchor the publisher has no head, and there is no batch, though one is sent."""
    await api.post("/v1/digests", {"digest": digest(1).hex(), "method": "raw"}, key=key)
    service.clock.advance(60)
    await service.turn()

    publisher = parse_publisher((await api.get("/v1/publisher")).body)

    assert (publisher.head_sequence, publisher.head_root) == (0, None)
    for path in ("/v1/batches/1", "/v1/batches/1/leaves", "/v1/batches/0", "/v1/evidence/0/0"):
        answer = await api.get(path)
        assert (answer.status, answer.problem) == (404, "not-found")


async def test_publisher_tells_where_and_the_head(api: ApiCaller, mined: Running) -> None:
    """Chain, contract, publisher, base URL and the newest mined root."""
    answer = await api.get("/v1/publisher")
    publisher = parse_publisher(answer.body)

    assert (publisher.chain_id, publisher.publisher) == (31337, mined.publisher)
    assert (publisher.contract, publisher.base_url) == (mined.settings.chain.contract, BASE_URL)
    assert publisher.head_root == mined.chain.anchored_roots(mined.publisher)[1]
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_batch_and_leaves_rebuild_the_root(api: ApiCaller, mined: Running) -> None:
    """From what is published anyone rebuilds the root that the contract holds."""
    answer = await api.get("/v1/batches/1")
    leaves = await api.get("/v1/batches/1/leaves")
    batch = parse_batch(answer.body)
    tree = Tree()
    tree.extend(leaves.body)

    assert len(leaves.body) == SIZE
    assert leaves.headers["Content-Type"] == PACKED
    assert tree.root() == batch.description.credential_root
    assert batch.root == mined.chain.anchored_roots(mined.publisher)[1]
    assert [state.entry.list_id for state in batch.lists] == [
        identifier_hash(f"{BASE_URL}/status-lists/{number}") for number in (0, 1)
    ]


async def test_batch_is_immutable_once_final(api: ApiCaller, mined: Running) -> None:
    """
    Caches may keep a batch for ever once it is final, and must ask again before.

    For minutes only where the path names no anchorage: after a move it means another batch.
    """
    paths = ("/v1/batches/1", "/v1/batches/1/leaves")
    named = [path.replace("/v1", "/v1/anchorages/1") for path in paths]
    before = [await api.get(path) for path in (*paths, *named)]
    await mined.mine(3)
    after = [await api.get(path) for path in (*paths, *named)]

    assert [answer.headers["Cache-Control"] for answer in before] == ["no-cache"] * 4
    caching = [answer.headers["Cache-Control"] for answer in after]
    assert ["immutable" in value for value in caching] == [False, False, True, True]
    assert caching[:2] == ["public, max-age=300"] * 2
    assert [answer.body for answer in after[:2]] == [answer.body for answer in after[2:]]
    assert (before[0].json["state"], after[0].json["state"]) == ("mined", "final")
    assert (await api.get("/v1/anchorages/2/batches/1")).status == 404


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-31", 0, 31),
        ("bytes=32-63", 32, 63),
        ("bytes=5-5", 5, 5),
        ("bytes=31-64", 31, 64),
        ("bytes=0-", 0, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=0-999999999999999999", 0, SIZE - 1),
        ("bytes=-32", SIZE - 32, SIZE - 1),
        ("bytes=-999999", 0, SIZE - 1),
    ],
)
@pytest.mark.usefixtures("mined")
async def test_leaves_range(api: ApiCaller, asked: str, first: int, last: int) -> None:
    """Any one range of bytes is served, and no byte more."""
    whole = (await api.get("/v1/batches/1/leaves")).body

    answer = await api.get("/v1/batches/1/leaves", Range=asked)

    assert (answer.status, answer.body) == (206, whole[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"


@pytest.mark.parametrize(
    "asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0", "bytes=99999999999-"]
)
@pytest.mark.usefixtures("mined")
async def test_leaves_range_outside_refused(api: ApiCaller, asked: str) -> None:
    """A range that holds no byte of the leaves is 416 with their size."""
    answer = await api.get("/v1/batches/1/leaves", Range=asked)

    assert (answer.status, answer.problem) == (416, "range-not-satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=-5-9",
        "bytes=0-1,5-6",
        "leaves=0-1",
        "bytes=" + "9" * 5000 + "-",
    ],
)
@pytest.mark.usefixtures("mined")
async def test_leaves_bad_range_is_no_range(api: ApiCaller, asked: str) -> None:
    """What is no single range of bytes is ignored, as RFC 9110 asks."""
    answer = await api.get("/v1/batches/1/leaves", Range=asked)

    assert (answer.status, len(answer.body)) == (200, SIZE)


@pytest.mark.usefixtures("mined")
async def test_leaves_if_range_of_another_version_whole(api: ApiCaller) -> None:
    """A client whose part is of another version gets everything anew."""
    etag = (await api.get("/v1/batches/1/leaves")).headers["ETag"]

    same = await api.get("/v1/batches/1/leaves", Range="bytes=0-31", If_Range=etag)
    other = await api.get("/v1/batches/1/leaves", Range="bytes=0-31", If_Range='"other"')

    assert (same.status, len(same.body)) == (206, 32)
    assert (other.status, len(other.body)) == (200, SIZE)


@pytest.mark.usefixtures("mined")
async def test_head_has_headers_and_no_body(api: ApiCaller) -> None:
    """HEAD answers as GET does, without the body."""
    for path in ("/v1/batches/1/leaves", "/v1/batches/1", "/status-lists/0", "/v1/publisher"):
        head, got = await api.call("HEAD", path), await api.get(path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == got.headers["Content-Length"]
        assert head.headers.get("ETag") == got.headers.get("ETag")


@pytest.mark.usefixtures("mined")
async def test_list_is_signed_and_cacheable(api: ApiCaller, service: Running) -> None:
    """A list is a correctly signed credential, cached no longer than its ttl and its validity."""
    (issuer,) = await service.store.issuers()
    answer = await api.get("/status-lists/0")

    verify_list(parse_json_object(answer.body), public_key=issuer.signer.public_key)
    assert answer.headers["Content-Type"] == "application/vc"
    assert "max-age=300" in answer.headers["Cache-Control"]
    assert answer.json["id"] == f"{BASE_URL}/status-lists/0"


@pytest.mark.usefixtures("mined")
async def test_list_not_modified_by_etag(api: ApiCaller) -> None:
    """A client that has the version is told so in a few bytes; one that has another gets it."""
    etag = (await api.get("/status-lists/0")).headers["ETag"]

    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await api.get("/status-lists/0", If_None_Match=known)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert "max-age" in answer.headers["Cache-Control"]
    for other in ('"other"', etag.strip('"'), ""):
        assert (await api.get("/status-lists/0", If_None_Match=other)).status == 200


@pytest.mark.usefixtures("mined")
async def test_list_version_stays_and_is_immutable(api: ApiCaller, service: Running) -> None:
    """A version is served unchanged for ever beside those that follow it."""
    old = await api.get("/status-lists/0")
    first, *_ = await service.store.list_events(after=0, limit=10)
    path = f"/status-lists/0/versions/{first.version}"
    before = await api.get(path)
    service.clock.advance(5 * 86_400)
    await service.services.lists.publish_due()

    after = await api.get(path)

    assert before.body == after.body == old.body
    assert "immutable" in after.headers["Cache-Control"]
    assert (await api.get("/status-lists/0")).body != old.body
    assert (await api.get(path, If_None_Match=after.headers["ETag"])).status == 304
    for absent in ("/status-lists/9", "/status-lists/0/versions/7", "/status-lists/9/versions/7"):
        assert (await api.get(absent)).problem == "not-found"


@pytest.mark.usefixtures("mined")
async def test_list_as_it_was(api: ApiCaller, service: Running) -> None:
    """`?timestamp=` answers with the version in force at that time, or that there was none."""
    old = await api.get("/status-lists/0")
    service.clock.advance(5 * 86_400)
    await service.services.lists.publish_due()

    then = await api.get("/status-lists/0?timestamp=2023-11-15T00:00:00Z")

    assert then.body == old.body
    assert (await api.get("/status-lists/0?timestamp=2001-01-01T00:00:00Z")).problem == "not-found"
    for bad in ("yesterday", "2023-11-15", "2023-11-15T00:00:00", "", "1700000000"):
        answer = await api.get(f"/status-lists/0?timestamp={bad}")
        assert (answer.status, answer.problem) == (400, "invalid-input")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/publisher",
        "/v1/batches/1",
        "/v1/batches/1/leaves",
        "/status-lists/0",
        "/openapi.json",
        "/v1/batches/99",
    ],
)
@pytest.mark.usefixtures("mined")
async def test_browsers_of_any_origin_may_read(api: ApiCaller, path: str) -> None:
    """Public answers, errors among them, are open to any origin, and preflights for caching headers pass."""
    got = await api.get(path, Origin="https://verifier.example.org")
    preflight = await api.call(
        "OPTIONS",
        path,
        headers={
            "Origin": "https://verifier.example.org",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "cache-control,pragma",
        },
    )

    assert got.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert {"cache-control", "pragma", "if-none-match", "range"} <= {
        name.strip() for name in allowed.split(",")
    }
    assert "GET" in preflight.headers["Access-Control-Allow-Methods"]


async def test_answers_to_a_key_are_not_open_to_browsers(api: ApiCaller, key: str) -> None:
    """What an issuer's key opened is for that issuer, not for scripts of any page."""
    answer = await api.get("/v1/status-lists", key=key, Origin="https://evil.example.org")

    assert "Access-Control-Allow-Origin" not in answer.headers
    preflight = await api.call("OPTIONS", "/v1/digests", headers={"Origin": "https://evil.example.org"})
    assert preflight.status == 405


async def test_evidence_of_one_entry(api: ApiCaller, service: Running, mined: Running, key: str) -> None:
    """Evidence is small, leads to the head's root, and is not cached."""
    receipt = (await api.get(f"/v1/digests/{digest(0).hex()}", key=key)).json["status"]

    answer = await api.get(f"/v1/evidence/{receipt['list']}/{receipt['index']}")

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(answer.body) < 3000
    for list_number, index in ((0, 131_072), (2, 0)):
        assert (await api.get(f"/v1/evidence/{list_number}/{index}")).problem == "not-found"
    assert service is mined


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "/v1",
        "/v1/",
        "/v1/digests/",
        "//v1/publisher",
        "/v1//publisher",
        "/v1/publisher/",
        "/v1/publisher%00",
        "/v1/%70ublisher/..%2f..%2fetc/passwd",
        "/v1/digests/..%2f..%2fetc%2fpasswd",
        "/v1/digests/%2e%2e%2f",
        "/v1/digests/" + "0" * 63,
        "/v1/digests/" + "0" * 65,
        "/v1/digests/" + "A" * 64,
        "/v1/digests/" + "0" * 64 + "%00",
        "/v1/digests/" + "0" * 64 + "%0d%0aX:1",
        "/v1/digests/" + "0" * 64 + ";a=b",
        "/v1/batches/01",
        "/v1/batches/-1",
        "/v1/batches/+1",
        "/v1/batches/1.0",
        "/v1/batches/1e3",
        "/v1/batches/%31%00",
        "/v1/batches/%EF%BC%91",
        "/v1/batches/1000000000000000",
        "/v1/batches/1/leaves/../../publisher%2f",
        "/status-lists/0/versions/%2e%2e",
        "/status-lists/0/",
        "/status-lists/0x0",
        "/STATUS-LISTS/0",
        "/v1/status-entries/0/-1",
        "/v1/status-entries/0/00",
        "/.env",
        "/openapi.json~",
    ],
)
async def test_path_tricks_are_no_route(api: ApiCaller, path: str) -> None:
    """Whatever is no route in its one spelling is a plain 404 (fault 41)."""
    answer = await api.get(path)

    assert (answer.status, answer.problem) == (404, "not-found")


async def test_wrong_method_tells_the_right_ones(api: ApiCaller) -> None:
    """A method that a route does not know is 405 with those it does."""
    for method, path, allowed in (
        ("DELETE", "/v1/issuers", {"GET", "HEAD", "POST"}),
        ("POST", "/v1/publisher", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/v1/digests", {"POST"}),
        ("TRACE", "/healthz", {"GET", "HEAD"}),
    ):
        answer = await api.call(method, path)
        assert (answer.status, answer.problem) == (405, "method-not-allowed")
        assert set(answer.headers["Allow"].split(",")) == allowed


async def test_openapi_is_served(api: ApiCaller) -> None:
    """The description that these answers were held against is the one that is served."""
    answer = await api.get("/openapi.json")

    assert answer.json["openapi"].startswith("3.1")
    assert json.loads(answer.body)["paths"]
