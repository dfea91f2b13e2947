"""A call that changes the line of succession: sent once, whatever ends the process; stayed with until it is final."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from anchor.chain.signer import LocalSigner
from anchor.errors import ChainUnavailable, ConfigError, FatalError
from anchor.service.calls import Call, CallLimits, CallSender, Progress
from anchor.service.look import latest_block
from anchor.service.succession import LineView, acceptance, appointment, view_line
from anchor.store.records import Issuer
from tests.support.assembly import Running, digest
from tests.support.fake_sending_chain import CHAIN_ID, CONTRACT, decode
from tests.support.interposed import Crash, crash

SUCCESSOR = LocalSigner(private_key=digest(71))
OTHER = LocalSigner(private_key=digest(72))
LIMITS = CallLimits(
    chain_id=CHAIN_ID, confirmations=0, max_fee_wei=200 * 10**9, replace_after_s=180.0, poll_s=12.0
)


async def _view(service: Running, first: str) -> LineView:
    return await view_line(service.chain, first, await latest_block(service.chain))


def _sender(
    service: Running,
    signer: LocalSigner,
    *,
    limits: CallLimits = LIMITS,
    between_looks: Callable[[], None] | None = None,
) -> tuple[CallSender, list[Progress]]:
    """Return a sender whose waits are blocks, and what it tells."""
    told: list[Progress] = []

    async def sleep(seconds: float) -> None:
        service.clock.advance(seconds)
        if between_looks is not None:
            between_looks()
        service.chain.mine()

    sender = CallSender(
        store=service.store,
        chain=service.chain,
        signer=signer,
        clock=service.clock,
        limits=limits,
        on_progress=told.append,
        sleep=sleep,
    )
    return sender, told


@pytest.fixture
async def publisher(service: Running, issuer: Issuer) -> str:
    """Return a publisher that has anchored; its service looks on no more."""
    await service.seal(issuer, 1)
    await service.turn()
    await service.mine(4)
    service.chain.before_broadcast = None
    return service.publisher


async def _appoint(service: Running, account: str | None) -> Call:
    view = await _view(service, service.publisher)
    return await appointment(
        service.chain, view, contract=CONTRACT, sender=service.publisher, account=account
    )


async def _accept(service: Running, signer: LocalSigner) -> Call:
    view = await _view(service, service.publisher)
    return await acceptance(service.chain, view, contract=CONTRACT, sender=signer.address)


def _local(service: Running) -> LocalSigner:
    assert isinstance(service.signer, LocalSigner)
    return service.signer


async def test_appointment_and_acceptance_are_made_and_final(service: Running, publisher: str) -> None:
    """Each is told when it is sent, when it is mined and when it is final; made again, nothing is sent."""
    sender, told = _sender(service, _local(service))
    await sender.make(await _appoint(service, SUCCESSOR.address))
    assert [(bool(item.transaction), bool(item.block), item.is_final) for item in told] == [
        (True, False, False),
        (False, True, False),
        (False, True, True),
    ]
    accepting, _ = _sender(service, SUCCESSOR)
    await accepting.make(await _accept(service, SUCCESSOR))
    view = await _view(service, publisher)
    assert (view.line, view.appointed, view.sequence) == ((publisher, SUCCESSOR.address), None, 1)

    sent = len(service.chain.broadcasts)
    await _sender(service, SUCCESSOR)[0].make(await _accept(service, SUCCESSOR))
    assert len(service.chain.broadcasts) == sent
    assert service.chain.failed_transactions() == 0


async def test_withdrawal(service: Running, publisher: str) -> None:
    """Nobody can accept what was withdrawn."""
    sender, _ = _sender(service, _local(service))
    await sender.make(await _appoint(service, SUCCESSOR.address))
    await sender.make(await _appoint(service, None))

    with pytest.raises(ConfigError, match=f"{publisher} has appointed nobody, not {SUCCESSOR.address}"):
        await _accept(service, SUCCESSOR)


async def test_withdrawal_takes_the_place_of_an_appointment_that_is_not_mined(
    service: Running, publisher: str
) -> None:
    """Nobody is appointed yet, but the appointment is in a pool: withdrawn is told once it can never be mined."""
    service.chain.after_broadcast = lambda _raw: crash()
    with pytest.raises(Crash):
        await _sender(service, _local(service))[0].make(await _appoint(service, SUCCESSOR.address))
    service.chain.after_broadcast = None
    assert len(service.chain.pool) == 1

    done = await _sender(service, _local(service))[0].make(await _appoint(service, None))

    assert done.is_final
    service.chain.mine()
    assert (await _view(service, publisher)).appointed is None
    assert service.chain.pool == {}


async def test_withdrawal_outlasts_an_appointment_that_waits_behind_a_dropped_anchor(
    service: Running, issuer: Issuer, publisher: str
) -> None:
    """A reorganisation frees the nonce before the appointment's: both may still be mined, so nothing is final yet."""
    await service.seal(issuer, 2)
    await service.turn()
    await service.mine()
    service.chain.after_broadcast = lambda _raw: crash()
    with pytest.raises(Crash):
        await _sender(service, _local(service))[0].make(await _appoint(service, SUCCESSOR.address))
    service.chain.after_broadcast = None
    service.chain.reorganise(1)
    assert [nonce for _, nonce in sorted(service.chain.pool)] == [1, 2]

    done = await _sender(service, _local(service))[0].make(await _appoint(service, None))

    assert done.is_final
    service.chain.mine()
    assert (await _view(service, publisher)).appointed is None
    assert service.chain.pool == {}
    assert len(service.chain.anchored_roots(publisher)) == 2


