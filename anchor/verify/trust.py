"""What a verifier decides for itself, before any proof: which chain, contract, publisher and issuers count.

Nothing here is ever taken from a credential or a proof: whoever could name the contract could anchor
anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anchor.errors import InvalidInput
from status_lists import MIN_ENTRIES, KeyUnusable, RetrievalFailed, key_from_did_key
from status_lists.public_keys import PublicKey, key_of_did_key
from status_lists.targets import parse_target

DEFAULT_MAX_STATUS_AGE_S = 48 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchorage:
    """Where roots count: one publisher in one contract on one chain, and the RPC endpoints to read it by.

    `rpc` holds their URLs, separated by white space; `quorum` of them must tell the same before it counts.
    `code_hash` (keccak256) is compared where it is given. `confirmations` stands for finality on a chain that
    has no `finalized` tag, and nowhere else. The RPC URL may be added later (empty until then), and is left
    out of `repr`, since it may hold a secret. `receipt_keys` are the Ed25519 keys whose promises count.
    """

    chain_id: int
    genesis_hash: bytes
    contract: str
    publisher: str
    rpc: str = field(default="", repr=False)
    quorum: int = 1
    from_block: int = 0
    code_hash: bytes | None = None
    confirmations: int | None = None
    receipt_keys: tuple[bytes, ...] = ()

    @property
    def identity(self) -> tuple[int, bytes, str]:
        """What tells one anchorage from another: chain id, genesis hash, and the contract in lower case."""
        return self.chain_id, self.genesis_hash, self.contract.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An issuer that the verifier knows: its identifier, its other names, and keys that sign its lists.

    `keys` are of Ed25519 (32 bytes), `p256_keys` compressed points of P-256 (33 bytes).
    """

    id: str
    aliases: tuple[str, ...] = ()
    name: str | None = None
    keys: tuple[bytes, ...] = ()
    p256_keys: tuple[bytes, ...] = ()

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
class ForeignHost:
    """A server whose status lists may be fetched though its publisher anchors nothing: `host:port`.

    With `is_local` http and private addresses will do: a server of the verifier's own network.
    """

    authority: str
    is_local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSet:
    """All that a verifier relies on.

    Anchorages stand in order of age: issuance may be proved in any of them, status only in the last. With
    `accepts_any_issuer` every issuer that the publisher names is accepted, and `issuers` merely adds names
    and keys. `foreign_hosts` may be asked for lists that others publish, of at least `min_list_entries`
    entries. Raises InvalidInput where no anchorage or no issuer is left, one name stands for two issuers, or
    the service's own lists would count as somebody else's.
    """

    anchorages: tuple[Anchorage, ...]
    issuers: tuple[TrustedIssuer, ...] = ()
    accepts_any_issuer: bool = False
    files: FileLocation | None = None
    max_status_age_s: int = DEFAULT_MAX_STATUS_AGE_S
    foreign_hosts: tuple[ForeignHost, ...] = ()
    min_list_entries: int = MIN_ENTRIES

    def __post_init__(self) -> None:
        if not self.anchorages:
            raise InvalidInput(
                "a trust set needs at least one [[anchorage]]: a chain, contract and publisher"
            )
        if not self.issuers and not self.accepts_any_issuer:
            raise InvalidInput(
                "a trust set accepts nobody without an [[issuer]]: add one, or write accept_any_issuer = true"
            )
        known: set[str] = set()
        for name in (name for issuer in self.issuers for name in issuer.names):
            if name in known:
                raise InvalidInput(f"the issuer {name[:100]!r} stands in the trust set twice: keep one")
            known.add(name)
        # Its anchored lists would otherwise be believed on their signature alone.
        service = None if self.files is None or self.files.is_mirror else _authority(self.files.address)
        if service is not None and self.allows_host(service):
            raise InvalidInput("the service itself cannot be a host of foreign lists: leave it out")

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

    def names_of(self, name: str) -> tuple[str, ...]:
        """Return every identifier that stands for an issuer by the verifier's own word, the given one first."""
        listed = self.issuer(name)
        return tuple(dict.fromkeys((name, *(listed.names if listed else ()))))

    def allows_host(self, authority: str) -> bool:
        """Whether lists of others may be fetched from this `host:port`."""
        return any(host.authority == authority for host in self.foreign_hosts)

    def public_keys(self, name: str) -> tuple[PublicKey, ...]:
        """Return the keys, of either algorithm, that may sign lists of an issuer; found as in `list_keys`."""
        listed = self.issuer(name)
        given = [PublicKey(algorithm="EdDSA", key_bytes=key) for key in (listed.keys if listed else ())]
        given += [PublicKey(algorithm="ES256", key_bytes=key) for key in (listed.p256_keys if listed else ())]
        own = [key for key in map(_own_public_key, self.names_of(name)) if key is not None]
        return tuple(dict.fromkeys((*given, *own)))

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


def _own_public_key(name: str) -> PublicKey | None:
    try:
        return key_of_did_key(name).public_key
    except KeyUnusable:
        return None


def _authority(address: str) -> str | None:
    try:
        return parse_target(address).authority
    except RetrievalFailed:
        return None


def _own_key(name: str) -> bytes | None:
    try:
        return key_from_did_key(name)
    except KeyUnusable:
        return None
