"""The HTTP client of the service's API, as the command line uses it."""

from anchor.client.client import ServiceClient
from anchor.client.values import (
    MAX_ITEMS,
    ChangeReceipt,
    CreatedIssuer,
    DigestTarget,
    EntryState,
    Issuer,
    ListSigner,
    PackedReceipt,
    PublishedList,
    Receipt,
    ReceiptAnchor,
    RotatedKey,
    StatusAllocation,
    StatusChange,
    StatusEvent,
    Submission,
)

__all__ = [
    "MAX_ITEMS",
    "ChangeReceipt",
    "CreatedIssuer",
    "DigestTarget",
    "EntryState",
    "Issuer",
    "ListSigner",
    "PackedReceipt",
    "PublishedList",
    "Receipt",
    "ReceiptAnchor",
    "RotatedKey",
    "ServiceClient",
    "StatusAllocation",
    "StatusChange",
    "StatusEvent",
    "Submission",
]