@pytest.mark.parametrize("moment", ["before_broadcast", "after_broadcast"])
async def test_call_broken_off_goes_on_with_the_same_bytes(
    service: Running, publisher: str, moment: str
) -> None:
    """Killed before or after the broadcast: the next run sends what is stored, and one transaction is mined."""
    setattr(service.chain, moment, lambda _raw: crash())
    call = await _appoint(service, SUCCESSOR.address)
    with pytest.raises(Crash):
        await _sender(service, _local(service))[0].make(call)
    (stored,) = await service.store.calls(publisher, call.calldata)
    setattr(service.chain, moment, None)

    await _sender(service, _local(service))[0].make(await _appoint(service, SUCCESSOR.address))

    assert await service.store.calls(publisher, call.calldata) == [stored]
    assert {decode(raw)[0].hash for raw in service.chain.broadcasts if decode(raw)[0].appoints} == {
        stored.hash
    }
    assert await service.chain.nonce(publisher, service.chain.latest.hash) == stored.nonce + 1


@pytest.mark.usefixtures("publisher")
@pytest.mark.parametrize("fault", ["lost", "swallowed", "refused"])
async def test_endpoint_that_says_nothing_true_changes_nothing(service: Running, fault: str) -> None:
    """Only the contract's state tells that a call was made."""
    service.chain.broadcast_fault = fault
    looks = []

    def heal() -> None:
        looks.append(1)
        if len(looks) == 3:
            service.chain.broadcast_fault = ""

    sender, _ = _sender(service, _local(service), between_looks=heal)
    await sender.make(await _appoint(service, SUCCESSOR.address))

    assert len({decode(raw)[0].hash for raw in service.chain.broadcasts if decode(raw)[0].appoints}) == 1


async def test_call_that_nobody_takes_is_replaced_by_a_dearer_one(service: Running, publisher: str) -> None:
    """After the deadline the same nonce is offered at a higher price; one of both is mined."""
    sender, _ = _sender(
        service,
        _local(service),
        between_looks=lambda: (
            setattr(service.chain, "base_fee_wei", 4 * 10**9)
            if service.clock.monotonic_s() < 400
            else setattr(service.chain, "base_fee_wei", 10**9)
        ),
    )
    call = await _appoint(service, SUCCESSOR.address)
    await sender.make(call)

    stored = await service.store.calls(publisher, call.calldata)
    assert len({payload.nonce for payload in stored}) == 1
    assert [payload.max_fee_wei for payload in stored] == sorted({payload.max_fee_wei for payload in stored})
    assert len(stored) > 1


async def test_anchor_under_way_goes_first(service: Running, issuer: Issuer, publisher: str) -> None:
    """The call does not take the nonce of a stored anchor: that is sent again and mined before it."""
    batch = await service.seal(issuer, 2)
    await service.turn()
    service.chain.drop_pool()

    sender, _ = _sender(service, _local(service))
    await sender.make(await _appoint(service, SUCCESSOR.address))

    assert service.chain.anchored_roots(publisher)[2] == batch.root
    assert service.chain.failed_transactions() == 0


async def test_call_of_another_mind_takes_the_place_of_one_broken_off(
    service: Running, publisher: str
) -> None:
    """A mistyped account, interrupted before it was mined, is never appointed: the next call takes its nonce."""
    service.chain.after_broadcast = lambda _raw: crash()
    with pytest.raises(Crash):
        await _sender(service, _local(service))[0].make(await _appoint(service, OTHER.address))
    service.chain.after_broadcast = None

    await _sender(service, _local(service))[0].make(await _appoint(service, SUCCESSOR.address))

    assert (await _view(service, publisher)).appointed == SUCCESSOR.address
    assert await service.chain.nonce(publisher, service.chain.latest.hash) == 2
    limits = replace(LIMITS, max_fee_wei=10**9)
    service.chain.after_broadcast = lambda _raw: crash()
    with pytest.raises(Crash):
        await _sender(service, _local(service), limits=limits)[0].make(await _appoint(service, None))
    service.chain.after_broadcast = None
    with pytest.raises(ConfigError, match=r"raise publisher\.max_fee_gwei"):
        await _sender(service, _local(service), limits=limits)[0].make(await _appoint(service, OTHER.address))


