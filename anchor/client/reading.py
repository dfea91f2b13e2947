"""From the service's JSON to values, member by member.

Every member that is used is checked for type and range. Members that this version does not know are left
alone: a newer service may add some.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from anchor.client.promises import with_documents
from anchor.client.values import (
    MAX_ITEMS,
    ChangeReceipt,
    CreatedIssuer,
    CreatedWebhook,
    EntryState,
    Expected,
    Issuer,
    JsonObject,
    ListSigner,
    PackedReceipt,
    PublishedList,
    Receipt,
    ReceiptAnchor,
    RotatedKey,
    RotatedListKey,
    StatusAllocation,
    StatusEvent,
    TokenKey,
    Webhook,
)
from anchor.core.digest import Method
from anchor.core.entries import Purpose, StatusEntry
from anchor.core.lifecycle import BatchState
from anchor.core.promise import SignedPromise
from anchor.core.strict_json import JsonValue
from anchor.documents import read_promise
from anchor.errors import InvalidInput
from anchor.fields import MAX_INTEGER, Fields, decode_hex
from status_lists.errors import StatusListError
from status_lists.keys import check_signature

MAX_ISSUERS = 100_000
MAX_HISTORY = 100_000
MAX_WEBHOOKS = 1000
_MAX_CREDENTIAL_STATUS = 16
_MAX_WARNINGS = 100
_MAX_WARNING_CHARS = 1000

T = TypeVar("T")


def read_issuer(fields: Fields) -> Issuer:
    """Read an issuer as it is listed."""
    signer = fields.child("listSigner")
    return Issuer(
        number=fields.integer("number", minimum=1),
        id=fields.text("id"),
        name=fields.text("name"),
        list_signer=ListSigner(
            type=signer.text("type"),
            did=signer.text("did"),
            verification_method=signer.text("verificationMethod"),
            public_key_multibase=signer.text("publicKeyMultibase"),
            token_key=_read_token_key(signer.child("tokenKey")) if signer.has("tokenKey") else None,
        ),
        is_disabled=fields.boolean("disabled"),
        created=fields.decoded("created", read_time),
    )


def _read_token_key(fields: Fields) -> TokenKey:
    return TokenKey(
        algorithm=fields.text("algorithm"),
        verification_method=fields.text("verificationMethod"),
        public_key_multibase=fields.text("publicKeyMultibase"),
    )


def read_created_issuer(fields: Fields) -> CreatedIssuer:
    """Read a new issuer with its key."""
    return CreatedIssuer(
        issuer=read_issuer(fields), api_key=fields.text("apiKey"), warnings=_warnings(fields)
    )


def read_issuers(fields: Fields) -> tuple[Issuer, ...]:
    """Read the list of issuers."""
    return _objects(fields, "issuers", read_issuer, max_items=MAX_ISSUERS)


def read_rotated_key(fields: Fields) -> RotatedKey:
    """Read an issuer's new key."""
    return RotatedKey(
        number=fields.integer("number", minimum=1), id=fields.text("id"), api_key=fields.text("apiKey")
    )


def read_rotated_list_key(fields: Fields) -> RotatedListKey:
    """Read an issuer after its list key or token key was replaced."""
    return RotatedListKey(
        issuer=read_issuer(fields), retired_method=fields.optional_text("retired"), warnings=_warnings(fields)
    )


def read_created_webhook(fields: Fields) -> CreatedWebhook:
    """Read a new webhook with its secret."""
    return CreatedWebhook(webhook=_read_webhook(fields), secret=fields.text("secret"))


def read_webhooks(fields: Fields) -> tuple[Webhook, ...]:
    """Read an issuer's webhooks."""
    return _objects(fields, "webhooks", _read_webhook, max_items=MAX_WEBHOOKS)


def read_receipts(fields: Fields) -> tuple[Receipt, ...]:
    """Read the receipts of a request of many digests, in the order of the request, each with its part of the promise.

    InvalidInput where the promise is not about these digests, or not signed by the key that it names. Whose key that
    is, only a trust set says.
    """
    receipts = _objects(fields, "items", read_receipt, max_items=MAX_ITEMS)
    signed = _read_promise(fields)
    return receipts if signed is None else with_documents(receipts, signed)


def read_receipt(fields: Fields) -> Receipt:
    """Read the receipt of one digest."""
    return Receipt(
        digest=fields.digest("digest"),
        method=fields.decoded("method", Method.from_label),
        salted=fields.boolean("salted"),
        is_new=fields.boolean("new", default=False),
        state=fields.decoded("state", BatchState),
        status=read_status(fields.child("status")) if fields.has("status") else None,
        credential_status=_credential_status(fields),
        accepted=fields.decoded("accepted", read_time),
        sequence=fields.integer("sequence", minimum=1) if fields.has("sequence") else None,
        anchor=_read_anchor(fields.child("anchor")) if fields.has("anchor") else None,
        expected=_read_expected(fields),
    )


