"""W3C Bitstring Status Lists: bits, documents, signatures and a verifier's checks; pure, without I/O."""

from status_lists.allocation import IndexPermutation
from status_lists.bitstring import entry_count, get_entry, parse_index, set_entry
from status_lists.credential import MIN_ENTRIES, PURPOSES, StatusList, list_document, status_entry
from status_lists.encoding import decode_list, encode_list
from status_lists.errors import (
    KeyUnusable,
    ListNotCurrent,
    ListTooLarge,
    ListTooShort,
    MalformedValue,
    OutOfRange,
    RetrievalFailed,
    StatusListError,
    UnsupportedEntry,
    UnsupportedShape,
    VerificationFailed,
)
from status_lists.json_text import parse_json_object, write_json_object
from status_lists.keys import ListKey, key_from_did_key, open_key, seal_key, verification_method_of
from status_lists.published import PublishedList, StatusEntry, parse_list_document, parse_status_entry
from status_lists.publishing import PublishingPolicy, next_version
from status_lists.signing import sign_list, verify_list
from status_lists.validation import EntryStatus, check_status

__all__ = [
    "MIN_ENTRIES",
    "PURPOSES",
    "EntryStatus",
    "IndexPermutation",
    "KeyUnusable",
    "ListKey",
    "ListNotCurrent",
    "ListTooLarge",
    "ListTooShort",
    "MalformedValue",
    "OutOfRange",
    "PublishedList",
    "PublishingPolicy",
    "RetrievalFailed",
    "StatusEntry",
    "StatusList",
    "StatusListError",
    "UnsupportedEntry",
    "UnsupportedShape",
    "VerificationFailed",
    "check_status",
    "decode_list",
    "encode_list",
    "entry_count",
    "get_entry",
    "key_from_did_key",
    "list_document",
    "next_version",
    "open_key",
    "parse_index",
    "parse_json_object",
    "parse_list_document",
    "parse_status_entry",
    "seal_key",
    "set_entry",
    "sign_list",
    "status_entry",
    "verification_method_of",
    "verify_list",
    "write_json_object",
]
