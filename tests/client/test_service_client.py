"""The HTTP client: what it sends, what it makes of answers, what it repeats and what it refuses."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import pytest

from anchor.client import DigestTarget, ServiceClient, StatusChange, Submission
from anchor.client.base_url import check_base_url
from anchor.client.connection import RetryPolicy
from anchor.core.digest import Method
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.lifecycle import BatchState
from anchor.documents import proof_to_json
from anchor.errors import (
    AnchorError,
    Conflict,
    InvalidInput,
    MayBeAnchored,
    NotFound,
    Overloaded,
    ServiceUnavailable,
    TooLarge,
    Unauthorized,
)
from tests.support.fake_service import ISSUER_KEY, OPERATOR_KEY, Canned, FakeService, running_service

DIGEST = bytes(range(32))


class Pauses:
    """Stands in for sleeping: passes no time and remembers how long each pause would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def service() -> Iterator[FakeService]:
    """Return a fake service that anchors at once."""
    with running_service() as fake:
        yield fake


@pytest.fixture
def pauses() -> Pauses:
    """Return the clock of the client's waits."""
    return Pauses()


@pytest.fixture
async def client(service: FakeService, pauses: Pauses) -> AsyncIterator[ServiceClient]:
    """Return an issuer's client whose waits take no time and have no jitter."""
    async with ServiceClient(service.url, ISSUER_KEY, sleep=pauses, jitter=lambda: 0.0) as entered:
        yield entered


async def test_submit_returns_receipts_in_order(client: ServiceClient) -> None:
    """Receipts name digest, state, batch, status entry and the ready credentialStatus objects."""
    one, two = await client.submit(
        [Submission(DIGEST, Method.JCS, status="allocate"), Submission(DIGEST, Method.RAW, salted=True)]
    )

    assert (one.digest, one.method, one.salted, one.is_new) == (DIGEST, Method.JCS, False, True)
    assert (one.state, one.sequence) == (BatchState.FINAL, 1)
    assert one.status == StatusEntry(0, 101)
    assert [entry["statusListIndex"] for entry in one.credential_status] == ["101", "101"]
    assert (two.method, two.salted, two.status) == (Method.RAW, True, None)


async def test_submit_receipts_for_other_digests_are_refused(
    client: ServiceClient, service: FakeService
) -> None:
    """A service that answers for another digest is not believed."""
    await client.submit([Submission(DIGEST, Method.JCS)])
    receipt = service._receipt((DIGEST, Method.JCS, False)) | {"method": "raw"}
    service.canned.append(Canned(200, json.dumps({"items": [receipt]}).encode()))

    with pytest.raises(ServiceUnavailable, match="receipts for other digests"):
        await client.submit([Submission(DIGEST, Method.JCS)])


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (StatusEntry(0, 7), None),
        (StatusEntry(0, 7), {"list": 0, "index": 8}),
        ("allocate", None),
        (None, {"list": 0, "index": 7}),
    ],
)
async def test_submit_receipt_of_another_binding_is_refused(
    client: ServiceClient,
    service: FakeService,
    sent: StatusEntry | Literal["allocate"] | None,
    answered: dict[str, int] | None,
) -> None:
    """A digest that is bound to another entry than was sent could not be revoked by it: nobody is told that it is."""
    await client.submit([Submission(DIGEST, Method.JCS)])
    receipt = service._receipt((DIGEST, Method.JCS, False)) | {"status": answered}
    service.canned.append(Canned(200, json.dumps({"items": [receipt]}).encode()))

    with pytest.raises(ServiceUnavailable, match=r"bound the digest u\S+ to another status entry"):
        await client.submit([Submission(DIGEST, Method.JCS, status=sent)])


async def test_submit_answer_of_another_shape_is_refused(client: ServiceClient, service: FakeService) -> None:
    """An answer that lacks a member is the service's fault, not the caller's."""
    service.canned.append(Canned(200, b'{"items": [{}]}'))

    with pytest.raises(ServiceUnavailable, match=r"items\[0\]: the member 'digest' is missing"):
        await client.submit([Submission(DIGEST, Method.JCS)])


@pytest.mark.parametrize(("count", "error"), [(0, InvalidInput), (10_001, TooLarge)])
async def test_submit_too_few_or_too_many_is_refused_here(
    client: ServiceClient, service: FakeService, count: int, error: type[AnchorError]
) -> None:
    """The limits of a request are checked before it is sent."""
    with pytest.raises(error):
        await client.submit([Submission(DIGEST, Method.JCS)] * count)

    assert service.seen == []


