"""What must hold before the service starts: the chain, the contract and the database belong together."""

from __future__ import annotations

import structlog

from anchor.chain.protocol import Block, Chain, ChainIdentity, Signer
from anchor.chain.registry import code_hash
from anchor.chain.succession import line_of
from anchor.config import Settings
from anchor.errors import ChainUnavailable, ConfigError, FatalError
from anchor.service.kept_anchors import (
    is_news,
    is_strange,
    known_sequence,
    require_final_anchor,
    unknown_anchors,
)
from anchor.service.turn import line_that_ends_with
from anchor.store.protocol import Store
from anchor.store.records import Anchorage, NewAnchorage

log = structlog.get_logger()


async def check_chain(
    *, store: Store, chain: Chain, signer: Signer, settings: Settings, accepts_strangers: bool = False
) -> Block:
    """
    Compare the chain with the settings and with what the database is tied to, and note the line of succession.

    Returns the newest block, as of which all of it holds. Raises ConfigError where chain id, genesis hash, contract
    code or base URL is not the one the database works with, or the signer's account is not the publisher that the chain
    shows now: the one the database began with, or the last that succeeded it. Raises FatalError where the chain has
    anchors of this publisher that the database does not know, or a pool has such transactions, unless
    `accepts_strangers`; and where the chain no longer holds an anchor that was final. What a service saw a stranger
    anchor while it ran is known to its database.
    """
    identity = await chain.identity()
    if identity.chain_id != settings.chain_id:
        raise ConfigError(
            f"the endpoint speaks for chain {identity.chain_id}, the settings say {settings.chain_id}: correct one"
        )
    expected = settings.genesis_hash
    if expected is not None and identity.genesis_hash != expected:
        raise ConfigError(
            f"the endpoint's chain has genesis 0x{identity.genesis_hash.hex()}, not the expected one"
        )
    latest = await chain.block("latest")
    if latest is None:
        raise ChainUnavailable("the endpoint has no latest block")
    await _require_contract(chain, settings.chain.contract, latest)
    *_, last = await line_of(chain, signer.address, latest.hash)
    if last != signer.address:
        raise ConfigError(
            f"the publisher {signer.address} was succeeded by {last}: use that account's key{_origin(settings)}"
        )
    anchorage = await _tied(store, identity, signer, settings)
    try:
        line = await line_that_ends_with(signer.address, chain=chain, anchorage=anchorage, latest=latest)
    except ConfigError as exc:
        raise ConfigError(f"{exc}{_origin(settings)}") from exc
    await _note_line(store, anchorage, line, settings)
    await require_final_anchor(store, chain, line, latest)
    await _check_sequences(store, chain, signer, latest.hash, accepts_strangers=accepts_strangers)
    if not accepts_strangers:
        await _check_pool(store, chain, signer.address, latest.hash)
    return latest


async def _require_contract(chain: Chain, contract: str, latest: Block) -> None:
    found = await chain.code_hash(contract, latest.hash)
    if found is None:
        raise ConfigError(
            f"there is no contract at {contract}: deploy it with `anchor deploy` or correct the address"
        )
    if found != code_hash():
        raise ConfigError(
            f"the contract at {contract} is not this package's AnchorRegistry: correct the address"
        )


def _origin(settings: Settings) -> str:
    """Return where the key came from, if from the environment: the settings may name the right one, and lose."""
    publisher = settings.publisher
    if not publisher.private_key or publisher.remote_signer_url:
        return ""
    wins = ", which wins over publisher.keystore in the settings: unset it" if publisher.keystore else ""
    return f" (the key is that of ANCHOR_PUBLISHER_PRIVATE_KEY in the environment{wins})"


async def _tied(store: Store, identity: ChainIdentity, signer: Signer, settings: Settings) -> Anchorage:
    """Return the database's last anchorage, which the first start ties it to; ConfigError where it is another."""
    base_url = settings.server.base_url
    pinned = await store.pin("base_url", base_url)
    if pinned != base_url:
        raise ConfigError(
            f"the database was made with base_url {pinned}, not {base_url}; a database keeps its base URL: it stands "
            "in issued credentials"
        )
    anchorage = await store.begin_anchorage(
        NewAnchorage(
            chain_id=identity.chain_id,
            genesis_hash=identity.genesis_hash,
            contract=settings.chain.contract,
            publisher=signer.address,
            from_block=settings.chain.from_block,
        )
    )
    _compare(anchorage, identity, settings.chain.contract)
    return anchorage


def _compare(anchorage: Anchorage, identity: ChainIdentity, contract: str) -> None:
    move = "a database goes to another only by `anchor move`"
    swapped = f"the chain was wiped or swapped, or else {move}"
    facts = (
        ("chain_id", anchorage.chain_id, identity.chain_id, move),
        ("genesis_hash", anchorage.genesis_hash.hex(), identity.genesis_hash.hex(), swapped),
        ("contract", anchorage.contract.lower(), contract.lower(), move),
    )
    for name, known, found, words in facts:
        if known != found:
            raise ConfigError(f"the database was made with {name} {known}, not {found}: {words}")


async def _note_line(store: Store, anchorage: Anchorage, line: tuple[str, ...], settings: Settings) -> None:
    chain = settings.chain
    await store.note_line(line, contract=chain.contract, from_block=chain.from_block)
    if line != anchorage.publishers:
        log.info("publisher.line", publishers=list(line))


async def _check_sequences(
    store: Store, chain: Chain, signer: Signer, latest_hash: bytes, *, accepts_strangers: bool
) -> None:
    head = await chain.head(signer.address, latest_hash)
    known = await known_sequence(store)
    if head is None or not await is_strange(store, head) or not await is_news(store, head):
        return
    if accepts_strangers:
        await store.note_strangers(head.record.sequence)
        return
    raise FatalError(unknown_anchors(signer.address, head, known=known))


async def _check_pool(store: Store, chain: Chain, account: str, latest_hash: bytes) -> None:
    """
    Raise FatalError where a pool holds a transaction of the account that the database does not know.

    It may be an anchor of ours that an old backup does not know: once it is mined, nobody could tell it from a
    stranger's any more, and its digests would be anchored again. Not every endpoint tells of its pool.
    """
    try:
        next_nonce = await chain.nonce(account, "pending")
    except ChainUnavailable as exc:
        log.warning("chain.pool_unreadable", reason=str(exc))
        return
    for nonce in range(await chain.nonce(account, latest_hash), next_nonce):
        if not await store.payloads_of_nonce(account, nonce):
            raise FatalError(
                f"a transaction of {account} with nonce {nonce} waits in the pool, and this database does not know "
                "it: an old backup was put back, or the key is used elsewhere, which cannot be told apart; put the "
                "newest database back, or start again once it is mined or, only where you are sure that it is no "
                "anchor of this service, with --accept-foreign-anchors"
            )
