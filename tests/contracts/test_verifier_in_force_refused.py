"""`isInForce` without an answer: bindings, lists and publishers that do not count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchor.core.entries import Purpose
from tests.contracts.batches import OTHER_ISSUER_ID, AnchoredList, Batch, clean_pair, credential, flipped
from tests.contracts.bound import (
    DAY_S,
    INDEX,
    LIST,
    NEIGHBOUR,
    POSITION,
    Question,
    anchored,
    answer,
    issued,
    refusal,
)
from tests.contracts.registry import HIGHEST_UINT64, NO_ACCOUNT, Registry, root
from tests.contracts.verifier import Verifier, abi_error

pytestmark = pytest.mark.anvil


def test_in_force_by_superseded_evidence_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The evidence of the day of issue does not outlive a revocation, not even for one of the two lists."""
    batch = issued()
    later = Batch(lists=(*clean_pair(0), *clean_pair(LIST, revoked=(INDEX,))), sequence=2)
    anchored(registry, accounts[0], batch)
    anchored(registry, accounts[0], later)
    old, new = Question.of(accounts[0], batch, batch), Question.of(accounts[0], batch, later)

    refusals = [
        refusal(verifier, question)
        for question in (
            old,
            replace(new, revocation=old.revocation),
            replace(new, suspension=old.suspension),
        )
    ]

    assert set(refusals) == {abi_error("Superseded", batch.root, later.root)}
    assert answer(verifier, new)[0] is False


def test_in_force_of_unbound_credential_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Where the entry binds no status, the chain cannot tell: it is no yes."""
    batch = issued()
    unbound = issued(bound=None, sequence=2)
    anchored(registry, accounts[0], batch)
    anchored(registry, accounts[0], unbound)
    proof = unbound.proof(POSITION)
    question = replace(
        Question.of(accounts[0], batch, batch), entry=proof.entry, proof=proof, root=unbound.root
    )

    assert refusal(verifier, question) == abi_error("NotBound")


def test_in_force_of_unbound_passed_off_as_bound_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """A binding of the prover's choice is another entry, which was never anchored."""
    batch = issued(bound=(LIST, NEIGHBOUR))
    anchored(registry, accounts[0], batch)
    forged = credential(2, bound=(LIST, INDEX))
    clean = [batch.evidence(LIST + offset, INDEX) for offset in (0, 1)]
    question = replace(
        Question.of(accounts[0], batch, batch), entry=forged, revocation=clean[0], suspension=clean[1]
    )

    data = refusal(verifier, question)

    computed = replace(question.proof, entry=forged).root()
    assert data == abi_error("WrongRoot", computed, batch.root)


