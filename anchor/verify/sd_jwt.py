"""The disclosures of an SD-JWT (RFC 9901): which of them the issuer signed, and what they say.

Only the issuer-signed JWT is hashed and anchored, so that a holder may leave disclosures out. Whatever stands
behind it counts only if a digest in the signed payload, or in another such disclosure, refers to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from anchor.core.digest import compact_jwt
from anchor.core.strict_json import MAX_DEPTH, JsonValue, parse_strict_json
from anchor.core.verdict import Verdict
from anchor.errors import InvalidInput
from anchor.verify.findings import Finding, ruled, unknown
from status_lists import StatusListError
from status_lists.multibase import decode_base64url, encode_base64url

MAX_DISCLOSURES = 10_000
"""Real credentials have dozens; each costs a hundred times its bytes to read."""

_SD = "_sd"
_SD_ALG = "_sd_alg"
_ARRAY_DIGEST = "..."
_DISCLOSURE = re.compile(rb"[A-Za-z0-9_-]+")


class _RefusedError(Exception):
    """Carries the finding out of the recursion."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Presentation:
    """An SD-JWT in its parts (RFC 9901, section 4); `key_binding` is empty without a key binding JWT."""

    token: bytes
    disclosures: tuple[bytes, ...]
    key_binding: bytes


def split_presentation(content: bytes) -> Presentation:
    """Split the text of an SD-JWT at its tildes; the parts are not checked."""
    token, *rest = content.strip(b" \t\r\n").split(b"~")
    return Presentation(token=token, disclosures=tuple(rest[:-1]), key_binding=rest[-1] if rest else b"")


def disclosed_payload(
    payload: Mapping[str, JsonValue], presentation: Presentation
) -> dict[str, JsonValue] | Finding:
    """Return the payload with disclosed claims in place (RFC 9901, section 7.1 step 3), or why not.

    `tampered` for anything behind the signed JWT that it does not refer to; `unknown` for another hash than
    SHA-256 and for a structure that RFC 9901 has verifiers reject.
    """
    if payload.get(_SD_ALG, "sha-256") != "sha-256":
        return unknown(
            "digest", "sd_alg_unsupported", "the SD-JWT hashes its disclosures with another hash than SHA-256"
        )
    if presentation.key_binding and not _is_compact_jwt(presentation.key_binding):
        return _tampered("what follows the last `~` of the SD-JWT is no key binding JWT")
    try:
        walk = _Walk(presentation.disclosures)
        disclosed = walk.read_object(payload, 0)
        walk.require_all_used()
    except _RefusedError as refused:
        return refused.finding
    disclosed.pop(_SD_ALG, None)
    return disclosed


class _Walk:
    """One pass over a payload: puts what is disclosed in place of digests, and notes which were met."""

    __slots__ = ("_disclosures", "_met")

    def __init__(self, disclosures: Sequence[bytes]) -> None:
        if len(disclosures) > MAX_DISCLOSURES:
            raise _malformed(f"more than {MAX_DISCLOSURES:,} disclosures")
        self._disclosures = {encode_base64url(sha256(text).digest()): text for text in disclosures}
        self._met: set[str] = set()
        if len(self._disclosures) != len(disclosures):
            raise _RefusedError(_tampered("the SD-JWT repeats a disclosure"))

    def read_object(self, members: Mapping[str, JsonValue], depth: int) -> dict[str, JsonValue]:
        """Return an object with its disclosed members added, its digests removed."""
        _check_depth(depth)
        read = {name: self._read(value, depth) for name, value in members.items() if name != _SD}
        digests = members.get(_SD, [])
        if not isinstance(digests, list):
            raise _malformed("`_sd` is no array")
        for digest in digests:
            found = self._meet(digest, parts=2 + 1)
            if found is None:
                continue
            _salt, name, value = found
            if not isinstance(name, str) or name in (_SD, _ARRAY_DIGEST) or name in read:
                raise _malformed("a disclosure names a claim that cannot stand there")
            read[name] = self._read(value, depth)
        return read

    def require_all_used(self) -> None:
        """Refuse disclosures that no digest refers to: the issuer never signed them."""
        strangers = len(self._disclosures.keys() - self._met)
        if strangers:
            raise _RefusedError(
                _tampered(f"{strangers} disclosure(s) of the SD-JWT are not referenced by the signed payload")
            )

    def _read(self, value: JsonValue, depth: int) -> JsonValue:
        if isinstance(value, dict):
            return self.read_object(value, depth + 1)
        if isinstance(value, list):
            return self._read_array(value, depth + 1)
        return value

    def _read_array(self, items: Sequence[JsonValue], depth: int) -> list[JsonValue]:
        _check_depth(depth)
        read: list[JsonValue] = []
        for item in items:
            if not (isinstance(item, dict) and item.keys() == {_ARRAY_DIGEST}):
                read.append(self._read(item, depth))
                continue
            found = self._meet(item[_ARRAY_DIGEST], parts=2)
            if found is not None:
                read.append(self._read(found[1], depth))
        return read

    def _meet(self, digest: JsonValue, *, parts: int) -> list[JsonValue] | None:
        """Return the disclosure of a digest, None where it is not disclosed (or a decoy)."""
        if not isinstance(digest, str):
            raise _malformed("a digest of a disclosure is no text")
        if digest in self._met:
            raise _malformed("one digest stands in the payload twice")
        self._met.add(digest)
        text = self._disclosures.get(digest)
        return None if text is None else _parse_disclosure(text, parts)


def _parse_disclosure(text: bytes, parts: int) -> list[JsonValue]:
    try:
        if not _DISCLOSURE.fullmatch(text):
            raise _malformed("a disclosure is no base64url")
        value = parse_strict_json(decode_base64url(text.decode("ascii")))
    except (InvalidInput, StatusListError) as exc:
        raise _malformed("a disclosure is no JSON in base64url") from exc
    if not isinstance(value, list) or len(value) != parts:
        raise _malformed(f"a disclosure is no array of {parts}")
    return value


def _is_compact_jwt(text: bytes) -> bool:
    try:
        return compact_jwt(text) == text
    except InvalidInput:
        return False


def _check_depth(depth: int) -> None:
    # Disclosures can nest in each other without end, each of them shallow.
    if depth > MAX_DEPTH:
        raise _malformed(f"more than {MAX_DEPTH} levels of nesting")


def _tampered(sentence: str) -> Finding:
    return ruled("digest", Verdict.TAMPERED, "disclosure_not_referenced", sentence)


def _malformed(detail: str) -> _RefusedError:
    return _RefusedError(unknown("digest", "sd_jwt_malformed", f"the SD-JWT breaks RFC 9901: {detail}"))
