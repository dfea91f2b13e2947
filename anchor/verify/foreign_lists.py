"""Status lists of others: fetched where the verifier allows it, checked as their specifications say.

Nothing anchors such a list. What counts is a signature by a key of the credential's own issuer, and the list's
own dates; so it speaks for the present only, and only as far as its publisher shows everybody the same one.
Fetching it tells its publisher that somebody looks at one of its credentials: hence only with permission.
"""

from __future__ import annotations

from typing import Protocol

from anchor.core.entries import Purpose
from anchor.core.verdict import Verdict
from anchor.verify.findings import Finding, passed, ruled, unknown
from anchor.verify.status_rules import RULES, STEP
from anchor.verify.trust import TrustSet
from status_lists import PublishedList, StatusEntry, StatusListError, VerificationFailed, check_status
from status_lists.credential import MESSAGE
from status_lists.cwt import verify_token_list_cwt
from status_lists.errors import RetrievalFailed
from status_lists.fetch import ACCEPT, FetchedList
from status_lists.json_text import parse_json_object
from status_lists.jws import split_token
from status_lists.key_selection import issuer_of
from status_lists.public_keys import IssuerKey, PublicKey
from status_lists.secured import read_secured_list, with_single_proof
from status_lists.targets import parse_target
from status_lists.token_jwt import verify_token_list_jwt
from status_lists.token_list import TokenList, TokenReference, check_token_status

MAX_BITS_BYTES = 16 * 1024 * 1024
"""Room for 134 million entries of one bit."""

ACCEPT_TOKEN = "application/statuslist+jwt, application/statuslist+cwt;q=0.9"  # noqa: S105 - media types

_MAX_TOKEN_CHARS = 64 * 1024 * 1024
_TOKEN_RULES = {1: (Verdict.REVOKED, "revoked"), 2: (Verdict.SUSPENDED, "suspended")}


class FetchList(Protocol):
    """Downloads what is published at a URL; RetrievalFailed for every failure."""

    async def fetch(self, url: str, *, accept: str = ACCEPT) -> FetchedList:
        """Return the bytes as served, of which nothing is trusted yet."""
        ...


