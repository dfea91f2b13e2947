"""
One HTTP request to an RPC endpoint, with everything that can go wrong translated.

It takes the place of web3's own HTTP provider, which reads answers of any size, accepts an answer to another
question, follows redirects, repeats broadcasts, and writes the URL with its API key into exceptions and logs.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from anchor.chain.endpoint import Endpoint
from anchor.chain.failures import AnswerTooLarge, EndpointFailure
from anchor.failure_words import failure_words

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""The largest answer that is read, counted after decompression; no question of ours needs a tenth of it."""

_CHUNK_BYTES = 64 * 1024
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came over HTTP, before it is believed."""

    status: int
    retry_after_s: int | None
    body: bytes


class BoundedHttpProvider(AsyncJSONBaseProvider):
    """A web3 provider whose every failure is a ChainUnavailable that shows only the endpoint's origin."""

    def __init__(self, *, endpoint: Endpoint, request_timeout_s: float) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._request_timeout_s = request_timeout_s
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"BoundedHttpProvider({self._endpoint.origin})"

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """
        Post one request and return the JSON-RPC document that answers it, a result or an error object.

        Raises EndpointFailure or AnswerTooLarge. Guarantees the id, the shape and an error text without
        secrets.
        """
        request = self.form_request(method, params)
        reply = await self._post(method, self.encode_rpc_dict(request))
        if reply.status == 429 or reply.status >= 500:
            raise self._failure(method, f"http status {reply.status}", reply.retry_after_s)
        # Some providers explain a refusal (a block range too wide, say) in a JSON-RPC error under status 400.
        document = _parsed(reply.body)
        problem = _problem(document, request["id"])
        if reply.status != 200 and (problem is not None or "error" not in document):
            raise self._failure(method, f"http status {reply.status}", reply.retry_after_s)
        if problem is not None:
            raise self._failure(method, problem, None)
        return self._without_secrets(document)

    async def disconnect(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _failure(self, method: str, reason: str, retry_after_s: int | None) -> EndpointFailure:
        message = f"{self._endpoint.origin} failed at {method}: {reason}"
        return EndpointFailure(message, retry_after_s=retry_after_s)

    def _without_secrets(self, document: Any) -> RPCResponse:
        if "error" in document:
            error = document["error"]
            document["error"] = {"code": error["code"], "message": self._endpoint.scrub(error["message"])}
        return cast("RPCResponse", document)

    def _connected(self) -> aiohttp.ClientSession:
        # Made at the first request, since it binds itself to the running event loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._request_timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _post(self, method: str, data: bytes) -> _Reply:
        try:
            async with self._connected().post(
                self._endpoint.url, data=data, headers=_HEADERS, allow_redirects=False
            ) as response:
                body = await _bounded_body(response)
                retry_after_s = _retry_after_s(response.headers.get("Retry-After"))
                if body is not None:
                    return _Reply(response.status, retry_after_s, body)
                reason = None
        except TimeoutError:
            reason = f"no complete answer within {self._request_timeout_s} s"
        except (aiohttp.ClientError, OSError, zlib.error, ValueError) as exc:
            reason = failure_words(exc)
        # Raised outside the handlers, without `from`: the library's exceptions hold the URL with its API key,
        # and a traceback prints the cause.
        if reason is None:
            raise AnswerTooLarge(
                f"{self._endpoint.origin} answered {method} with more than {MAX_ANSWER_BYTES} bytes"
            )
        raise self._failure(method, reason, None)


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes | None:
    """Return the whole body, or None where it exceeds MAX_ANSWER_BYTES (the rest is not read)."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            return None
    return bytes(body)


def _retry_after_s(header: str | None) -> int | None:
    """Return the seconds of a Retry-After header; its other form, a date, is not used by RPC endpoints."""
    if header is None or not (header.isascii() and header.isdigit()) or len(header) > 9:
        return None
    return int(header)


def _parsed(body: bytes) -> Any:
    """Return the JSON value, or None where the body is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _problem(document: Any, request_id: object) -> str | None:
    """Say why a document does not answer the request of this id, or None (JSON-RPC 2.0, section 5)."""
    if not isinstance(document, dict) or document.get("jsonrpc") != "2.0":
        return "the answer is no json-rpc document"
    answered_id = document.get("id")
    if type(answered_id) is not int or answered_id != request_id:
        return "the answer is to another question (wrong id)"
    if ("result" in document) == ("error" in document):
        return "the answer needs either a result or an error"
    error = document.get("error", {"code": 0, "message": ""})
    if (
        not isinstance(error, dict)
        or type(error.get("code")) is not int
        or not isinstance(error.get("message"), str)
    ):
        return "the answer's error object is malformed"
    return None
