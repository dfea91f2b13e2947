"""The checked-in artifact: what the sources compile to, what runs on chain, and what it can never do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from web3 import Web3

from tests.contracts.registry import ARTIFACT_PATH, REPOSITORY, Registry, artifact

CODE_HASH = "0xc16c9f1a72dea50c7e14f54507400d85de3062f3e81cb67987413db762f96533"
COMPILE_TIMEOUT_S = 120
PUSH1, PUSH32 = 0x60, 0x7F
FORBIDDEN_OPCODES = {
    0xF0: "CREATE",
    0xF1: "CALL",
    0xF2: "CALLCODE",
    0xF4: "DELEGATECALL",
    0xF5: "CREATE2",
    0xFA: "STATICCALL",
    0xFF: "SELFDESTRUCT",
}


def opcodes(code: bytes) -> set[int]:
    """Return every opcode of EVM code; the operands of PUSH instructions are skipped."""
    found: set[int] = set()
    position = 0
    while position < len(code):
        opcode = code[position]
        found.add(opcode)
        position += 1 + (opcode - PUSH1 + 1 if PUSH1 <= opcode <= PUSH32 else 0)
    return found


def run_check(compiler: Path) -> subprocess.CompletedProcess[str]:
    """Run `compile.mjs --check`."""
    node = shutil.which("node")
    assert node is not None, "node not found: install Node.js, or deselect these tests with -m 'not node'"
    command = [node, str(compiler), "--check"]
    return subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False)


@pytest.mark.node
def test_artifact_recompiled_is_identical() -> None:
    """The pinned compiler turns the sources into exactly the artifact that is checked in."""
    checked = run_check(REPOSITORY / "contracts" / "compile.mjs")

    assert checked.returncode == 0, checked.stderr


@pytest.mark.node
@pytest.mark.parametrize("artifact_text", [None, "{}\n"], ids=["missing", "different"])
def test_compile_check_of_other_artifact_fails(tmp_path: Path, artifact_text: str | None) -> None:
    """The check sees a missing or a different artifact, and repairs neither."""
    sources = REPOSITORY / "contracts"
    shutil.copytree(sources, tmp_path / "contracts", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "contracts" / "node_modules").symlink_to(sources / "node_modules")
    copy = tmp_path / ARTIFACT_PATH.relative_to(REPOSITORY)
    copy.parent.mkdir(parents=True)
    if artifact_text is not None:
        copy.write_text(artifact_text, encoding="utf-8")

    checked = run_check(tmp_path / "contracts" / "compile.mjs")

    assert checked.returncode == 1
    assert "is not what the sources compile to" in checked.stderr
    assert (copy.read_text(encoding="utf-8") if copy.exists() else None) == artifact_text


@pytest.mark.anvil
def test_artifact_code_hash_is_that_of_the_code_on_chain(registry: Registry) -> None:
    """The code that the creation code leaves at the address is the artifact's, byte for byte."""
    code = bytes(registry.web3.eth.get_code(registry.contract.address))

    assert Web3.to_hex(code) == artifact()["deployedBytecode"]
    assert Web3.to_hex(Web3.keccak(code)) == artifact()["codeHash"]


def test_artifact_code_hash_is_final() -> None:
    """Services and verifiers know the contract by this hash: it never changes."""
    assert artifact()["codeHash"] == CODE_HASH


def test_artifact_code_calls_and_creates_nothing() -> None:
    """No instruction hands control to other code, and none destroys the contract."""
    found = opcodes(bytes.fromhex(artifact()["deployedBytecode"][2:]))

    assert {name for opcode, name in FORBIDDEN_OPCODES.items() if opcode in found} == set()


def test_artifact_abi_takes_no_ether_and_knows_nothing_but_anchors_and_succession() -> None:
    """Three functions write, none is payable, and there is neither fallback nor constructor."""
    surface = {
        item.get("name", item["type"]): item["stateMutability"]
        for item in artifact()["abi"]
        if item["type"] not in {"event", "error"}
    }

    assert surface == {
        "anchor": "nonpayable",
        "appointSuccessor": "nonpayable",
        "acceptSuccession": "nonpayable",
        "record": "view",
        "head": "view",
        "successor": "view",
        "predecessor": "view",
        "appointedSuccessor": "view",
        "lastRoot": "view",
    }
