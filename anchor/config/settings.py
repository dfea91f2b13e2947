"""Every setting and every limit of the service: its name, its default, its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from anchor.chain.presets import DEVELOPMENT_CHAIN_ID, preset

MINIMUM_LIST_LENGTH = 131_072
"""Bitstring Status List v1.0, section 6.1: fewer entries make it easy to tell whose status was asked."""


class Secret:
    """A text that no repr, log or traceback shows; `reveal()` is the one way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the service listens and what its public URL is."""

    host: str = "127.0.0.1"
    port: int = 8080
    base_url: str = "http://127.0.0.1:8080"
    # Addresses and networks of reverse proxies: their X-Forwarded-For is believed, and they may hold many connections.
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """Which chain, which contract, and how it is asked."""

    # Several, separated by white space, stand in for each other; the first is asked first.
    rpc_url: Secret
    contract: str
    preset: str = ""
    chain_id: int = 0
    genesis_hash: str = ""
    from_block: int = 0
    # 0: finality is the chain's own `finalized` tag.
    confirmations: int = 0
    # 0: a quarter of the preset's block time, one second where there is no preset.
    poll_s: float = 0.0
    request_timeout_s: float = 10.0
    # So many RPC endpoints must tell the same before it counts: with 2 of 3, one that lies makes nothing final.
    quorum: int = 1

    def reveal_rpc_urls(self) -> tuple[str, ...]:
        """Return the RPC endpoints' URLs, in order of preference; each may hold a key."""
        return tuple(self.rpc_url.reveal().split())


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherSettings:
    """
    The account that sends anchors, and who signs for it.

    A keystore with its password file; or a key from the environment; or a remote signer that speaks web3signer's or
    clef's JSON-RPC, with the account's address.
    """

    keystore: str = ""
    password_file: str = ""
    private_key: Secret = field(default_factory=lambda: Secret(""))
    remote_signer_url: Secret = field(default_factory=lambda: Secret(""))
    address: str = ""
    # What one anchor may cost at most, in gwei per unit of gas.
    max_fee_gwei: float = 200.0
    # A transaction that is not mined after this long is replaced by a dearer one.
    replace_after_s: float = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchingSettings:
    """When a batch is closed: by size, by age, by waiting status changes, and at least every `heartbeat_s`."""

    max_entries: int = 1_000_000
    max_age_s: float = 60.0
    # Verifiers refuse to rely on a change for longer than half an hour without its anchor.
    status_wait_s: float = 60.0
    # Verifiers call status older than 48 hours stale: half of that leaves a day to mend a fault.
    heartbeat_s: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoringSettings:
    """What anchors may cost, and how long they may wait to cost less."""

    # A brake for a day of wild fees, not a way to save: what is used up holds revocations back too. 0: no limit.
    daily_budget_ether: float = 0.0
    # At a base fee above this a due batch waits, and takes in what comes meanwhile. 0: every block is cheap enough.
    cheap_base_fee_gwei: float = 0.0
    # … for an hour, in which fees of a busy hour often fall; one with status changes for 25 minutes at most.
    cheap_wait_s: float = 3600.0
    # Readiness warns when the balance lasts for less at the present rate: time for somebody to approve a transfer.
    warn_days: float = 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSettings:
    """What the answer to a submission promises."""

    # A block holds the anchor by then, or the receipt is evidence against the service. As long as logs of Certificate
    # Transparency take: a day to mend a fault, though a batch is usually mined within two minutes.
    promise_s: int = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSettings:
    """The shape and the life of status lists."""

    length: int = MINIMUM_LIST_LENGTH
    ttl_s: int = 300
    validity_s: int = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    """What `/credentials/verify` and `/presentations/verify` may fetch: nothing, where no host is named."""

    # Hosts whose status lists are fetched, as host or host:port: whoever asks them tells them that somebody verifies.
    list_hosts: tuple[str, ...] = ()
    # Hosts from which related resources are fetched, to compare them with their digests.
    resource_hosts: tuple[str, ...] = ()
    # Of both, those that may be asked over http and at private addresses; all others: https, public ones.
    local_hosts: tuple[str, ...] = ()
    # Bitstring Status List v1.0, section 6.1; some deployed lists have 100,000.
    min_list_entries: int = MINIMUM_LIST_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What a request, and the backlog, may hold at most."""

    # 2,097,152 digests in one packed request.
    packed_body_bytes: int = 64 * 1024 * 1024
    # 10,000 items of a hundred bytes with room to spare.
    json_body_bytes: int = 4 * 1024 * 1024
    items_per_request: int = 10_000
    # Rows of a CSV or NDJSON body: a whole state's licences in one call.
    changes_per_request: int = 500_000
    # A packed body of full size at ten megabits a second.
    body_timeout_s: float = 60.0
    # Four packed bodies of full size; beyond it 503.
    bodies_in_memory_bytes: int = 256 * 1024 * 1024
    # Leaves room below the 1,024 open files that most systems allow a process.
    connections: int = 800
    # A university's NAT or a browser's six, many times over; an eighth of all. Trusted proxies are not held to it.
    connections_per_address: int = 100
    # A head fits into one packet or a few; the first bytes of a body must come as soon.
    head_timeout_s: float = 10.0
    # More than the minute for which proxies keep theirs, so that no proxy sends into a closed one.
    idle_timeout_s: float = 75.0
    # A client that reads nothing for so long, or less than the rate below, is gone or means harm.
    write_timeout_s: float = 30.0
    # Bodies and answers alike: far below what the slowest lines in use manage.
    min_bytes_per_s: int = 1024
    # Far over what an issuer needs, who may send ten thousand items in each request.
    key_requests_per_s: float = 500.0
    key_burst: int = 5000
    # Keys have 256 bits and cannot be guessed: this only keeps the database from being asked in vain.
    failed_keys_per_minute: int = 600
    # Digests accepted and not mined: beyond it the chain has been away for long, and 503 is honest.
    backlog_entries: int = 10_000_000
    # Servers, as host:port, that webhooks may call over http and at private addresses; all others: https, public ones.
    webhook_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where a service's own files are: all that a copy of them needs to know."""

    data_dir: Path
    folder: Path
    publisher: PublisherSettings

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "anchor.db"

    def path(self, text: str) -> Path:
        """Return a path of the file, relative to the file's folder."""
        return self.folder / Path(text).expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a service."""

    data_dir: Path
    server: ServerSettings
    chain: ChainSettings
    publisher: PublisherSettings
    batching: BatchingSettings
    lists: ListSettings
    limits: LimitSettings
    folder: Path
    verify: VerifySettings = field(default_factory=VerifySettings)
    anchoring: AnchoringSettings = field(default_factory=AnchoringSettings)
    receipts: ReceiptSettings = field(default_factory=ReceiptSettings)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.storage.database

    @property
    def storage(self) -> StorageSettings:
        """Where the service's own files are."""
        return StorageSettings(data_dir=self.data_dir, folder=self.folder, publisher=self.publisher)

    @property
    def poll_s(self) -> float:
        """How often the chain is looked at, in seconds."""
        if self.chain.poll_s:
            return self.chain.poll_s
        known = preset(self.chain.preset)
        return known.block_time_s / 4 if known else 1.0

    @property
    def chain_id(self) -> int:
        """The EIP-155 id, from the preset or as given."""
        known = preset(self.chain.preset)
        if known:
            return known.chain_id
        return DEVELOPMENT_CHAIN_ID if self.chain.preset == "anvil" else self.chain.chain_id

    @property
    def genesis_hash(self) -> bytes | None:
        """The hash of block 0 that the chain must have; None where the first start decides it."""
        known = preset(self.chain.preset)
        if known:
            return known.genesis_hash
        return bytes.fromhex(self.chain.genesis_hash.removeprefix("0x")) if self.chain.genesis_hash else None

    def path(self, text: str) -> Path:
        """Return a path of the file, relative to the file's folder."""
        return self.storage.path(text)
