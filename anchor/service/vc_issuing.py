"""Issues credentials for issuers without a signer of their own: adds status, signs, anchors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from anchor.clock import Clock
from anchor.core.digest import Method
from anchor.core.entries import StatusEntry
from anchor.core.strict_json import JsonValue, canonical_json
from anchor.errors import InvalidInput
from anchor.service.intake import Intake
from anchor.service.issuers import Issuers
from anchor.service.linked_data_worker import LinkedDataWorker
from anchor.service.lists import ListPublisher
from anchor.service.named_credentials import NamedCredentials
from anchor.store.records import Issuer, Submission
from anchor.vc.contexts import DATA_INTEGRITY_V2, STATUS_V1
from anchor.vc.data_integrity import ASSERTION, RDFC, sign_document
from anchor.vc.data_model import credential_faults, identifier, is_version_1
from status_lists.credential import ENTRY_TYPE, status_entry
from status_lists.datetimes import format_datetime, parse_datetime
from status_lists.errors import StatusListError

Credential = dict[str, JsonValue]

_DATES = ("validFrom", "validUntil", "issuanceDate", "expirationDate")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueOptions:
    """What the issuer wants: which suite, an id for a credential without one, and whether status is added."""

    cryptosuite: str = RDFC
    credential_id: str | None = None
    adds_status: bool = True


class CredentialIssuing:
    """Makes signed, revocable, anchored credentials from unsigned ones."""

    def __init__(
        self,
        *,
        intake: Intake,
        issuers: Issuers,
        lists: ListPublisher,
        names: NamedCredentials,
        worker: LinkedDataWorker,
        clock: Clock,
    ) -> None:
        self._intake = intake
        self._issuers = issuers
        self._lists = lists
        self._names = names
        self._worker = worker
        self._clock = clock

    async def issue(self, issuer: Issuer, credential: Credential, options: IssueOptions) -> Credential:
        """
        Return the credential with its status entries and its proof; its digest is accepted when this returns.

        A credential that has a `credentialStatus` keeps it; where that is an entry of one of the issuer's own lists,
        the digest is bound to it. Raises InvalidInput, before anything is handed out, for a credential that breaks the
        data model, names another issuer, or holds a term that no context defines.
        """
        key = self._issuers.credential_key(issuer)
        prepared = _prepared(credential, options)
        self._check(issuer, prepared)
        wants_status = options.adds_status and "credentialStatus" not in prepared
        contexts = (DATA_INTEGRITY_V2, *((STATUS_V1,) if wants_status else ()))
        if is_version_1(prepared):
            prepared = _with_contexts(prepared, contexts)
        await self._worker.run(lambda linked_data: linked_data.canonicalize(prepared))
        entry = self._own_entry(prepared.get("credentialStatus"))
        if wants_status:
            entry = await self._new_entry(issuer, prepared.get("id"))
            prepared = {**prepared, "credentialStatus": _credential_status(self._lists, entry)}
        proof_options = self._proof_options(issuer, options.cryptosuite)
        signed = await self._worker.run(
            lambda linked_data: sign_document(prepared, proof_options, key=key, linked_data=linked_data)
        )
        digest = hashlib.sha256(canonical_json(signed)).digest()
        # Signed a moment ago: whatever a rebuilt database does not know, this was never anchored.
        submission = Submission(method_code=Method.JCS, digest=digest, status=entry, again=True)
        await self._intake.submit(issuer, [submission])
        return signed

    def _check(self, issuer: Issuer, credential: Credential) -> None:
        faults = credential_faults(credential)
        if faults:
            raise InvalidInput("; ".join(faults))
        for name in _DATES:
            _check_offset(name, credential.get(name))
        if identifier(credential["issuer"]) != issuer.identifier:
            raise InvalidInput(
                f"the credential's issuer is not {issuer.identifier}, whose API key this request carries"
            )

    async def _new_entry(self, issuer: Issuer, credential_id: JsonValue) -> StatusEntry:
        if isinstance(credential_id, str):
            return await self._names.further_entry(issuer, credential_id)
        (entry,) = await self._intake.allocate(issuer, 1, idempotency_key=None)
        return entry

    def _own_entry(self, status: JsonValue) -> StatusEntry | None:
        """Return where a ready-made status entry stands, if it is one of this service's lists."""
        pattern = re.compile(re.escape(self._lists.url(0)[:-1]) + r"(0|[1-9][0-9]{0,14})", re.ASCII)
        for item in status if isinstance(status, list) else [status]:
            if isinstance(item, dict) and item.get("type") == ENTRY_TYPE:
                match = pattern.fullmatch(str(item.get("statusListCredential")))
                if match is not None and item.get("statusPurpose") in ("revocation", "suspension"):
                    return StatusEntry(int(match[1]), int(str(item["statusListIndex"])))
        return None

    def _proof_options(self, issuer: Issuer, cryptosuite: str) -> Mapping[str, JsonValue]:
        now_s = self._clock.now_ms() // 1000
        return {
            "cryptosuite": cryptosuite,
            "created": format_datetime(now_s * 1000).replace(".000Z", "Z"),
            "verificationMethod": issuer.signer.verification_method,
            "proofPurpose": ASSERTION,
        }


def _credential_status(lists: ListPublisher, entry: StatusEntry) -> list[JsonValue]:
    purposes = {"revocation": entry.list_number, "suspension": entry.list_number + 1}
    return [
        {name: str(value) for name, value in status_entry(lists.url(number), purpose, entry.index).items()}
        for purpose, number in purposes.items()
    ]


def _prepared(credential: Credential, options: IssueOptions) -> Credential:
    if "proof" in credential:
        raise InvalidInput("the credential has a proof already: send the unsigned credential")
    if options.credential_id is None:
        return dict(credential)
    if credential.get("id", options.credential_id) != options.credential_id:
        raise InvalidInput("options.credentialId is not the credential's own id")
    return {**credential, "id": options.credential_id}


def _with_contexts(credential: Credential, urls: tuple[str, ...]) -> Credential:
    """Return the credential with contexts that version 1 of the data model needs for the proof and the status."""
    context = credential["@context"]
    present = context if isinstance(context, list) else [context]
    return {**credential, "@context": [*present, *(url for url in urls if url not in present)]}


def _check_offset(name: str, value: JsonValue) -> None:
    """Refuse to sign a time without an offset, which readers only suppose to be UTC."""
    if value is None:
        return
    try:
        parse_datetime(value)
    except StatusListError as exc:
        raise InvalidInput(f"{name}: {exc}") from exc
