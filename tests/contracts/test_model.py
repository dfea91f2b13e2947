"""The contract and a model of it in Python, given the same random calls."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from tests.contracts.registry import NO_ACCOUNT, NO_RECORD, NO_ROOT, Record, Registry, root

pytestmark = pytest.mark.anvil

ACCOUNTS = 4
ROOTS = [*(root(number) for number in range(1, 7)), NO_ROOT]


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """What the contract must revert with."""

    name: str
    arguments: tuple[object, ...]


@dataclass(slots=True)
class Account:
    """One account; nothing here follows the contract's storage."""

    anchored: dict[bytes, Record] = field(default_factory=dict)
    head: bytes = NO_ROOT
    appointed: str = NO_ACCOUNT
    successor: str = NO_ACCOUNT
    predecessor: str = NO_ACCOUNT
    last_root: bytes = NO_ROOT

    @property
    def is_publisher(self) -> bool:
        """Whether it ever anchored or took part in a succession."""
        return bool(self.anchored)


@dataclass(slots=True)
class Model:
    """What the interface's documentation promises, written down again."""

    accounts: dict[str, Account]

    def next_sequence(self, name: str) -> int:
        """Return the number of the account's next anchor, were it not succeeded."""
        return max((record.sequence for record in self.accounts[name].anchored.values()), default=0) + 1

    def anchor(self, caller: str, sequence: int, root: bytes, leaf_count: int) -> None:
        """Do what `anchor` should; time and block are filled in by the caller's caller."""
        account = self.accounts[caller]
        if root == NO_ROOT:
            raise Refused("ZeroRoot", ())
        if leaf_count == 0:
            raise Refused("ZeroLeafCount", ())
        self._refuse_succeeded(caller)
        if sequence != self.next_sequence(caller):
            raise Refused("WrongSequence", (sequence, self.next_sequence(caller)))
        if root in account.anchored:
            raise Refused("RootAlreadyAnchored", (root, account.anchored[root].sequence))
        account.anchored[root] = Record(sequence, 0, 0, leaf_count)
        account.head = root

    def appoint(self, caller: str, appointed: str) -> None:
        """Do what `appointSuccessor` should."""
        self._refuse_succeeded(caller)
        if appointed == caller:
            raise Refused("SelfAppointed", (caller,))
        if appointed != NO_ACCOUNT and self.accounts[appointed].is_publisher:
            raise Refused("AlreadyPublisher", (appointed,))
        self.accounts[caller].appointed = appointed

    def accept(self, caller: str, publisher: str) -> None:
        """Do what `acceptSuccession` should."""
        self._refuse_succeeded(publisher)
        old, new = self.accounts[publisher], self.accounts[caller]
        if old.appointed != caller:
            raise Refused("NotAppointed", (publisher, caller))
        if new.is_publisher:
            raise Refused("AlreadyPublisher", (caller,))
        if not old.anchored:
            raise Refused("NothingToHandOver", (publisher,))
        new.head, new.predecessor = old.head, publisher
        new.anchored = {old.head: old.anchored[old.head]}
        old.head, old.last_root, old.successor, old.appointed = NO_ROOT, old.head, caller, NO_ACCOUNT

    def _refuse_succeeded(self, name: str) -> None:
        if self.accounts[name].successor != NO_ACCOUNT:
            raise Refused("AlreadySucceeded", (name, self.accounts[name].successor))


@dataclass(frozen=True, slots=True)
class Anchor:
    """Anchor `root`, under the account's next sequence plus `offset` (never below 0)."""

    caller: int
    offset: int
    root: bytes
    leaf_count: int

    def call(self, model: Model, names: list[str]) -> tuple[str, str, tuple[object, ...]]:
        """Return sender, function and arguments."""
        caller = names[self.caller]
        sequence = max(model.next_sequence(caller) + self.offset, 0)
        return caller, "anchor", (sequence, self.root, self.leaf_count)


