"""The public keys of receipts: recorded once, in order, never forgotten."""

from __future__ import annotations

from pathlib import Path

from tests.support.store_values import NOW_MS, OpenStore

FIRST, SECOND = bytes([1]) * 32, bytes([2]) * 32


async def test_receipt_keys_stay_in_the_order_recorded(open_store: OpenStore, tmp_path: Path) -> None:
    """A key that comes back keeps its place, and a store that is opened again has all of them."""
    store = await open_store(tmp_path)
    assert await store.receipt_keys() == []
    for key in (SECOND, FIRST, SECOND):
        await store.add_receipt_key(key, now_ms=NOW_MS)
    assert await store.receipt_keys() == [SECOND, FIRST]
    await store.close()

    again = await open_store(tmp_path)
    try:
        assert await again.receipt_keys() == [SECOND, FIRST]
    finally:
        await again.close()
