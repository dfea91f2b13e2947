"""Where published files are had from: a service, a mirror on the web, or a folder; none is trusted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from anchor.errors import InvalidInput
from anchor.verify.folder_source import FolderSource
from anchor.verify.http_source import HttpSource, client_session
from anchor.verify.layout import MIRROR, SERVICE
from anchor.verify.trust import FileLocation


class ListSource(Protocol):
    """What is asked for to read status at a head: nothing in it names a credential.

    Every method raises NotFound where the file does not exist, and ServiceUnavailable where it cannot be had
    whole.
    """

    async def batch(self, sequence: int) -> bytes:
        """Return the document of a batch."""
        ...

    async def status_list(self, number: int, version: int | None) -> bytes:
        """Return a list as signed: the version named, or the newest for None."""
        ...


class LeafSource(Protocol):
    """Where the leaf hashes of batches are had from."""

    def leaves(self, sequence: int, *, max_bytes: int) -> AsyncGenerator[bytes]:
        """Yield the leaf hashes of a batch in pieces of any size; ServiceUnavailable beyond `max_bytes`."""
        ...


class PublishedFiles(ListSource, LeafSource, Protocol):
    """Everything that a publisher publishes: enough for an auditor to compute every root again."""

    async def publisher(self) -> bytes:
        """Return the publisher document."""
        ...

    async def did_document(self, slug: str) -> bytes:
        """Return the DID document of an issuer that has it hosted by the service, by its name there."""
        ...

    async def list_jwt(self, number: int) -> bytes:
        """Return the newest version of a list as `vc+jwt`; NotFound where it is not published so."""
        ...

    def leaves(self, sequence: int, *, max_bytes: int) -> AsyncGenerator[bytes]:
        """Yield the leaf hashes of a batch in pieces of any size; ServiceUnavailable beyond `max_bytes`."""
        ...

    def of_anchorage(self, number: int) -> PublishedFiles:
        """Return the files of an earlier anchorage, by its number in the publisher document."""
        ...

    async def receipt_keys(self) -> bytes:
        """Return the receipt keys document; NotFound from a service that signs no receipts."""
        ...


class EvidenceSource(Protocol):
    """A service that is asked about single entries: by issuers and holders, who name no credential by it."""

    async def evidence(self, number: int, index: int) -> bytes:
        """Return the evidence of one entry; raises as a ListSource does."""
        ...


@asynccontextmanager
async def open_service(location: FileLocation) -> AsyncIterator[EvidenceSource]:
    """Open the service that a trust set names, to ask it about single entries; InvalidInput for a mirror."""
    if location.is_mirror:
        raise InvalidInput("a mirror cannot be asked for evidence: name the service, or leave out --ask")
    async with client_session() as session:
        yield HttpSource(session=session, base_url=location.address, layout=SERVICE)


@asynccontextmanager
async def open_files(location: FileLocation) -> AsyncIterator[PublishedFiles]:
    """Open the place that a trust set names."""
    if location.is_mirror and "://" not in location.address:
        yield FolderSource(Path(location.address))
        return
    async with client_session() as session:
        layout = MIRROR if location.is_mirror else SERVICE
        yield HttpSource(session=session, base_url=location.address, layout=layout)