def read_packed_receipt(fields: Fields) -> PackedReceipt:
    """Read the receipt of a packed request."""
    return PackedReceipt(
        new=fields.integer("new"),
        known=fields.integer("known"),
        accepted=fields.decoded("accepted", read_time),
        promise=_read_promise(fields),
        expected=_read_expected(fields),
    )


def _read_expected(fields: Fields) -> Expected | None:
    if not fields.has("expected"):
        return None
    expected = fields.child("expected")
    return Expected(mined=expected.decoded("mined", read_time), final=expected.decoded("final", read_time))


def _read_promise(fields: Fields) -> SignedPromise | None:
    """Read a promise whose signature is good; None where the service gave none."""
    if not fields.has("promise"):
        return None
    signed = read_promise(fields.child("promise"))
    try:
        check_signature(signed.signature, signed.promise.encode(), public_key=signed.public_key)
    except StatusListError as exc:
        raise InvalidInput(f"the promise is not signed by the key that it names: {exc}") from exc
    return signed


def read_status(fields: Fields) -> StatusEntry:
    """Read a list's number and an index."""
    return StatusEntry(list_number=fields.integer("list"), index=fields.integer("index"))


def read_allocations(fields: Fields) -> tuple[StatusAllocation, ...]:
    """Read allocated status entries."""
    return _objects(
        fields,
        "entries",
        lambda entry: StatusAllocation(
            status=read_status(entry), credential_status=_credential_status(entry)
        ),
        max_items=MAX_ITEMS,
    )


def read_entry_state(fields: Fields) -> EntryState:
    """Read what a status entry says, with its history."""
    return EntryState(
        status=read_status(fields),
        is_revoked=fields.boolean("revoked"),
        is_suspended=fields.boolean("suspended"),
        history=_objects(fields, "history", _read_event, max_items=MAX_HISTORY),
    )


def read_change_receipt(fields: Fields) -> ChangeReceipt:
    """Read what status changes did."""
    return ChangeReceipt(
        changed=fields.integer("changed"),
        unchanged=fields.integer("unchanged"),
        published=_optional_time(fields, "published"),
        lists=_objects(fields, "lists", _read_list, max_items=2 * MAX_ITEMS),
        anchored_by=_optional_time(fields, "anchoredBy"),
    )


def read_time(text: str) -> datetime:
    """Return an ISO 8601 time that names its offset; ValueError for any other text."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time must name its offset, such as Z")
    return time


def _optional_time(fields: Fields, name: str) -> datetime | None:
    return fields.decoded(name, read_time) if fields.has(name) else None


def _read_anchor(fields: Fields) -> ReceiptAnchor:
    return ReceiptAnchor(
        sequence=fields.integer("sequence", minimum=1),
        root=fields.hash("root"),
        transaction=fields.decoded("transaction", lambda text: decode_hex(text, size=32)),
        block_number=fields.integer("blockNumber"),
        block_time_s=fields.integer("blockTime"),
    )


def _read_event(fields: Fields) -> StatusEvent:
    return StatusEvent(
        time=fields.decoded("time", read_time),
        purpose=fields.decoded("purpose", Purpose.from_label),
        value=fields.boolean("value"),
        reason=fields.optional_text("reason") or "",
        actor=fields.optional_text("actor") or "",
    )


def _read_list(fields: Fields) -> PublishedList:
    return PublishedList(
        number=fields.integer("list"),
        url=fields.text("url"),
        version=fields.integer("version", maximum=MAX_INTEGER),
    )


def _credential_status(fields: Fields) -> tuple[JsonObject, ...]:
    if not fields.has("credentialStatus"):
        return ()
    items = fields.items("credentialStatus", max_items=_MAX_CREDENTIAL_STATUS)
    return tuple(_object(item) for item in items)


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise InvalidInput("a credentialStatus must be a JSON object")
    return value


def _read_webhook(fields: Fields) -> Webhook:
    return Webhook(
        id=fields.integer("id", minimum=1),
        url=fields.text("url"),
        created=fields.decoded("created", read_time),
        is_disabled=fields.boolean("disabled"),
        failures=fields.integer("failures"),
        failing_since=_optional_time(fields, "failingSince"),
        last_failure=_line(fields.value("lastFailure")) if fields.has("lastFailure") else None,
    )


def _warnings(fields: Fields) -> tuple[str, ...]:
    return tuple(_line(item) for item in fields.items("warnings", max_items=_MAX_WARNINGS))


def _line(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise InvalidInput("a warning or a reason must be a text")
    return "".join(character if character.isprintable() else " " for character in value)[:_MAX_WARNING_CHARS]


def _objects(fields: Fields, name: str, read: Callable[[Fields], T], *, max_items: int) -> tuple[T, ...]:
    items = fields.items(name, max_items=max_items)
    return tuple(read(Fields(item, f"{name}[{position}]")) for position, item in enumerate(items))
