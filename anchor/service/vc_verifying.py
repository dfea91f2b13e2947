"""Verifies credentials and presentations: their own word, then the status lists'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anchor.clock import Clock
from anchor.core.strict_json import JsonValue
from anchor.service.linked_data_worker import LinkedDataWorker
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
)
from anchor.vc.did_key import did_key_method
from anchor.vc.problems import Problem
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
    """What was checked, and what came of it."""

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
        self, *, store: IssuerStore, worker: LinkedDataWorker, status: CredentialStatus, clock: Clock
    ) -> None:
        self._store = store
        self._worker = worker
        self._status = status
        self._clock = clock

    async def credential(self, document: dict[str, JsonValue], options: VerifyOptions) -> Verification:
        """Verify a credential."""
        keys, expected = await self._keys([document]), self._expected(options, ASSERTION)
        problems = await self._worker.run(
            lambda linked_data: check_credential(
                document, expected=expected, keys=keys, linked_data=linked_data
            )
        )
        return await self._with_status(problems, [document], options)

    async def presentation(self, document: dict[str, JsonValue], options: VerifyOptions) -> Verification:
        """Verify a presentation and every credential in it."""
        signed = [document, *enclosed_credentials(document)]
        keys, expected = await self._keys(signed), self._expected(options, AUTHENTICATION)
        problems = await self._worker.run(
            lambda linked_data: check_presentation(
                document, expected=expected, keys=keys, linked_data=linked_data
            )
        )
        return await self._with_status(problems, enclosed_credentials(document), options)

    async def _with_status(
        self,
        problems: Sequence[Problem],
        credentials: Sequence[dict[str, JsonValue]],
        options: VerifyOptions,
    ) -> Verification:
        checks = tuple(name for name in CHECKS if name == PROOF_CHECK or name in options.checks)
        found: list[Problem] = list(problems)
        warnings: list[Problem] = []
        # A document that does not hold by itself says nothing, not even where its status stands.
        if STATUS_CHECK in checks and not problems:
            for credential in credentials:
                status = await self._status.look_up(credential)
                found += status.problems
                warnings += status.warnings
        return Verification(checks=checks, problems=tuple(found), warnings=tuple(warnings))

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
                own[present.verification_method] = VerificationKey(did, present.public_key)
                for retired in keys.retired:
                    own[retired.verification_method] = VerificationKey(did, retired.public_key)
        return lambda method: own[method] if method in own else did_key_method(method)


def _web_dids(document: dict[str, JsonValue]) -> Iterator[str]:
    proof = document.get("proof")
    for item in proof[:MAX_PROOFS] if isinstance(proof, list) else [proof]:
        method = item.get("verificationMethod") if isinstance(item, dict) else None
        if isinstance(method, str) and method.startswith("did:web:"):
            yield method.partition("#")[0]
