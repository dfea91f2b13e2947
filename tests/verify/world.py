"""What most tests of verification need: somebody who issues, somebody who anchors, somebody who checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anchor.core.digest import Method
from anchor.core.entries import StatusEntry
from anchor.documents import ProofDocument, cut_evidence
from anchor.verify import (
    Anchorage,
    FileLocation,
    ListSource,
    Report,
    TrustedIssuer,
    TrustSet,
    verify_credential,
)
from anchor.verify.evidence_files import evidence_text
from anchor.verify.folder_source import FolderSource
from anchor.verify.foreign_lists import FetchList
from status_lists import status_entry
from tests.support.fake_chain import CONTRACT, FakeChain, address, opener
from tests.support.publisher import Publisher, SealedBatch, TestIssuer, did_key_issuer, proof_bytes

RPC = "http://127.0.0.1:8545"
PUBLISHER = address(1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A credential that was anchored, and its proof."""

    content: bytes
    proof: ProofDocument
    batch: SealedBatch

    @property
    def proof_file(self) -> bytes:
        """The proof as its holder keeps it."""
        return proof_bytes(self.proof)


@dataclass(slots=True)
class World:
    """A chain, a publisher with one issuer (lists 0 and 1), and the folder of published files."""

    chain: FakeChain
    publisher: Publisher
    issuer: TestIssuer
    folder: Path

    @classmethod
    def make(cls, folder: Path) -> World:
        """Make everything, with one block on the chain."""
        chain = FakeChain()
        chain.mine()
        publisher = Publisher(chain=chain, account=PUBLISHER, folder=folder)
        issuer = did_key_issuer(1)
        publisher.add_pair(issuer)
        return cls(chain=chain, publisher=publisher, issuer=issuer, folder=folder)

    @property
    def anchorage(self) -> Anchorage:
        """Where this publisher anchors."""
        return Anchorage(
            chain_id=self.chain.chain_id,
            genesis_hash=self.chain.genesis_hash,
            contract=CONTRACT,
            publisher=PUBLISHER,
            rpc=RPC,
        )

    def trust(self, *issuers: TrustedIssuer) -> TrustSet:
        """Return a trust set that accepts the issuers given, or this world's issuer."""
        return TrustSet(
            anchorages=(self.anchorage,),
            issuers=issuers or (TrustedIssuer(id=self.issuer.id),),
            files=FileLocation(address=str(self.folder), is_mirror=True),
        )

    def credential(self, **members: object) -> bytes:
        """Return a credential as JSON; a member given as None is left out."""
        body = {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential"],
            "issuer": self.issuer.id,
            "validFrom": "2020-01-01T00:00:00Z",
            "credentialSubject": {"id": "did:example:holder", "name": "Ada", "score": 4485.5},
        } | members
        return json.dumps({name: value for name, value in body.items() if value is not None}).encode()

    def own_status(self, index: int, *, number: int = 0, purpose: str = "revocation") -> dict[str, object]:
        """Return the credentialStatus of an index of one of the publisher's lists."""
        return status_entry(self.publisher.lists[number].url, purpose, index)

    def issue(
        self,
        content: bytes | None = None,
        *,
        method: Method = Method.JCS,
        status: StatusEntry | None = None,
        issuer: TestIssuer | None = None,
        salt: bytes | None = None,
        is_final: bool = True,
    ) -> Issued:
        """Anchor a credential in a batch of three and return it with its proof."""
        content = self.credential() if content is None else content
        by = issuer or self.issuer
        self.publisher.submit(by, b'{"other":%d}' % len(self.publisher.batches))
        place = self.publisher.submit(by, content, method=method, status=status, salt=salt)
        batch = self.publisher.anchor(is_final=is_final)
        return Issued(content=content, proof=self.publisher.proof(batch, place, salt=salt), batch=batch)

    def evidence(self, index: int, *numbers: int) -> bytes:
        """Return evidence of an index of lists 0 and 1, or of those named, cut at the newest batch."""
        batch = self.publisher.batches[-1].document
        return evidence_text(
            [
                cut_evidence(batch, number, bytes(self.publisher.lists[number].bits), index)
                for number in numbers or (0, 1)
            ]
        ).encode()

    async def verify(
        self,
        issued: Issued,
        *,
        content: bytes | None = None,
        proof: bytes | None = None,
        trust: TrustSet | None = None,
        now_s: int | None = None,
        lists: ListSource | None = None,
        fetches_lists: bool = True,
        evidence: Sequence[bytes] = (),
        foreign: FetchList | None = None,
        at_s: int | None = None,
    ) -> Report:
        """Verify what was issued, with whatever is given in place of the genuine things."""
        return await verify_credential(
            issued.content if content is None else content,
            issued.proof_file if proof is None else proof,
            trust=trust or self.trust(),
            open_chain=opener((RPC, self.chain)),
            lists=lists or FolderSource(self.folder) if fetches_lists else None,
            evidence=evidence,
            foreign=foreign,
            at_s=at_s,
            now_s=self.publisher.now_s if now_s is None else now_s,
        )


def told(report: Report) -> tuple[str, list[str]]:
    """Return a report's verdict and the codes of all its reasons: what tests compare."""
    return report.verdict.value, [reason.code for reason in report.reasons]


def changed(document: ProofDocument, **parts: object) -> ProofDocument:
    """Return a proof with parts of it replaced; its root is computed anew when it is written."""
    return replace(document, **parts)  # type: ignore[arg-type]  # fields by name
