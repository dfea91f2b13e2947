"""The keys of issuers that are a did:web: replaced without loss of what the old ones signed, and named to all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from anchor.clock import Clock
from anchor.errors import Conflict, NotFound, Overloaded
from anchor.service.issuers import Issuers
from anchor.service.keys import KeyVault
from anchor.service.lists import ListPublisher
from anchor.store.protocol import IssuerStore
from anchor.store.records import Issuer, IssuerKeys, ListSigner, RetiredKey, SignerKind, TokenKey
from status_lists.did_web import did_document, hosted_did, is_hosted_did
from status_lists.errors import StatusListError
from status_lists.json_text import write_json_object
from status_lists.public_keys import IssuerKey, PublicKey
from status_lists.signing_keys import Algorithm

log = structlog.get_logger()

_WHY_NOT = {
    SignerKind.MANAGED: "its did:key is the key itself, and a list's issuer never changes",
    SignerKind.SERVICE: "the did:key that stands in for it is named by its lists, and a list's issuer never changes",
}
RETIRED_WARNING = (
    "keep {method} in the issuer's DID document beside the new key: older versions verify with it"
)
UNSIGNED_WARNING = "the lists are not signed again yet, which happens by itself: {reason}"


@dataclass(frozen=True, slots=True)
class RotatedListKey:
    """
    An issuer with its new list key or token key, the verification method of the one before, and what is left to do.

    There is none before the first token key.
    """

    issuer: Issuer
    retired_method: str | None
    warnings: tuple[str, ...]


class ListKeys:
    """Rotates list keys and token keys, and writes the DID documents that are hosted here."""

    def __init__(
        self,
        *,
        store: IssuerStore,
        vault: KeyVault,
        issuers: Issuers,
        lists: ListPublisher,
        clock: Clock,
        base_url: str,
    ) -> None:
        self._store = store
        self._vault = vault
        self._issuers = issuers
        self._lists = lists
        self._clock = clock
        self._base_url = base_url

    async def rotate(self, number: int) -> RotatedListKey:
        """
        Let a fresh key sign an issuer's lists.

        Guarantees on return that the new key and the public half of the old one are durable, and that every list of
        the issuer is published under the new key, unless a warning says that it waits. Each call makes another key.
        Raises NotFound for an unknown number, Conflict for an issuer whose key is its identifier.
        """
        before = await self._did_web_signer(number, "list key")
        signer = self._vault.signer(SignerKind.DID_WEB, identifier=before.did, seed=None)
        keys = await self._store.rotate_list_key(number, signer, now_ms=self._clock.now_ms())
        retired = keys.retired[-1].verification_method
        log.info("list_key.rotated", issuer=number, method=signer.verification_method, retired=retired)
        return await self._rotated(keys.issuer, retired)

    async def rotate_token_key(self, number: int) -> RotatedListKey:
        """
        Let a fresh P-256 key sign the token forms of an issuer's lists (ES256), where there was one or none before.

        Guarantees and raises as `rotate` does.
        """
        before = await self._did_web_signer(number, "token key")
        key = self._vault.token_key(before.did, secret=None)
        keys = await self._store.rotate_token_key(number, key, now_ms=self._clock.now_ms())
        retired = keys.retired_token_keys[-1].verification_method if keys.retired_token_keys else None
        log.info("token_key.rotated", issuer=number, method=key.verification_method, retired=retired)
        return await self._rotated(keys.issuer, retired)

    async def _did_web_signer(self, number: int, what: str) -> ListSigner:
        signer = (await self._store.issuer(number)).signer
        if signer.kind is not SignerKind.DID_WEB:
            raise Conflict(
                f"the {what} of issuer {number} cannot be rotated: {_WHY_NOT[signer.kind]}; "
                "add the issuer anew under a did:web"
            )
        return signer

    async def _rotated(self, issuer: Issuer, retired: str | None) -> RotatedListKey:
        warnings = self._issuers.warnings(issuer)
        if retired is not None and not is_hosted_did(issuer.identifier, self._base_url):
            warnings = (*warnings, RETIRED_WARNING.format(method=retired))
        return RotatedListKey(issuer, retired, (*warnings, *await self._publish()))

    async def hosted_document(self, slug: str) -> bytes:
        """Return the DID document of an issuer that has it hosted here; NotFound where there is none of this name."""
        try:
            did = hosted_did(self._base_url, slug)
        except StatusListError as exc:
            raise NotFound("there is no such DID document") from exc
        keys = await self._store.issuer_keys(did)
        if keys is None or keys.issuer.signer.kind is not SignerKind.DID_WEB:
            raise NotFound("there is no such DID document")
        return write_json_object(did_document(did, _named(keys)))

    async def _publish(self) -> tuple[str, ...]:
        try:
            await self._lists.publish_due()
        except Overloaded as exc:
            # The rotation is durable, and repeating it would make yet another key.
            return (UNSIGNED_WARNING.format(reason=exc),)
        return ()


def _named(keys: IssuerKeys) -> list[IssuerKey]:
    """Return the present keys, and then those before them: the list keys, the newest first, and so the token keys."""
    signer = keys.issuer.signer
    present_token_keys = [] if signer.token_key is None else [signer.token_key]
    return [
        *_of(signer.did, "EdDSA", [signer, *reversed(keys.retired)]),
        *_of(signer.did, "ES256", [*present_token_keys, *reversed(keys.retired_token_keys)]),
    ]


def _of(
    did: str, algorithm: Algorithm, keys: Sequence[ListSigner | TokenKey | RetiredKey]
) -> list[IssuerKey]:
    return [
        IssuerKey(
            issuer=did,
            verification_method=key.verification_method,
            public_key=PublicKey(algorithm=algorithm, key_bytes=key.public_key),
        )
        for key in keys
    ]