class ForeignLists:
    """Checks status entries in lists of others, by one trust set at one time (Unix seconds)."""

    __slots__ = ("_fetcher", "_now_ms", "_trust")

    def __init__(self, *, fetcher: FetchList | None, trust: TrustSet, now_s: int) -> None:
        self._fetcher = fetcher
        self._trust = trust
        self._now_ms = now_s * 1000

    def may_fetch(self, url: str) -> bool:
        """Whether the verifier allows to fetch this list from its publisher."""
        return self._fetcher is not None and self._trust.allows_host(_authority(url))

    async def check(self, entry: StatusEntry, *, issuer: str) -> Finding:
        """Read one entry of a W3C Bitstring Status List (v1.0, section 3.2); never raises.

        `issuer` is the credential's: the list must be its own, or of an alias of it. What fails is `unknown`
        under the specification's name of the error: a list that cannot be had says neither yes nor no.
        """
        if not self.may_fetch(entry.list_url):
            return _not_allowed(entry.list_url)
        try:
            body = (await self._fetch(entry.list_url, ACCEPT)).body
            published = self._verified(body, issuer)
            found = check_status(
                entry, published, now_ms=self._now_ms, min_entries=self._trust.min_list_entries
            )
        except StatusListError as exc:
            return _failed(entry.list_url, exc)
        where = f"{entry.list_url}, index {entry.index}; signed by its issuer, not anchored"
        if found.purpose == MESSAGE:
            return passed(STEP, f"its message entry says {(found.message or '')[:200]!r} ({where})")
        if found.purpose == Purpose.REFRESH.label:
            return passed(STEP, f"its refresh entry is {found.status:#x} ({where})")
        rule = next((RULES[purpose] for purpose in RULES if purpose.label == found.purpose), None)
        if rule is None:
            return unknown(
                STEP, "status_purpose", f"its status entry is for {found.purpose[:32]!r}, not known here"
            )
        verdict, word = rule
        if found.is_valid:
            return passed(STEP, f"it is not {word} ({where})")
        return ruled(STEP, verdict, word, f"it is {word} ({where})")

    async def check_token(self, reference: TokenReference, *, issuer: str) -> Finding:
        """Read one entry of an IETF Token Status List (section 8.3), as `check` does that of a W3C list."""
        if not self.may_fetch(reference.uri):
            return _not_allowed(reference.uri)
        try:
            body = (await self._fetch(reference.uri, ACCEPT_TOKEN)).body
            found = check_token_status(reference, self._verified_token(body, issuer), now_ms=self._now_ms)
        except StatusListError as exc:
            return _failed(reference.uri, exc)
        where = f"{reference.uri}, index {reference.index}; signed by its issuer, not anchored"
        if found.is_valid:
            return passed(STEP, f"it is neither revoked nor suspended ({where})")
        if found.status not in _TOKEN_RULES:
            return unknown(
                STEP, "status_unsupported", f"its status is {found.status:#x}, {found.name} ({where})"
            )
        verdict, word = _TOKEN_RULES[found.status]
        return ruled(STEP, verdict, word, f"it is {word} ({where})")

    async def _fetch(self, url: str, accept: str) -> FetchedList:
        if self._fetcher is None:
            raise RetrievalFailed("there is nothing to fetch lists with")
        return await self._fetcher.fetch(url, accept=accept)

    def _verified(self, body: bytes, issuer: str) -> PublishedList:
        names = self._trust.names_of(issuer)
        listed, key_name = _claimed(body)
        if listed not in names:
            raise VerificationFailed(f"the list is one of {listed[:100]}, not of the credential's issuer")
        failure: StatusListError | None = None
        for key in self._trust.public_keys(issuer):
            try:
                return read_secured_list(
                    body,
                    keys=(IssuerKey(issuer=listed, verification_method=key_name, public_key=key),),
                    now_ms=self._now_ms,
                    max_bits_bytes=MAX_BITS_BYTES,
                    min_entries=self._trust.min_list_entries,
                )
            except VerificationFailed as exc:
                failure = failure or exc
        raise failure or _no_key(issuer)

    def _verified_token(self, body: bytes, issuer: str) -> TokenList:
        names = self._trust.names_of(issuer)
        failure: StatusListError | None = None
        for key in self._trust.public_keys(issuer):
            try:
                found = _read_token_list(body, key)
            except VerificationFailed as exc:
                failure = failure or exc
                continue
            if found.issuer is not None and found.issuer not in names:
                raise VerificationFailed(
                    f"the list is one of {found.issuer[:100]}, not of the credential's issuer"
                )
            return found
        raise failure or _no_key(issuer)


def _read_token_list(body: bytes, key: PublicKey) -> TokenList:
    if body[:1] == b"e":  # base64url of {"
        text = body.decode("ascii", "replace").strip()
        return verify_token_list_jwt(text, public_key=key, max_bits_bytes=MAX_BITS_BYTES)
    return verify_token_list_cwt(body, public_key=key, max_bits_bytes=MAX_BITS_BYTES)


def _claimed(body: bytes) -> tuple[str, str]:
    """Return the issuer and the key that a list names, unverified: only to find the key that then verifies it."""
    if body.lstrip()[:1] == b"{":
        document = parse_json_object(body)
        proof = with_single_proof(document).get("proof")
        name = proof.get("verificationMethod") if isinstance(proof, dict) else None
        return issuer_of(document), name if isinstance(name, str) else ""
    token = split_token(body.decode("ascii", "replace").strip(), max_chars=_MAX_TOKEN_CHARS)
    return issuer_of(parse_json_object(token.payload)), token.key_id or ""


def _no_key(issuer: str) -> VerificationFailed:
    return VerificationFailed(
        f"your trust set has no key of {issuer[:100]} to check the list's signature with: add it to its [[issuer]]"
    )


def _authority(url: str) -> str:
    try:
        return parse_target(url).authority
    except RetrievalFailed:
        return ""


def _not_allowed(url: str) -> Finding:
    return unknown(
        STEP,
        "status_foreign",
        f"its status list {url} is none that this publisher has anchored: to fetch it, which tells its host so, "
        f"allow the host in your trust file or with --fetch-foreign {_authority(url).removesuffix(':443') or 'HOST'}",
    )


def _failed(url: str, error: StatusListError) -> Finding:
    return unknown(STEP, error.code, f"its status list {url} ({error.code}): {error}")