async def test_what_is_final_and_undone_since_is_made_again(service: Running, publisher: str) -> None:
    """The newest block counts too: an appointment that another one replaced, not final yet, is no appointment."""
    await _sender(service, _local(service))[0].make(await _appoint(service, SUCCESSOR.address))
    service.chain.send_foreign(publisher, appoints=OTHER.address)
    service.chain.mine()

    await _sender(service, _local(service))[0].make(await _appoint(service, SUCCESSOR.address))

    assert (await _view(service, publisher)).appointed == SUCCESSOR.address


async def test_reorganisation_takes_the_call_back_it_is_made_again(service: Running, publisher: str) -> None:
    """Until it is final it is watched: dropped with its block, the same bytes are sent again."""
    service.chain.finality_lag = None
    steps = []

    def disturb() -> None:
        steps.append(1)
        if len(steps) == 2:
            service.chain.reorganise(1, back_to_pool=False)
        if len(steps) == 4:
            service.chain.finalize()

    call = await _appoint(service, SUCCESSOR.address)
    await _sender(service, _local(service), between_looks=disturb)[0].make(call)

    assert len(await service.store.calls(publisher, call.calldata)) == 1
    assert (await _view(service, publisher)).appointed == SUCCESSOR.address


async def test_call_that_reverts_is_not_sent_again(service: Running, publisher: str) -> None:
    """An appointment withdrawn at the last moment: the refusal is told, and no second transaction spends more."""
    await _sender(service, _local(service))[0].make(await _appoint(service, SUCCESSOR.address))
    call = await _accept(service, SUCCESSOR)

    withdrawn: list[int] = []

    def withdraw() -> None:
        if withdrawn:
            return
        withdrawn.append(1)
        waiting = service.chain.pool.pop((SUCCESSOR.address, 0))
        service.chain.send_foreign(publisher, appoints=OTHER.address)
        service.chain.mine()
        service.chain.pool[SUCCESSOR.address, 0] = waiting

    with pytest.raises(FatalError, match="the contract refused transaction"):
        await _sender(service, SUCCESSOR, between_looks=withdraw)[0].make(call)

    assert len(await service.store.calls(SUCCESSOR.address, call.calldata)) == 1


@pytest.mark.usefixtures("publisher")
async def test_wait_has_an_end(service: Running) -> None:
    """A chain that takes nothing is told as unavailable; the command may be given again."""
    service.chain.broadcast_fault = "swallowed"
    sender, _ = _sender(service, _local(service), limits=replace(LIMITS, wait_s=60.0))

    with pytest.raises(ChainUnavailable, match="give the command again"):
        await sender.make(await _appoint(service, SUCCESSOR.address))


Refused = Callable[[Running], Awaitable[Call]]

REFUSED: dict[str, tuple[Refused, str]] = {
    "itself": (lambda service: _appoint(service, service.publisher), "is the publisher: appoint another"),
    "a publisher": (lambda service: _appoint(service, OTHER.address), "has anchored, or was succeeded"),
    "nobody appointed it": (lambda service: _accept(service, SUCCESSOR), "has appointed nobody, not"),
    "the publisher accepts": (lambda service: _accept(service, _local(service)), "is the publisher already"),
}


@pytest.mark.usefixtures("publisher")
@pytest.mark.parametrize(("refused", "words"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_the_contract_would_refuse_costs_nothing(
    service: Running, refused: Refused, words: str
) -> None:
    """Each refusal says what to do, before anything is signed."""
    service.chain.send_foreign(OTHER.address, anchor=(1, digest(99), 1))
    service.chain.mine()
    with pytest.raises(ConfigError, match=words):
        await refused(service)


async def test_succeeded_accounts_can_neither_appoint_nor_accept(service: Running, publisher: str) -> None:
    """The old key is told who the publisher is now."""
    service.chain.hand_over(publisher, SUCCESSOR.address)
    service.chain.mine()

    with pytest.raises(ConfigError, match=f"only the publisher {SUCCESSOR.address} can appoint"):
        await _appoint(service, OTHER.address)
    with pytest.raises(ConfigError, match=f"was succeeded by {SUCCESSOR.address}: it can never anchor"):
        await _accept(service, _local(service))


async def test_publisher_that_never_anchored_has_nothing_to_hand_over(service: Running) -> None:
    """The contract would refuse the acceptance; the message names the other ways."""
    service.chain.send_foreign(service.publisher, appoints=SUCCESSOR.address)
    service.chain.mine()

    with pytest.raises(ConfigError, match="never anchored, so there is nothing to hand over"):
        await _accept(service, SUCCESSOR)


async def test_fee_cap_below_the_market_is_told(service: Running, publisher: str) -> None:
    """What is offered never exceeds publisher.max_fee_gwei; where nobody takes it, the wait ends in words."""
    limits = replace(LIMITS, max_fee_wei=10**8, wait_s=600.0)
    sender, _ = _sender(service, _local(service), limits=limits)
    call = await _appoint(service, SUCCESSOR.address)
    with pytest.raises(ChainUnavailable):
        await sender.make(call)

    assert {payload.max_fee_wei for payload in await service.store.calls(publisher, call.calldata)} == {10**8}
