"""Under which names published files are found: as a service serves them, and as a mirror keeps them."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Relative paths, as templates of `str.format` over numbers and the slugs of hosted DIDs."""

    publisher: str
    receipt_keys: str
    batch: str
    leaves: str
    newest_list: str
    list_version: str
    did_document: str
    evidence: str | None

    def status_list(self, number: int, version: int | None) -> str:
        """Return the path of a list's newest version (None) or of the version named."""
        template = self.newest_list if version is None else self.list_version
        return template.format(number=number, version=version)

    def of_anchorage(self, number: int) -> Layout:
        """Return where the batches of an earlier anchorage are found; all else is where it was."""
        return replace(
            self,
            batch=self.batch.replace("batches/", f"anchorages/{number}/batches/"),
            leaves=self.leaves.replace("batches/", f"anchorages/{number}/batches/"),
        )


SERVICE = Layout(
    publisher="v1/publisher",
    receipt_keys="v1/receipt-keys",
    batch="v1/batches/{sequence}",
    leaves="v1/batches/{sequence}/leaves",
    newest_list="status-lists/{number}",
    list_version="status-lists/{number}/versions/{version}",
    did_document="dids/{slug}/did.json",
    evidence="v1/evidence/{number}/{index}",
)

MIRROR = Layout(
    publisher="publisher.json",
    receipt_keys="receipt-keys.json",
    batch="batches/{sequence}.json",
    leaves="batches/{sequence}.leaves",
    newest_list="status-lists/{number}.json",
    list_version="status-lists/{number}/{version}.json",
    did_document="dids/{slug}/did.json",
    evidence=None,
)

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""A batch of a hundred thousand lists, or a list of hundreds of millions of entries."""
