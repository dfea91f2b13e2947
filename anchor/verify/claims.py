"""What a proof claims, for somebody who has not decided yet whom to trust: nothing of it is checked."""

from __future__ import annotations

from anchor.chain.presets import chain_name
from anchor.documents import ProofDocument, parse_proof
from anchor.errors import InvalidProof
from anchor.verify.findings import Finding, printable, unknown
from anchor.verify.issuance import check_digest
from anchor.verify.report import Report
from anchor.verify.times import utc_text

_NO_TRUST = (
    "you have no trust set, so nothing was checked: "
    "make one with `anchor trust export`, and see that it is right"
)


def claims_report(content: bytes, proof: bytes | None, *, now_s: int) -> Report:
    """Return a report that is `unknown`, with what the proof claims as notes; the time is in Unix seconds."""
    findings: list[Finding] = [unknown("trust", "no_trust_set", _NO_TRUST)]
    if proof is None:
        findings.append(unknown("proof", "proof_missing", "there is no proof of the credential either"))
        return Report(findings=tuple(findings), checked_at_s=now_s)
    try:
        document = parse_proof(proof)
    except InvalidProof as exc:
        findings.append(unknown("proof", "proof_invalid", f"the proof is damaged, or is none: {exc}"))
        return Report(findings=tuple(findings), checked_at_s=now_s)
    return Report(findings=tuple(findings), checked_at_s=now_s, notes=_claims(document, content))


def _claims(document: ProofDocument, content: bytes) -> tuple[str, ...]:
    claim = document.claim
    fits = check_digest(document, content).reason is None
    claims = (
        f"The proof claims that {document.issuer} anchored this credential by {utc_text(claim.block_time_s)}",
        f"on {chain_name(claim.chain_id)} (id {claim.chain_id}), contract {claim.contract},",
        f"publisher {claim.publisher}, batch {claim.sequence}, block {claim.block_number}.",
        f"The credential's digest {'is' if fits else 'is NOT'} the one in the proof.",
    )
    return tuple(map(printable, claims))
