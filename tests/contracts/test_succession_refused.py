"""Successions that must not come about: who may not appoint, be appointed, or accept."""

from __future__ import annotations

import pytest

from tests.contracts.registry import (
    NO_ACCOUNT,
    Registry,
    root,
)

pytestmark = pytest.mark.anvil


def test_appoint_oneself_is_refused(registry: Registry, accounts: list[str]) -> None:
    """Succeeding oneself is refused for a new account and for a publisher alike."""
    new, publisher, *_ = accounts
    registry.anchor(publisher, 1, root(1))

    assert registry.refusal(new, "appointSuccessor", new) == registry.error("SelfAppointed", new)
    assert registry.refusal(publisher, "appointSuccessor", publisher) == registry.error(
        "SelfAppointed", publisher
    )


def test_appoint_account_that_is_a_publisher_is_refused(registry: Registry, accounts: list[str]) -> None:
    """An account that anchored, that succeeded, or that was succeeded, is refused at once."""
    publisher, anchored, succeeded, successor, *_ = accounts
    registry.anchor(anchored, 1, root(1))
    registry.anchor(succeeded, 1, root(1))
    registry.hand_over(succeeded, successor)

    for account in (anchored, succeeded, successor):
        data = registry.refusal(publisher, "appointSuccessor", account)
        assert data == registry.error("AlreadyPublisher", account)


def test_appoint_after_succession_is_refused(registry: Registry, accounts: list[str]) -> None:
    """A succeeded publisher can neither appoint again nor withdraw."""
    publisher, successor, other, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.hand_over(publisher, successor)

    for account in (other, NO_ACCOUNT, publisher, successor):
        data = registry.refusal(publisher, "appointSuccessor", account)
        assert data == registry.error("AlreadySucceeded", publisher, successor)
    assert registry.view("successor", publisher) == successor


def test_accept_without_appointment_is_refused(registry: Registry, accounts: list[str]) -> None:
    """Neither a stranger nor the publisher itself can accept, appointment or not."""
    publisher, appointed, stranger, *_ = accounts
    registry.anchor(publisher, 1, root(1))

    before = [registry.refusal(account, "acceptSuccession", publisher) for account in (stranger, publisher)]
    registry.send(publisher, "appointSuccessor", appointed)
    after = [registry.refusal(account, "acceptSuccession", publisher) for account in (stranger, publisher)]

    assert before == after
    assert before == [registry.error("NotAppointed", publisher, account) for account in (stranger, publisher)]


def test_accept_by_zero_address_is_refused(registry: Registry, accounts: list[str]) -> None:
    """On a chain that let the zero address call, "nobody appointed" would still not mean "zero appointed"."""
    publisher, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.rpc("anvil_setBalance", [NO_ACCOUNT, hex(10**18)])
    registry.rpc("anvil_impersonateAccount", [NO_ACCOUNT])

    data = registry.refusal(NO_ACCOUNT, "acceptSuccession", publisher)

    assert data == registry.error("NotAppointed", publisher, NO_ACCOUNT)


def test_accept_by_account_that_anchored_since_is_refused(registry: Registry, accounts: list[str]) -> None:
    """An account with anchors of its own cannot take over, even if it was appointed before the first."""
    publisher, appointed, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.send(publisher, "appointSuccessor", appointed)
    own = registry.anchor(appointed, 1, root(9))

    data = registry.refusal(appointed, "acceptSuccession", publisher)

    assert data == registry.error("AlreadyPublisher", appointed)
    assert registry.head(appointed) == (root(9), own)
    registry.anchor(publisher, 2, root(2))


def test_accept_by_account_that_succeeded_another_is_refused(registry: Registry, accounts: list[str]) -> None:
    """Of two publishers that appointed one account, it can succeed one; the other appoints anew."""
    first, second, appointed, replacement, *_ = accounts
    for publisher, anchored in ((first, root(1)), (second, root(2))):
        registry.anchor(publisher, 1, anchored)
        registry.send(publisher, "appointSuccessor", appointed)
    registry.send(appointed, "acceptSuccession", first)

    data = registry.refusal(appointed, "acceptSuccession", second)

    assert data == registry.error("AlreadyPublisher", appointed)
    registry.hand_over(second, replacement)
    assert registry.head(appointed)[0] == root(1)
    assert registry.head(replacement)[0] == root(2)


def test_accept_from_publisher_without_anchor_is_refused(registry: Registry, accounts: list[str]) -> None:
    """There is nothing to hand over before the first anchor; the appointment stays for later."""
    publisher, appointed, *_ = accounts
    registry.send(publisher, "appointSuccessor", appointed)

    data = registry.refusal(appointed, "acceptSuccession", publisher)
    registry.anchor(publisher, 1, root(1))
    registry.send(appointed, "acceptSuccession", publisher)

    assert data == registry.error("NothingToHandOver", publisher)
    assert registry.head(appointed)[0] == root(1)


def test_accept_again_is_refused(registry: Registry, accounts: list[str]) -> None:
    """A publisher is succeeded once: a repeated acceptance would wind the successor's head back."""
    publisher, successor, stranger, *_ = accounts
    registry.anchor(publisher, 1, root(1))
    registry.hand_over(publisher, successor)
    newest = registry.anchor(successor, 2, root(2))

    for account in (successor, stranger, publisher):
        data = registry.refusal(account, "acceptSuccession", publisher)
        assert data == registry.error("AlreadySucceeded", publisher, successor)
    assert registry.head(successor) == (root(2), newest)


def test_accept_that_would_close_a_circle_is_refused(registry: Registry, accounts: list[str]) -> None:
    """Two accounts that appointed each other while both were new: only one succession comes about."""
    first, second, *_ = accounts
    registry.send(first, "appointSuccessor", second)
    registry.send(second, "appointSuccessor", first)
    registry.anchor(first, 1, root(1))
    registry.send(second, "acceptSuccession", first)

    data = registry.refusal(first, "acceptSuccession", second)

    assert data == registry.error("AlreadyPublisher", first)
    registry.anchor(second, 2, root(2))