async def test_submit_packed_sends_bytes(client: ServiceClient, service: FakeService) -> None:
    """Packed digests go out as they are, with method and salting in the query."""
    receipt = await client.submit_packed(DIGEST * 3, method=Method.SD_JWT, salted=True)
    seen = service.seen[-1]
    await client.submit_packed(DIGEST, method=Method.JCS, again=True)

    assert receipt.new == 3
    assert service.seen[-1].query == {"method": "jcs", "again": "true"}
    assert (seen.body, seen.query) == (DIGEST * 3, {"method": "sd-jwt", "salted": "true"})
    assert seen.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("answered", "method", "reason"),
    [
        pytest.param(
            DIGEST * 2 + bytes([1]) * 32,
            Method.JCS,
            "the promise is about other digests",
            id="another digest",
        ),
        pytest.param(DIGEST * 2, Method.JCS, "2 of them", id="fewer"),
        pytest.param(DIGEST * 3, Method.RAW, "sent by another method", id="another method"),
    ],
)
async def test_submit_packed_receipt_for_other_digests_is_refused(
    client: ServiceClient, service: FakeService, answered: bytes, method: Method, reason: str
) -> None:
    """Whoever keeps a packed receipt keeps one about what was sent, to the last digest."""
    service.canned.append(Canned(200, json.dumps(service.packed_answer(answered, method)).encode()))

    with pytest.raises(ServiceUnavailable, match=f"gave a receipt for other digests: .*{reason}"):
        await client.submit_packed(DIGEST * 3, method=Method.JCS)


async def test_digest_that_may_be_anchored_already_is_an_error_of_its_own(
    client: ServiceClient, service: FakeService
) -> None:
    """A program can tell it from a binding that contradicts: it has a way on, to say `again`."""
    service.canned.append(Canned.problem(409, "may-be-anchored", "the database was rebuilt"))

    with pytest.raises(MayBeAnchored, match="was rebuilt"):
        await client.submit([Submission(DIGEST, Method.JCS)])
    await client.submit([Submission(DIGEST, Method.JCS, again=True)])

    assert json.loads(service.seen[-1].body)[0]["again"] is True


async def test_submit_packed_half_a_digest_is_refused(client: ServiceClient) -> None:
    """A packed body is a whole number of digests."""
    with pytest.raises(InvalidInput, match="33 bytes are no whole number"):
        await client.submit_packed(bytes(33), method=Method.JCS)


async def test_receipt_of_mined_digest_has_its_anchor(client: ServiceClient) -> None:
    """The look-up of one digest tells where it is mined."""
    await client.submit([Submission(DIGEST, Method.JCS)])

    receipt = await client.receipt(DigestTarget(DIGEST))

    assert receipt.anchor is not None
    assert (receipt.anchor.sequence, receipt.anchor.block_number) == (1, 11)


async def test_proof_before_mined_is_none(client: ServiceClient, service: FakeService) -> None:
    """`not-yet-mined` is an answer, not an error; the proof comes later."""
    service.looks_before_mined = 1
    await client.submit([Submission(DIGEST, Method.JCS)])

    assert await client.proof(DigestTarget(DIGEST, Method.JCS)) is None
    await client.receipt(DigestTarget(DIGEST))
    document = await client.proof(DigestTarget(DIGEST, Method.JCS))

    assert document is not None
    assert document.proof.entry.digest == DIGEST


async def test_proof_of_another_digest_is_refused(client: ServiceClient, service: FakeService) -> None:
    """A whole proof of the wrong digest is not handed on."""
    await client.submit([Submission(DIGEST, Method.JCS), Submission(bytes(31) + b"\x01", Method.JCS)])
    other = await client.proof(DigestTarget(bytes(31) + b"\x01"))
    assert other is not None
    service.canned.append(Canned(200, json.dumps(proof_to_json(other)).encode()))

    with pytest.raises(ServiceUnavailable, match="the proof of another digest"):
        await client.proof(DigestTarget(DIGEST))


@pytest.mark.parametrize(
    "target", [DigestTarget(DIGEST, Method.RAW), DigestTarget(DIGEST, Method.JCS, salted=True)]
)
async def test_proof_under_another_method_or_salt_is_refused(
    client: ServiceClient, service: FakeService, target: DigestTarget
) -> None:
    """A digest stands under each method apart: the proof of the other one proves nothing of this credential."""
    await client.submit([Submission(DIGEST, Method.JCS)])
    other = await client.proof(DigestTarget(DIGEST))
    assert other is not None
    service.canned.append(Canned(200, json.dumps(proof_to_json(other)).encode()))

    with pytest.raises(ServiceUnavailable, match="or of another method"):
        await client.proof(target)
    service.canned.append(Canned(200, json.dumps(proof_to_json(other)).encode()))
    assert await client.proof(DigestTarget(DIGEST)) == other


