"""
Settings: a TOML file, overridden by the environment, read once and frozen.

Every key `name` of a table `[section]` can be given as `ANCHOR_SECTION_NAME`. Relative paths are relative to the file.
Every limit of the service has its name and its reason here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from anchor.chain.presets import DEVELOPMENT_CHAIN_ID, preset
from anchor.documents import read_address
from anchor.errors import ConfigError, InvalidInput
from anchor.server.addresses import TrustedProxies
from status_lists.errors import StatusListError
from status_lists.targets import parse_authority

ENVIRONMENT_PREFIX = "ANCHOR_"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
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
class ListSettings:
    """The shape and the life of status lists."""

    length: int = MINIMUM_LIST_LENGTH
    ttl_s: int = 300
    validity_s: int = 7 * 86_400


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

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "anchor.db"

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
        return self.folder / Path(text).expanduser()


S = TypeVar("S")

_KINDS = {
    "str": "text",
    "Secret": "text",
    "int": "whole number",
    "float": "number",
    "tuple[str, ...]": "list of texts",
}

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/\[\]@%!$&'()*+,;=-]+")
"""RFC 3986 without query and fragment: lists and credentials carry the URL as it is written."""
_GENESIS_HASH = re.compile("(0x)?[0-9a-f]{64}")

_DAY_S = 86_400.0
_MAX_COUNT = 2.0**53
_BOUNDS = {
    "server.port": (0, 65_535),
    "chain.from_block": (0, _MAX_COUNT),
    "chain.confirmations": (0, 1_000_000),
    "chain.poll_s": (0, 3600),
    "chain.request_timeout_s": (0.1, 600),
    "chain.quorum": (1, 100),
    "publisher.max_fee_gwei": (1e-9, 1e6),
    "publisher.replace_after_s": (1, _DAY_S),
    "batching.max_entries": (1, _MAX_COUNT),
    "batching.max_age_s": (0.01, _DAY_S),
    # Longer, and verifiers would call changes overdue, or a silent service stale (docs/protocol.md, Verification).
    "batching.status_wait_s": (0, 1800),
    "batching.heartbeat_s": (1, _DAY_S),
    "lists.ttl_s": (1, _MAX_COUNT),
    "limits.packed_body_bytes": (32, _MAX_COUNT),
    "limits.json_body_bytes": (1, _MAX_COUNT),
    "limits.items_per_request": (1, _MAX_COUNT),
    "limits.changes_per_request": (1, _MAX_COUNT),
    "limits.body_timeout_s": (1e-3, 3600),
    "limits.bodies_in_memory_bytes": (1, _MAX_COUNT),
    "limits.connections": (16, 1_000_000),
    "limits.connections_per_address": (1, 1_000_000),
    "limits.head_timeout_s": (1e-3, 3600),
    "limits.idle_timeout_s": (1e-3, 3600),
    "limits.write_timeout_s": (1e-3, 3600),
    "limits.min_bytes_per_s": (1, 1_000_000_000),
    "limits.key_requests_per_s": (0.001, 1_000_000),
    "limits.key_burst": (1, 1_000_000),
    "limits.failed_keys_per_minute": (1, 1_000_000),
    "limits.backlog_entries": (1, _MAX_COUNT),
}
"""The lowest and the highest value of each number."""


def load_settings(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read and check the settings; ConfigError names the file, the key and what to write there."""
    document = _read_toml(path)
    folder = path.absolute().parent
    data_dir = environment.get(f"{ENVIRONMENT_PREFIX}DATA_DIR") or document.pop("data_dir", "data")
    document.pop("data_dir", None)
    if not isinstance(data_dir, str):
        raise ConfigError(f"{path.name}: data_dir must be a text")

    def section(name: str, kind: type[S]) -> S:
        return _read_section(path, name, kind, document.pop(name, {}), environment)

    settings = Settings(
        data_dir=folder / data_dir,
        server=section("server", ServerSettings),
        chain=section("chain", ChainSettings),
        publisher=section("publisher", PublisherSettings),
        batching=section("batching", BatchingSettings),
        lists=section("lists", ListSettings),
        limits=section("limits", LimitSettings),
        folder=folder,
    )
    if document:
        raise ConfigError(f"{path.name}: unknown key {next(iter(document))!r}")
    _check(path, settings)
    return settings


def require_base_url(text: str) -> str:
    """Return a base URL without its final slash: https, or http on loopback, without query or credentials."""
    if not _is_base_url(text.rstrip("/")):
        raise ConfigError(f"{text!r} is no usable base URL: it must be https, or http on loopback")
    return text.rstrip("/")


def _is_base_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        loopback = url.scheme == "http" and url.hostname in LOOPBACK_HOSTS
        # Asking for the port checks it.
        return bool(
            _URL_CHARACTERS.fullmatch(text)
            and (url.scheme == "https" or loopback)
            and url.hostname
            and url.port != 0
            and "@" not in url.netloc
        )
    except ValueError:
        return False


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as exc:
        raise ConfigError(f"there is no {path}: write one with `anchor init`") from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"cannot read {path}: {exc}") from exc


