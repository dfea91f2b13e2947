"""The W3C editors' own library, @digitalbazaar/vc with vc-bitstring-status-list, judges our lists right."""

from __future__ import annotations

import copy
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from status_lists.bitstring import set_entry
from status_lists.credential import StatusList, list_document, status_entry
from status_lists.json_text import write_json_object
from status_lists.keys import ListKey, verification_method_of
from status_lists.multibase import encode_base58btc
from status_lists.publishing import PublishingPolicy, next_version
from status_lists.signing import sign_list
from tests.interop.verifier import FOLDER, TIMEOUT_S, ServedDocuments, is_installed, serve_documents
from tests.status_lists.linked_data import CONTEXT_V2, data_to_sign

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not is_installed(), reason="run npm install in tests/interop"),
]

KEY = ListKey(bytes(range(32)))
OTHER_KEY = ListKey(bytes(range(1, 33)))
POLICY = PublishingPolicy()
INDEX = 94_567
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the library said: whether it accepts signature and lists, and the bit of each status entry."""

    accepted: bool
    statuses: list[bool] | None
    errors: str


@pytest.fixture
def served() -> Iterator[ServedDocuments]:
    """Serve lists on loopback."""
    with serve_documents() as documents:
        yield documents


def _path(purpose: str) -> str:
    return f"/status-lists/{('revocation', 'suspension').index(purpose)}"


def _list(
    served: ServedDocuments,
    *set_indexes: int,
    purpose: str = "revocation",
    key: ListKey = KEY,
    age_ms: int = 0,
) -> dict[str, Any]:
    status_list = StatusList(url=served.base_url + _path(purpose), issuer=key.did_key, purpose=purpose)
    bits = status_list.empty_bits()
    for index in set_indexes:
        set_entry(bits, index, 1)
    version = next_version(time.time_ns() // 1_000_000 - age_ms, None)
    document = list_document(
        status_list,
        bits,
        valid_from_ms=version,
        valid_until_ms=POLICY.valid_until_ms(version),
        ttl_ms=POLICY.ttl_ms,
    )
    return sign_list(document, key=key, verification_method=verification_method_of(key), created_ms=version)


def _ask(served: ServedDocuments, **lists: dict[str, Any]) -> Answer:
    """Publish lists by purpose, and ask about a credential that names both."""
    for purpose, listed in lists.items():
        served[_path(purpose)] = write_json_object(listed)
    purposes = ("revocation", "suspension")
    entries = [status_entry(served.base_url + _path(purpose), purpose, INDEX) for purpose in purposes]
    credential: dict[str, Any] = {
        "@context": [CONTEXT_V2],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential"],
        "issuer": KEY.did_key,
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:abcdefgh"},
        "credentialStatus": entries,
    }
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "created": "2026-01-01T00:00:00Z",
        "verificationMethod": verification_method_of(KEY),
        "proofPurpose": "assertionMethod",
    }
    signature = KEY.sign(data_to_sign(credential, proof))
    signed = {**credential, "proof": {**proof, "proofValue": encode_base58btc(signature)}}
    completed = subprocess.run(
        ["node", str(FOLDER / "check_with_vc.mjs")],
        input=json.dumps(signed).encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
        cwd=FOLDER,
    )
    assert completed.returncode == 0, completed.stderr.decode(errors="replace")[-2_000:]
    answer = json.loads(completed.stdout)
    return Answer(
        accepted=answer["accepted"],
        statuses=answer["statuses"],
        errors=" | ".join(answer["errors"]),
    )


def test_good_lists_are_accepted(served: ServedDocuments) -> None:
    """Both lists are accepted, and neither bit is set."""
    answer = _ask(served, revocation=_list(served), suspension=_list(served, purpose="suspension"))

    assert (answer.accepted, answer.statuses) == (True, [False, False]), answer


@pytest.mark.parametrize("statuses", [[True, False], [False, True], [True, True]])
def test_set_bit_is_read_for_its_purpose(served: ServedDocuments, statuses: list[bool]) -> None:
    """Revoked and suspended are told apart, and the neighbours' bits say nothing."""
    revoked, suspended = ([INDEX] if is_set else [] for is_set in statuses)
    neighbours = (INDEX - 1, INDEX + 1)
    answer = _ask(
        served,
        revocation=_list(served, *neighbours, *revoked),
        suspension=_list(served, *neighbours, *suspended, purpose="suspension"),
    )

    assert (answer.accepted, answer.statuses) == (True, statuses), answer


def test_list_that_is_tampered_with_is_not_accepted(served: ServedDocuments) -> None:
    """A bit cleared after signing breaks the signature."""
    revoked, cleared = _list(served, INDEX), copy.deepcopy(_list(served))
    cleared["proof"] = revoked["proof"]
    answer = _ask(served, revocation=cleared, suspension=_list(served, purpose="suspension"))

    assert (answer.accepted, answer.statuses) == (False, None)
    assert "not verified" in answer.errors


def test_expired_list_is_not_accepted(served: ServedDocuments) -> None:
    """A list beyond its `validUntil` says nothing any more."""
    expired = _list(served, age_ms=8 * DAY_MS)
    answer = _ask(served, revocation=expired, suspension=_list(served, purpose="suspension"))

    assert (answer.accepted, answer.statuses) == (False, None)
    assert "not verified" in answer.errors


def test_list_of_another_issuer_is_not_accepted(served: ServedDocuments) -> None:
    """A correctly signed list of somebody else is refused."""
    foreign = _list(served, key=OTHER_KEY)
    answer = _ask(served, revocation=foreign, suspension=_list(served, purpose="suspension"))

    assert (answer.accepted, answer.statuses) == (False, None)
    assert "do not match" in answer.errors


def test_unreachable_list_is_not_accepted(served: ServedDocuments) -> None:
    """A list that is not there makes the credential unaccepted, not revoked."""
    answer = _ask(served, suspension=_list(served, purpose="suspension"))

    assert (answer.accepted, answer.statuses) == (False, None)
    assert "Could not load" in answer.errors
