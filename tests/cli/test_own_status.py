"""The status entries that a credential names are those that a verifier will read in it."""

from __future__ import annotations

import json

import pytest

from anchor.cli.own_status import NamedEntry, named_entries
from anchor.core.digest import Method
from anchor.verify.credential import read_credential
from tests.verify.tokens import digest_of, disclosure, sd_jwt, token

URL = "https://anchor.example.org/status-lists/0"
STATUS = {
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "7",
    "statusListCredential": URL,
}
CREDENTIAL = {"issuer": "did:example:a", "credentialStatus": STATUS}
SHOWN = disclosure("credentialStatus", STATUS)


@pytest.mark.parametrize(
    ("method", "content"),
    [
        (Method.JCS, json.dumps(CREDENTIAL).encode()),
        (Method.JCS, json.dumps({"verifiableCredential": [CREDENTIAL]}).encode()),
        (Method.RAW, json.dumps(CREDENTIAL).encode()),
        (Method.JWT, token(CREDENTIAL)),
        (Method.JWT, token({"vc": CREDENTIAL})),
        (Method.SD_JWT, sd_jwt({"_sd": [digest_of(SHOWN)]}, SHOWN)),
    ],
)
def test_named_entries_are_those_that_a_verifier_reads(method: Method, content: bytes) -> None:
    """In every form of credential; else it would be bound to one entry and name another."""
    assert named_entries(read_credential(method, content)) == (
        NamedEntry(url=URL, purpose="revocation", index="7"),
    )


def test_named_entries_of_other_mechanisms_and_other_files_are_none() -> None:
    """Only bitstring entries can be bound."""
    other = {
        **CREDENTIAL,
        "credentialStatus": [{**STATUS, "type": "Other"}, 5, {**STATUS, "statusPurpose": 1}],
    }

    assert named_entries(read_credential(Method.JCS, json.dumps(other).encode())) == ()
    assert named_entries(read_credential(Method.RAW, b"%PDF-1.7")) == ()
    assert named_entries(read_credential(Method.JWT, b"a.b.c")) == ()
