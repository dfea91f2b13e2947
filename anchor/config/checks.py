"""What settings must be, beyond their types."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from anchor.chain.presets import preset
from anchor.config.settings import MINIMUM_LIST_LENGTH, PublisherSettings, Settings
from anchor.documents import read_address
from anchor.errors import ConfigError, InvalidInput
from anchor.server.addresses import TrustedProxies
from status_lists.errors import StatusListError
from status_lists.targets import parse_authority, parse_host

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/\[\]@%!$&'()*+,;=-]+")
"""RFC 3986 without query and fragment: lists and credentials carry the URL as it is written."""
_GENESIS_HASH = re.compile("(0x)?[0-9a-f]{64}")

_DAY_S = 86_400.0
_MENDING_S = 3600.0
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
    "anchoring.daily_budget_ether": (0, 1e6),
    "anchoring.cheap_base_fee_gwei": (0, 1e6),
    # With the heartbeat, half a day less than the two days after which verifiers call status stale.
    "anchoring.cheap_wait_s": (0, _DAY_S / 2),
    "anchoring.warn_days": (0, 1000),
    "receipts.promise_s": (1, 30 * _DAY_S),
    "lists.ttl_s": (1, _MAX_COUNT),
    # A list whose validity ends beyond the calendar could never be signed, and would hold up every batch.
    "lists.validity_s": (2, 3650 * _DAY_S),
    "verify.min_list_entries": (1, _MAX_COUNT),
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


def is_base_url(text: str) -> bool:
    """Say whether a text can stand in credentials for decades: https, or http on loopback, no query, no credentials."""
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


def check_settings(path: Path, settings: Settings) -> None:
    """Raise ConfigError, naming the file, the key and what to write there, for settings that cannot work."""
    if not is_base_url(settings.server.base_url):
        raise ConfigError(
            f"{path.name}: server.base_url {settings.server.base_url!r} must be https, or http on loopback"
        )
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
    _check_hosts(path, "limits.webhook_hosts", settings.limits.webhook_hosts, parse_authority)
    for name in ("list_hosts", "resource_hosts", "local_hosts"):
        _check_hosts(path, f"verify.{name}", getattr(settings.verify, name), parse_host)
    TrustedProxies(settings.server.trusted_proxies)
    _check_bounds(path, settings)
    _check_promise(path, settings)


def _check_hosts(path: Path, name: str, hosts: tuple[str, ...], parse: Callable[[str], str]) -> None:
    try:
        _ = [parse(host) for host in hosts]
    except StatusListError as exc:
        raise ConfigError(f"{path.name}: {name}: {exc}") from exc


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


def _check_promise(path: Path, settings: Settings) -> None:
    """Refuse a promise that honest operation could not keep: each would be evidence against the service."""
    anchoring = settings.anchoring
    # A transaction that the base fee has overtaken is stuck until it is replaced.
    needed_s = settings.batching.max_age_s + settings.publisher.replace_after_s + _MENDING_S
    if anchoring.cheap_base_fee_gwei:
        needed_s += anchoring.cheap_wait_s
    if anchoring.daily_budget_ether:
        # What a budget holds back goes as soon as the spending before it is a day old.
        needed_s += _DAY_S
    if settings.receipts.promise_s < needed_s:
        raise ConfigError(
            f"{path.name}: receipts.promise_s must be at least {needed_s:g}: batching.max_age_s, "
            "publisher.replace_after_s, anchoring.cheap_wait_s if cheap blocks are waited for, a day if there is a "
            "daily budget, and an hour to mend a fault"
        )


def _check_bounds(path: Path, settings: Settings) -> None:
    for name, (lowest, highest) in _BOUNDS.items():
        section, key = name.split(".")
        value = getattr(getattr(settings, section), key)
        # Not a number is neither below nor above anything.
        if not lowest <= value <= highest:
            # An integer may have more digits than a float can hold, or than anybody wants to read.
            shown = f"{value}"[:20]
            raise ConfigError(f"{path.name}: {name} must be from {lowest:g} to {highest:g}, not {shown}")
