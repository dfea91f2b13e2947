"""Published lists equal the database, whatever the clock does."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from anchor.core.entries import Purpose, StatusEntry
from anchor.errors import FatalError, Overloaded
from anchor.service.keys import KeyVault
from anchor.service.lists import ListPublisher
from anchor.store.records import Issuer, StatusChange
from status_lists import PublishedList, parse_list_document, verify_list
from status_lists.bitstring import get_entry
from tests.support.assembly import BASE_URL, Running

DAY_S = 86_400
VALIDITY_S = 7 * DAY_S


async def published(service: Running, number: int) -> PublishedList:
    """Return the newest version of a list, its signature checked."""
    found = await service.store.list_version(number, None)
    assert found is not None
    issuers = {issuer.signer.verification_method: issuer for issuer in await service.store.issuers()}
    document = json.loads(found.document)
    verify_list(document, key=issuers[document["proof"]["verificationMethod"]].signer.public_key)
    return parse_list_document(document)


async def version(service: Running, number: int) -> int:
    """Return a list's newest version."""
    found = await service.store.list_version(number, None)
    assert found is not None
    return found.version


async def allocate(service: Running, issuer: Issuer, count: int = 1) -> list[StatusEntry]:
    """Allocate entries."""
    return list(await service.services.intake.allocate(issuer, count, idempotency_key=None))


def revocation(entry: StatusEntry) -> StatusChange:
    """Return the revocation of an entry."""
    return StatusChange(entry, Purpose.REVOCATION, value=1, reason="left")
