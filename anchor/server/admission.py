"""Who may ask how often: each API key at its rate, and addresses that present wrong keys only so often."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from anchor.clock import Clock
from anchor.errors import TooManyRequests, Unauthorized
from anchor.server.addresses import counted_as
from anchor.server.token_buckets import Rate, TokenBuckets

MAX_KEYS = 10_000
MAX_ADDRESSES = 10_000
"""Names that are remembered: a few megabytes, however many come."""


class Admission:
    """
    Limits by API key and, for failures, by address.

    A key that was valid before is let through also where its address has failed too often: a stranger behind the same
    proxy or NAT cannot lock an issuer out.
    """

    def __init__(self, *, keys: Rate, failures: Rate, clock: Clock) -> None:
        self._keys = TokenBuckets(rate=keys, clock=clock, max_buckets=MAX_KEYS)
        self._failures = TokenBuckets(rate=failures, clock=clock, max_buckets=MAX_ADDRESSES)

    @contextmanager
    def attempt(self, *, address: str, key_hash: bytes) -> Iterator[None]:
        """
        Count what the block does with an API key: it raises Unauthorized, or the key is good.

        Raises TooManyRequests before the block where too many keys from this address were wrong, and after it where a
        good key is used too often.
        """
        site = counted_as(address)
        wait_s = self._failures.wait_s(site)
        if wait_s and key_hash not in self._keys:
            raise _too_many("too many requests with a wrong API key, or none, came from your address", wait_s)
        try:
            yield
        except Unauthorized:
            self._keys.forget(key_hash)
            self._failures.take(site)
            raise
        wait_s = self._keys.take(key_hash)
        if wait_s:
            raise _too_many("too many requests with this API key: send many items in one request", wait_s)


def _too_many(reason: str, wait_s: float) -> TooManyRequests:
    retry_after_s = max(1, math.ceil(wait_s))
    return TooManyRequests(f"{reason}, or come back in {retry_after_s} s", retry_after_s=retry_after_s)
