"""W3C Bitstring and IETF Token Status Lists: bits, documents, signatures, a verifier's checks; without I/O."""

from status_lists.allocation import IndexPermutation
from status_lists.bitstring import entry_count, get_entry, parse_index, set_entry
from status_lists.credential import MIN_ENTRIES, PURPOSES, StatusList, list_document, status_entry
from status_lists.cwt import cwt_status_claim, sign_token_list_cwt, verify_token_list_cwt
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
    SuiteUnfit,
    UnsupportedEntry,
    UnsupportedShape,
    VerificationFailed,
)
from status_lists.jose import sign_list_jwt, verify_list_jwt
from status_lists.json_text import parse_json_object, write_json_object
from status_lists.key_selection import select_key
from status_lists.keys import ListKey, key_from_did_key, open_key, seal_key, verification_method_of
from status_lists.p256 import P256Key
from status_lists.public_keys import (
    IssuerKey,
    PublicKey,
    key_of_did_key,
    public_key_from_multikey,
    public_key_of,
)
from status_lists.published import PublishedList, StatusEntry, parse_list_document, parse_status_entry
from status_lists.publishing import PublishingPolicy, next_version
from status_lists.secured import read_secured_list
from status_lists.signing import sign_list, verify_list
from status_lists.signing_jcs import sign_list_jcs, verify_list_jcs
from status_lists.signing_keys import Algorithm, SigningKey
from status_lists.token_bits import swap_bit_order
from status_lists.token_jwt import sign_token_list_jwt, verify_token_list_jwt
from status_lists.token_list import (
    TokenList,
    TokenReference,
    TokenStatus,
    aggregation_document,
    check_token_status,
    parse_aggregation,
    parse_status_claim,
    status_claim,
)
from status_lists.validation import EntryStatus, check_status

__all__ = [
    "MIN_ENTRIES",
    "PURPOSES",
    "Algorithm",
    "EntryStatus",
    "IndexPermutation",
    "IssuerKey",
    "KeyUnusable",
    "ListKey",
    "ListNotCurrent",
    "ListTooLarge",
    "ListTooShort",
    "MalformedValue",
    "OutOfRange",
    "P256Key",
    "PublicKey",
    "PublishedList",
    "PublishingPolicy",
    "RetrievalFailed",
    "SigningKey",
    "StatusEntry",
    "StatusList",
    "StatusListError",
    "SuiteUnfit",
    "TokenList",
    "TokenReference",
    "TokenStatus",
    "UnsupportedEntry",
    "UnsupportedShape",
    "VerificationFailed",
    "aggregation_document",
    "check_status",
    "check_token_status",
    "cwt_status_claim",
    "decode_list",
    "encode_list",
    "entry_count",
    "get_entry",
    "key_from_did_key",
    "key_of_did_key",
    "list_document",
    "next_version",
    "open_key",
    "parse_aggregation",
    "parse_index",
    "parse_json_object",
    "parse_list_document",
    "parse_status_claim",
    "parse_status_entry",
    "public_key_from_multikey",
    "public_key_of",
    "read_secured_list",
    "seal_key",
    "select_key",
    "set_entry",
    "sign_list",
    "sign_list_jcs",
    "sign_list_jwt",
    "sign_token_list_cwt",
    "sign_token_list_jwt",
    "status_claim",
    "status_entry",
    "swap_bit_order",
    "verification_method_of",
    "verify_list",
    "verify_list_jcs",
    "verify_list_jwt",
    "verify_token_list_cwt",
    "verify_token_list_jwt",
    "write_json_object",
]
