"""Verifies credentials and presentations: their own word, then the status lists'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anchor.clock import Clock
from anchor.core.strict_json import JsonValue
from anchor.service.linked_data_worker import LinkedDataWorker
from anchor.service.related_resources import RelatedResources
from anchor.service.vc_status import CredentialStatus
from anchor.store.protocol import IssuerStore
from anchor.store.records import SignerKind
from anchor.vc.data_integrity import (
    ASSERTION,
    AUTHENTICATION,
    MAX_PROOFS,
    Expected,
    KeyResolver,
    VerificationKey,
    covered_document,
)
from anchor.vc.did_key import did_key_method
from anchor.vc.problems import Kind, Problem
from anchor.vc.verification import check_credential, check_presentation, enclosed_credentials

PROOF_CHECK = "proof"
STATUS_CHECK = "credentialStatus"
CHECKS = (PROOF_CHECK, STATUS_CHECK)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What the verifier demands; proofs and dates are always checked, status unless `checks` leaves it out."""

    checks: tuple[str, ...] = CHECKS
    purpose: str | None = None
    domain: str | None = None
    challenge: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked, and what came of it; `document` is that which the proofs cover."""

    document: dict[str, JsonValue]
    checks: tuple[str, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def is_verified(self) -> bool:
        """Whether nothing speaks against the document."""
        return not self.problems


class CredentialVerifying:
    """Checks documents with keys that need no look-up: `did:key`, and the did:web issuers of this service."""

    def __init__(
        self,
        *,
        store: IssuerStore,
        worker: LinkedDataWorker,
        status: CredentialStatus,
        resources: RelatedResources,
        clock: Clock,
    ) -> None:
        self._store = store
        self._worker = worker
        self._status = status
        self._resources = resources
        self._clock = clock

    async def credential(self, document: dict[str, JsonValue], options: VerifyOptions) -> Verification:
        """Verify a credential."""
        keys, expected = await self._keys([document]), self._expected(options, ASSERTION)
        problems = await self._worker.run(
            lambda linked_data: check_credential(
                document, expected=expected, keys=keys, linked_data=linked_data
            )
        )
        return await self._with_status(problems, document, [document], keys=keys, options=options)

    async def presentation(self, document: dict[str, JsonValue], options: VerifyOptions) -> Verification:
        """Verify a presentation and every credential in it."""
        signed = [document, *enclosed_credentials(document)]
        keys, expected = await self._keys(signed), self._expected(options, AUTHENTICATION)
        problems = await self._worker.run(
            lambda linked_data: check_presentation(
                document, expected=expected, keys=keys, linked_data=linked_data
            )
        )
        credentials = enclosed_credentials(document)
        return await self._with_status(problems, document, credentials, keys=keys, options=options)

    async def _with_status(
        self,
        problems: Sequence[Problem],
        document: dict[str, JsonValue],
        credentials: Sequence[dict[str, JsonValue]],
        *,
        keys: KeyResolver,
        options: VerifyOptions,
    ) -> Verification:
        checks = tuple(name for name in CHECKS if name == PROOF_CHECK or name in options.checks)
        found: list[Problem] = list(problems)
        warnings: list[Problem] = []
        # A document that does not hold by itself says nothing, not even where its status stands.
        if not problems:
            if STATUS_CHECK in checks:
                status = await self._status.look_up(credentials, keys=keys)
                found += status.problems
                warnings += status.warnings
            for finding in await self._resources.check(credentials):
                (warnings if finding.kind is Kind.RELATED_UNCHECKED else found).append(finding)
        return Verification(
            document=covered_document(document),
            checks=checks,
            problems=tuple(found),
            warnings=tuple(warnings),
        )

    def _expected(self, options: VerifyOptions, purpose: str) -> Expected:
        return Expected(
            purpose=options.purpose or purpose,
            now_ms=self._clock.now_ms(),
            domain=options.domain,
            challenge=options.challenge,
        )

    async def _keys(self, documents: Sequence[dict[str, JsonValue]]) -> KeyResolver:
        """Return the keys that need no look-up elsewhere: of any did:key, and of this service's did:web issuers."""
        own: dict[str, VerificationKey] = {}
        for did in {did for document in documents for did in _web_dids(document)}:
            keys = await self._store.issuer_keys(did)
            if keys is not None and keys.issuer.signer.kind is SignerKind.DID_WEB:
                present = keys.issuer.signer
                named = [(present.verification_method, present.public_key)]
                named += [(key.verification_method, key.public_key) for key in keys.retired]
                # The document that is hosted here names them for assertions alone.
                own |= {method: VerificationKey(did, key, ASSERTION) for method, key in named}
        return lambda method: own[method] if method in own else did_key_method(method)


def _web_dids(document: dict[str, JsonValue]) -> Iterator[str]:
    proof = document.get("proof")
    for item in proof[:MAX_PROOFS] if isinstance(proof, list) else [proof]:
        method = item.get("verificationMethod") if isinstance(item, dict) else None
        if isinstance(method, str) and method.startswith("did:web:"):
            yield method.partition("#")[0]
