"""What a verifier decides for itself, before any proof: which chain, contract, publisher and issuers count.

Nothing here is ever taken from a credential or a proof: whoever could name the contract could anchor
anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anchor.errors import InvalidInput
from status_lists import KeyUnusable, key_from_did_key

DEFAULT_MAX_STATUS_AGE_S = 48 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchorage:
    """Where roots count: one publisher in one contract on one chain, and the RPC endpoint to read it by.

    `code_hash` (keccak256) is compared where it is given. `confirmations` stands for finality on a chain that
    has no `finalized` tag, and nowhere else. The RPC URL may be added later (empty until then), and is left
    out of `repr`, since it may hold a secret.
    """

    chain_id: int
    genesis_hash: bytes
    contract: str
    publisher: str
    rpc: str = field(default="", repr=False)
    from_block: int = 0
    code_hash: bytes | None = None
    confirmations: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An issuer that the verifier knows: its identifier, its other names, and keys that sign its lists."""

    id: str
    aliases: tuple[str, ...] = ()
    name: str | None = None
    keys: tuple[bytes, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every identifier that stands for this issuer."""
        return (self.id, *self.aliases)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLocation:
    """Where published files may be fetched: a service, or a mirror of its files (a URL or a folder)."""

    address: str
    is_mirror: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSet:
    """All that a verifier relies on.

    Anchorages stand in order of age: issuance may be proved in any of them, status only in the last. With
    `accepts_any_issuer` every issuer that the publisher names is accepted, and `issuers` merely adds names
    and keys. Raises InvalidInput where no anchorage or no issuer is left, or one name stands for two issuers.
    """

    anchorages: tuple[Anchorage, ...]
    issuers: tuple[TrustedIssuer, ...] = ()
    accepts_any_issuer: bool = False
    files: FileLocation | None = None
    max_status_age_s: int = DEFAULT_MAX_STATUS_AGE_S

    def __post_init__(self) -> None:
        if not self.anchorages:
            raise InvalidInput(
                "a trust set needs at least one [[anchorage]]: a chain, contract and publisher"
            )
        if not self.issuers and not self.accepts_any_issuer:
            raise InvalidInput(
                "a trust set accepts nobody without an [[issuer]]: add one, or write accept_any_issuer = true"
            )
        names = [name for issuer in self.issuers for name in issuer.names]
        for name in names:
            if names.count(name) > 1:
                raise InvalidInput(f"the issuer {name[:100]!r} stands in the trust set twice: keep one")

    @property
    def current(self) -> Anchorage:
        """The last anchorage: the only one in which status is read."""
        return self.anchorages[-1]

    def issuer(self, name: str) -> TrustedIssuer | None:
        """Return the issuer that a name stands for; None where the trust set does not list it."""
        return next((issuer for issuer in self.issuers if name in issuer.names), None)

    def accepts(self, name: str) -> bool:
        """Whether credentials of this issuer count."""
        return self.accepts_any_issuer or self.issuer(name) is not None

    def are_same(self, one: str, other: str) -> bool:
        """Whether two identifiers name one issuer: equal, or aliases by the verifier's own word."""
        listed = self.issuer(one)
        return one == other or (listed is not None and other in listed.names)

    def list_keys(self, name: str) -> tuple[bytes, ...]:
        """Return the Ed25519 public keys that may sign the lists of an issuer.

        These are the keys that the trust set gives it, and the key that its `did:key` identifier is: no DID
        document is ever fetched, since fetching it would ask the issuer.
        """
        listed = self.issuer(name)
        names = listed.names if listed else (name,)
        given = listed.keys if listed else ()
        return (*given, *(key for key in map(_own_key, names) if key is not None))

    def label(self, name: str) -> str:
        """Return how to call an issuer before people."""
        listed = self.issuer(name)
        return f"{listed.name} ({name})" if listed and listed.name else name


def _own_key(name: str) -> bytes | None:
    try:
        return key_from_did_key(name)
    except KeyUnusable:
        return None