def test_in_force_by_another_issuers_lists_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Bound to lists of another issuer, who could keep them clean, a credential is not in force; for either list."""
    own = clean_pair(LIST)
    foreign = [
        AnchoredList.with_values(LIST, Purpose.REVOCATION, {}, issuer_id=OTHER_ISSUER_ID),
        AnchoredList.with_values(LIST + 1, Purpose.SUSPENSION, {}, issuer_id=OTHER_ISSUER_ID),
    ]
    batches = [issued(foreign[0], own[1]), issued(own[0], foreign[1], sequence=2)]
    refusals = []
    for batch in batches:
        anchored(registry, accounts[0], batch)
        refusals.append(refusal(verifier, Question.of(accounts[0], batch, batch)))

    issuer_id = batches[0].credentials[1].issuer_id
    assert refusals == [
        abi_error("ForeignList", LIST, OTHER_ISSUER_ID, issuer_id),
        abi_error("ForeignList", LIST + 1, OTHER_ISSUER_ID, issuer_id),
    ]


@pytest.mark.parametrize(
    ("purposes", "error"),
    [
        ((Purpose.SUSPENSION, Purpose.REVOCATION), (LIST, Purpose.REVOCATION, Purpose.SUSPENSION)),
        ((Purpose.MESSAGE, Purpose.SUSPENSION), (LIST, Purpose.REVOCATION, Purpose.MESSAGE)),
        ((Purpose.REVOCATION, Purpose.REVOCATION), (LIST + 1, Purpose.SUSPENSION, Purpose.REVOCATION)),
        ((Purpose.REVOCATION, Purpose.REFRESH), (LIST + 1, Purpose.SUSPENSION, Purpose.REFRESH)),
    ],
    ids=["swapped", "message", "twice", "refresh"],
)
def test_in_force_by_lists_of_another_purpose_is_refused(
    verifier: Verifier,
    registry: Registry,
    accounts: list[str],
    purposes: tuple[Purpose, Purpose],
    error: tuple[int, int, int],
) -> None:
    """List n must be for revocation and list n + 1 for suspension."""
    lists = [AnchoredList.with_values(LIST + at, purpose, {}) for at, purpose in enumerate(purposes)]
    batch = issued(*lists)
    anchored(registry, accounts[0], batch)

    data = refusal(verifier, Question.of(accounts[0], batch, batch))

    assert data == abi_error("WrongPurpose", *error)


def test_in_force_by_evidence_of_another_list_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The lists follow from the entry: clean ones of the same issuer and purpose do not stand in for them."""
    batch = issued(*clean_pair(LIST, revoked=(INDEX,), suspended=(INDEX,)))
    anchored(registry, accounts[0], batch)
    question = Question.of(accounts[0], batch, batch)
    clean = [batch.evidence(offset, INDEX) for offset in (0, 1)]

    refusals = [
        refusal(verifier, replace(question, revocation=clean[0])),
        refusal(verifier, replace(question, suspension=clean[1])),
    ]

    assert refusals == [
        abi_error("WrongListTreeRoot", placed.reached_list_tree_root, batch.summary.list_tree_root)
        for placed in (
            replace(evidence, listed=replace(evidence.listed, list_number=LIST + offset))
            for offset, evidence in enumerate(clean)
        )
    ]


def test_in_force_by_evidence_of_another_index_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """The index follows from the entry: a clean chunk elsewhere in the list does not stand in for its own."""
    batch = issued(*clean_pair(LIST, revoked=(INDEX,), suspended=(INDEX,)))
    anchored(registry, accounts[0], batch)
    question = Question.of(accounts[0], batch, batch)
    clean = [batch.evidence(LIST + offset, 0) for offset in (0, 1)]

    refusals = [
        refusal(verifier, replace(question, revocation=clean[0])),
        refusal(verifier, replace(question, suspension=clean[1])),
    ]

    assert refusals == [
        abi_error("WrongBitsRoot", placed.reached_bits_root, placed.listed.entry.bits_root)
        for placed in (replace(evidence, index=INDEX) for evidence in clean)
    ]


@pytest.mark.parametrize(
    ("bound", "error"),
    [
        ((LIST, HIGHEST_UINT64), ("IndexOutsideList", HIGHEST_UINT64, 2_048)),
        ((LIST, 2_048), ("IndexOutsideList", 2_048, 2_048)),
        ((HIGHEST_UINT64, INDEX), ("OutsideTree", HIGHEST_UINT64, 4)),
        ((4, INDEX), ("OutsideTree", 4, 4)),
        ((3, INDEX), ("WrongPurpose", 3, Purpose.REVOCATION, Purpose.SUSPENSION)),
    ],
    ids=["highest-index", "index", "highest-list", "list", "second-of-a-pair"],
)
def test_in_force_with_a_binding_that_leads_nowhere_is_refused(
    verifier: Verifier,
    registry: Registry,
    accounts: list[str],
    bound: tuple[int, int],
    error: tuple[str, int, int],
) -> None:
    """An anchored binding to a list or an index that does not exist gives no answer, nor does an overflow of n + 1."""
    batch = issued(bound=bound)
    anchored(registry, accounts[0], batch)
    proof = batch.proof(POSITION)
    number = bound[0] if bound[0] < len(batch.lists) else LIST
    evidence = batch.evidence(number, INDEX), batch.evidence(LIST + 1, INDEX)
    question = Question(accounts[0], accounts[0], proof.entry, proof, batch.root, *evidence)

    assert refusal(verifier, question) == abi_error(*error)