async def test_status_change_by_entry_and_by_digest(client: ServiceClient, service: FakeService) -> None:
    """Both ways of naming a status entry are written as the API wants them."""
    (receipt,) = await client.submit([Submission(DIGEST, Method.JCS, status="allocate")])
    assert receipt.status is not None

    done = await client.change_status(
        [
            StatusChange(receipt.status, Purpose.SUSPENSION, value=True, reason="a"),
            StatusChange(DigestTarget(DIGEST, Method.JCS), Purpose.REVOCATION, value=True, reason="b"),
        ]
    )

    assert json.loads(service.seen[-1].body)["changes"][0]["index"] == receipt.status.index
    assert (done.changed, [item.number for item in done.lists]) == (2, [0, 1])
    state = await client.status_entry(receipt.status)
    assert (state.is_revoked, state.is_suspended) == (True, True)
    assert [event.reason for event in state.history] == ["a", "b"]


async def test_allocation_under_a_key_carries_it(client: ServiceClient, service: FakeService) -> None:
    """The idempotency key goes out as its header, and entries come back with their objects."""
    entries = await client.allocate_status_entries(2, idempotency_key="order-17")

    assert service.seen[-1].headers["Idempotency-Key"] == "order-17"
    assert [entry.status for entry in entries] == [StatusEntry(0, 101), StatusEntry(0, 102)]
    assert entries[0].credential_status[0]["statusPurpose"] == "revocation"


async def test_public_documents_are_read_and_checked(client: ServiceClient) -> None:
    """Publisher, batch and leaves agree with one another."""
    await client.submit([Submission(DIGEST, Method.JCS)])

    publisher = await client.publisher()
    batch = await client.batch(publisher.head_sequence)
    leaves = await client.leaves(1, leaf_count=batch.description.leaf_count)

    assert publisher.head_root == batch.root
    assert len(leaves) == 2 * 32


async def test_leaves_of_another_count_are_refused(client: ServiceClient) -> None:
    """Too many leaves are cut off, too few refused."""
    await client.submit([Submission(DIGEST, Method.JCS)])

    with pytest.raises(ServiceUnavailable, match="more than 32 bytes"):
        await client.leaves(1, leaf_count=1)
    with pytest.raises(ServiceUnavailable, match="gave another number"):
        await client.leaves(1, leaf_count=3)


async def test_operator_manages_issuers(service: FakeService) -> None:
    """Create, list, rotate and disable; keys come back, and stay out of every repr."""
    async with ServiceClient(service.url, OPERATOR_KEY) as operator:
        created = await operator.create_issuer(name="A", list_signer="managed", seed=bytes(32))
        rotated = await operator.rotate_key(created.issuer.number)
        await operator.disable_issuer(created.issuer.number)
        (listed,) = await operator.issuers()

    assert (created.api_key, rotated.api_key) == ("new-key-1", "rotated-key")
    assert "new-key-1" not in repr(created)
    assert created.warnings == ("some verifiers refuse this",)
    assert listed.is_disabled


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidInput),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, Conflict),
        (413, TooLarge),
        (429, Overloaded),
        (503, Overloaded),
        (500, ServiceUnavailable),
        (302, ServiceUnavailable),
    ],
)
async def test_problem_becomes_the_error_that_says_what_to_do(
    client: ServiceClient, service: FakeService, status: int, error: type[AnchorError]
) -> None:
    """Each status stands for one class of errors; the service's words are kept."""
    service.canned.extend(Canned.problem(status, "some-slug", "the very reason") for _ in range(4))

    with pytest.raises(error) as caught:
        await client.issuers()

    assert ("the very reason" in str(caught.value)) == (error is not ServiceUnavailable)


async def test_problem_without_document_still_has_words(client: ServiceClient, service: FakeService) -> None:
    """A proxy's HTML page is not shown; its status is."""
    service.canned.append(Canned(404, b"<html>nginx</html>"))

    with pytest.raises(NotFound, match="gave no reason with its status 404") as caught:
        await client.issuers()

    assert "nginx" not in str(caught.value)


async def test_problem_with_control_characters_cannot_rewrite_a_terminal(
    client: ServiceClient, service: FakeService
) -> None:
    """Escape sequences and line ends in the service's words become spaces."""
    service.canned.append(Canned.problem(400, "x", "first\x1b[2Ksecond\nthird"))

    with pytest.raises(InvalidInput, match=r"first \[2Ksecond third"):
        await client.issuers()


async def test_request_is_repeated_after_a_cut_connection(
    client: ServiceClient, service: FakeService, pauses: Pauses
) -> None:
    """A submission whose answer was lost is sent again, after growing waits, and succeeds."""
    service.canned.extend([Canned(None), Canned(None)])

    (receipt,) = await client.submit([Submission(DIGEST, Method.JCS)])

    assert receipt.digest == DIGEST
    assert pauses.seconds == [0.125, 0.25]
    assert len({seen.body for seen in service.seen}) == 1


