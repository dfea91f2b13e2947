"""Questions to an RPC endpoint: reads are repeated within a bound, broadcasts never."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from web3 import AsyncWeb3
from web3.exceptions import BadResponseFormat, Web3RPCError
from web3.types import RPCEndpoint

from anchor.chain.endpoint import Endpoint
from anchor.chain.failures import EndpointFailure, EndpointRefusal
from anchor.chain.transport import BoundedHttpProvider

_RATE_LIMIT_WORDS = (
    "rate limit",
    "too many requests",
    "request limit",
    "per second",
    "request count exceeded",
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a read is repeated: full jitter under a doubling, bounded delay."""

    attempts: int = 4
    first_delay_s: float = 0.25
    max_delay_s: float = 4.0
    max_retry_after_s: int = 15
    """An endpoint that asks for a longer pause is not waited for: reads fail until the pause is over."""


class RpcClient:
    """
    Asks one endpoint through web3.

    web3's middleware is left out: it asks questions of its own, and changes answers before they are checked.
    """

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        request_timeout_s: float,
        retry: RetryPolicy,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._provider = BoundedHttpProvider(endpoint=endpoint, request_timeout_s=request_timeout_s)
        self._web3: AsyncWeb3[BoundedHttpProvider] = AsyncWeb3(self._provider, middleware=[])
        self._retry = retry
        self._sleep = sleep
        self._monotonic_s = monotonic_s
        self._resume_at_s = 0.0

    @property
    def origin(self) -> str:
        """The endpoint's scheme, host and port: all that may be shown of its URL."""
        return self._endpoint.origin

    async def read(self, method: str, params: Sequence[object]) -> Any:
        """
        Ask, and ask again where nothing usable came, at most `attempts` times.

        Raises ChainUnavailable (EndpointFailure, EndpointRefusal or AnswerTooLarge). The answer is unchecked.
        """
        attempt = 0
        while True:
            await self._pause_as_asked()
            failure = None
            try:
                return await self.once(method, params)
            except EndpointFailure as exc:
                failure = exc
            except EndpointRefusal as exc:
                if not _is_rate_limit(exc):
                    raise
                failure = EndpointFailure(str(exc))
            attempt += 1
            if failure.retry_after_s is not None:
                self._resume_at_s = self._monotonic_s() + failure.retry_after_s
            if attempt >= self._retry.attempts:
                raise failure
            await self._sleep(self._delay_s(attempt))

    async def once(self, method: str, params: Sequence[object]) -> Any:
        """Ask exactly once; raises as `read` does. The answer is unchecked."""
        try:
            return await self._web3.manager.coro_request(RPCEndpoint(method), list(params))
        except Web3RPCError as exc:
            error: Any = (exc.rpc_response or {}).get("error", {})
            raise EndpointRefusal(
                f"{self.origin} refused {method}: {error['message']} ({error['code']})",
                code=error["code"],
                text=error["message"],
            ) from exc
        except BadResponseFormat as exc:
            raise EndpointFailure(f"{self.origin} failed at {method}: the answer is malformed") from exc

    async def close(self) -> None:
        """Close all connections."""
        await self._provider.disconnect()

    def _delay_s(self, attempt: int) -> float:
        ceiling_s = min(self._retry.max_delay_s, self._retry.first_delay_s * 2 ** (attempt - 1))
        return random.uniform(0, ceiling_s)  # noqa: S311  # jitter, no secret

    async def _pause_as_asked(self) -> None:
        wait_s = self._resume_at_s - self._monotonic_s()
        if wait_s > self._retry.max_retry_after_s:
            raise EndpointFailure(f"{self.origin} asked for a pause, {wait_s:.0f} s of it are left")
        if wait_s > 0:
            await self._sleep(wait_s)


def _is_rate_limit(refusal: EndpointRefusal) -> bool:
    text = refusal.text.lower()
    return refusal.code == 429 or any(words in text for words in _RATE_LIMIT_WORDS)
