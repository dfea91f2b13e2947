"""
What a webhook is sent: the body, and headers that prove who sent it; pure, no I/O.

Source: Standard Webhooks 1.0.0 (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from anchor.store.records import ListEvent
from status_lists.datetimes import format_datetime

SECRET_BYTES = 32
"""The specification asks for 24 to 64 random bytes."""

EVENT_TYPE = "status-list.published"
USER_AGENT = "credential-anchor"

_SECRET_PREFIX = "whsec_"  # noqa: S105 - tells people, and scanners for leaked secrets, what they have found
_SIGNATURE_VERSION = "v1"


def secret_text(secret: bytes) -> str:
    """Return a secret as its receiver is given it, once."""
    return _SECRET_PREFIX + base64.b64encode(secret).decode("ascii")


def event_data(event: ListEvent, *, url: str) -> dict[str, object]:
    """Return what is told of a new version of the list at a URL: which list, and where it is."""
    return {
        "list": event.list_number,
        "version": event.version,
        "url": url,
        "versionUrl": f"{url}/versions/{event.version}",
    }


def message_id(event: ListEvent) -> str:
    """Return what names a publication in every attempt to tell of it; it holds no full stop."""
    return f"pub_{event.id}"


def message_body(event: ListEvent, *, url: str) -> bytes:
    """Return the body, the same in every attempt; its time is the version's `validFrom`."""
    message = {
        "type": EVENT_TYPE,
        "timestamp": format_datetime(event.version),
        "data": event_data(event, url=url),
    }
    return json.dumps(message, separators=(",", ":")).encode("ascii")


def signed_headers(body: bytes, *, identifier: str, timestamp_s: int, secret: bytes) -> dict[str, str]:
    """
    Return the headers of one attempt, which sign its identifier, its time and its body with HMAC-SHA256.

    `timestamp_s` is the time of the attempt: receivers refuse one that is minutes away from their own.
    """
    signed = b".".join((identifier.encode("ascii"), str(timestamp_s).encode("ascii"), body))
    signature = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode("ascii")
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": identifier,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"{_SIGNATURE_VERSION},{signature}",
    }
