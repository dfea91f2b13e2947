"""Who signed an issuer's lists, learnt from the lists themselves, and whether the key is still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from anchor.rebuild.reading import SignedVersion
from anchor.service.keys import KeyVault
from anchor.store.records import ListSigner, RetiredKey, SignerKind
from status_lists import key_from_did_key, parse_json_object
from status_lists.errors import StatusListError
from status_lists.keys import ListKey
from status_lists.multibase import P256_MULTIKEY_PREFIX, decode_multikey


@dataclass(slots=True)
class SeenKeys:
    """The keys that signed an issuer's lists, by verification method, with the oldest version of each."""

    issuer: str
    keys: dict[str, bytes] = field(default_factory=dict)
    first_ms: dict[str, int] = field(default_factory=dict)
    newest: SignedVersion | None = None

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
            keys = {
                method: decode_multikey(multikey)
                for method, multikey in ((method, method.rpartition("#")[2]) for method in named)
                # Keys of P-256 sign tokens, which are signed anew.
                if not multikey.startswith(P256_MULTIKEY_PREFIX)
            }
        except (StatusListError, KeyError, TypeError):
            return
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
