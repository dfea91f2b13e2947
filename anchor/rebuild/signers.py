"""Who signed an issuer's lists, learnt from the lists themselves, and whether the key is still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from anchor.errors import FatalError
from anchor.rebuild.reading import SignedVersion
from anchor.service.keys import KeyVault
from anchor.store.records import ListSigner, RetiredKey, SignerKind
from status_lists import key_from_did_key, parse_json_object
from status_lists.errors import StatusListError
from status_lists.keys import ListKey
from status_lists.multibase import P256_MULTIKEY_PREFIX, decode_multikey, decode_p256_multikey


@dataclass(slots=True)
class SeenKeys:
    """The keys that signed an issuer's lists, by verification method, with the oldest version of each."""

    issuer: str
    keys: dict[str, bytes] = field(default_factory=dict)
    first_ms: dict[str, int] = field(default_factory=dict)
    newest: SignedVersion | None = None
    # Public halves of the P-256 keys that a hosted DID document names, the present one first.
    token_keys: dict[str, bytes] = field(default_factory=dict)

    def see(self, version: SignedVersion) -> None:
        """Note the key of a version."""
        method = version.verification_method
        self.keys[method] = version.public_key
        self.first_ms[method] = min(version.version, self.first_ms.get(method, version.version))
        if self.newest is None or version.version > self.newest.version:
            self.newest = version

    def see_document(self, content: bytes) -> None:
        """Note the keys of a hosted DID document that signed nothing that is left; anything else says nothing."""
        try:
            methods = parse_json_object(content).get("verificationMethod")
            named = [str(item["id"]) for item in methods] if isinstance(methods, list) else []
            texts = {method: method.rpartition("#")[2] for method in named}
            keys = {
                method: decode_multikey(text)
                for method, text in texts.items()
                if not text.startswith(P256_MULTIKEY_PREFIX)
            }
            token_keys = {
                method: decode_p256_multikey(text)
                for method, text in texts.items()
                if text.startswith(P256_MULTIKEY_PREFIX) and method.startswith(f"{self.issuer}#")
            }
        except (StatusListError, KeyError, TypeError):
            return
        self.token_keys.update(token_keys)
        # The document names the present key first and the one before it next, so times fall by the order alone.
        for age, (method, key) in enumerate(keys.items()):
            if method.startswith(f"{self.issuer}#") and method not in self.keys:
                self.keys[method] = key
                self.first_ms[method] = -age

    @property
    def did(self) -> str | None:
        """The DID that the newest list names as its issuer; None where no list is left."""
        return self.newest.published.issuer if self.newest else None

    def retired(self) -> list[RetiredKey]:
        """Return the keys before the present one, oldest first, each retired when the next one began."""
        if self.newest is None:
            return []
        order = sorted(self.keys, key=lambda method: self.first_ms[method])
        order = [method for method in order if method != self.newest.verification_method]
        ends = [*order, self.newest.verification_method][1:]
        return [
            RetiredKey(method, self.keys[method], max(0, self.first_ms[after]))
            for method, after in zip(order, ends, strict=True)
        ]


class SignerMaker:
    """Makes the signer of a rebuilt issuer: with its own key where that is there, without where it is lost."""

    __slots__ = ("_held", "_seeds", "_vault")

    def __init__(self, vault: KeyVault, *, seeds: Sequence[bytes], held: Sequence[ListSigner] = ()) -> None:
        self._vault = vault
        self._seeds = {ListKey(seed).public_key: seed for seed in seeds}
        self._held: Mapping[bytes, ListSigner] = {signer.public_key: signer for signer in held}

    def unused(self, used: set[bytes]) -> int:
        """Return how many of the seeds given are no issuer's."""
        return len(self._seeds.keys() - used)

    def signer(self, identifier: str, seen: SeenKeys) -> ListSigner:
        """Return the signer of an issuer; `sealed_seed` is empty where the key is lost."""
        newest = seen.newest
        if newest is None:
            return self._without_lists(identifier)
        did = newest.published.issuer
        signer = ListSigner(
            kind=_kind(identifier, did),
            did=did,
            verification_method=newest.verification_method,
            public_key=newest.public_key,
            sealed_seed=b"",
        )
        return self._with_key(signer)

    def opens_token_key(self, signer: ListSigner) -> bool:
        """Whether a signer of a backup has a token key that can be opened, and so can sign on."""
        try:
            key = self._vault.open_token_key(signer)
        except FatalError:
            return False
        return (
            key is not None and signer.token_key is not None and key.public_key == signer.token_key.public_key
        )

    def known(self, signer: ListSigner) -> ListSigner:
        """Return a signer of a backup with its key where that can be opened, without where it cannot."""
        return self._with_key(replace(signer, sealed_seed=b""))

    def _without_lists(self, identifier: str) -> ListSigner:
        """Return the signer of an issuer without lists: a did:key is its key, any other may have a new one."""
        kind = _kind(identifier, identifier) if identifier.startswith("did:") else SignerKind.SERVICE
        if kind is not SignerKind.MANAGED:
            return self._vault.signer(kind, identifier=identifier, seed=None)
        signer = ListSigner(
            kind=kind,
            did=identifier,
            verification_method=f"{identifier}#{identifier.removeprefix('did:key:')}",
            public_key=key_from_did_key(identifier),
            sealed_seed=b"",
        )
        return self._with_key(signer)

    def _with_key(self, signer: ListSigner) -> ListSigner:
        held = self._held.get(signer.public_key)
        if held is not None and held.did == signer.did:
            return replace(signer, sealed_seed=held.sealed_seed)
        seed = self._seeds.get(signer.public_key)
        if seed is None:
            return signer
        identifier = signer.did if signer.kind is SignerKind.DID_WEB else None
        sealed = self._vault.signer(signer.kind, identifier=identifier, seed=seed).sealed_seed
        return replace(signer, sealed_seed=sealed)


def _kind(identifier: str, did: str) -> SignerKind:
    if identifier != did:
        return SignerKind.SERVICE
    if did.startswith("did:key:"):
        return SignerKind.MANAGED
    return SignerKind.DID_WEB if did.startswith("did:web:") else SignerKind.SERVICE
