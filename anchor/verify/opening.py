"""How chains are opened where the caller brings no reader of its own: over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anchor.chain.protocol import ChainReader
from anchor.errors import ConfigError, InvalidInput


@asynccontextmanager
async def open_chain(rpc: str, contract: str, quorum: int = 1) -> AsyncIterator[ChainReader]:
    """
    Open a chain over HTTP, by one RPC URL or several that white space separates, and close it again.

    Raises InvalidInput for an URL or address that is none, and for a quorum of more endpoints than are named.
    """
    # It takes web3 a second to load, and whoever brings a reader does not need it.
    from anchor.chain.failover import connect

    try:
        chain = connect(rpc_urls=rpc.split(), contract=contract, quorum=quorum)
    except ConfigError as exc:
        raise InvalidInput(str(exc)) from exc
    try:
        yield chain
    finally:
        await chain.close()
