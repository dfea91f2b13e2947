"""A bound credential and everything that is asked about it with `isInForce`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anchor.core.entries import CredentialEntry
from anchor.core.proof import CredentialProof
from tests.contracts.batches import AnchoredList, Batch, Evidence, clean_pair, credential
from tests.contracts.registry import Record, Registry
from tests.contracts.verifier import Verifier, entry_words, evidence_words, proof_words

LIST = 2
INDEX = 1_234
NEIGHBOUR = INDEX + 1
DAY_S = 86_400
POSITION = 2


@dataclass(frozen=True, slots=True)
class Question:
    """All that is asked with `isInForce`."""

    publisher: str
    anchored_by: str
    entry: CredentialEntry
    proof: CredentialProof
    root: bytes
    revocation: Evidence
    suspension: Evidence
    max_status_age_s: int = DAY_S

    @classmethod
    def of(cls, publisher: str, issued: Batch, current: Batch) -> Question:
        """Ask about the credential of a batch with the evidence that another, the head, has for it."""
        proof = issued.proof(POSITION)
        place = proof.entry.status
        assert place is not None
        return cls(
            publisher=publisher,
            anchored_by=publisher,
            entry=proof.entry,
            proof=proof,
            root=issued.root,
            revocation=current.evidence(place.list_number, place.index),
            suspension=current.evidence(place.list_number + 1, place.index),
        )

    def words(self) -> tuple[object, ...]:
        """Return the arguments as the contract takes them."""
        return (
            self.publisher,
            self.anchored_by,
            entry_words(self.entry),
            proof_words(self.proof, self.root),
            evidence_words(self.revocation),
            evidence_words(self.suspension),
            self.max_status_age_s,
        )


def answer(verifier: Verifier, question: Question) -> Any:
    """Return what `isInForce` answers."""
    return verifier.answer("isInForce", *question.words())


def refusal(verifier: Verifier, question: Question) -> bytes:
    """Return why `isInForce` refuses."""
    return verifier.refusal("isInForce", *question.words())


def issued(*lists: AnchoredList, bound: tuple[int, int] | None = (LIST, INDEX), sequence: int = 1) -> Batch:
    """Return a batch with a bound credential at the position asked about, after two lists of nobody's concern."""
    credentials = (credential(1), credential(2, bound=bound), credential(3, bound=(LIST, NEIGHBOUR)))
    return Batch(credentials, (*clean_pair(0), *(lists or clean_pair(LIST))), sequence)


def anchored(registry: Registry, publisher: str, batch: Batch) -> Record:
    """Anchor a batch under its own sequence."""
    return registry.anchor(publisher, batch.sequence, batch.root, batch.leaf_count)
