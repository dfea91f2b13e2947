"""What stands inside containers: presentations, arrays, tokens in JSON, enveloped and encoded credentials.

Whoever anchored a container could otherwise pass somebody's revoked credential off as a file that names no
issuer and has no status. Every credential inside is read, and all of it counts; what is not looked into rules
out `valid`. A credential inside another one, as in a comprehensive learner record, is a statement of the outer
issuer and is not read.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import unquote_to_bytes

from anchor.core.digest import compact_jwt, issuer_signed_jwt
from anchor.core.strict_json import JsonValue, parse_strict_json
from anchor.errors import InvalidInput
from anchor.verify.findings import unknown
from anchor.verify.members import read_members, read_old_badge
from anchor.verify.reading import NOTHING, Reading, merge, not_read, problem_with, unreadable
from anchor.verify.sd_jwt import disclosed_payload, split_presentation
from anchor.verify.telltales import (
    is_token_like,
    tells_of_credential,
    text_tells_of_credential,
    without_noise,
)
from status_lists import StatusListError
from status_lists.multibase import decode_base64url

MAX_CREDENTIALS = 100
"""Objects read in one file: a presentation holds a few."""

MAX_DEPTH = 8
"""Containers within containers."""

_ENVELOPES = frozenset({"EnvelopedVerifiableCredential", "EnvelopedVerifiablePresentation"})
_DATA_SCHEME = "data:"


class ContainerReader:
    """Reads one file; it counts what it has read, so that no file costs more than MAX_CREDENTIALS objects."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def read_file(self, content: bytes) -> Reading:
        """Read a file of any kind; an image or a PDF names nobody."""
        text = without_noise(content)
        if _is_token(text):
            return self.read_text(text, 0)
        if is_token_like(text[:4096].decode("latin-1")):
            return not_read("it begins like a token, but is none")
        value = _lenient_json(content, text)
        return value if isinstance(value, Reading) else self.read_value(value[0], 0)

    def read_value(self, value: JsonValue, depth: int, *, is_token: bool = False) -> Reading:
        """Read a JSON value that may be a credential, a container, or neither."""
        if isinstance(value, str) and is_token_like(value.lstrip()):
            return self.read_text(value.encode("utf-8", "replace"), depth)
        if not isinstance(value, dict | list):
            return NOTHING
        if depth > MAX_DEPTH:
            return not_read(f"more than {MAX_DEPTH} containers in each other")
        if isinstance(value, list):
            return merge(*self._each(value, depth + 1))
        return self._read_object(value, depth, is_token=is_token)

    def read_token(self, token: bytes, depth: int = 0) -> Reading:
        """Read the payload of a compact JWT."""
        payload = _payload(token)
        return payload if isinstance(payload, Reading) else self.read_value(payload, depth, is_token=True)

    def read_sd_jwt(self, content: bytes, depth: int = 0, *, may_be_altered: bool) -> Reading:
        """Read an SD-JWT with its disclosures.

        `may_be_altered` says that only its first part was hashed. Otherwise a disclosure that nobody signed is
        what was anchored: no tampering, but nothing to rely on.
        """
        presentation = split_presentation(content)
        payload = _payload(presentation.token)
        if isinstance(payload, Reading):
            return payload
        disclosed = disclosed_payload(payload, presentation)
        if isinstance(disclosed, dict):
            return self.read_value(disclosed, depth, is_token=True)
        if may_be_altered or disclosed.reason is None:
            return problem_with(disclosed)
        as_anchored = unknown(disclosed.step, disclosed.reason.code, disclosed.sentence)
        return merge(problem_with(as_anchored), self.read_value(payload, depth, is_token=True))

    def read_text(self, content: bytes, depth: int) -> Reading:
        """Read a text that must be a credential: a token, or JSON."""
        text = without_noise(content)
        if depth > MAX_DEPTH:
            return not_read(f"more than {MAX_DEPTH} containers in each other")
        if _is_token(text):
            if b"~" in text:
                return self.read_sd_jwt(text, depth, may_be_altered=False)
            return self.read_token(compact_jwt(text), depth)
        if text.startswith(b"data:"):
            return self._read_data_url(text.decode("utf-8", "replace"), depth)
        value = _lenient_json(text, text) if text[:1] in (b"{", b"[") else NOTHING
        if isinstance(value, Reading):
            return merge(value, not_read("it is neither a token nor JSON"))
        return self.read_value(value[0], depth + 1)

    def _read_object(self, members: Mapping[str, JsonValue], depth: int, *, is_token: bool) -> Reading:
        self._count += 1
        if self._count > MAX_CREDENTIALS:
            return not_read(f"one of more than {MAX_CREDENTIALS}")
        own = read_members(members, is_token=is_token)
        found = merge(own, *self._inner(members, depth + 1, is_token=is_token, is_named=bool(own.issuers)))
        if found.issuers or found.problems or not tells_of_credential(members, is_token=is_token):
            return found
        return merge(found, not_read("it names no issuer itself, but something within does"))

    def _inner(
        self, members: Mapping[str, JsonValue], depth: int, *, is_token: bool, is_named: bool
    ) -> Iterator[Reading]:
        if is_token:
            yield from self._claims(members, depth)
        for value in _items(members.get("verifiableCredential")):
            yield self._read_inner(value, depth)
        if not is_named and isinstance(members.get("credential"), dict | list):
            # As the European Learning Model and the VC API wrap one.
            yield self.read_value(members["credential"], depth)
        if "payload" in members and not members.keys().isdisjoint(("signatures", "signature")):
            yield self._read_jws(members, depth)
        identifier = members.get("id")
        if isinstance(identifier, str) and identifier[: len(_DATA_SCHEME)].lower() == _DATA_SCHEME:
            yield self._read_data_url(identifier, depth)
        elif not _ENVELOPES.isdisjoint(_types(members)):
            yield not_read("an envelope whose id is no data: URL")
        if _is_old_badge(members):
            yield read_old_badge(members)

    def _claims(self, claims: Mapping[str, JsonValue], depth: int) -> Iterator[Reading]:
        """Read what VCDM 1.1 puts into tokens: the credential in `vc`, the presentation in `vp`."""
        for name in ("vc", "vp"):
            value = claims.get(name)
            if isinstance(value, dict):
                inner = read_members(value, is_token=False)
                named = bool(inner.issuers)
                yield merge(inner, *self._inner(value, depth, is_token=False, is_named=named))
            elif value is not None:
                yield unreadable(f"the token's claim {name} is no object")

    def _each(self, values: list[JsonValue], depth: int) -> Iterator[Reading]:
        """Read the elements of an array until too many were objects."""
        for value in values:
            yield self.read_value(value, depth)
            if self._count > MAX_CREDENTIALS:
                return

    def _read_inner(self, value: JsonValue, depth: int) -> Reading:
        """Read what stands where a credential must stand."""
        if isinstance(value, dict):
            return self.read_value(value, depth)
        if isinstance(value, str) and self._count <= MAX_CREDENTIALS:
            return self.read_text(value.encode("utf-8", "replace"), depth)
        return not_read("what stands for one is neither an object nor a token")

    def _read_jws(self, jws: Mapping[str, JsonValue], depth: int) -> Reading:
        """Read a JWS in its JSON serialisation (RFC 7515, section 7.2), encoded or not (RFC 7797)."""
        payload = jws["payload"]
        if _has_disclosures(jws):
            return not_read("an SD-JWT in JSON, with its disclosures")
        if isinstance(payload, dict):
            return self.read_value(payload, depth, is_token=True)
        try:
            content = _decoded_payload(payload)
        except StatusListError:
            return not_read("the payload of a JWS that cannot be decoded")
        value = _lenient_json(content, content)
        if isinstance(value, Reading) or not isinstance(value[0], dict):
            return not_read("the payload of a JWS is no JSON object")
        return self.read_value(value[0], depth, is_token=True)

    def _read_data_url(self, url: str, depth: int) -> Reading:
        """Read a data: URL (RFC 2397), as envelopes hold one (VCDM 2.0, section 4.13)."""
        header, comma, data = url.partition(",")
        if not comma:
            return not_read("a data: URL without data")
        content = unquote_to_bytes(data)
        if header.lower().endswith(";base64"):
            try:
                content = b64decode(content, validate=True)
            except ValueError:
                return not_read("a data: URL that cannot be decoded")
        return self.read_text(content, depth + 1)


