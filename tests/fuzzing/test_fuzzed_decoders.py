"""Every reader of strangers' bytes: what it does not read it refuses with the error that it promises, and no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchor.api.change_reading import read_changes, read_csv, read_ndjson
from anchor.chain import registry
from anchor.chain.failures import BadAnswer, SignerFailure
from anchor.chain.protocol import UnsignedTransaction
from anchor.chain.transactions import read_signed
from anchor.client import reading
from anchor.client.problems import read_problem
from anchor.config import load_settings
from anchor.core.digest import Method
from anchor.core.strict_json import parse_strict_json
from anchor.documents import (
    batch_to_json,
    evidence_to_json,
    parse_batch,
    parse_evidence,
    parse_proof,
    parse_publisher,
    proof_to_json,
    publisher_to_json,
)
from anchor.errors import AnchorError, ConfigError, InvalidInput
from anchor.fields import Fields
from anchor.vc.data_model import credential_faults, presentation_faults
from anchor.verify.credential import read_credential
from anchor.verify.evidence_files import parse_evidence_file
from anchor.verify.trust_file import parse_trust
from status_lists.cose import decode_cbor
from status_lists.cwt import sign_token_list_cwt, verify_token_list_cwt
from status_lists.encoding import encode_list
from status_lists.errors import StatusListError
from status_lists.json_text import parse_json_object
from status_lists.keys import ListKey
from status_lists.public_keys import IssuerKey, public_key_of
from status_lists.published import parse_list_document, parse_status_entry
from status_lists.secured import read_secured_list
from status_lists.token_jwt import sign_token_list_jwt, verify_token_list_jwt
from status_lists.token_list import TokenList, parse_aggregation, parse_status_claim
from tests.documents.samples import batch_sample, evidence_sample, proof_sample, publisher_sample

KEY = ListKey(bytes(range(32)))
PUBLIC_KEY = public_key_of(KEY)
NOW_S = 1_780_000_000
MAX_BYTES = 65_536
ASKED = UnsignedTransaction(
    chain_id=1,
    to="0x" + "11" * 20,
    calldata=b"",
    nonce=0,
    gas_limit=1,
    max_fee_wei=1,
    priority_fee_wei=1,
)

TOKENS = (
    *(b"null", b"true", b"-1", b"1.5", b"1e999", b"9" * 400, b"[]", b"{}", b"[" * 200),
    *(b'"01"', b'"\\ud800"', b'"' + b"a" * 300 + b'"', b"\x00", b"\xff\xfe", b"\xc0\x80"),
    *(b"=", b"~", b".", b"\x9f", b"\x1b" + b"\xff" * 8),
)
"""What readers trip over, in JSON, tokens and CBOR alike."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """A reader, the errors that it may raise, and something that it reads."""

    read: Callable[[bytes], object]
    refuses: type[Exception]
    sample: bytes


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _fields(read: Callable[[Fields], object]) -> Callable[[bytes], object]:
    return lambda content: read(Fields(parse_strict_json(content), "answer"))


def _members(read: Callable[[dict[str, object]], object]) -> Callable[[bytes], object]:
    return lambda content: read(parse_json_object(content))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _token_list() -> TokenList:
    return TokenList(
        uri="https://lists.example/0",
        bits=b"\xb9\xa3",
        bits_per_entry=1,
        issued_at_s=NOW_S,
        expires_at_s=NOW_S + 100,
    )


LIST = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "id": "https://lists.example/0",
    "type": ["VerifiableCredential", "BitstringStatusListCredential"],
    "issuer": "did:example:issuer",
    "validFrom": "2026-05-01T00:00:00Z",
    "credentialSubject": {
        "type": "BitstringStatusList",
        "statusPurpose": "revocation",
        "encodedList": encode_list(bytes(16_384), level=9),
    },
}
ENTRY = {
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "94567",
    "statusListCredential": "https://lists.example/0",
}
CHANGE = {"list": 0, "index": 7, "purpose": "revocation", "value": True, "reason": "left"}
RECEIPT = {
    "digest": "00" * 31 + "01",
    "method": "jcs",
    "salted": False,
    "new": True,
    "state": "accepted",
    "accepted": "2026-05-01T00:00:00Z",
    "status": {"list": 0, "index": 1},
    "credentialStatus": [],
    "sequence": None,
    "leafIndex": 1,
}
CREDENTIAL = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiableCredential"],
    "issuer": {"id": "did:example:issuer"},
    "validFrom": "2026-05-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:holder"},
    "credentialStatus": [ENTRY],
}
TRUST = b"""
accept_any_issuer = true
max_status_age_s = 1
[[anchorage]]
chain_id = 1
genesis_hash = "0x1111111111111111111111111111111111111111111111111111111111111111"
contract = "0x1111111111111111111111111111111111111111"
publisher = "0x1111111111111111111111111111111111111111"
rpc = ["https://rpc.example"]
[[issuer]]
id = "did:example:issuer"
[[foreign_lists]]
host = "lists.example"
"""
SIGNED_KEYS = [
    IssuerKey(
        issuer="did:example:issuer", verification_method="did:example:issuer#key", public_key=PUBLIC_KEY
    )
]

DECODERS: dict[str, Decoder] = {
    "strict JSON": Decoder(parse_strict_json, InvalidInput, _json(CREDENTIAL)),
    "proof": Decoder(parse_proof, InvalidInput, _json(proof_to_json(proof_sample()))),
    "batch": Decoder(parse_batch, InvalidInput, _json(batch_to_json(batch_sample()))),
    "publisher": Decoder(parse_publisher, InvalidInput, _json(publisher_to_json(publisher_sample()))),
    "evidence": Decoder(parse_evidence, InvalidInput, _json(evidence_to_json(evidence_sample()))),
    "evidence file": Decoder(parse_evidence_file, InvalidInput, _json([evidence_to_json(evidence_sample())])),
    "trust file": Decoder(parse_trust, InvalidInput, TRUST),
    "changes": Decoder(
        lambda content: read_changes(parse_strict_json(content), max_items=9),
        AnchorError,
        _json({"changes": [CHANGE]}),
    ),
    "changes as NDJSON": Decoder(
        lambda content: read_ndjson(content, max_items=9), AnchorError, _json(CHANGE) + b"\n" + _json(CHANGE)
    ),
    "changes as CSV": Decoder(
        lambda content: read_csv(content, max_items=9),
        AnchorError,
        b'list,index,purpose,value,reason\r\n0,7,revocation,true,"left, for good"\r\n',
    ),
    "receipt": Decoder(_fields(reading.read_receipt), InvalidInput, _json(RECEIPT)),
    "receipts": Decoder(_fields(reading.read_receipts), InvalidInput, _json({"items": [RECEIPT]})),
    "data model": Decoder(
        lambda content: (
            _members(credential_faults)(content),  # type: ignore[arg-type]  # any object will do
            _members(presentation_faults)(content),  # type: ignore[arg-type]  # any object will do
        ),
        StatusListError,
        _json(CREDENTIAL),
    ),
    "list": Decoder(
        lambda content: parse_list_document(content, max_bits_bytes=MAX_BYTES), StatusListError, _json(LIST)
    ),
    "secured list": Decoder(
        lambda content: read_secured_list(
            content, keys=SIGNED_KEYS, now_ms=NOW_S * 1000, max_bits_bytes=MAX_BYTES
        ),
        StatusListError,
        _json({**LIST, "proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022"}}),
    ),
    "status entry": Decoder(_members(parse_status_entry), StatusListError, _json(ENTRY)),
    "status claim": Decoder(
        _members(parse_status_claim),
        StatusListError,
        _json({"status_list": {"uri": "https://lists.example/0", "idx": 7}}),
    ),
    "aggregation": Decoder(
        _members(parse_aggregation), StatusListError, _json({"status_lists": ["https://lists.example/0"]})
    ),
    "token list as JWT": Decoder(
        lambda content: verify_token_list_jwt(
            _text(content), public_key=PUBLIC_KEY, max_bits_bytes=MAX_BYTES
        ),
        StatusListError,
        sign_token_list_jwt(_token_list(), key=KEY).encode(),
    ),
    "token list as CWT": Decoder(
        lambda content: verify_token_list_cwt(content, public_key=PUBLIC_KEY, max_bits_bytes=MAX_BYTES),
        StatusListError,
        sign_token_list_cwt(_token_list(), key=KEY),
    ),
    "CBOR": Decoder(decode_cbor, StatusListError, cbor2.dumps({1: [b"a", "b", 1.5, None], "c": {2: -1}})),
    "record": Decoder(registry.read_record, BadAnswer, bytes(31) + b"\x01" + bytes(96)),
    "head": Decoder(registry.read_head, BadAnswer, bytes(160)),
    "successor": Decoder(registry.read_account, BadAnswer, bytes(32)),
    "signed transaction": Decoder(
        lambda content: read_signed(content, asked=ASKED, sender="0x" + "11" * 20),
        SignerFailure,
        b"\x02\xf8\x6b" + bytes(107),
    ),
}


@st.composite
def _damaged(draw: st.DrawFn, sample: bytes) -> bytes:
    """Return the sample with a few places cut, doubled, swapped for another byte, or for what readers trip over."""
    content = sample
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        stop = draw(st.integers(start, min(len(content), start + 40)))
        piece = draw(
            st.sampled_from(TOKENS) | st.binary(max_size=3) | st.just(content[start:stop] * 2) | st.just(b"")
        )
        content = content[:start] + piece + content[stop:]
    return content


def _is_refused_or_read(decoder: Decoder, content: bytes) -> None:
    try:
        decoder.read(content)
    except decoder.refuses as exc:
        assert len(str(exc)) < 2_000  # noqa: PT017 - what is refused must not come back whole


@pytest.mark.parametrize(
    "name", [name for name in DECODERS if name not in ("secured list", "signed transaction", "record")]
)
def test_sample_is_read(name: str) -> None:
    """The control: the damage below is done to something that is read."""
    decoder = DECODERS[name]

    decoder.read(decoder.sample)


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.data())
def test_damaged_input_is_read_or_refused_by_its_error(name: str, data: st.DataObject) -> None:
    """No reader lets another error through, nor one that repeats all that it was given (faults 37 and 46)."""
    decoder = DECODERS[name]

    _is_refused_or_read(decoder, data.draw(_damaged(decoder.sample)))


@pytest.mark.parametrize("name", DECODERS)
@given(content=st.binary(max_size=200))
def test_any_input_is_read_or_refused_by_its_error(name: str, content: bytes) -> None:
    """The same for bytes that never were a document."""
    _is_refused_or_read(DECODERS[name], content)


@given(data=st.data())
def test_damaged_credential_always_gives_a_reading(data: st.DataObject) -> None:
    """What cannot be read of a credential is a problem that the verdict tells, never an error."""
    read_credential(Method.RAW, data.draw(_damaged(_json(CREDENTIAL))))


@given(
    status=st.integers(400, 599), body=st.binary(max_size=200), retry_after=st.none() | st.text(max_size=9)
)
def test_any_answer_of_a_service_or_proxy_is_a_problem(
    status: int, body: bytes, retry_after: str | None
) -> None:
    """Whatever stands between client and service answers, a person is told a printable reason."""
    problem = read_problem(status=status, body=body, retry_after=retry_after)

    assert problem.detail.isprintable()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the file is written anew each time
@given(data=st.data())
def test_damaged_settings_are_read_or_a_config_error(tmp_path: Path, data: st.DataObject) -> None:
    """A settings file that a person got wrong is never a traceback."""
    file = tmp_path / "anchor.toml"
    sample = (
        b'[chain]\nrpc_url = "http://127.0.0.1:8545"\npreset = "anvil"\n'
        b'contract = "0x1111111111111111111111111111111111111111"\n[server]\nport = 8080\n'
    )
    file.write_bytes(sample)
    load_settings(file, {})
    file.write_bytes(data.draw(_damaged(sample)))
    try:
        load_settings(file, {})
    except ConfigError as exc:
        assert "anchor.toml" in str(exc)  # noqa: PT017 - the file is named
