"""Calls the service over HTTP, and checks of every answer what must hold of all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from anchor.api.app import make_app
from anchor.api.problems import PROBLEM_TYPE
from anchor.assembly import LIST_KEYS_FILE, OPERATOR_KEY_FILE
from tests.support.assembly import PUBLISHER_KEY, RPC_URL, Running
from tests.support.openapi_check import OpenApiCheck

JSON = "application/json"
PACKED = "application/octet-stream"
NOTHING = object()
"""Stands for no value: None is one, and `null` in JSON."""

PROBLEM = "application/problem+json"
NO_PROBLEM_DOCUMENTS = frozenset({"/healthz", "/readyz"})
"""These say what is wrong in their own words, for the programs that watch the service."""

FOREIGN = ("/credentials/", "/presentations/")
"""These answer as the interfaces of others demand."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The stable end of the problem's type."""
        assert self.headers["Content-Type"].partition(";")[0] == PROBLEM, self.body[:200]
        return str(self.json["type"]).removeprefix(PROBLEM_TYPE)


@dataclass(slots=True)
class ApiCaller:
    """A client of one service; `secrets` must occur in no answer, unless the answer is to hand one out."""

    base_url: URL
    session: aiohttp.ClientSession
    operator_key: str
    secrets: set[str]
    check: OpenApiCheck
    answers: list[Answer] = field(default_factory=list)

    async def get(self, path: str, *, key: str | None = None, **headers: str) -> Answer:
        """GET a path, which is sent as it is written; `Range` and the like are given as keywords."""
        return await self.call("GET", path, key=key, headers=_header_names(headers))

    async def post(
        self,
        path: str,
        value: object = NOTHING,
        *,
        key: str | None = None,
        body: bytes = b"",
        kind: str = JSON,
        **headers: str,
    ) -> Answer:
        """POST a value as JSON, or a body of any kind."""
        content = body if value is NOTHING else json.dumps(value).encode()
        return await self.call(
            "POST", path, key=key, headers={"Content-Type": kind} | _header_names(headers), body=content
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """Send a request and check its answer."""
        sent = dict(headers or {}) | ({"Authorization": f"Bearer {key}"} if key is not None else {})
        url = URL(f"{str(self.base_url).rstrip('/')}{path}", encoded=True)
        async with self.session.request(
            method, url, headers=sent, data=body, skip_auto_headers=["Content-Type"]
        ) as response:
            answer = Answer(response.status, response.headers.copy(), await response.read())
        self.answers.append(answer)
        self._check(method, path.partition("?")[0], sent, body, answer)
        return answer

    async def new_issuer(self, name: str = "university") -> str:
        """Add an issuer and return its key."""
        answer = await self.post(
            "/v1/issuers", {"name": name, "listSigner": "managed"}, key=self.operator_key
        )
        assert answer.status == 201, answer.body
        return str(answer.json["apiKey"])

    def _check(self, method: str, path: str, sent: Mapping[str, str], body: object, answer: Answer) -> None:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        text = repr(answer.headers) + answer.body.decode("utf-8", "replace")
        assert not [secret for secret in self.secrets if secret in text], f"{method} {path} tells a secret"
        has_problem = path not in NO_PROBLEM_DOCUMENTS and not path.startswith(FOREIGN)
        if answer.status >= 400 and method != "HEAD" and has_problem:
            self._check_problem(answer)
        if method != "HEAD":
            self.check.check_response(
                method, path, status=answer.status, headers=answer.headers, body=answer.body
            )
        if answer.status < 300 and isinstance(body, bytes) and "Content-Encoding" not in sent:
            kind = sent.get("Content-Type", "").partition(";")[0]
            self.check.check_request(method, path, kind=kind, body=body)

    @staticmethod
    def _check_problem(answer: Answer) -> None:
        assert answer.problem
        document = answer.json
        assert document["status"] == answer.status
        assert document["type"].startswith(PROBLEM_TYPE)
        assert document["title"]
        assert document["detail"]
        assert "Traceback" not in document["detail"]
        assert ("Retry-After" in answer.headers) >= (answer.status == 503)


@asynccontextmanager
async def serving(service: Running) -> AsyncIterator[ApiCaller]:
    """Serve the real application of a service."""
    folder = service.settings.data_dir
    operator_key, lists_key = (
        (folder / name).read_text("utf-8").strip() for name in (OPERATOR_KEY_FILE, LIST_KEYS_FILE)
    )
    document = json.loads(files("anchor.api").joinpath("openapi.json").read_text("utf-8"))
    server = TestServer(make_app(service.services))
    await server.start_server(access_log=None, shutdown_timeout=0.1)
    try:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            yield ApiCaller(
                base_url=server.make_url("/"),
                session=session,
                operator_key=operator_key,
                secrets={operator_key, lists_key, RPC_URL, "secret-rpc-token", PUBLISHER_KEY.hex()},
                check=OpenApiCheck(document),
            )
    finally:
        service.services.stopping.set()
        service.services.announcer.announce()
        await server.close()


def routes(app: web.Application) -> set[tuple[str, str]]:
    """Return every (method, path) that an application answers, HEAD left out where GET stands beside it."""
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def _header_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
