"""The vectors of trees: entries of every kind, roots and inclusion proofs, status lists and whole batches."""

from __future__ import annotations

from anchor.core.digest import Method, credential_digest
from anchor.core.entries import (
    BatchHeader,
    CredentialEntry,
    Purpose,
    StatusEntry,
    StatusListEntry,
    StatusSummary,
    bits_root,
    bits_tree,
    chunk_leaf,
    identifier_hash,
    join_root,
)
from anchor.core.merkle import Tree, leaf_hash
from anchor.core.proof import list_path

ISSUER = "https://university.example"
OTHER_ISSUER = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
LISTS_URL = "https://anchor.example/status-lists"
LENGTH = 131_072
SET_BITS = (0, 7, 8, 511, 512, 94_567, 131_071)

LEAVES_WITH_ALL_PATHS = (*range(18), 31, 32, 33)
LEAVES_WITH_SOME_PATHS = (63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025)


def entries() -> dict[str, object]:
    """Return entries of every kind with their bytes and leaf hashes."""
    digest = credential_digest(Method.RAW, b"a credential")
    header = BatchHeader(sequence=258, previous_root=bytes(range(32)), created_s=1_735_689_600)
    made: list[dict[str, object]] = [
        {
            "kind": "batch header",
            "sequence": header.sequence,
            "previousRoot": header.previous_root.hex(),
            "created": header.created_s,
            **_encoded(header.encode()),
        }
    ]
    for method in Method:
        for salted, status in ((False, None), (True, StatusEntry(list_number=2, index=94_567))):
            entry = CredentialEntry(identifier_hash(ISSUER), method, digest, salted=salted, status=status)
            made.append(_credential_json(entry))
    made += [_list_json(entry, url) for entry, url in zip(_lists(), _list_urls(), strict=True)]
    made.append(
        {"kind": "status chunk", "chunk": _bits()[:64].hex(), "leafHash": chunk_leaf(_bits()[:64]).hex()}
    )
    made += [_summary_json(_lists()), _summary_json([])]
    return {"entries": made}


def trees() -> dict[str, object]:
    """Return roots and inclusion proofs of trees whose leaf i holds i as four bytes."""
    made = []
    for size in (*LEAVES_WITH_ALL_PATHS, *LEAVES_WITH_SOME_PATHS):
        tree = Tree()
        tree.extend(leaf_hash(number.to_bytes(4, "big")) for number in range(size))
        places = range(size) if size in LEAVES_WITH_ALL_PATHS else (0, 1, size // 2, size - 2, size - 1)
        paths = {str(place): [node.hex() for node in tree.inclusion_path(place)] for place in places}
        made.append({"size": size, "root": tree.root().hex(), "paths": paths})
    return {"trees": made}


def roots() -> dict[str, object]:
    """Return a list's bits root with chunks, a list tree with paths, and the roots of batches."""
    lists = _lists()
    bits = _bits()
    tree = bits_tree(bits)
    return {
        "bits": {
            "length": LENGTH,
            "bitsPerEntry": 1,
            "setIndexes": SET_BITS,
            "bitsRoot": bits_root(bits).hex(),
            "chunks": [
                {
                    "index": at,
                    "chunk": bits[at * 64 :][:64].hex(),
                    "path": [h.hex() for h in tree.inclusion_path(at)],
                }
                for at in (0, 1, 184, 255)
            ],
        },
        "lists": [
            {**_list_json(entry, url), "number": number, "path": [h.hex() for h in list_path(lists, number)]}
            for number, (entry, url) in enumerate(zip(lists, _list_urls(), strict=True))
        ],
        "summary": _summary_json(lists),
        "batches": [
            _batch_json(count, lists[:list_count]) for count, list_count in ((0, 0), (1, 0), (0, 3), (5, 3))
        ],
    }


def _batch_json(credential_count: int, lists: list[StatusListEntry]) -> dict[str, object]:
    header = BatchHeader(sequence=1, previous_root=bytes(32), created_s=1_735_689_600)
    made = [
        CredentialEntry(identifier_hash(ISSUER), Method.RAW, credential_digest(Method.RAW, bytes([number])))
        for number in range(credential_count)
    ]
    encoded = [header.encode(), *(entry.encode() for entry in made)]
    tree = Tree()
    tree.extend(leaf_hash(entry) for entry in encoded)
    status_root = StatusSummary.of(lists).status_root()
    return {
        "credentialTreeEntries": [entry.hex() for entry in encoded],
        "listTreeEntries": [entry.encode().hex() for entry in lists],
        "leafCount": tree.size,
        "credentialRoot": tree.root().hex(),
        "statusRoot": status_root.hex(),
        "root": join_root(tree.root(), status_root).hex(),
    }


def _bits() -> bytes:
    bits = bytearray(LENGTH // 8)
    for index in SET_BITS:
        bits[index // 8] |= 0x80 >> index % 8
    return bytes(bits)


def _list_urls() -> list[str]:
    return [f"{LISTS_URL}/{number}" for number in range(3)]


def _lists() -> list[StatusListEntry]:
    facts = (
        (ISSUER, Purpose.REVOCATION, 1, _bits()),
        (ISSUER, Purpose.SUSPENSION, 1, bytes(LENGTH // 8)),
        (OTHER_ISSUER, Purpose.MESSAGE, 2, bytes(LENGTH // 4)),
    )
    return [
        StatusListEntry(
            issuer_id=identifier_hash(issuer),
            list_id=identifier_hash(url),
            purpose=purpose,
            bits_per_entry=size,
            length=LENGTH,
            version=1_735_689_540_000,
            bits_root=bits_root(bits),
        )
        for url, (issuer, purpose, size, bits) in zip(_list_urls(), facts, strict=True)
    ]


def _list_json(entry: StatusListEntry, url: str) -> dict[str, object]:
    return {
        "kind": "status list",
        "issuer": ISSUER if entry.issuer_id == identifier_hash(ISSUER) else OTHER_ISSUER,
        "url": url,
        "purpose": entry.purpose.label,
        "bitsPerEntry": entry.bits_per_entry,
        "length": entry.length,
        "version": entry.version,
        "bitsRoot": entry.bits_root.hex(),
        **_encoded(entry.encode()),
    }


def _credential_json(entry: CredentialEntry) -> dict[str, object]:
    status = entry.status
    return {
        "kind": "credential",
        "issuer": ISSUER,
        "method": entry.method.label,
        "salted": entry.salted,
        "digest": entry.digest.hex(),
        "status": None if status is None else {"list": status.list_number, "index": status.index},
        **_encoded(entry.encode()),
    }


def _summary_json(lists: list[StatusListEntry]) -> dict[str, object]:
    summary = StatusSummary.of(lists)
    return {
        "kind": "status summary",
        "listCount": summary.list_count,
        "listTreeRoot": summary.list_tree_root.hex(),
        **_encoded(summary.encode()),
    }


def _encoded(entry: bytes) -> dict[str, object]:
    return {"entry": entry.hex(), "leafHash": leaf_hash(entry).hex()}
