"""Status by a credential's id, for issuers that keep no list and index; of the id only a hash is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import NotFound
from anchor.service.intake import Intake, PublishedChanges
from anchor.store.protocol import NamedCredentialStore
from anchor.store.records import Issuer, StatusChange


class NamedCredentials:
    """
    Finds status entries by the ids of credentials.

    A credential that was issued several times under one id has several entries, and what is said of the id is said of
    all of them.
    """

    def __init__(self, *, store: NamedCredentialStore, intake: Intake) -> None:
        self._store = store
        self._intake = intake

    async def entry(self, issuer: Issuer, credential_id: str) -> StatusEntry:
        """Return the newest status entry of an id, a fresh one at the first call; its lists are published on return."""
        return await self._intake.allocate_once_for(issuer, name_hash(credential_id))

    async def further_entry(self, issuer: Issuer, credential_id: str) -> StatusEntry:
        """Return a fresh status entry for an id, which may have others already; its lists are published on return."""
        return await self._intake.allocate_for(issuer, name_hash(credential_id))

    async def entries(self, issuer: Issuer, credential_id: str) -> Sequence[StatusEntry]:
        """Return the status entries of an id, oldest first; NotFound where the issuer has none of that id."""
        found = await self._store.named_entries(issuer.number, name_hash(credential_id))
        if not found:
            raise NotFound(f'Unable to find credential with ID "{credential_id[:200]}".')
        return found

    async def change(
        self,
        issuer: Issuer,
        credential_id: str,
        values: Sequence[tuple[Purpose, int]],
        *,
        reason: str,
    ) -> PublishedChanges:
        """Set or clear bits of all entries of an id, all or none; the changed lists are published on return."""
        entries = await self.entries(issuer, credential_id)
        changes = [
            StatusChange(target=entry, purpose=purpose, value=value, reason=reason)
            for entry in entries
            for purpose, value in values
        ]
        return await self._intake.change_status(issuer, changes)


def name_hash(credential_id: str) -> bytes:
    """Return what is stored of a credential's id: its SHA-256."""
    return hashlib.sha256(credential_id.encode("utf-8", "surrogatepass")).digest()
