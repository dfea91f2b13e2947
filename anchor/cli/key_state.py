"""What `anchor key show` shows: the line of succession, and the part that the settings' account has in it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from anchor.app import make_chain, make_signer
from anchor.cli.deploy import require_chain
from anchor.cli.installation import require_anchorage
from anchor.config import Settings
from anchor.errors import ConfigError
from anchor.service.look import latest_block
from anchor.service.succession import LineView, view_line
from anchor.store.sqlite.anchorages import read_anchorages


@dataclass(frozen=True, slots=True)
class KeyState:
    """A line of succession, and `account`, that of the settings' key, with its role; None where none is at hand."""

    chain_id: int
    contract: str
    view: LineView
    account: str | None
    balances_wei: dict[str, int]

    @property
    def role(self) -> str:
        """What the settings' account is in the line."""
        if self.account == self.view.publisher:
            return "the publisher"
        if self.account in self.view.line:
            return "succeeded: it can anchor no more"
        if self.account == self.view.appointed:
            return "appointed, not yet accepted: `anchor key rotate`"
        return "not in the line: the service will not start with it"


async def read_state(settings: Settings) -> KeyState:
    """
    Return the state of the line that the database began, or without a database of the account of the settings' key.

    Raises ConfigError where the settings name another chain or contract than the database's last anchorage.
    """
    anchorages = await asyncio.to_thread(read_anchorages, settings.database)
    account = await _account(settings, needs_key=not anchorages)
    first = anchorages[-1].publishers[0] if anchorages else account
    assert first is not None, "without a database a key is needed"
    chain = make_chain(settings)
    try:
        await require_chain(chain, settings)
        if anchorages:
            require_anchorage(settings, anchorages[-1])
        view = await view_line(chain, first, await latest_block(chain))
        accounts = dict.fromkeys((view.publisher, view.appointed, account))
        balances = {known: await chain.balance_wei(known) for known in accounts if known is not None}
    finally:
        await chain.close()
    return KeyState(
        chain_id=settings.chain_id,
        contract=settings.chain.contract,
        view=view,
        account=account,
        balances_wei=balances,
    )


async def _account(settings: Settings, *, needs_key: bool) -> str | None:
    """Return the account of the settings' key; None where no key is at hand and none is needed."""
    try:
        signer = make_signer(settings, os.environ)
    except ConfigError:
        if needs_key:
            raise
        return None
    await signer.close()
    return signer.address