async def test_repeating_ends(client: ServiceClient, service: FakeService, pauses: Pauses) -> None:
    """Four attempts, then the error."""
    service.canned.extend([Canned(None)] * 9)

    with pytest.raises(ServiceUnavailable, match=r"no answer from the service at 127\.0\.0\.1:"):
        await client.submit([Submission(DIGEST, Method.JCS)])

    assert len(pauses.seconds) == 3
    assert len(service.seen) == 4


async def test_service_that_is_not_there_is_named_with_the_systems_words(pauses: Pauses) -> None:
    """The message says which host and port refused, in words of no library."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unheard.getsockname()[1]}"
        async with ServiceClient(f"http://{address}", sleep=pauses) as nobody:
            with pytest.raises(ServiceUnavailable, match=rf"\(connection refused at {address}\)"):
                await nobody.publisher()


async def test_retry_after_is_honoured(client: ServiceClient, service: FakeService, pauses: Pauses) -> None:
    """A busy service is given the seconds it asks for."""
    service.canned.append(Canned.problem(503, "overloaded", "busy", **{"Retry-After": "3"}))

    await client.publisher()

    assert pauses.seconds == [3]


async def test_long_retry_after_is_told_rather_than_waited(
    client: ServiceClient, service: FakeService, pauses: Pauses
) -> None:
    """A person decides whether to wait a minute."""
    service.canned.append(Canned.problem(503, "overloaded", "busy", **{"Retry-After": "60"}))

    with pytest.raises(Overloaded, match="try again in 60 s") as caught:
        await client.publisher()

    assert caught.value.retry_after_s == 60
    assert pauses.seconds == []


async def test_creation_of_an_issuer_is_never_repeated(service: FakeService, pauses: Pauses) -> None:
    """A second request could make a second issuer."""
    service.canned.append(Canned(None))

    async with ServiceClient(service.url, OPERATOR_KEY, sleep=pauses) as operator:
        with pytest.raises(ServiceUnavailable):
            await operator.create_issuer(name="A", list_signer="managed")

    assert len(service.seen) == 1


async def test_allocation_without_key_is_never_repeated(client: ServiceClient, service: FakeService) -> None:
    """Without an idempotency key a second request would use up more indexes."""
    service.canned.append(Canned(None))

    with pytest.raises(ServiceUnavailable):
        await client.allocate_status_entries(1)

    assert len(service.seen) == 1


async def test_redirect_is_not_followed(client: ServiceClient, service: FakeService) -> None:
    """The key goes to nobody whom the service names."""
    service.canned.append(Canned(307, headers={"Location": f"{service.url}/elsewhere"}))

    with pytest.raises(ServiceUnavailable, match="status 307"):
        await client.publisher()

    assert [seen.path for seen in service.seen] == ["/v1/publisher"]


async def test_key_repeated_by_the_service_stays_out_of_the_error(
    client: ServiceClient, service: FakeService
) -> None:
    """No error ever holds the key."""
    service.canned.append(Canned.problem(401, "unauthorized", f"no such key: {ISSUER_KEY}"))

    with pytest.raises(ServiceUnavailable) as caught:
        await client.issuers()

    assert ISSUER_KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["", "two words", "line\nend", "schlüssel", "k" * 513])
def test_unusable_key_is_refused_without_showing_it(key: str) -> None:
    """A key that cannot stand in a header is refused, and not repeated."""
    with pytest.raises(InvalidInput) as caught:
        ServiceClient("https://anchor.example.org", key)

    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://anchor.example.org",
        "https://anchor.example.org/below",
        "http://127.0.0.1:8080",
        "http://[::1]:1",
    ],
)
def test_base_url_usable_is_kept(url: str) -> None:
    """Https anywhere and http on this machine are allowed; a slash at the end is dropped."""
    assert check_base_url(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://anchor.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
        "https://",
        "https://user:secret@anchor.example.org",
        "https://anchor.example.org/?key=secret",
        "https://anchor.example.org/#secret",
        "https://anchor.example.org:port",
        "https://anchor.example.org/ x",
    ],
)
def test_base_url_unusable_is_refused_without_secrets(url: str) -> None:
    """Plain http to a network, and URLs with anything secret in them, are refused."""
    with pytest.raises(InvalidInput) as caught:
        check_base_url(url)

    assert "secret" not in str(caught.value)


def test_retry_wait_doubles_up_to_its_bound() -> None:
    """Waits grow, jitter spreads them over their upper half, and none exceeds the longest."""
    policy = RetryPolicy(attempts=9, first_wait_s=1.0, longest_wait_s=4.0)

    assert [policy.wait_s(attempt, jitter=0.0) for attempt in range(4)] == [0.5, 1.0, 2.0, 2.0]
    assert policy.wait_s(3, jitter=0.5) == 3.0
