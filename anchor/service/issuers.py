"""Adds issuers, rotates and checks their API keys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from anchor.clock import Clock
from anchor.errors import InvalidInput, Unauthorized
from anchor.service.keys import KeyVault, hash_api_key, new_api_key, same_key
from anchor.store.protocol import IssuerStore
from anchor.store.records import Issuer, ListSigner, NewIssuer, SignerKind
from status_lists.did_web import hosted_did, is_hosted_did
from status_lists.errors import StatusListError
from status_lists.keys import ListKey

_IDENTIFIER = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]+|https://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*)?")
MAX_IDENTIFIER_CHARS = 500

STAND_IN_WARNING = (
    "lists are signed by a did:key of this service, not by the issuer: @digitalcredentials/verifier-core and others "
    "refuse a list whose issuer is not the credential's; use a managed did:key or a did:web where you can"
)

DID_WEB_WARNING = (
    "add {method} as an assertionMethod to the issuer's DID document: until then verifiers refuse its lists"
)

LOOPBACK_DID_WARNING = (
    "base_url is http, and a did:web is looked up over https: nobody else can resolve this one"
)


@dataclass(frozen=True, slots=True)
class NewTokenKey:
    """That an issuer is to have a token key: a fresh one, or the one of a secret of 32 bytes."""

    secret: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewKey:
    """An issuer with its API key, which is shown this once."""

    issuer: Issuer
    api_key: str = field(repr=False)
    warnings: tuple[str, ...] = ()


class Issuers:
    """The operator's view of issuers, and the check of every API key."""

    def __init__(
        self, *, store: IssuerStore, vault: KeyVault, clock: Clock, base_url: str, operator_key_hash: bytes
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._base_url = base_url
        self._operator_key_hash = operator_key_hash

    async def add(
        self,
        *,
        identifier: str | None,
        name: str,
        kind: SignerKind,
        seed: bytes | None,
        hosted: str | None = None,
        token_key: NewTokenKey | None = None,
    ) -> NewKey:
        """
        Add an issuer and return it with its API key.

        A managed issuer is named by the did:key that is made here (or imported by its seed), and one whose did:web
        document this service hosts by the name `hosted` in it, so they bring no identifier; the others must. A did:web
        may have a token key beside its list key.
        """
        if hosted is not None:
            identifier = self._hosted_identifier(hosted, identifier, kind)
        elif identifier is not None and is_hosted_did(identifier, self._base_url):
            raise InvalidInput(f"this service hosts {identifier[:200]!r}: give 'hosted' instead of 'id'")
        _check_identifier(identifier, kind)
        signer = self._with_token_key(self._vault.signer(kind, identifier=identifier, seed=seed), token_key)
        api_key = new_api_key("issuer")
        issuer = await self._store.add_issuer(
            NewIssuer(
                identifier=identifier or signer.did,
                name=name,
                signer=signer,
                api_key_hash=hash_api_key(api_key),
            ),
            now_ms=self._clock.now_ms(),
        )
        return NewKey(issuer, api_key, self.warnings(issuer))

    async def all(self) -> Sequence[Issuer]:
        """Return all issuers."""
        return await self._store.issuers()

    async def rotate_key(self, number: int) -> NewKey:
        """Give an issuer a new API key; the old one is refused from now on. Conflict for a disabled issuer."""
        api_key = new_api_key("issuer")
        return NewKey(await self._store.rotate_key(number, api_key_hash=hash_api_key(api_key)), api_key)

    async def disable(self, number: int) -> Issuer:
        """Refuse an issuer's key from now on; what it anchored stays checkable."""
        return await self._store.disable_issuer(number)

    def warnings(self, issuer: Issuer) -> tuple[str, ...]:
        """Return what the operator must know of the key that signs an issuer's lists."""
        match issuer.signer.kind:
            case SignerKind.SERVICE:
                return (STAND_IN_WARNING,)
            case SignerKind.DID_WEB if is_hosted_did(issuer.identifier, self._base_url):
                return () if self._base_url.startswith("https://") else (LOOPBACK_DID_WARNING,)
            case SignerKind.DID_WEB:
                signer = issuer.signer
                methods = dict.fromkeys((signer.verification_method, signer.token_method))
                return tuple(DID_WEB_WARNING.format(method=method) for method in methods)
            case SignerKind.MANAGED:
                return ()

    def credential_key(self, issuer: Issuer) -> ListKey:
        """
        Return the key that signs an issuer's credentials: the one that its lists are signed with.

        Raises InvalidInput for an issuer whose lists a stand-in signs: its own name would not be proved by that key.
        """
        if issuer.signer.kind is SignerKind.SERVICE:
            raise InvalidInput(
                "this service holds no key of the issuer itself: add it as a managed did:key or as a did:web"
            )
        return self._vault.open(issuer.signer)

    async def authenticate(self, api_key: str) -> Issuer:
        """Return the issuer of a presented key; Unauthorized for any other key, or a disabled issuer's."""
        # The look-up is by hash: how long it takes tells nothing about any stored key.
        issuer = await self._store.issuer_by_key(hash_api_key(api_key))
        if issuer is None and api_key.startswith("cao_"):
            raise Unauthorized("this is the operator's key: use an issuer's")
        if issuer is None or issuer.is_disabled:
            raise Unauthorized("this API key is not, or no longer, valid: ask the operator for a new one")
        return issuer

    def require_operator(self, api_key: str) -> None:
        """Raise Unauthorized unless the key is the operator's; takes the same time either way."""
        if not same_key(api_key, self._operator_key_hash):
            raise Unauthorized(
                "this needs the operator's API key: see operator.key in the service's data folder"
            )

    def _with_token_key(self, signer: ListSigner, wanted: NewTokenKey | None) -> ListSigner:
        if wanted is None:
            return signer
        if signer.kind is not SignerKind.DID_WEB:
            raise InvalidInput(
                "'tokenKey' is for a did:web, which names its keys apart from itself: a did:key is its one key"
            )
        return replace(signer, token_key=self._vault.token_key(signer.did, secret=wanted.secret))

    def _hosted_identifier(self, hosted: str, identifier: str | None, kind: SignerKind) -> str:
        if identifier is not None or kind is not SignerKind.DID_WEB:
            raise InvalidInput(
                "'hosted' makes the issuer's did:web: leave out 'id', with 'did-web' as listSigner"
            )
        try:
            return hosted_did(self._base_url, hosted)
        except StatusListError as exc:
            raise InvalidInput(f"'hosted': {exc}") from exc


def _check_identifier(identifier: str | None, kind: SignerKind) -> None:
    if kind is SignerKind.MANAGED:
        if identifier is not None:
            raise InvalidInput(
                "a managed issuer is named by the did:key made for it: leave out 'id', or choose another listSigner"
            )
        return
    if identifier is None:
        raise InvalidInput("'id' is missing: the issuer's DID or https URL, as its credentials name it")
    if len(identifier) > MAX_IDENTIFIER_CHARS or not _IDENTIFIER.fullmatch(identifier):
        raise InvalidInput(f"{identifier[:80]!r} is no DID and no https URL")
    if kind is SignerKind.DID_WEB and not identifier.startswith("did:web:"):
        raise InvalidInput(f"{identifier[:80]!r} is no did:web: choose another listSigner")
