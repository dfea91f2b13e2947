"""
Evidence documents: what one status entry says as of one root, in about a kilobyte.

What follows from the rest is left out: the bits root follows from the chunk and its path, the list tree's root from
the list's entry and its path, the anchored root from all of it. So there is nothing in it that could contradict itself,
and nothing to believe: it leads to the root on chain, or it does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from anchor.core.entries import (
    BITS_PER_ENTRY,
    CHUNK_BITS,
    CHUNK_BYTES,
    Purpose,
    StatusListEntry,
    StatusSummary,
    bits_tree,
    chunk_count,
    chunk_leaf,
    identifier_hash,
)
from anchor.core.merkle import MAX_PATH_HASHES, Tree, leaf_hash
from anchor.core.proof import ChunkEvidence, Inclusion, ListEvidence, list_path
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.documents.batch import MAX_LISTS, BatchDocument, ListState
from anchor.documents.claim import require_format
from anchor.errors import InvalidInput, InvalidProof
from anchor.fields import MAX_INTEGER, Fields
from status_lists.multibase import decode_base64url, encode_base64url

EVIDENCE_FORMAT = "credential-anchor/evidence/v1"

MAX_EVIDENCE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class EvidenceDocument:
    """One status entry's evidence: the list in words, the index, and what leads from the chunk to a root."""

    sequence: int
    state: ListState
    index: int
    list_evidence: ListEvidence
    chunk_evidence: ChunkEvidence

    def root(self) -> bytes:
        """Return the root that the evidence leads to; InvalidProof where its parts do not fit together."""
        self.chunk_evidence.check(self.state.entry)
        return self.list_evidence.root()

    def value(self) -> int:
        """Return what the status entry says: 0 or 1 in a list of one bit an entry."""
        bits = self.state.entry.bits_per_entry
        offset = self.index * bits - self.chunk_evidence.chunk_index * CHUNK_BITS
        byte = self.chunk_evidence.chunk[offset // 8]
        return byte >> (8 - bits - offset % 8) & ((1 << bits) - 1)


def cut_evidence(
    batch: BatchDocument, list_number: int, bits: bytes, index: int, *, tree: Tree | None = None
) -> EvidenceDocument:
    """
    Return the evidence of one entry, cut from a whole list and its batch: nobody learns which credential it is about.

    `tree` is the tree over the bits' chunks where it is at hand. Raises InvalidProof where the bits are not the ones
    that the batch commits to, InvalidInput for a list or index that does not exist.
    """
    if not 0 <= list_number < len(batch.lists):
        raise InvalidInput(f"batch {batch.description.header.sequence} has no list {list_number}")
    state = batch.lists[list_number]
    entry = state.entry
    if not 0 <= index < entry.length:
        raise InvalidInput(f"index {index} is beyond list {list_number} of {entry.length} entries")
    tree = tree or bits_tree(bits)
    if tree.root() != entry.bits_root:
        raise InvalidProof(
            f"this is not list {list_number} as batch {batch.description.header.sequence} has it"
        )
    chunk_index = index * entry.bits_per_entry // CHUNK_BITS
    start = chunk_index * CHUNK_BYTES
    return EvidenceDocument(
        sequence=batch.description.header.sequence,
        state=state,
        index=index,
        list_evidence=ListEvidence(
            entry=entry,
            list_number=list_number,
            summary=StatusSummary.of(batch.description.list_entries),
            path=list_path(batch.description.list_entries, list_number),
            credential_root=batch.description.credential_root,
        ),
        chunk_evidence=ChunkEvidence(
            chunk=bits[start : start + CHUNK_BYTES],
            chunk_index=chunk_index,
            path=tuple(tree.inclusion_path(chunk_index)),
        ),
    )


def evidence_to_json(document: EvidenceDocument) -> dict[str, JsonValue]:
    """Return the JSON of an evidence file."""
    state, evidence = document.state, document.list_evidence
    return {
        "format": EVIDENCE_FORMAT,
        "sequence": document.sequence,
        "list": {
            "number": state.number,
            "url": state.url,
            "issuer": state.issuer,
            "purpose": state.entry.purpose.label,
            "bitsPerEntry": state.entry.bits_per_entry,
            "length": state.entry.length,
            "version": state.entry.version,
        },
        "index": document.index,
        "chunk": encode_base64url(document.chunk_evidence.chunk),
        "chunkPath": [encode_base64url(node) for node in document.chunk_evidence.path],
        "listCount": evidence.summary.list_count,
        "listPath": [encode_base64url(node) for node in evidence.path],
        "credentialRoot": encode_base64url(evidence.credential_root),
    }


def parse_evidence(content: bytes) -> EvidenceDocument:
    """
    Read an evidence file strictly.

    Guarantees that its parts fit together; which root it leads to is for the caller to hold against the chain. Raises
    InvalidProof for anything else.
    """
    if len(content) > MAX_EVIDENCE_BYTES:
        raise InvalidProof(f"evidence has at most {MAX_EVIDENCE_BYTES} bytes, this file {len(content)}")
    try:
        return _read_evidence(Fields(parse_strict_json(content), "evidence"))
    except InvalidProof:
        raise
    except InvalidInput as exc:
        raise InvalidProof(str(exc)) from exc


def _read_evidence(fields: Fields) -> EvidenceDocument:
    require_format(fields, EVIDENCE_FORMAT)
    sequence = fields.integer("sequence", minimum=1)
    listed = fields.child("list")
    index = fields.integer("index")
    chunk = fields.decoded("chunk", _decode_chunk)
    chunk_path = fields.hashes("chunkPath", max_items=MAX_PATH_HASHES)
    list_count = fields.integer("listCount", minimum=1, maximum=MAX_LISTS)
    list_path = fields.hashes("listPath", max_items=MAX_PATH_HASHES)
    credential_root = fields.hash("credentialRoot")
    fields.end()
    state, chunk_evidence = _read_list(listed, index, chunk, chunk_path)
    inclusion = Inclusion(index=state.number, tree_size=list_count, path=list_path)
    summary = StatusSummary(
        list_count=list_count, list_tree_root=inclusion.root_of(leaf_hash(state.entry.encode()))
    )
    return EvidenceDocument(
        sequence=sequence,
        state=state,
        index=index,
        list_evidence=ListEvidence(
            entry=state.entry,
            list_number=state.number,
            summary=summary,
            path=list_path,
            credential_root=credential_root,
        ),
        chunk_evidence=chunk_evidence,
    )


def _read_list(
    fields: Fields, index: int, chunk: bytes, chunk_path: tuple[bytes, ...]
) -> tuple[ListState, ChunkEvidence]:
    number = fields.integer("number")
    url, issuer = fields.text("url"), fields.text("issuer")
    purpose = Purpose.from_label(fields.text("purpose"))
    bits = fields.integer("bitsPerEntry", minimum=1, maximum=max(BITS_PER_ENTRY))
    length = fields.integer("length", minimum=1)
    version = fields.integer("version", maximum=MAX_INTEGER)
    fields.end()
    if index >= length:
        raise InvalidProof(f"index {index} is beyond a list of {length} entries")
    chunks = Inclusion(index=index * bits // CHUNK_BITS, tree_size=chunk_count(length, bits), path=chunk_path)
    entry = StatusListEntry(
        issuer_id=identifier_hash(issuer),
        list_id=identifier_hash(url),
        purpose=purpose,
        bits_per_entry=bits,
        length=length,
        version=version,
        bits_root=chunks.root_of(chunk_leaf(chunk)),
    )
    state = ListState(number=number, url=url, issuer=issuer, entry=entry)
    return state, ChunkEvidence(chunk=chunk, chunk_index=chunks.index, path=chunk_path)


def _decode_chunk(text: str) -> bytes:
    return decode_base64url(text, length=CHUNK_BYTES)