def test_in_force_bound_to_the_last_list_of_all_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """A revocation list without the suspension list of its pair is half a binding."""
    batch = issued(clean_pair(LIST)[0])
    anchored(registry, accounts[0], batch)
    proof = batch.proof(POSITION)
    other = AnchoredList.with_values(LIST + 1, Purpose.SUSPENSION, {})
    made_up = replace(batch, lists=(*batch.lists, other)).evidence(LIST + 1, INDEX)
    missing = replace(made_up, listed=replace(made_up.listed, summary=batch.summary))
    evidence = batch.evidence(LIST, INDEX), missing
    question = Question(accounts[0], accounts[0], proof.entry, proof, batch.root, *evidence)

    assert refusal(verifier, question) == abi_error("OutsideTree", LIST + 1, 3)


def test_in_force_by_head_older_than_allowed_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """A publisher that has gone silent does not keep a credential in force for ever."""
    batch = issued()
    record = anchored(registry, accounts[0], batch)
    question = Question.of(accounts[0], batch, batch)
    assert answer(verifier, question)[0] is True
    registry.rpc("evm_increaseTime", [DAY_S + 1])
    registry.rpc("evm_mine", [])

    data = refusal(verifier, question)

    assert data == abi_error("StatusStale", record.timestamp_s, DAY_S)
    for patient in (2 * DAY_S, HIGHEST_UINT64):
        assert answer(verifier, replace(question, max_status_age_s=patient))[0] is True


def test_in_force_of_succeeded_publisher_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """A succeeded publisher's last state can never change again, so it speaks for no present; nobody else's does."""
    publisher, successor, stranger, *_ = accounts
    batch = issued()
    anchored(registry, publisher, batch)
    registry.hand_over(publisher, successor)
    question = Question.of(publisher, batch, batch)

    assert refusal(verifier, question) == abi_error("NoHead", publisher, successor)
    backwards = replace(question, anchored_by=successor)
    assert refusal(verifier, backwards) == abi_error("NotInLine", successor, publisher)
    other = replace(question, publisher=stranger)
    assert refusal(verifier, other) == abi_error("NotInLine", publisher, stranger)
    nobody = replace(question, publisher=NO_ACCOUNT)
    assert refusal(verifier, nobody) == abi_error("NotInLine", publisher, NO_ACCOUNT)


def test_in_force_of_credential_anchored_by_a_stranger_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Anybody can anchor a revoked credential once more, bound to a clean index of the issuer's lists: for nothing."""
    publisher, stranger, *_ = accounts
    head = issued(*clean_pair(LIST, revoked=(INDEX,)))
    anchored(registry, publisher, head)
    forged = issued(bound=(LIST, NEIGHBOUR + 1))
    anchored(registry, stranger, forged)
    proof = forged.proof(POSITION)
    clean = head.evidence(LIST, NEIGHBOUR + 1), head.evidence(LIST + 1, NEIGHBOUR + 1)
    question = Question(publisher, stranger, proof.entry, proof, forged.root, *clean)

    data = refusal(verifier, question)

    assert data == abi_error("NotInLine", stranger, publisher)
    own = replace(question, anchored_by=publisher)
    assert refusal(verifier, own) == abi_error("NotAnchored", publisher, forged.root)


def test_in_force_of_credential_without_proof_is_refused(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Clean lists alone prove no credential."""
    batch = issued()
    anchored(registry, accounts[0], batch)
    question = Question.of(accounts[0], batch, batch)
    forged = replace(question.entry, digest=flipped(question.entry.digest))

    data = refusal(verifier, replace(question, entry=forged))

    assert data == abi_error("WrongRoot", replace(question.proof, entry=forged).root(), batch.root)
    elsewhere = replace(question, root=root(1))
    assert refusal(verifier, elsewhere) == abi_error("NotAnchored", accounts[0], root(1))
