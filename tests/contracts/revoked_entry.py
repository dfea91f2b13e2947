"""A batch of six lists in whose first one entry is revoked: what `checkStatus` is asked about."""

from __future__ import annotations

from tests.contracts.batches import Batch, Evidence, clean_pair, credential
from tests.contracts.registry import Registry

LENGTH = 2_048
INDEX = 1_500
"""In the last but one of the four chunks of a list of 2,048 one-bit entries."""

LISTS = (*clean_pair(0, revoked=(INDEX,)), *clean_pair(2), *clean_pair(4))
BATCH = Batch((credential(1), credential(2)), LISTS)


def anchored(registry: Registry, publisher: str, batch: Batch = BATCH) -> Evidence:
    """Anchor a batch and return the evidence for one place of its first list."""
    registry.anchor(publisher, batch.sequence, batch.root, batch.leaf_count)
    return batch.evidence(0, INDEX)
