"""AnchorVerifier as the contract tests see it: every question with its exact outcome."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractLogicError
from web3.types import RPCEndpoint, TxReceipt

from anchor.core.entries import UNBOUND, CredentialEntry
from anchor.core.proof import CredentialProof
from tests.contracts.batches import Evidence
from tests.contracts.registry import REPOSITORY, SENT_WITH, Registry

ARTIFACT_PATH = REPOSITORY / "anchor" / "chain" / "artifacts" / "AnchorVerifier.json"
DEPLOYED_WITH = SENT_WITH | {"gas": 4_000_000}


def artifact() -> dict[str, Any]:
    """Return the compiled contract as it is checked in."""
    loaded: dict[str, Any] = json.loads(ARTIFACT_PATH.read_text(encoding="utf-8"))
    return loaded


def entry_words(entry: CredentialEntry) -> tuple[object, ...]:
    """Return an entry as the contract takes it."""
    place = (entry.status.list_number, entry.status.index) if entry.status else (UNBOUND, UNBOUND)
    return (entry.issuer_id, entry.method_code, entry.digest, *place)


def proof_words(proof: CredentialProof, root: bytes) -> tuple[object, ...]:
    """Return a proof as the contract takes it: under a root, and without the size of the tree."""
    return (root, proof.inclusion.index, list(proof.inclusion.path), proof.status_root)


def evidence_words(evidence: Evidence) -> tuple[object, ...]:
    """Return evidence as the contract takes it: without the places, which the asker names."""
    entry, summary, chunk = evidence.listed.entry, evidence.listed.summary, evidence.chunk
    return (
        (
            entry.issuer_id,
            entry.list_id,
            entry.purpose,
            entry.bits_per_entry,
            entry.length,
            entry.version,
            entry.bits_root,
        ),
        list(evidence.listed.path),
        (summary.list_count, summary.list_tree_root),
        evidence.listed.credential_root,
        [chunk.chunk[:32], chunk.chunk[32:]],
        list(chunk.path),
    )


def abi_error(name: str, *arguments: object) -> bytes:
    """Return the revert data of a custom error of the ABI: its selector and its encoded arguments."""
    (entry,) = (item for item in artifact()["abi"] if item["type"] == "error" and item["name"] == name)
    types = [parameter["type"] for parameter in entry["inputs"]]
    selector = Web3.keccak(text=f"{name}({','.join(types)})")[:4]
    return bytes(selector) + Web3().codec.encode(types, arguments)


@dataclass(frozen=True, slots=True)
class Verifier:
    """One deployed AnchorVerifier and the registry on which it rests."""

    registry: Registry
    contract: Contract
    deployment: TxReceipt

    @classmethod
    def deploy(cls, registry: Registry) -> Verifier:
        """Deploy the checked-in creation code from the last development account."""
        web3, compiled = registry.web3, artifact()
        factory = web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
        constructor = factory.constructor(registry.contract.address)
        transaction = constructor.transact({"from": web3.eth.accounts[-1], **DEPLOYED_WITH})
        receipt = web3.eth.wait_for_transaction_receipt(transaction)
        assert receipt["status"] == 1
        contract = web3.eth.contract(address=receipt["contractAddress"], abi=compiled["abi"])
        assert isinstance(contract, Contract)
        return cls(registry, contract, receipt)

    def call(self, function: str, *arguments: object) -> ContractFunction:
        """Return a bound call of a contract function."""
        bound: ContractFunction = self.contract.functions[function](*arguments)
        return bound

    def answer(self, function: str, *arguments: object) -> Any:
        """Return what a view answers: a value, or a list of them."""
        return self.call(function, *arguments).call()

    def refusal(self, function: str, *arguments: object) -> bytes:
        """Return the revert data of a view that must revert."""
        try:
            answer = self.answer(function, *arguments)
        except ContractLogicError as exc:
            data = exc.data
        else:
            raise AssertionError(f"{function} did not revert, but answered {answer}")
        assert isinstance(data, str)
        return bytes.fromhex(data.removeprefix("0x"))

    def refusal_of_data(self, data: bytes) -> bytes:
        """Return the revert data of a call whose data no encoder would give."""
        message = {"to": self.contract.address, "data": Web3.to_hex(data)}
        response = self.registry.web3.provider.make_request(RPCEndpoint("eth_call"), [message, "latest"])
        assert "error" in response, response
        reverted = response["error"].get("data", "0x")
        return bytes.fromhex(reverted.removeprefix("0x"))

    def credential(self, publisher: str, entry: CredentialEntry, proof: CredentialProof, root: bytes) -> Any:
        """Ask `checkCredential`."""
        return self.answer("checkCredential", publisher, entry_words(entry), proof_words(proof, root))

    def credential_refusal(
        self, publisher: str, entry: CredentialEntry, proof: CredentialProof, root: bytes
    ) -> bytes:
        """Return why `checkCredential` refuses."""
        return self.refusal("checkCredential", publisher, entry_words(entry), proof_words(proof, root))

    def status(self, publisher: str, evidence: Evidence) -> Any:
        """Ask `checkStatus` about the place that the evidence is for."""
        place = (evidence.listed.list_number, evidence.index)
        return self.answer("checkStatus", publisher, *place, evidence_words(evidence))

    def status_refusal(self, publisher: str, evidence: Evidence) -> bytes:
        """Return why `checkStatus` refuses."""
        place = (evidence.listed.list_number, evidence.index)
        return self.refusal("checkStatus", publisher, *place, evidence_words(evidence))

    def status_as_of(self, publisher: str, root: bytes, next_root: bytes, evidence: Evidence) -> Any:
        """Ask `checkStatusAsOf` about the place that the evidence is for."""
        return self.answer("checkStatusAsOf", *_as_of(publisher, root, next_root, evidence))

    def status_as_of_refusal(
        self, publisher: str, root: bytes, next_root: bytes, evidence: Evidence
    ) -> bytes:
        """Return why `checkStatusAsOf` refuses."""
        return self.refusal("checkStatusAsOf", *_as_of(publisher, root, next_root, evidence))


def _as_of(publisher: str, root: bytes, next_root: bytes, evidence: Evidence) -> tuple[object, ...]:
    place = (evidence.listed.list_number, evidence.index)
    return (publisher, root, next_root, *place, evidence_words(evidence))
