"""AnchorRegistry as the contract tests see it: every call with its exact outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractLogicError
from web3.logs import DISCARD
from web3.types import EventData, RPCEndpoint, TxParams, TxReceipt, Wei

REPOSITORY = Path(__file__).resolve().parents[2]
ARTIFACT_PATH = REPOSITORY / "anchor" / "chain" / "artifacts" / "AnchorRegistry.json"

NO_ACCOUNT = "0x0000000000000000000000000000000000000000"
NO_ROOT = bytes(32)
HIGHEST_UINT64 = 2**64 - 1
SENT_WITH: TxParams = {
    "gas": 1_000_000,
    "maxFeePerGas": Wei(10**11),
    "maxPriorityFeePerGas": Wei(0),
}
"""Given to every transaction: one that will revert is mined all the same, and no price is asked for."""


class Record(NamedTuple):
    """The contract's record of a (publisher, root), in the order of the struct."""

    sequence: int
    timestamp_s: int
    block_number: int
    leaf_count: int


NO_RECORD = Record(0, 0, 0, 0)


def root(number: int) -> bytes:
    """Return a root without a zero byte, so that every such root costs the same as call data."""
    return bytes([0xAA] * 31 + [number + 1])


def head_slot(publisher: str) -> int:
    """Return the storage slot of a publisher's head: the first of its struct, in the mapping at slot 0."""
    return int.from_bytes(Web3.keccak(bytes(12) + bytes.fromhex(publisher[2:]) + bytes(32)))


def record_slot(publisher: str, root: bytes) -> int:
    """Return the storage slot of a record, in the mapping that follows the publisher's head."""
    return int.from_bytes(Web3.keccak(root + (head_slot(publisher) + 1).to_bytes(32)))


def artifact() -> dict[str, Any]:
    """Return the compiled contract as it is checked in."""
    loaded: dict[str, Any] = json.loads(ARTIFACT_PATH.read_text(encoding="utf-8"))
    return loaded


@dataclass(frozen=True, slots=True)
class Registry:
    """One deployed AnchorRegistry."""

    web3: Web3
    contract: Contract
    deployment: TxReceipt

    @classmethod
    def deploy(cls, web3: Web3) -> Registry:
        """Deploy the checked-in creation code from the last development account."""
        compiled = artifact()
        factory = web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
        transaction = factory.constructor().transact({"from": web3.eth.accounts[-1]})
        receipt = web3.eth.wait_for_transaction_receipt(transaction)
        contract = web3.eth.contract(address=receipt["contractAddress"], abi=compiled["abi"])
        assert isinstance(contract, Contract)
        return cls(web3, contract, receipt)

    def call(self, function: str, *arguments: object) -> ContractFunction:
        """Return a bound call of a contract function."""
        bound: ContractFunction = self.contract.functions[function](*arguments)
        return bound

    def send(self, sender: str, function: str, *arguments: object) -> TxReceipt:
        """Send a transaction that must succeed and return its receipt."""
        receipt = self._mined(sender, function, *arguments)
        assert receipt["status"] == 1, f"{function}{arguments} from {sender} reverted"
        return receipt

    def anchor(self, publisher: str, sequence: int, root: bytes, leaf_count: int = 7) -> Record:
        """Anchor a root, which must succeed, and return the record that ought to be stored for it."""
        receipt = self.send(publisher, "anchor", sequence, root, leaf_count)
        block = self.web3.eth.get_block(receipt["blockNumber"])
        return Record(sequence, block["timestamp"], block["number"], leaf_count)

    def hand_over(self, publisher: str, successor: str) -> TxReceipt:
        """Appoint and accept; return the receipt of the acceptance."""
        self.send(publisher, "appointSuccessor", successor)
        return self.send(successor, "acceptSuccession", publisher)

    def refusal(self, sender: str, function: str, *arguments: object) -> bytes:
        """Return the revert data of a call that must revert, in simulation and when mined, without a log."""
        try:
            self.call(function, *arguments).call({"from": self.web3.to_checksum_address(sender)})
        except ContractLogicError as exc:
            data = exc.data
        else:
            raise AssertionError(f"{function}{arguments} from {sender} did not revert")
        receipt = self._mined(sender, function, *arguments)
        assert receipt["status"] == 0
        assert receipt["logs"] == []
        assert isinstance(data, str)
        return bytes.fromhex(data.removeprefix("0x"))

    def error(self, name: str, *arguments: object) -> bytes:
        """Return the revert data of a custom error of the ABI: its selector and its encoded arguments."""
        (entry,) = (item for item in artifact()["abi"] if item["type"] == "error" and item["name"] == name)
        types = [parameter["type"] for parameter in entry["inputs"]]
        selector = Web3.keccak(text=f"{name}({','.join(types)})")[:4]
        return bytes(selector) + self.web3.codec.encode(types, arguments)

    def events(self, receipt: TxReceipt) -> list[tuple[str, dict[str, Any]]]:
        """Return name and arguments of every log of a receipt; each must be an event of this contract."""
        decoded: list[EventData] = [
            event
            for name in ("Anchored", "SuccessorAppointed", "PublisherSucceeded")
            for event in self.contract.events[name]().process_receipt(receipt, errors=DISCARD)
        ]
        assert len(decoded) == len(receipt["logs"])
        return [(event["event"], dict(event["args"])) for event in decoded]

    def record(self, publisher: str, root: bytes) -> Record:
        """Return the contract's record of (publisher, root)."""
        return Record(*self.call("record", publisher, root).call())

    def head(self, publisher: str) -> tuple[bytes, Record]:
        """Return the publisher's head and its record."""
        newest_root, newest = self.call("head", publisher).call()
        return newest_root, Record(*newest)

    def view(self, function: str, publisher: str) -> Any:
        """Return what a one-argument view says about a publisher."""
        return self.call(function, publisher).call()

    def stored(self, slot: int) -> bytes:
        """Return the 32 bytes of a storage slot."""
        return bytes(self.web3.eth.get_storage_at(self.contract.address, slot))

    def rpc(self, method: str, parameters: list[object]) -> None:
        """Have the development chain do what no transaction can."""
        response = self.web3.provider.make_request(RPCEndpoint(method), parameters)
        assert "error" not in response, response

    @contextmanager
    def one_block(self) -> Iterator[None]:
        """Mine all transactions sent inside this context in one block, in the order they were sent."""
        self.rpc("evm_setAutomine", [False])
        try:
            yield
            self.rpc("evm_mine", [])
        finally:
            self.rpc("evm_setAutomine", [True])

    def _mined(self, sender: str, function: str, *arguments: object) -> TxReceipt:
        call = self.call(function, *arguments)
        transaction = call.transact({"from": self.web3.to_checksum_address(sender), **SENT_WITH})
        return self.web3.eth.wait_for_transaction_receipt(transaction)