def _payload(token: bytes) -> dict[str, JsonValue] | Reading:
    try:
        payload = parse_strict_json(decode_base64url(token.split(b".")[1].decode("ascii")))
    except (InvalidInput, StatusListError) as exc:
        return unreadable(f"the payload of the token: {exc}")
    return payload if isinstance(payload, dict) else unreadable("the payload of the token is no JSON object")


def _decoded_payload(payload: JsonValue) -> bytes:
    if not isinstance(payload, str):
        raise StatusListError("a payload is a text")
    is_plain = payload.lstrip()[:1] == "{"
    return payload.encode("utf-8", "replace") if is_plain else decode_base64url(payload)


def _is_token(text: bytes) -> bool:
    try:
        _ = issuer_signed_jwt(text) if b"~" in text else compact_jwt(text)
    except InvalidInput:
        return False
    return True


def _lenient_json(content: bytes, text: bytes) -> tuple[JsonValue] | Reading:
    """Return the value of JSON that may be not strict (too precise a number), in a tuple, or why there is none.

    `text` is the content without what surrounds it. JSON in which readers may see different things says nothing.
    """
    for candidate in (content, text):
        try:
            value = json.loads(candidate, object_pairs_hook=_unique_members, parse_int=float)
        except _RepeatedNameError:
            ambiguous = "the file is JSON that gives one member two values"
            return problem_with(unknown("issuer", "credential_ambiguous", ambiguous))
        except RecursionError:
            return unreadable("it is nested too deeply")
        except ValueError:
            continue
        return (cast("JsonValue", value),)
    if text[:1] in (b"{", b"[") and text_tells_of_credential(content):
        return not_read("it begins like JSON, but is none")
    # Not JSON in any reading: an image, a PDF. It names nobody.
    return NOTHING


