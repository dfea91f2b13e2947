"""AnchorVerifier, asked with the documents of a running service: contracts are told what verifiers are told."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError

from anchor.chain.client import Web3Chain
from anchor.chain.contract_code import read_artifact, verifier_code
from anchor.chain.deployment import deploy_code
from anchor.chain.signer import LocalSigner
from anchor.core.entries import CHUNK_BITS
from anchor.documents import (
    EvidenceDocument,
    ProofDocument,
    evidence_to_json,
    parse_batch,
    parse_evidence,
    parse_proof,
    proof_to_json,
)
from anchor.errors import InvalidProof
from status_lists.multibase import encode_base64url
from tests.contracts.batches import Evidence, flipped
from tests.contracts.verifier import abi_error, entry_words, evidence_words, proof_words
from tests.support.anvil import POLL_INTERVAL_S, SECOND_KEY, AnvilChain
from tests.support.running_service import IssuerAccess, RunningService

pytestmark = pytest.mark.anvil

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Documents:
    """All that the holder of a bound credential shows, and the head under which its status is read."""

    proof: ProofDocument
    revocation: EvidenceDocument
    suspension: EvidenceDocument
    head_root: bytes
    head_time_s: int

    @property
    def in_force(self) -> bool:
        return not (self.revocation.value() or self.suspension.value())

    def words(self) -> tuple[object, ...]:
        """Return the arguments of `isInForce`."""
        publisher = self.proof.claim.publisher
        return (
            publisher,
            publisher,
            *_credential_words(self.proof),
            _evidence_words(self.revocation),
            _evidence_words(self.suspension),
            DAY_S,
        )


class OnChain:
    """An AnchorVerifier as another contract sees it: asked by `eth_call`, refusing with revert data."""

    def __init__(self, *, web3: Web3, address: str) -> None:
        abi = read_artifact("AnchorVerifier").abi
        self._contract: Any = web3.eth.contract(address=Web3.to_checksum_address(address), abi=abi)

    def ask(self, function: str, *arguments: object) -> list[object]:
        """Return what a view answers, value by value."""
        answer: list[object] = self._contract.functions[function](*arguments).call()
        return list(answer)

    def refusal(self, function: str, *arguments: object) -> bytes:
        """Return the revert data of a view that must revert."""
        with pytest.raises(ContractLogicError) as refused:
            self.ask(function, *arguments)
        assert isinstance(refused.value.data, str)
        return bytes.fromhex(refused.value.data.removeprefix("0x"))


@pytest.fixture
def web3(anvil: AnvilChain) -> Iterator[Web3]:
    """Return a client of the development chain."""
    with requests.Session() as session:
        yield Web3(HTTPProvider(anvil.rpc_url, session=session))


@pytest.fixture
async def on_chain(anvil: AnvilChain, web3: Web3) -> OnChain:
    """Deploy the verifier over the service's registry, from an account that is not the service's."""
    chain = Web3Chain(rpc_url=anvil.rpc_url, contract=anvil.contract)
    try:
        deployment = await deploy_code(
            verifier_code(anvil.contract),
            chain=chain,
            signer=LocalSigner(private_key=SECOND_KEY),
            poll_interval_s=POLL_INTERVAL_S,
        )
    finally:
        await chain.close()
    return OnChain(web3=web3, address=deployment.address)


async def test_verifier_on_chain_says_what_documents_say_before_and_after_each_change(
    service: RunningService, on_chain: OnChain
) -> None:
    """In force, suspended, in force again, revoked: contract and documents agree on credential and status."""
    issuer = await service.add_issuer()
    digest = await _anchored_digest(service, issuer)
    documents = await _documents(service, issuer, digest)
    _assert_agreement(on_chain, documents)
    seen = [(documents.revocation.value(), documents.suspension.value(), documents.in_force)]

    for purpose, value in (("suspension", True), ("suspension", False), ("revocation", True)):
        await _change(service, issuer, documents, purpose, value=value)
        documents = await _documents(service, issuer, digest)
        _assert_agreement(on_chain, documents)
        seen.append((documents.revocation.value(), documents.suspension.value(), documents.in_force))

    assert seen == [(0, 0, True), (0, 1, False), (0, 0, True), (1, 0, False)]


async def test_verifier_on_chain_refuses_old_and_forged_evidence_as_documents_do(
    service: RunningService, on_chain: OnChain
) -> None:
    """What does not lead to the head is refused with the reason: evidence from before, and a bit put back."""
    issuer = await service.add_issuer()
    digest = await _anchored_digest(service, issuer)
    clean = await _documents(service, issuer, digest)
    await _change(service, issuer, clean, "revocation", value=True)
    revoked = await _documents(service, issuer, digest)
    publisher = revoked.proof.claim.publisher
    patched = _with_bit_put_back(revoked.revocation)
    put_back = _reread(patched)

    # From before the revocation: true once, and it still leads to a root of the publisher's.
    assert (clean.revocation.value(), clean.revocation.root()) == (0, clean.head_root)
    superseded = abi_error("Superseded", clean.head_root, revoked.head_root)
    assert _status_refusal(on_chain, publisher, clean.revocation) == superseded
    assert on_chain.refusal("isInForce", *replace(revoked, revocation=clean.revocation).words()) == superseded

    # A document in which the bit was put back fits together, but leads to a root that nobody anchored.
    assert put_back.value() == 0
    assert put_back.root() not in (clean.head_root, revoked.head_root)
    not_anchored = abi_error("NotAnchored", publisher, put_back.root())
    assert _status_refusal(on_chain, publisher, put_back) == not_anchored
    assert on_chain.refusal("isInForce", *replace(revoked, revocation=put_back).words()) == not_anchored

    # With the list's own bits root beside it, it leads to the head no more than before.
    true_bits_root = revoked.revocation.state.entry.bits_root
    wrong_bits_root = abi_error("WrongBitsRoot", put_back.state.entry.bits_root, true_bits_root)
    with pytest.raises(InvalidProof, match="does not stand in the list's bits"):
        patched.root()
    assert _status_refusal(on_chain, publisher, patched) == wrong_bits_root
    assert on_chain.refusal("isInForce", *replace(revoked, revocation=patched).words()) == wrong_bits_root


async def test_verifier_on_chain_refuses_forged_credential_as_documents_do(
    service: RunningService, on_chain: OnChain
) -> None:
    """Another digest, or a cleaner place in the list, under a genuine proof is refused on chain and off chain."""
    issuer = await service.add_issuer()
    documents = await _documents(service, issuer, await _anchored_digest(service, issuer))
    proof = documents.proof.proof
    assert proof.entry.status is not None
    neighbour = replace(proof.entry.status, index=proof.entry.status.index ^ 1)

    for entry in (
        replace(proof.entry, digest=flipped(proof.entry.digest)),
        replace(proof.entry, status=neighbour),
    ):
        forged = replace(documents.proof, proof=replace(proof, entry=entry))
        stated = {**proof_to_json(forged), "root": encode_base64url(documents.proof.proof.root())}
        with pytest.raises(InvalidProof, match="do not lead to the root"):
            parse_proof(json.dumps(stated).encode())
        assert on_chain.refusal(
            "checkCredential", forged.claim.publisher, entry_words(entry), proof_words(proof, proof.root())
        ) == abi_error("WrongRoot", forged.proof.root(), proof.root())


def _assert_agreement(on_chain: OnChain, documents: Documents) -> None:
    claim = documents.proof.claim
    assert on_chain.ask("checkCredential", claim.publisher, *_credential_words(documents.proof)) == [
        claim.sequence,
        claim.block_time_s,
    ]
    for evidence in (documents.revocation, documents.suspension):
        assert evidence.root() == documents.head_root
        assert on_chain.ask("checkStatus", claim.publisher, *_status_words(evidence)) == [
            evidence.value(),
            evidence.state.entry.version,
            documents.head_time_s,
        ]
    assert on_chain.ask("isInForce", *documents.words()) == [
        documents.in_force,
        claim.block_time_s,
        documents.head_time_s,
    ]


async def _anchored_digest(service: RunningService, issuer: IssuerAccess) -> str:
    """Submit a digest with a place in a pair of lists and wait until it is final."""
    digest = secrets.token_bytes(32).hex()
    status, body = await service.request(
        "POST",
        "/v1/digests",
        headers=issuer.headers,
        json={"digest": digest, "method": "raw", "status": "allocate"},
    )
    assert status == 201, body
    await service.wait_for_state(issuer, digest, "final")
    return digest


async def _change(
    service: RunningService, issuer: IssuerAccess, documents: Documents, purpose: str, *, value: bool
) -> None:
    """Change the credential's status and wait until the head commits to it."""
    evidence = {"revocation": documents.revocation, "suspension": documents.suspension}[purpose]
    change = {
        "list": documents.revocation.state.number,
        "index": evidence.index,
        "purpose": purpose,
        "value": value,
        "reason": "test",
    }
    status, body = await service.request("POST", "/v1/status-changes", headers=issuer.headers, json=change)
    assert status == 200, body
    await service.wait_for_anchored_version(evidence.state.number, body["lists"][0]["version"])