def _read_section(
    path: Path, section: str, kind: type[S], table: object, environment: Mapping[str, str]
) -> S:
    if not isinstance(table, dict):
        raise ConfigError(f"{path.name}: {section} must be a table")
    values: dict[str, object] = {}
    for item in fields(kind):  # type: ignore[arg-type]  # every section is a dataclass
        name = f"{ENVIRONMENT_PREFIX}{section}_{item.name}".upper()
        given = environment.get(name) or table.pop(item.name, None)
        table.pop(item.name, None)
        if given is not None:
            values[item.name] = _cast(f"{section}.{item.name}", str(item.type), given)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ConfigError(f"{path.name}: {section}.{item.name} is missing (or set {name})")
    if table:
        raise ConfigError(f"{path.name}: unknown key {section}.{next(iter(table))}")
    return kind(**values)


def _cast(name: str, kind: str, given: object) -> object:
    try:
        match kind:
            case "str" if isinstance(given, str):
                return given
            case "Secret" if isinstance(given, str):
                return Secret(given)
            case "int" if isinstance(given, int | str) and not isinstance(given, bool):
                return int(given)
            case "float" if isinstance(given, int | float | str) and not isinstance(given, bool):
                return float(given)
            case "tuple[str, ...]":
                return _texts(given)
    except ValueError as exc:
        raise ConfigError(f"{name} must be a {_KINDS[kind]}") from exc
    raise ConfigError(f"{name} must be a {_KINDS[kind]}")


def _texts(given: object) -> tuple[str, ...]:
    """Return an array of texts, which the environment gives separated by commas; ValueError for anything else."""
    items = [item.strip() for item in given.split(",")] if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        raise ValueError
    return tuple(items)


def _check(path: Path, settings: Settings) -> None:
    require_base_url(settings.server.base_url)
    if settings.server.base_url.endswith("/"):
        raise ConfigError(f"{path.name}: server.base_url must not end in a slash")
    _check_chain(path, settings)
    _check_publisher(path, settings.publisher)
    if settings.lists.length < MINIMUM_LIST_LENGTH or settings.lists.length % 512:
        raise ConfigError(
            f"{path.name}: lists.length must be at least {MINIMUM_LIST_LENGTH} and a multiple of 512"
        )
    if settings.lists.ttl_s > settings.lists.validity_s // 2:
        raise ConfigError(f"{path.name}: lists.ttl_s must be at most half of lists.validity_s")
    if settings.limits.bodies_in_memory_bytes < settings.limits.packed_body_bytes:
        raise ConfigError(
            f"{path.name}: limits.bodies_in_memory_bytes must be at least limits.packed_body_bytes: a packed body "
            "could never be taken"
        )
    try:
        _ = [parse_authority(host) for host in settings.limits.webhook_hosts]
    except StatusListError as exc:
        raise ConfigError(f"{path.name}: limits.webhook_hosts: {exc}") from exc
    TrustedProxies(settings.server.trusted_proxies)
    _check_bounds(path, settings)


def _check_chain(path: Path, settings: Settings) -> None:
    if settings.chain.preset and settings.chain.preset != "anvil" and preset(settings.chain.preset) is None:
        raise ConfigError(
            f"{path.name}: chain.preset {settings.chain.preset!r} is not known: give chain_id instead"
        )
    if settings.chain_id <= 0:
        raise ConfigError(f"{path.name}: chain.preset or chain.chain_id is missing")
    try:
        read_address(settings.chain.contract)
    except InvalidInput as exc:
        raise ConfigError(f"{path.name}: chain.contract: {exc} (see `anchor deploy`)") from exc
    endpoints = len(settings.chain.reveal_rpc_urls())
    if not endpoints:
        raise ConfigError(f"{path.name}: chain.rpc_url is empty: name an RPC endpoint")
    if endpoints < settings.chain.quorum:
        raise ConfigError(
            f"{path.name}: chain.quorum of {settings.chain.quorum} needs as many URLs in chain.rpc_url, not {endpoints}"
        )
    if settings.chain.genesis_hash and not _GENESIS_HASH.fullmatch(settings.chain.genesis_hash):
        raise ConfigError(f"{path.name}: chain.genesis_hash must be 0x and 64 lower-case hex digits")


def _check_publisher(path: Path, publisher: PublisherSettings) -> None:
    if not publisher.remote_signer_url:
        return
    if publisher.keystore or publisher.private_key:
        raise ConfigError(
            f"{path.name}: publisher.remote_signer_url and a key of this machine's are both set: keep one"
        )
    try:
        read_address(publisher.address)
    except InvalidInput as exc:
        raise ConfigError(
            f"{path.name}: publisher.address, for which the remote signer signs: {exc}"
        ) from exc


def _check_bounds(path: Path, settings: Settings) -> None:
    for name, (lowest, highest) in _BOUNDS.items():
        section, key = name.split(".")
        value = getattr(getattr(settings, section), key)
        # Not a number is neither below nor above anything.
        if not lowest <= value <= highest:
            raise ConfigError(f"{path.name}: {name} must be from {lowest:g} to {highest:g}, not {value:g}")