class _RepeatedNameError(Exception):
    """A JSON object gives one name twice."""


def _unique_members(members: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    unique = dict(members)
    if len(unique) != len(members):
        raise _RepeatedNameError
    return unique


def _items(value: JsonValue) -> list[JsonValue]:
    if value is None:
        return []
    # One more than are read: enough to say so.
    return value[: MAX_CREDENTIALS + 1] if isinstance(value, list) else [value]


def _types(members: Mapping[str, JsonValue]) -> set[str]:
    return {item for item in _items(members.get("type")) if isinstance(item, str)}


def _is_old_badge(members: Mapping[str, JsonValue]) -> bool:
    """Whether an object is an assertion of Open Badges 1 or 2, Blockcerts 2 among them."""
    return "Assertion" in _types(members) or ("badge" in members and "recipient" in members)


def _has_disclosures(jws: Mapping[str, JsonValue]) -> bool:
    """Whether a JWS in JSON is an SD-JWT (RFC 9901, section 8): its claims are told by digests then."""
    headers = [jws.get("header"), *(_header(item) for item in _items(jws.get("signatures")))]
    return "disclosures" in jws or any(
        isinstance(header, dict) and "disclosures" in header for header in headers
    )


def _header(signature: JsonValue) -> JsonValue:
    return signature.get("header") if isinstance(signature, dict) else None
