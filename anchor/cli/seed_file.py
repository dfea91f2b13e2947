"""Seeds of list keys in files."""

from __future__ import annotations

from pathlib import Path

from anchor.errors import InvalidInput
from status_lists.errors import StatusListError
from status_lists.keys import SEED_BYTES
from status_lists.multibase import decode_base64url


def read_seed(path: Path) -> bytes:
    """Return the seed that a file holds, as base64url or hex; InvalidInput that never quotes it."""
    try:
        text = path.read_bytes()[:1024].decode("ascii").strip()
        return (
            bytes.fromhex(text) if len(text) == 2 * SEED_BYTES else decode_base64url(text, length=SEED_BYTES)
        )
    except OSError as exc:
        raise InvalidInput(f"{path}: the seed cannot be read ({exc.strerror})") from exc
    except (ValueError, StatusListError):
        fault = f"{path} holds no seed: {SEED_BYTES} bytes are needed, as base64url or hex"
    # Raised outside the handler, whose exceptions may quote the seed.
    raise InvalidInput(fault)