async def _documents(service: RunningService, issuer: IssuerAccess, digest: str) -> Documents:
    """Fetch the proof, and for its place the evidence of both lists under the head."""
    proof = parse_proof(await _content(service, f"/v1/digests/{digest}/proof", issuer.headers))
    place = proof.proof.entry.status
    assert place is not None
    revocation, suspension = [
        parse_evidence(await _content(service, f"/v1/evidence/{number}/{place.index}"))
        for number in (place.list_number, place.list_number + 1)
    ]
    batch = parse_batch(await _content(service, f"/v1/batches/{revocation.sequence}"))
    return Documents(proof, revocation, suspension, batch.root, batch.claim.block_time_s)


async def _content(service: RunningService, path: str, headers: dict[str, str] | None = None) -> bytes:
    status, body = await service.request("GET", path, headers=headers)
    assert status == 200, body
    return json.dumps(body).encode()


def _with_bit_put_back(evidence: EvidenceDocument) -> EvidenceDocument:
    """Return evidence whose chunk alone says the opposite of its one entry."""
    chunk = evidence.chunk_evidence
    bit = evidence.index * evidence.state.entry.bits_per_entry % CHUNK_BITS
    return replace(evidence, chunk_evidence=replace(chunk, chunk=flipped(chunk.chunk, bit)))


def _reread(evidence: EvidenceDocument) -> EvidenceDocument:
    """Write evidence and read it again: what follows from the chunk is computed anew."""
    return parse_evidence(json.dumps(evidence_to_json(evidence)).encode())


def _status_refusal(on_chain: OnChain, publisher: str, evidence: EvidenceDocument) -> bytes:
    return on_chain.refusal("checkStatus", publisher, *_status_words(evidence))


def _credential_words(document: ProofDocument) -> tuple[object, ...]:
    return (entry_words(document.proof.entry), proof_words(document.proof, document.proof.root()))


def _status_words(evidence: EvidenceDocument) -> tuple[object, ...]:
    return (evidence.state.number, evidence.index, _evidence_words(evidence))


def _evidence_words(evidence: EvidenceDocument) -> tuple[object, ...]:
    return evidence_words(Evidence(evidence.list_evidence, evidence.chunk_evidence, evidence.index))
