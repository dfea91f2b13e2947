"""Proof documents: the vectors, and the attacks that a proof must withstand on its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anchor.core.digest import credential_digest, derive_salt, salted_digest
from anchor.documents import MAX_PROOF_BYTES, parse_proof, proof_to_json
from anchor.errors import InvalidProof
from status_lists.multibase import encode_digest
from tests.documents.samples import proof_sample, validator_of
from tests.support.vector_files import load_vectors, named

ROOT = Path(__file__).resolve().parents[2]
VECTORS = load_vectors("proofs.json")


@pytest.mark.parametrize(**named(VECTORS["accepted"]))
def test_parse_proof_of_the_vectors_leads_from_the_credential_to_the_root(case: dict[str, Any]) -> None:
    """An accepted proof is about its credential, has its schema, and is written as it was read."""
    document = parse_proof(case["proof"].encode("utf-8"))
    entry = document.proof.entry
    digest = credential_digest(entry.method, case["credential"].encode("utf-8"))

    assert entry.digest == (salted_digest(document.salt, digest) if document.salt else digest)
    assert document.salt == (derive_salt(bytes(32), digest) if entry.salted else None)
    assert document.proof.inclusion.tree_size == VECTORS["leafCount"]
    assert proof_to_json(document) == json.loads(case["proof"])
    validator_of("proof").validate(json.loads(case["proof"]))


@pytest.mark.parametrize(**named(VECTORS["refused"]))
def test_parse_proof_of_a_damaged_one_is_refused(case: dict[str, Any]) -> None:
    """Each damage is refused as InvalidProof, with a message that names no more than is useful."""
    with pytest.raises(InvalidProof) as refused:
        parse_proof(case["proof"].encode("utf-8"))

    assert 0 < len(str(refused.value)) < 200


@pytest.mark.parametrize(**named(VECTORS["refusedByLeafCount"]))
def test_parse_proof_with_a_size_of_the_provers_choice_leads_to_the_same_root(case: dict[str, Any]) -> None:
    """A reader without the chain cannot refuse it: root and entry are those of the honest proof."""
    document = parse_proof(case["proof"].encode("utf-8"))
    honest = parse_proof(VECTORS["accepted"][1]["proof"].encode("utf-8"))

    assert document.proof.root() == honest.proof.root()
    assert document.proof.entry == honest.proof.entry
    assert document.proof.inclusion.tree_size != VECTORS["leafCount"]


def test_parse_proof_of_a_digest_in_hex_is_the_same_proof() -> None:
    """Inputs also take 64 lower-case hex digits; what is written is digestMultibase."""
    sample = proof_sample()
    document = proof_to_json(sample)
    assert document["digest"] == encode_digest(sample.proof.entry.digest)

    document["digest"] = sample.proof.entry.digest.hex()
    validator_of("proof").validate(document)
    assert parse_proof(json.dumps(document).encode("ascii")) == sample


def test_parse_proof_of_too_many_bytes_is_refused_unread() -> None:
    """The limit is on bytes, before anything is parsed."""
    content = json.dumps(proof_to_json(proof_sample())).encode("ascii")

    assert parse_proof(content.ljust(MAX_PROOF_BYTES)) == proof_sample()
    with pytest.raises(
        InvalidProof, match=f"at most {MAX_PROOF_BYTES} bytes, this file {MAX_PROOF_BYTES + 1}"
    ):
        parse_proof(content.ljust(MAX_PROOF_BYTES + 1))


def test_make_vectors_check_finds_the_files_as_they_should_be() -> None:
    """The vectors of this project are what its script writes."""
    script = [sys.executable, str(ROOT / "scripts" / "make_vectors.py"), "--check"]
    finished = subprocess.run(script, capture_output=True, text=True, check=False)

    assert (finished.returncode, finished.stdout) == (0, "all as they should be\n"), finished.stderr
