"""What must hold before a publisher's key is changed, and the two calls that change it (docs/operations.md)."""

from __future__ import annotations

from dataclasses import dataclass

from anchor.chain import registry
from anchor.chain.protocol import Block, Chain
from anchor.chain.succession import line_of
from anchor.errors import ConfigError
from anchor.service.calls import Call

APPOINT_GAS_LIMIT = 80_000
"""An appointment costs 52,528."""

ACCEPT_GAS_LIMIT = 200_000
"""Accepting costs 143,044."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line of succession at a block: who is in it, whom the last one appointed, and the head's sequence."""

    block: Block
    line: tuple[str, ...]
    appointed: str | None
    sequence: int

    @property
    def publisher(self) -> str:
        """The account that can anchor now."""
        return self.line[-1]


async def view_line(chain: Chain, first: str, latest: Block) -> LineView:
    """Return the line that began with an account, as of the latest block; ChainUnavailable where it cannot be read."""
    line = await line_of(chain, first, latest.hash)
    head = await chain.head(line[-1], latest.hash)
    return LineView(
        block=latest,
        line=line,
        appointed=await chain.appointed_successor(line[-1], latest.hash),
        sequence=head.record.sequence if head else 0,
    )


async def appointment(
    chain: Chain, view: LineView, *, contract: str, sender: str, account: str | None
) -> Call:
    """
    Return the call by which the publisher appoints an account, or withdraws the appointment (None).

    Raises ConfigError where the sender is not the publisher, or the contract would refuse the account.
    """
    if sender != view.publisher:
        raise ConfigError(
            f"only the publisher {view.publisher} can appoint, and the settings sign with {sender}: use its key"
        )
    if account is not None and account != view.appointed:
        await _require_new(chain, view, account)

    async def is_made(at: bytes) -> bool:
        return await chain.appointed_successor(sender, at) == account

    return Call(
        contract=contract,
        calldata=registry.appoint_call(account),
        gas_limit=APPOINT_GAS_LIMIT,
        is_made=is_made,
    )


async def acceptance(chain: Chain, view: LineView, *, contract: str, sender: str) -> Call:
    """
    Return the call by which an account succeeds the publisher.

    Of an account that has succeeded it already it is the same call, whose effect only waits to become final. Raises
    ConfigError where the contract would refuse it, with what to do.
    """
    if len(view.line) == 1 and sender == view.publisher:
        raise ConfigError(f"{sender} is the publisher already: give the new account's key (see --help)")
    if sender in view.line[:-1]:
        raise ConfigError(f"{sender} was succeeded by {view.publisher}: it can never anchor again")
    publisher = view.line[-2] if sender == view.publisher else view.publisher
    if sender != view.publisher:
        await _require_appointed(chain, view, sender)

    async def is_made(at: bytes) -> bool:
        return await chain.successor(publisher, at) == sender

    return Call(
        contract=contract,
        calldata=registry.accept_call(publisher),
        gas_limit=ACCEPT_GAS_LIMIT,
        is_made=is_made,
    )


async def _require_appointed(chain: Chain, view: LineView, sender: str) -> None:
    if view.appointed != sender:
        appointed = view.appointed or "nobody"
        raise ConfigError(
            f"the publisher {view.publisher} has appointed {appointed}, not {sender}: run "
            f"`anchor key appoint {sender}` with the publisher's key first"
        )
    if not view.sequence:
        raise ConfigError(
            f"the publisher {view.publisher} never anchored, so there is nothing to hand over: start the service with "
            "its key first, or with the new key and an empty data_dir"
        )
    await _require_new(chain, view, sender)


async def _require_new(chain: Chain, view: LineView, account: str) -> None:
    if account == view.publisher:
        raise ConfigError(f"{account} is the publisher: appoint another account")
    is_known = await chain.head(account, view.block.hash) or await chain.successor(account, view.block.hash)
    if is_known:
        raise ConfigError(
            f"{account} has anchored, or was succeeded: it can succeed nobody; make another with `anchor key new`"
        )
