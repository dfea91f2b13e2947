"""A verifier that others deploy, @digitalcredentials/verifier-core, accepts our lists and obeys them."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from status_lists.bitstring import set_entry
from status_lists.credential import StatusList, list_document, status_entry
from status_lists.datetimes import format_datetime
from status_lists.encoding import encode_list
from status_lists.json_text import write_json_object
from status_lists.keys import ListKey, verification_method_of
from status_lists.multibase import encode_base58btc
from status_lists.publishing import PublishingPolicy, next_version
from status_lists.signing import sign_list
from tests.interop.verifier import (
    ServedDocuments,
    VerifierAnswer,
    ask_verifier,
    is_installed,
    serve_documents,
)
from tests.status_lists.linked_data import CONTEXT_V2, data_to_sign

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not is_installed(), reason="run npm install in tests/interop"),
]

ISSUER_KEY = ListKey(bytes(range(32)))
OTHER_KEY = ListKey(bytes(range(1, 33)))
POLICY = PublishingPolicy()
LIST_PATH = "/status-lists/0"
INDEX = 94_567


@pytest.fixture
def served() -> Iterator[ServedDocuments]:
    """Serve lists on loopback."""
    with serve_documents() as documents:
        yield documents


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _unsigned_list(
    served: ServedDocuments,
    *set_indexes: int,
    path: str = LIST_PATH,
    purpose: str = "revocation",
    version: int = 0,
) -> dict[str, Any]:
    """Build a list of the issuer, as the service would."""
    status_list = StatusList(url=served.base_url + path, issuer=ISSUER_KEY.did_key, purpose=purpose)
    bits = status_list.empty_bits()
    for index in set_indexes:
        set_entry(bits, index, 1)
    version = version or next_version(_now_ms(), None)
    return list_document(
        status_list,
        bits,
        valid_from_ms=version,
        valid_until_ms=POLICY.valid_until_ms(version),
        ttl_ms=POLICY.ttl_ms,
    )


def _sign(document: dict[str, Any], key: ListKey = ISSUER_KEY) -> dict[str, Any]:
    return sign_list(document, key=key, verification_method=verification_method_of(key), created_ms=_now_ms())


def _credential(*entries: dict[str, Any]) -> dict[str, Any]:
    """Issue a credential that carries our status entries, signed without the template, through JSON-LD."""
    credential: dict[str, Any] = {
        "@context": [CONTEXT_V2],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential"],
        "issuer": ISSUER_KEY.did_key,
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:abcdefgh"},
        "credentialStatus": entries[0] if len(entries) == 1 else list(entries),
    }
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "created": "2026-01-01T00:00:00Z",
        "verificationMethod": verification_method_of(ISSUER_KEY),
        "proofPurpose": "assertionMethod",
    }
    signature = ISSUER_KEY.sign(data_to_sign(credential, proof))
    return {**credential, "proof": {**proof, "proofValue": encode_base58btc(signature)}}


def _revocable(served: ServedDocuments, index: int = INDEX) -> dict[str, Any]:
    return _credential(status_entry(served.base_url + LIST_PATH, "revocation", index))


def _ask(served: ServedDocuments, listed: dict[str, Any], credential: dict[str, Any]) -> VerifierAnswer:
    served[LIST_PATH] = write_json_object(listed)
    answer = ask_verifier(credential)
    assert answer.signature_valid
    assert answer.refused == ()
    assert served.base_url + LIST_PATH in answer.fetched
    return answer


def _assert_list_not_accepted(answer: VerifierAnswer, reason: str) -> None:
    assert answer.revoked is None
    assert any(error.startswith(reason) for error in answer.errors), answer.errors


def test_verifier_core_follows_the_bit(served: ServedDocuments) -> None:
    """Not revoked while only neighbours' bits are set; revoked once its own is, and the list signed again."""
    neighbours = (0, INDEX - 1, INDEX + 1, INDEX ^ 7, 131_071 - INDEX)

    before = _ask(served, _sign(_unsigned_list(served, *neighbours)), _revocable(served))
    after = _ask(served, _sign(_unsigned_list(served, *neighbours, INDEX)), _revocable(served))

    assert (before.revoked, before.suspended, before.errors) == (False, None, ())
    assert (after.revoked, after.suspended, after.errors) == (True, None, ())


