"""The manifest of a backup: what is in it, and of which database it is a copy (`manifest.json`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.errors import InvalidInput
from anchor.fields import Fields, decode_hex, encode_hex

BACKUP_FORMAT = "credential-anchor/backup/v1"
MANIFEST = "manifest.json"
MAX_FILES = 100
MAX_MANIFEST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BackedUpFile:
    """A file of a backup; `name` is its path in the data folder."""

    name: str
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """
    What a backup holds, and what its database knew.

    The highest sequences are those of any sealed batch, and of any mined one. `not_included` names key files that the
    settings speak of and that lie elsewhere.
    """

    created: str
    software: str
    schema: str
    sealed_sequence: int
    mined_sequence: int
    chain_id: int
    genesis_hash: str
    contract: str
    publisher: str
    base_url: str
    files: tuple[BackedUpFile, ...]
    not_included: tuple[str, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """Return the manifest as it is written."""
        return {
            "format": BACKUP_FORMAT,
            "created": self.created,
            "software": self.software,
            "schema": self.schema,
            "sealedSequence": self.sealed_sequence,
            "minedSequence": self.mined_sequence,
            "chainId": self.chain_id,
            "genesisHash": self.genesis_hash,
            "contract": self.contract,
            "publisher": self.publisher,
            "baseUrl": self.base_url,
            "files": [
                {"name": file.name, "bytes": file.size_bytes, "sha256": encode_hex(file.sha256)}
                for file in self.files
            ],
            "notIncluded": list(self.not_included),
        }

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        return (json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n").encode()


def parse_manifest(content: bytes) -> BackupManifest:
    """Read a manifest strictly; InvalidInput for anything else, names that lead out of the folder among it."""
    if len(content) > MAX_MANIFEST_BYTES:
        raise InvalidInput(
            f"{MANIFEST} has more than {MAX_MANIFEST_BYTES} bytes: it is no manifest of a backup"
        )
    fields = Fields(parse_strict_json(content), "manifest")
    if fields.text("format") != BACKUP_FORMAT:
        raise InvalidInput(f"{MANIFEST} is not of the format {BACKUP_FORMAT}: use the software that wrote it")
    manifest = BackupManifest(
        created=fields.text("created"),
        software=fields.text("software"),
        schema=fields.text("schema"),
        sealed_sequence=fields.integer("sealedSequence"),
        mined_sequence=fields.integer("minedSequence"),
        chain_id=fields.integer("chainId"),
        genesis_hash=fields.text("genesisHash"),
        contract=fields.text("contract"),
        publisher=fields.text("publisher"),
        base_url=fields.text("baseUrl"),
        files=tuple(
            _read_file(Fields(item, f"manifest.files[{position}]"))
            for position, item in enumerate(fields.items("files", max_items=MAX_FILES))
        ),
        not_included=tuple(map(str, fields.items("notIncluded", max_items=MAX_FILES))),
    )
    fields.end()
    return manifest


def _read_file(fields: Fields) -> BackedUpFile:
    file = BackedUpFile(
        name=fields.decoded("name", _plain_path),
        size_bytes=fields.integer("bytes"),
        sha256=fields.decoded("sha256", lambda text: decode_hex(text, size=32)),
    )
    fields.end()
    return file


def _plain_path(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or str(path) != text or text == MANIFEST:
        raise InvalidInput(f"{text[:80]!r} is no plain path within the data folder")
    return text
