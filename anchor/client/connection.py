"""One HTTP exchange with the service, bounded in bytes, time and attempts; errors are translated here."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from anchor.client.problems import error_of, read_problem
from anchor.errors import AnchorError, InvalidInput, Overloaded, ServiceUnavailable
from anchor.failure_words import failure_words

MAX_JSON_BYTES = 32 * 1024 * 1024
"""Ten thousand receipts with their `credentialStatus` objects take about 10 MB."""

MAX_API_KEY_CHARS = 512
_TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=10, sock_read=60)
_READ_BYTES = 64 * 1024
_TRANSIENT = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how slowly a request that may be repeated is repeated; waits double up to the longest."""

    attempts: int = 4
    first_wait_s: float = 0.25
    longest_wait_s: float = 8.0

    def wait_s(self, attempt: int, *, jitter: float) -> float:
        """Return the wait after an attempt (0, 1, …); `jitter` in [0, 1) spreads clients over half of it."""
        full = min(self.longest_wait_s, self.first_wait_s * 2.0**attempt)
        return full * (0.5 + 0.5 * jitter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to a path below the base URL; `repeatable` where a second one changes nothing more."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    max_bytes: int = MAX_JSON_BYTES


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: its status, its body and the one header that matters."""

    status: int
    body: bytes
    retry_after: str | None


class Connection:
    """Sends requests to one service; used as an async context manager.

    Redirects are not followed and proxies of the environment not used, so that the key reaches nobody
    else. `sleep` and `jitter` are the clock and the dice of the waits between attempts.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None,
        retry: RetryPolicy,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._base = URL(base_url)
        self._api_key = _checked_key(api_key)
        self._retry = retry
        self._sleep = sleep
        self._jitter = jitter
        self._session: aiohttp.ClientSession | None = None

    @property
    def host(self) -> str:
        """The service's host, and its port where one is given: what messages name it by."""
        return self._base.authority

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        self._session = aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, request: Request) -> Answer:
        """Return the answer to a request, whatever its status, after as many attempts as allowed.

        Raises ServiceUnavailable where there was none, or Overloaded where the service asked to come back
        later.
        """
        for attempt in range(self._retry.attempts):
            is_last = not request.repeatable or attempt + 1 == self._retry.attempts
            own_wait_s = self._retry.wait_s(attempt, jitter=self._jitter())
            try:
                answer = await self._once(request)
            except ServiceUnavailable:
                if is_last:
                    raise
                await self._sleep(own_wait_s)
                continue
            asked_s = self._wait_asked_for(answer)
            if is_last or asked_s is None:
                return self._bounded(answer, request.max_bytes)
            await self._sleep(max(asked_s, own_wait_s))
        raise AssertionError("a retry policy has at least one attempt")

    async def fetch(self, request: Request) -> Answer:
        """Return the answer to a request that succeeded; raise what the service's problem stands for."""
        answer = await self.send(request)
        if answer.status >= 300:
            raise self.error(answer)
        return answer

    def error(self, answer: Answer) -> AnchorError:
        """Return the error that an answer of status 300 or more stands for; it never holds the key."""
        problem = read_problem(status=answer.status, body=answer.body, retry_after=answer.retry_after)
        error = error_of(problem, host=self.host)
        if self._api_key and self._api_key in str(error):
            # A service that repeats the key must not bring it to a screen or a log.
            return ServiceUnavailable(
                f"the service at {self.host} answered {answer.status}, repeating the API key"
            )
        return error

    def _wait_asked_for(self, answer: Answer) -> float | None:
        """Return the seconds after which to repeat a request that got this answer; None where it is final."""
        if answer.status not in _TRANSIENT:
            return None
        error = self.error(answer)
        asked_s = float(error.retry_after_s) if isinstance(error, Overloaded) else 0.0
        return asked_s if asked_s <= self._retry.longest_wait_s else None

    def _bounded(self, answer: Answer, max_bytes: int) -> Answer:
        if len(answer.body) > max_bytes:
            raise ServiceUnavailable(
                f"the service at {self.host} answered more than {max_bytes} bytes: is this the right address?"
            )
        return answer

    async def _once(self, request: Request) -> Answer:
        assert self._session is not None, "used outside its context"
        headers = dict(request.headers)
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        try:
            async with self._session.request(
                request.method,
                self._base.joinpath(*request.path.lstrip("/").split("/")),
                params=request.params,
                data=request.body,
                headers=headers,
                allow_redirects=False,
            ) as response:
                body = await _read_bounded(response, request.max_bytes)
                return Answer(response.status, body, response.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise ServiceUnavailable(
                f"no answer from the service at {self.host} ({failure_words(exc)}): "
                "is it running, and is --service right?"
            ) from exc


async def _read_bounded(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Return the body, or its beginning with more than `max_bytes`."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_READ_BYTES):
        body += chunk
        if len(body) > max_bytes:
            break
    return bytes(body)


def _checked_key(api_key: str | None) -> str | None:
    if api_key is None:
        return None
    # The key itself stays out of the message: it may be a good one with a stray line end.
    if not api_key or len(api_key) > MAX_API_KEY_CHARS or not api_key.isascii() or not _is_graphic(api_key):
        raise InvalidInput("the API key is empty, too long, or holds a space or line end: copy it again")
    return api_key


def _is_graphic(text: str) -> bool:
    return text.isprintable() and " " not in text