@pytest.mark.parametrize("index", [0, 7, 131_071])
def test_verifier_core_reads_the_same_index(served: ServedDocuments, index: int) -> None:
    """Both ends of the list and of its first byte are at the same place for the library as for us."""
    answer = _ask(served, _sign(_unsigned_list(served, index)), _revocable(served, index))

    assert (answer.revoked, answer.errors) == (True, ())


def test_verifier_core_reads_a_pair_of_lists(served: ServedDocuments) -> None:
    """Revocation and suspension with the same index in two lists: suspended, and not revoked."""
    pair_path = "/status-lists/1"
    suspensions = _sign(_unsigned_list(served, INDEX, path=pair_path, purpose="suspension"))
    served[pair_path] = write_json_object(suspensions)
    credential = _credential(
        status_entry(served.base_url + LIST_PATH, "revocation", INDEX),
        status_entry(served.base_url + pair_path, "suspension", INDEX),
    )

    answer = _ask(served, _sign(_unsigned_list(served)), credential)

    assert (answer.revoked, answer.suspended, answer.errors) == (False, True, ())


def _without_bits(signed: dict[str, Any]) -> None:
    signed["credentialSubject"]["encodedList"] = encode_list(bytes(16_384), level=9)


def _prolonged(signed: dict[str, Any]) -> None:
    signed["validUntil"] = format_datetime(POLICY.valid_until_ms(_now_ms()) + 1_000)


def _with_other_ttl(signed: dict[str, Any]) -> None:
    signed["credentialSubject"]["ttl"] = 1


def _with_other_signature(signed: dict[str, Any]) -> None:
    signed["proof"]["proofValue"] = encode_base58btc(bytes(64))


@pytest.mark.parametrize("tamper", [_without_bits, _prolonged, _with_other_ttl, _with_other_signature])
def test_verifier_core_refuses_a_tampered_list(
    served: ServedDocuments, tamper: Callable[[dict[str, Any]], None]
) -> None:
    """A list changed after signing is not accepted, whichever member it was: our signature covers all."""
    signed = copy.deepcopy(_sign(_unsigned_list(served, INDEX)))
    tamper(signed)

    answer = _ask(served, signed, _revocable(served))

    _assert_list_not_accepted(answer, "status_list_signature_error")


def test_verifier_core_refuses_a_list_signed_by_a_stranger(served: ServedDocuments) -> None:
    """A sound signature by another key does not make a list the issuer's."""
    answer = _ask(served, _sign(_unsigned_list(served), OTHER_KEY), _revocable(served))

    _assert_list_not_accepted(answer, "status_list_signature_error")


@pytest.mark.parametrize(
    ("offset_ms", "reason"),
    [(3_600_000, "status_list_not_yet_valid"), (-30 * 86_400_000, "status_list_expired")],
)
def test_verifier_core_refuses_a_list_out_of_force(
    served: ServedDocuments, offset_ms: int, reason: str
) -> None:
    """A version from the future, or ended, is refused: why ours lie a minute back and are renewed."""
    listed = _sign(_unsigned_list(served, version=_now_ms() + offset_ms))

    _assert_list_not_accepted(_ask(served, listed, _revocable(served)), reason)


def test_verifier_core_without_a_list_cannot_tell(served: ServedDocuments) -> None:
    """Where no list is served, nobody says that the credential is not revoked."""
    answer = ask_verifier(_revocable(served))

    _assert_list_not_accepted(answer, "status_list_not_found")


def test_verifier_core_tampered_credential_is_told(served: ServedDocuments) -> None:
    """The helper does report a credential whose own signature fails, so that its success means something."""
    served[LIST_PATH] = write_json_object(_sign(_unsigned_list(served)))
    credential = {**_revocable(served), "validFrom": "2025-01-01T00:00:00Z"}

    answer = ask_verifier(credential)

    assert not answer.signature_valid
    assert answer.errors
