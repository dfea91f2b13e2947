"""A stopped installation: its database, its chain and its key, for commands that change one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anchor.app import make_chain, make_signer
from anchor.chain.protocol import Chain, Signer
from anchor.cli.deploy import require_chain
from anchor.config import Settings
from anchor.errors import ConfigError
from anchor.store.records import Anchorage
from anchor.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class Installation:
    """What a command works on; the database's lock is held as long as it is open."""

    settings: Settings
    store: SqliteStore
    chain: Chain
    signer: Signer


@asynccontextmanager
async def opened(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[Installation]:
    """
    Open database, chain and key.

    Raises ConfigError where there is no database, or the endpoint speaks for another chain than the settings name, and
    FatalError where a service holds the database.
    """
    if not settings.database.exists():
        raise ConfigError(f"there is no {settings.database}: it is made by the first start of `anchor serve`")
    signer = make_signer(settings, environment)
    store = SqliteStore(settings.database, base_url=settings.server.base_url)
    chain = make_chain(settings)
    try:
        store.open()
        try:
            await require_chain(chain, settings)
            yield Installation(settings, store, chain, signer)
        finally:
            await store.close()
    finally:
        await signer.close()
        await chain.close()


async def last_anchorage(installation: Installation) -> Anchorage:
    """Return where the database anchors; ConfigError where that is not what the settings name, or nowhere yet."""
    anchorages = await installation.store.anchorages()
    if not anchorages:
        raise ConfigError("no service has worked with the database yet: start `anchor serve` once")
    require_anchorage(installation.settings, anchorages[-1])
    return anchorages[-1]


def require_anchorage(settings: Settings, anchorage: Anchorage) -> None:
    """Raise ConfigError unless the settings name the chain and contract of a database's last anchorage."""
    known = (anchorage.chain_id, anchorage.contract.lower())
    if (settings.chain_id, settings.chain.contract.lower()) != known:
        raise ConfigError(
            f"the database anchors on chain {known[0]}, contract {known[1]}, and the settings name chain "
            f"{settings.chain_id}, contract {settings.chain.contract}: correct them"
        )
