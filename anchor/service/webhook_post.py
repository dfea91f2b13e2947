"""The one place that calls receivers: a POST to an address that an issuer chose, guarded and bounded."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver
from yarl import URL

from anchor.errors import InvalidInput, ServiceUnavailable
from status_lists.addresses import is_public_address
from status_lists.errors import RetrievalFailed
from status_lists.guarded_http import GuardedHttp

TIMEOUT_S = 15.0
"""For everything together; Standard Webhooks recommends 15 to 30 s."""

_MAX_RETRY_AFTER_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """A receiver's answer: its status, and the seconds after which it wants to be called again, if it said so."""

    status: int
    retry_after_s: int | None


class WebhookPost:
    """Posts to public https servers, and to the servers of `allowed_hosts`; see GuardedHttp."""

    __slots__ = ("_http", "_timeout_s")

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        timeout_s: float = TIMEOUT_S,
        resolver: AbstractResolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        is_allowed_address: Callable[[str], bool] = is_public_address,
    ) -> None:
        self._timeout_s = timeout_s
        self._http = GuardedHttp(
            allowed_hosts=allowed_hosts,
            resolver=resolver,
            ssl_context=ssl_context,
            is_allowed_address=is_allowed_address,
        )

    def check(self, url: str) -> None:
        """Raise InvalidInput for a URL that would never be called; where its name leads is known when it is."""
        try:
            self._http.target(url)
        except RetrievalFailed as exc:
            raise InvalidInput(f"'url': {exc}") from exc

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """
        Post a body and return the answer's status, whatever it is.

        A redirect is an answer like others, and is not followed; the answer's body is not read. Raises
        ServiceUnavailable, with the URL's origin alone in its message, where there is no answer within the time.
        """
        try:
            target = self._http.target(url)
            async with (
                self._http.session(target, total_s=self._timeout_s, headers=headers) as session,
                session.post(URL(target.url, encoded=True), data=body, allow_redirects=False) as response,
            ):
                return Answer(response.status, _retry_after_s(response.headers.get("Retry-After", "")))
        except RetrievalFailed as exc:
            raise ServiceUnavailable(str(exc)) from exc


def _retry_after_s(header: str) -> int | None:
    # The other form, a date, is left alone: the usual waits are long enough.
    is_number = header.isascii() and header.isdigit() and len(header) <= _MAX_RETRY_AFTER_DIGITS
    return int(header) if is_number else None
