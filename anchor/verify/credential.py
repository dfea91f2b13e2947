"""What a verifier reads from a credential: its issuer, its dates, and where its status stands.

Reading never fails: what has the wrong type, or is not looked into, becomes a finding that rules out `valid`.
"""

from __future__ import annotations

from dataclasses import replace

from anchor.core.digest import Method, compact_jwt
from anchor.core.strict_json import parse_strict_json
from anchor.verify.containers import ContainerReader
from anchor.verify.findings import unknown
from anchor.verify.members import MAX_STATUS_ENTRIES
from anchor.verify.reading import Reading

__all__ = ["MAX_STATUS_ENTRIES", "Reading", "read_credential"]


def read_credential(method: Method, content: bytes) -> Reading:
    """Return what a credential says whose digest by this method was found right.

    A file anchored as `raw` is read as well where it is JSON or a token: otherwise a second issuer could
    anchor somebody's revoked credential once more as a mere file, and its issuer and status would not be
    looked at.
    """
    return _bounded(_read(method, content))


def _read(method: Method, content: bytes) -> Reading:
    reader = ContainerReader()
    match method:
        case Method.JCS:
            return reader.read_value(parse_strict_json(content), 0)
        case Method.JWT:
            return reader.read_token(compact_jwt(content))
        case Method.SD_JWT:
            return reader.read_sd_jwt(content, may_be_altered=True)
        case Method.RAW:
            return reader.read_file(content)


def _bounded(reading: Reading) -> Reading:
    if len(reading.status_entries) + len(reading.status_claims) <= MAX_STATUS_ENTRIES:
        return reading
    too_many = unknown(
        "status", "status_malformed", f"the credential has more than {MAX_STATUS_ENTRIES} status entries"
    )
    return replace(reading, status_entries=(), status_claims=(), problems=(*reading.problems, too_many))
