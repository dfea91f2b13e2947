"""Signs one version of a status list in every form that verifiers and wallets ask for; pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from anchor.core.entries import Purpose
from anchor.service.live_lists import EncodedBits
from anchor.store.records import DueList
from status_lists import cwt as token_cwt
from status_lists import jose, token_jwt
from status_lists.credential import StatusList, list_document
from status_lists.json_text import write_json_object
from status_lists.keys import ListKey
from status_lists.signing import sign_list
from status_lists.signing_jcs import sign_list_jcs
from status_lists.signing_keys import SigningKey
from status_lists.token_bits import swap_bit_order
from status_lists.token_list import TokenList


class ListForm(Enum):
    """The forms of a published list; the values are their media types, but for the second."""

    VC = "application/vc"
    VC_JCS = "application/vc;cryptosuite=eddsa-jcs-2022"
    VC_JWT = jose.MEDIA_TYPE
    TOKEN_JWT = token_jwt.MEDIA_TYPE
    TOKEN_CWT = token_cwt.MEDIA_TYPE

    @property
    def media_type(self) -> str:
        """What Content-Type says of this form."""
        return self.value.partition(";")[0]


@dataclass(frozen=True, slots=True)
class Signing:
    """
    What is the same in all forms of one version: the keys and their names, the times, the aggregation's address.

    The token key signs what is JOSE or COSE. It may be the list key itself; Data Integrity's suites need Ed25519.
    """

    key: ListKey
    verification_method: str
    token_key: SigningKey
    token_method: str
    version: int
    valid_until_ms: int
    ttl_ms: int
    aggregation_uri: str


def sign_forms(
    due: DueList, encoded: EncodedBits, status_list: StatusList, signing: Signing
) -> dict[ListForm, bytes]:
    """
    Return every form of one version of a list.

    The usual form is signed with `eddsa-rdfc-2022`. A list of messages is not: the contexts lack its terms, so its JSON
    is signed with `eddsa-jcs-2022` in both JSON forms. Nothing is compressed here: `encoded` has the bits in both
    encodings, of which a large list keeps what did not change.
    """
    document = list_document(
        status_list,
        due.bits,
        valid_from_ms=signing.version,
        valid_until_ms=signing.valid_until_ms,
        ttl_ms=signing.ttl_ms,
        encoded_list=encoded.encoded_list,
    )
    method, created_ms = signing.verification_method, signing.version
    jcs = write_json_object(
        sign_list_jcs(document, key=signing.key, verification_method=method, created_ms=created_ms)
    )
    return {
        ListForm.VC: jcs if due.purpose is Purpose.MESSAGE else _rdfc(document, signing),
        ListForm.VC_JCS: jcs,
        ListForm.VC_JWT: jose.sign_list_jwt(
            document, key=signing.token_key, verification_method=signing.token_method
        ).encode("ascii"),
        **_token_forms(due, encoded.token_list, status_list, signing),
    }


def _rdfc(document: Mapping[str, object], signing: Signing) -> bytes:
    return write_json_object(
        sign_list(
            document,
            key=signing.key,
            verification_method=signing.verification_method,
            created_ms=signing.version,
        )
    )


def _token_forms(
    due: DueList, packed: bytes, status_list: StatusList, signing: Signing
) -> dict[ListForm, bytes]:
    token_list = TokenList(
        uri=status_list.url,
        bits=swap_bit_order(due.bits, due.bits_per_entry),
        bits_per_entry=due.bits_per_entry,
        issuer=status_list.issuer,
        issued_at_s=signing.version // 1000,
        expires_at_s=signing.valid_until_ms // 1000,
        ttl_s=signing.ttl_ms // 1000,
        aggregation_uri=signing.aggregation_uri,
    )
    key, method = signing.token_key, signing.token_method
    as_jwt = token_jwt.sign_token_list_jwt(token_list, key=key, key_id=method, packed=packed)
    as_cwt = token_cwt.sign_token_list_cwt(token_list, key=key, key_id=method.encode("ascii"), packed=packed)
    return {ListForm.TOKEN_JWT: as_jwt.encode("ascii"), ListForm.TOKEN_CWT: as_cwt}
