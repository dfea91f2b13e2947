"""What each question costs, compared with the snapshot in `gas_verifier.json`.

After a wanted change: `UPDATE_GAS_SNAPSHOT=1 pytest tests/contracts/test_verifier_gas.py`, and review the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from anchor.core.entries import Purpose
from tests.contracts.batches import AnchoredList, Batch, credential
from tests.contracts.registry import Registry
from tests.contracts.verifier import Verifier, entry_words, evidence_words, proof_words

pytestmark = pytest.mark.anvil

SNAPSHOT_PATH = Path(__file__).with_name("gas_verifier.json")
CREDENTIALS = 999
LISTS = 16
LENGTH = 131_072
INDEX = 94_567
POSITION = 700
DAY_S = 86_400


def typical_batch() -> Batch:
    """Return a batch of 1,000 leaves beside sixteen lists of the smallest size that W3C allows."""
    pair = (Purpose.REVOCATION, Purpose.SUSPENSION)
    lists = [AnchoredList.with_values(number, pair[number % 2], {}, length=LENGTH) for number in range(LISTS)]
    credentials = [credential(number, bound=(0, INDEX)) for number in range(1, CREDENTIALS + 1)]
    return Batch(tuple(credentials), tuple(lists))


def test_gas_of_verifier_matches_snapshot(
    verifier: Verifier, registry: Registry, accounts: list[str]
) -> None:
    """Deployment by its receipt, each view by `eth_estimateGas`: a transaction's 21,000 and its data included."""
    # One test and no more in this module: the addresses, and so the bytes to pay for, depend on what came before.
    publisher, batch = accounts[0], typical_batch()
    registry.anchor(publisher, 1, batch.root, batch.leaf_count)
    entry, proof = batch.credentials[POSITION - 1], proof_words(batch.proof(POSITION), batch.root)
    revocation, suspension = (evidence_words(batch.evidence(number, INDEX)) for number in (0, 1))
    place, credential_words = (0, INDEX), entry_words(entry)
    questions = {
        "checkCredential": (publisher, credential_words, proof),
        "checkStatus": (publisher, *place, revocation),
        "checkStatusAsOf": (publisher, batch.root, bytes(32), *place, revocation),
        "isInForce": (publisher, publisher, credential_words, proof, revocation, suspension, DAY_S),
        "currentPublisher": (publisher,),
    }

    measured = {"deploy": verifier.deployment["gasUsed"]} | {
        function: verifier.call(function, *arguments).estimate_gas({"from": accounts[1]})
        for function, arguments in questions.items()
    }

    if os.environ.get("UPDATE_GAS_SNAPSHOT"):
        SNAPSHOT_PATH.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    assert measured == json.loads(SNAPSHOT_PATH.read_text(encoding="utf-8"))
