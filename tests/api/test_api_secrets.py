"""No secret and nobody's forged line in a log (promise 7, faults 48 and 50)."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from anchor.errors import ChainUnavailable, FatalError
from anchor.logs import configure_logs
from tests.support.api_caller import ApiCaller
from tests.support.assembly import PUBLISHER_KEY, RPC_URL, Running, digest


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Catch all logs as the service writes them, libraries' debug output included."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs(as_json=True)
    root.setLevel(logging.DEBUG)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def call_everything(api: ApiCaller, service: Running) -> list[str]:
    """Call every route, well and badly; return the issuer keys that were handed out on the way."""
    key = await api.new_issuer()
    rotated = (await api.post("/v1/issuers/1/rotate-key", key=api.operator_key)).json["apiKey"]
    await api.get("/v1/issuers", key=api.operator_key)
    await api.get("/v1/issuers", key=f"{api.operator_key}x")
    await api.post("/v1/issuers", {"name": "n", "listSigner": "managed"}, key=rotated)
    submission = {"digest": digest(1).hex(), "method": "raw", "status": "allocate"}
    for each in (key, rotated):
        await api.post("/v1/digests", submission, key=each)
        await api.post("/v1/digests", body=b"{", key=each)
        await api.post("/v1/digests", {"digest": each, "method": each}, key=each)
        await api.get(f"/v1/digests/{digest(1).hex()}", key=each)
        await api.post(
            "/v1/status-changes",
            {"digest": digest(1).hex(), "purpose": "revocation", "value": True, "reason": "left"},
            key=each,
        )
    service.clock.advance(60)
    await service.turn()
    await service.mine(4)
    for path in (
        "/v1/publisher",
        "/v1/batches/1",
        "/v1/batches/1/leaves",
        "/status-lists/0",
        "/v1/evidence/0/0",
    ):
        await api.get(path)
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/nowhere", f"/v1/digests/{key}"):
        await api.get(path)
    await api.get(f"/v1/digests/{digest(1).hex()}/proof", key=rotated)
    return [key, rotated]


async def test_no_secret_in_any_log(api: ApiCaller, service: Running, log: io.StringIO) -> None:
    """Whatever is asked, no key and no token is written down, not even by libraries at their loudest."""
    keys = await call_everything(api, service)

    written = log.getvalue()

    assert written.count('"event": "request"') > 20
    leaked = [secret for secret in (*api.secrets, *keys) if secret in written]
    assert leaked == []
    assert PUBLISHER_KEY[:8].hex() not in written


async def test_issuer_keys_are_told_only_when_made(api: ApiCaller, service: Running) -> None:
    """Of all answers, two hand out a key: that to adding an issuer, and that to rotating its key."""
    keys = await call_everything(api, service)

    # What a caller itself wrote into a field may be quoted back to it.
    telling = [
        answer
        for answer in api.answers
        if answer.status < 400 and any(key.encode() in answer.body for key in keys)
    ]

    assert [answer.json["apiKey"] for answer in telling] == keys


async def test_failures_of_the_chain_are_logged_without_its_url(
    api: ApiCaller, service: Running, log: io.StringIO
) -> None:
    """An endpoint that fails is logged and told by readiness, without the token in its URL."""
    service.chain.failing = True
    for _ in range(4):
        with pytest.raises(ChainUnavailable) as failure:
            await service.anchorer.step()
        service.services.status.failed(str(failure.value))

    answer = await api.get("/readyz")

    assert answer.status == 503
    assert RPC_URL not in log.getvalue() + answer.body.decode()


async def test_text_of_strangers_cannot_forge_a_line(
    api: ApiCaller, service: Running, log: io.StringIO
) -> None:
    """Line breaks and terminal codes in names, paths and headers leave every line one JSON object."""
    forged = 'x"}\r\n{"event": "forged"}\n\x1b[2J\u2028'
    await api.post(
        "/v1/issuers",
        {"id": "did:web:example.org", "name": forged, "listSigner": "did-web"},
        key=api.operator_key,
    )
    await api.get("/%0d%0a%7B%22event%22%3A%20%22forged%22%7D", User_Agent="y\t{'event': 'forged'}")
    structlog.get_logger().error("request.fatal", reason=forged)

    lines = [json.loads(line) for line in log.getvalue().splitlines() if line.startswith("{")]

    assert lines
    assert all(line["event"] != "forged" for line in lines)
    assert "\x1b" not in log.getvalue()
    assert len(await service.store.issuers()) == 1


async def test_unforeseen_error_tells_nothing(api: ApiCaller, service: Running, log: io.StringIO) -> None:
    """A bug is logged with its traceback and answered without anything of it."""

    async def fail() -> None:
        raise LookupError(f"row of {RPC_URL}")

    service.hooks.before["list_version"] = fail

    answer = await api.get("/status-lists/0")

    assert (answer.status, answer.problem) == (500, "internal")
    assert "LookupError" not in answer.body.decode()
    assert "LookupError" in log.getvalue()
    assert not service.services.fatal.is_set()


async def test_fatal_error_is_logged_and_ends_the_service(
    api: ApiCaller, service: Running, log: io.StringIO
) -> None:
    """What makes the state unknown is logged with its reason and sets the event that ends the process."""

    async def fail() -> None:
        raise FatalError("the database is damaged")

    service.hooks.before["list_version"] = fail

    answer = await api.get("/status-lists/0")

    assert (answer.status, answer.problem) == (503, "stopping")
    assert "damaged" not in answer.body.decode()
    assert "the database is damaged" in log.getvalue()
    assert service.services.fatal.is_set()