@dataclass(frozen=True, slots=True)
class Appoint:
    """Appoint an account; None withdraws."""

    caller: int
    appointed: int | None

    def call(self, _model: Model, names: list[str]) -> tuple[str, str, tuple[object, ...]]:
        """Return sender, function and arguments."""
        appointed = NO_ACCOUNT if self.appointed is None else names[self.appointed]
        return names[self.caller], "appointSuccessor", (appointed,)


@dataclass(frozen=True, slots=True)
class Accept:
    """Accept from a publisher that has appointed somebody, if any has; as that account, or as another."""

    choice: int
    as_appointed: bool

    def call(self, model: Model, names: list[str]) -> tuple[str, str, tuple[object, ...]]:
        """Return sender, function and arguments."""
        waiting = [name for name in names if model.accounts[name].appointed != NO_ACCOUNT]
        publisher = (waiting or names)[self.choice % len(waiting or names)]
        caller = model.accounts[publisher].appointed
        if not self.as_appointed or caller == NO_ACCOUNT:
            caller = names[self.choice]
        return caller, "acceptSuccession", (publisher,)


account_indexes = st.integers(0, ACCOUNTS - 1)
anchors = st.builds(
    Anchor,
    caller=account_indexes,
    offset=st.sampled_from([0, 0, 0, 0, 0, 0, -1, 1]),
    root=st.sampled_from(ROOTS),
    leaf_count=st.sampled_from([1, 1, 5, 5, 1000, 1000, 2**64 - 1, 0]),
)
steps = st.one_of(
    anchors,
    anchors,
    st.builds(Appoint, caller=account_indexes, appointed=st.sampled_from([0, 1, 2, 3, 0, 1, 2, 3, None])),
    st.builds(Accept, choice=account_indexes, as_appointed=st.sampled_from([True, True, True, False])),
)


def apply(model: Model, function: str, caller: str, arguments: tuple[object, ...]) -> Refused | None:
    """Make one call to the model and return its refusal, if it refuses."""
    methods = {"anchor": model.anchor, "appointSuccessor": model.appoint, "acceptSuccession": model.accept}
    try:
        methods[function](caller, *arguments)  # type: ignore[operator]  # one signature for each function
    except Refused as refusal:
        return refusal
    return None


def assert_same_state(registry: Registry, model: Model) -> None:
    """Compare every view of every account; time and block are compared in the other tests."""
    for name, account in model.accounts.items():
        head_root, head_record = registry.head(name)
        expected_head = account.anchored.get(account.head, NO_RECORD)
        assert (head_root, head_record.sequence) == (account.head, expected_head.sequence)
        assert registry.view("appointedSuccessor", name) == account.appointed
        assert registry.view("successor", name) == account.successor
        assert registry.view("predecessor", name) == account.predecessor
        assert registry.view("lastRoot", name) == account.last_root
        for anchored in ROOTS:
            stored, expected = registry.record(name, anchored), account.anchored.get(anchored, NO_RECORD)
            assert (stored.sequence, stored.leaf_count) == (expected.sequence, expected.leaf_count)


@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(sequence_of_steps=st.lists(steps, min_size=25, max_size=40))
def test_registry_random_calls_agree_with_model(
    web3: Web3, sequence_of_steps: list[Anchor | Appoint | Accept]
) -> None:
    """Any mix of calls, refused ones included, leaves contract and model with one outcome and one state."""
    registry = Registry.deploy(web3)
    names: list[str] = [*web3.eth.accounts[:ACCOUNTS]]
    model = Model({name: Account() for name in names})

    for step in sequence_of_steps:
        caller, function, arguments = step.call(model, names)
        refusal = apply(model, function, caller, arguments)
        if refusal is None:
            registry.send(caller, function, *arguments)
        else:
            data = registry.refusal(caller, function, *arguments)
            assert data == registry.error(refusal.name, *refusal.arguments)

    assert_same_state(registry, model)
