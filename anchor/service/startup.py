"""What must hold before the service starts: the chain, the contract and the database belong together."""

from __future__ import annotations

from anchor.chain.protocol import Chain, ChainIdentity, Signer
from anchor.chain.registry import code_hash
from anchor.config import Settings
from anchor.errors import ChainUnavailable, ConfigError, FatalError
from anchor.service.kept_anchors import known_sequence, require_final_anchor
from anchor.store.protocol import Store


async def check_chain(
    *, store: Store, chain: Chain, signer: Signer, settings: Settings, accepts_strangers: bool = False
) -> ChainIdentity:
    """
    Return the chain's identity after comparing it with the settings and with what the database is tied to.

    Raises ConfigError where chain id, genesis hash, contract code, publisher or base URL is not the one the database
    has worked with, and FatalError where the chain knows anchors of this publisher that the database does not, unless
    `accepts_strangers`, or no longer holds one that was final. What a service saw a stranger anchor while it ran is
    known to its database.
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
    contract = settings.chain.contract
    found = await chain.code_hash(contract, latest.hash)
    if found is None:
        raise ConfigError(
            f"there is no contract at {contract}: deploy it with `anchor deploy` or correct the address"
        )
    if found != code_hash():
        raise ConfigError(
            f"the contract at {contract} is not this package's AnchorRegistry: correct the address"
        )
    successor = await chain.successor(signer.address, latest.hash)
    if successor is not None:
        raise ConfigError(
            f"the publisher {signer.address} was succeeded by {successor}: use that account's key"
        )
    await _check_pins(store, identity, signer, settings)
    await require_final_anchor(store, chain, signer.address, latest)
    await _check_sequences(store, chain, signer, latest.hash, accepts_strangers=accepts_strangers)
    return identity


async def _check_pins(store: Store, identity: ChainIdentity, signer: Signer, settings: Settings) -> None:
    pins = {
        "chain_id": (str(identity.chain_id), "its chain id"),
        "genesis_hash": (
            identity.genesis_hash.hex(),
            "its chain's genesis hash: the chain was wiped or swapped",
        ),
        "contract": (settings.chain.contract.lower(), "its contract"),
        "publisher": (signer.address, "its publisher"),
        "base_url": (settings.server.base_url, "its base URL: it stands in issued credentials"),
    }
    for name, (value, words) in pins.items():
        pinned = await store.pin(name, value)
        if pinned != value:
            raise ConfigError(
                f"the database was made with {name} {pinned}, not {value}; a database keeps {words}"
            )


async def _check_sequences(
    store: Store, chain: Chain, signer: Signer, latest_hash: bytes, *, accepts_strangers: bool
) -> None:
    head = await chain.head(signer.address, latest_hash)
    known = await known_sequence(store)
    if head is None or head.record.sequence <= known:
        return
    if accepts_strangers:
        await store.note_strangers(head.record.sequence)
        return
    raise FatalError(
        f"the chain holds anchors of {signer.address} up to sequence {head.record.sequence}, this database knows "
        f"{known}: an old backup was put back, or the key is used elsewhere, which cannot be told apart; put the "
        "newest database back or, only where you are sure that it is the newest and those anchors are not its own, "
        "start with --accept-foreign-anchors"
    )
