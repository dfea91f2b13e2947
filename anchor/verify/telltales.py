"""Signs that something holds a credential which is not read: then it must not pass as naming no issuer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from anchor.core.strict_json import JsonValue
from anchor.verify.members import VOCABULARY

_NAMES = frozenset({"issuer", "credentialSubject", "credentialStatus", "verifiableCredential"})
_NAMES_AT_TOP = frozenset({"iss", "ciphertext"})
"""Of an object that is no token: a token's payload without its token, and an encrypted credential."""

# Base64url of `{"`, `{ ` and `{` with a line end or tab: how the header of every JWT, SD-JWT and JWE begins.
_TOKEN_HEAD = re.compile(r"(?:eyJ|eyA|ewo|ew0|ewk)[A-Za-z0-9_-]{8,}={0,2}\s*\.")
_DATA_URL = re.compile(r"data:application/[^,]{0,200},", re.IGNORECASE)
_NAME_IN_TEXT = re.compile(
    r"""["'](?:issuer|iss|credentialSubject|credentialStatus|verifiableCredential|payload)["']\s*:"""
    # A name may be written with escapes.
    r"|\\u00[0-9a-fA-F]{2}"
)
_NOISE = bytes(range(0x21)) + b"\x7f\xef\xbb\xbf\xfe\xff"
"""White space, control characters and the bytes of byte order marks, which readers pass over."""


def without_noise(content: bytes) -> bytes:
    """Return a text without the space, control characters and byte order marks around it."""
    return content.strip(_NOISE)


def is_token_like(text: str) -> bool:
    """Whether a text begins as tokens do, whole or damaged, or as a data: URL that may hold one."""
    return bool(_TOKEN_HEAD.match(text) or _DATA_URL.match(text))


def tells_of_credential(members: Mapping[str, JsonValue], *, is_token: bool) -> bool:
    """Whether an object that names no issuer has something within that looks like a credential."""
    if not is_token and not _NAMES_AT_TOP.isdisjoint(members):
        return True
    waiting: list[JsonValue] = list(members.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            if not _NAMES.isdisjoint(value) or any(name.startswith(VOCABULARY) for name in value):
                return True
            waiting.extend(value.values())
        elif isinstance(value, str) and is_token_like(value.lstrip()):
            return True
    return False


def text_tells_of_credential(content: bytes) -> bool:
    """Whether text that begins as JSON, but is none, names a member of credentials."""
    text = content.decode(json.detect_encoding(content), "replace")
    return _NAME_IN_TEXT.search(text) is not None
