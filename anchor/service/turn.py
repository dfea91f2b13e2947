"""Whose turn it is to anchor: a key is changed by succession, and only the last of the line can anchor."""

from __future__ import annotations

from anchor.chain.protocol import Block, Chain, ChainReader
from anchor.chain.succession import line_of
from anchor.errors import ChainUnavailable, ConfigError, FatalError
from anchor.store.records import Anchorage


async def line_that_ends_with(
    account: str, *, chain: Chain, anchorage: Anchorage, latest: Block
) -> tuple[str, ...]:
    """
    Return an anchorage's line of succession at a block; ConfigError unless it ends with the account.

    It is followed forward from the account that the anchorage began with: nobody gets into it but by an appointment
    of the one before.
    """
    first = anchorage.publishers[0]
    line = await line_of(chain, first, latest.hash)
    if line[-1] == account:
        return line
    if account in anchorage.publishers:
        raise ConfigError(
            f"the chain no longer shows that {account} succeeded {line[-1]}: a reorganisation took it back, or the "
            "endpoint lags; run `anchor key rotate` again"
        )
    if await chain.appointed_successor(line[-1], latest.hash) == account:
        raise ConfigError(
            f"{account} is appointed to succeed the publisher {line[-1]} and has not accepted: run `anchor key rotate`"
        )
    succeeded = f", whom {line[-1]} succeeded" if len(line) > 1 else ""
    raise ConfigError(
        f"the database was made with publisher {first}{succeeded}, not {account}: use its key, or change it with "
        "`anchor key appoint` and `anchor key rotate`"
    )


async def require_turn(
    account: str, *, chain: ChainReader, anchorage: Anchorage, latest: Block, final: Block
) -> tuple[str, ...]:
    """
    Return the line of succession at the latest block where it ends with the account that we sign with.

    Raises FatalError where another has succeeded it for good, and ChainUnavailable where that, or our own succession,
    is not final yet: until it is decided nothing is sent, and nothing is lost.
    """
    first = anchorage.publishers[0]
    line = await line_of(chain, first, latest.hash)
    if line[-1] == account:
        return line
    if account not in line:
        raise ChainUnavailable(
            f"the chain does not show that {account} succeeded {line[-1]}: a reorganisation took it back, or the "
            "endpoint lags; if it stays so, run `anchor key rotate` again"
        )
    final_line = await line_of(chain, first, final.hash)
    if account in final_line[:-1]:
        raise FatalError(
            f"the publisher {account} was succeeded by {final_line[-1]}: start again with that account's key; what is "
            "not anchored yet will be, under it"
        )
    raise ChainUnavailable(
        f"the publisher {account} was succeeded by {line[-1]}, which is not final yet: nothing is sent with its key"
    )
