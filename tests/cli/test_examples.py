"""The example credentials: real signatures, dates that last, a PDF that opens."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from anchor.core.digest import Method, detect_method
from anchor.core.strict_json import JsonValue, canonical_json
from anchor.demo.story import ISSUERS
from anchor.demo.workspace import CREDENTIALS
from status_lists.multibase import decode_base58btc, decode_base64url, decode_multikey

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
JSON_EXAMPLES = ("open-badge.json", "clr.json", "licence.json")


def test_examples_are_what_the_script_makes() -> None:
    """Signatures, JWT and PDF can be made again, byte for byte."""
    script = [sys.executable, str(ROOT / "scripts" / "make_examples.py"), "--check"]

    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", JSON_EXAMPLES)
def test_json_example_has_a_signature_that_verifies(name: str) -> None:
    """W3C eddsa-jcs-2022: over the hashes of proof configuration and document; a changed document fails."""
    credential = json.loads((EXAMPLES / name).read_text("utf-8"))
    proof = credential.pop("proof")
    signature = decode_base58btc(proof.pop("proofValue"), length=64)
    key = Ed25519PublicKey.from_public_bytes(decode_multikey(proof["verificationMethod"].partition("#")[2]))

    key.verify(signature, _hashed(proof) + _hashed(credential))
    with pytest.raises(InvalidSignature):
        key.verify(signature, _hashed(proof) + _hashed(credential | {"name": "another"}))


def test_jwt_example_has_a_signature_that_verifies() -> None:
    """EdDSA over header and payload, with the key that the header names."""
    token = (EXAMPLES / "transcript.jwt").read_text("ascii").strip()
    signed, _, signature = token.rpartition(".")
    header = json.loads(decode_base64url(signed.partition(".")[0]))
    key = Ed25519PublicKey.from_public_bytes(decode_multikey(header["kid"].partition("#")[2]))

    key.verify(decode_base64url(signature, length=64), signed.encode("ascii"))
    with pytest.raises(InvalidSignature):
        key.verify(decode_base64url(signature, length=64), signed.encode("ascii") + b"x")


def test_pdf_example_has_a_cross_reference_table_that_fits() -> None:
    """Every offset of the table points at its object, so that any reader opens it without repair."""
    content = (EXAMPLES / "diploma.pdf").read_bytes()
    start = int(content.rpartition(b"startxref\n")[2].split()[0])
    offsets = [int(offset) for offset in re.findall(rb"(\d{10}) 00000 n", content[start:])]

    assert content.startswith(b"%PDF-1.4\n")
    assert content.endswith(b"%%EOF\n")
    assert content[start:].startswith(b"xref\n")
    assert [content[offset:].split()[0] for offset in offsets] == [b"1", b"2", b"3", b"4", b"5", b"6"]


def test_examples_do_not_expire_before_2040() -> None:
    """No example's verdict turns to `expired` while anybody uses this version."""
    earliest = datetime(2040, 1, 1, tzinfo=UTC)
    credentials = [json.loads((EXAMPLES / name).read_text("utf-8")) for name in JSON_EXAMPLES]
    payload = json.loads(decode_base64url((EXAMPLES / "transcript.jwt").read_text("ascii").split(".")[1]))

    ends = [datetime.fromisoformat(item["validUntil"]) for item in credentials if "validUntil" in item]
    assert len(ends) == 1
    assert all(end >= earliest for end in ends)
    assert payload["exp"] >= earliest.timestamp()


def test_examples_name_the_demonstration_s_issuers() -> None:
    """Each credential names exactly the issuer under which the demonstration submits it."""
    named = {}
    for issuer in ISSUERS:
        for name in issuer.files:
            content = (EXAMPLES / name).read_bytes()
            match detect_method(content, named_json=name.endswith(".json")):
                case Method.JCS:
                    named[name] = json.loads(content)["issuer"]["id"] == issuer.id
                case Method.JWT:
                    payload = json.loads(decode_base64url(content.decode("ascii").split(".")[1]))
                    named[name] = payload["iss"] == issuer.id
                case _:
                    named[name] = name == "diploma.pdf"

    assert named == dict.fromkeys(CREDENTIALS, True)


def _hashed(part: dict[str, JsonValue]) -> bytes:
    return hashlib.sha256(canonical_json(part)).digest()
