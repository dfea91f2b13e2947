"""What `anchor key appoint` and `anchor key rotate` do, on the database and the chain of the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click

from anchor.assembly import GWEI
from anchor.chain.presets import DEVELOPMENT_CHAIN_ID, PRESETS, chain_name
from anchor.cli.ether import balance_text, cost_text
from anchor.cli.installation import Installation, last_anchorage, opened
from anchor.cli.output import print_fields
from anchor.clock import SystemClock
from anchor.config import Settings
from anchor.core.fees import first_offer
from anchor.errors import ConfigError
from anchor.fields import encode_hex
from anchor.service.calls import Call, CallLimits, CallSender, Progress
from anchor.service.look import latest_block
from anchor.service.succession import LineView, acceptance, appointment, view_line

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Change:
    """How a line of succession stands after a change; the transaction is None where nothing had to be sent."""

    publisher: str
    line: tuple[str, ...]
    appointed: str | None
    transaction: bytes | None
    block_number: int | None


async def appoint_account(
    settings: Settings, account: str | None, *, environment: Mapping[str, str], asks: bool, say: Say
) -> Change:
    """Appoint an account, or withdraw; return when that is final. Raises ConfigError where the contract would not."""
    async with opened(settings, environment) as place:
        view = await _view(place)
        call = await appointment(
            place.chain,
            view,
            contract=settings.chain.contract,
            sender=place.signer.address,
            account=account,
        )
        if account == view.appointed:
            say(f"{account or 'nobody'} is appointed already")
        title = f"Appoint {account}?" if account else "Withdraw the appointment?"
        return await _made(place, view, call, title=title if asks else None, say=say)


async def rotate_key(settings: Settings, *, environment: Mapping[str, str], asks: bool, say: Say) -> Change:
    """Let the settings' account succeed the publisher; return when that is final. ConfigError as `acceptance`."""
    async with opened(settings, environment) as place:
        view = await _view(place)
        account = place.signer.address
        call = await acceptance(place.chain, view, contract=settings.chain.contract, sender=account)
        if view.publisher == account:
            say(f"{account} is the publisher already")
        title = f"Let {account} succeed {view.publisher}, for good?"
        asked = title if asks and view.publisher != account else None
        change = await _made(place, view, call, title=asked, say=say)
        await place.store.note_line(
            change.line, contract=settings.chain.contract, from_block=settings.chain.from_block
        )
        return change


async def _view(place: Installation) -> LineView:
    first = (await last_anchorage(place)).publishers[0]
    return await view_line(place.chain, first, await latest_block(place.chain))


async def _made(place: Installation, view: LineView, call: Call, *, title: str | None, say: Say) -> Change:
    settings = place.settings
    limits = CallLimits(
        chain_id=settings.chain_id,
        confirmations=settings.chain.confirmations,
        max_fee_wei=int(settings.publisher.max_fee_gwei * GWEI),
        replace_after_s=settings.publisher.replace_after_s,
        poll_s=settings.poll_s,
    )
    if not await call.is_made(view.block.hash):
        await _require_funds(place, view, call, limits, title)
    told: list[Progress] = []

    def show(progress: Progress) -> None:
        told.append(progress)
        say(_progress_text(progress, settings.chain_id))

    sender = CallSender(
        store=place.store,
        chain=place.chain,
        signer=place.signer,
        clock=SystemClock(),
        limits=limits,
        on_progress=show,
    )
    await sender.make(call)
    after = await _view(place)
    sent = [progress.transaction for progress in told if progress.transaction is not None]
    mined = [progress.block.number for progress in told if progress.block is not None]
    return Change(
        publisher=after.publisher,
        line=after.line,
        appointed=after.appointed,
        transaction=sent[-1] if sent else None,
        block_number=mined[0] if mined else None,
    )


async def _require_funds(
    place: Installation, view: LineView, call: Call, limits: CallLimits, title: str | None
) -> None:
    """Raise ConfigError where the account cannot pay; ask the question of `title` on a public chain."""
    account = place.signer.address
    fees = first_offer(
        base_fee_wei=view.block.base_fee_wei,
        priority_fee_wei=await place.chain.priority_fee_wei(),
        cap_wei=limits.max_fee_wei,
    )
    cost_wei, balance_wei = call.gas_limit * fees.max_fee_wei, await place.chain.balance_wei(account)
    name = chain_name(limits.chain_id)
    if balance_wei < cost_wei:
        raise ConfigError(
            f"{account} has {balance_text(balance_wei)} ether, and this may cost {cost_text(cost_wei)} ether: send it "
            f"some on the {name}"
        )
    if title is None or limits.chain_id == DEVELOPMENT_CHAIN_ID:
        return
    print_fields(
        [
            ("chain", name),
            ("line", " → ".join(view.line)),
            ("account", account),
            ("balance", f"{balance_text(balance_wei)} ether"),
            ("cost", f"at most {cost_text(cost_wei)} ether at the present price"),
        ]
    )
    click.confirm(title, abort=True)


def _progress_text(progress: Progress, chain_id: int) -> str:
    if progress.is_final:
        return "final: no reorganisation can take it back"
    if progress.block is not None:
        minutes = next((known.minutes_to_finality for known in PRESETS if known.chain_id == chain_id), None)
        wait = f", about {minutes} minutes" if minutes else ""
        return (
            f"mined by block {progress.block.number}; waiting until it is final{wait} (Ctrl-C does no harm)"
        )
    assert progress.transaction is not None, "something is told"
    return f"sent transaction {encode_hex(progress.transaction)}"
