"""Token buckets: so many at once, so many a second in the long run, for each of many names."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from anchor.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many a second in the long run, and how many at once after a rest."""

    per_s: float
    burst: int


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_s: float


class TokenBuckets:
    """One bucket a name; of more than `max_buckets` names the one not used for longest is forgotten, so it is full."""

    def __init__(self, *, rate: Rate, clock: Clock, max_buckets: int) -> None:
        self._rate = rate
        self._clock = clock
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str | bytes, _Bucket] = OrderedDict()

    def __contains__(self, name: str | bytes) -> bool:
        return name in self._buckets

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, name: str | bytes) -> float:
        """Take a token and return 0; where there is none, return in how many seconds there will be."""
        bucket = self._filled(name)
        wait_s = self._wait_s(bucket)
        if not wait_s:
            bucket.tokens -= 1
        return wait_s

    def wait_s(self, name: str | bytes) -> float:
        """Return in how many seconds there will be a token: 0 where there is one."""
        return self._wait_s(self._filled(name)) if name in self._buckets else 0.0

    def forget(self, name: str | bytes) -> None:
        """Forget a name."""
        self._buckets.pop(name, None)

    def _wait_s(self, bucket: _Bucket) -> float:
        return 0.0 if bucket.tokens >= 1 else (1 - bucket.tokens) / self._rate.per_s

    def _filled(self, name: str | bytes) -> _Bucket:
        now_s = self._clock.monotonic_s()
        bucket = self._buckets.setdefault(name, _Bucket(float(self._rate.burst), now_s))
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._max_buckets:
            self._buckets.popitem(last=False)
        gained = (now_s - bucket.filled_s) * self._rate.per_s
        bucket.tokens = min(float(self._rate.burst), bucket.tokens + gained)
        bucket.filled_s = now_s
        return bucket
