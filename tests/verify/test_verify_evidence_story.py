"""Evidence, past times and downloaded lists with nothing but the commands, a real node and files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anchor.cli import main
from anchor.core.entries import StatusEntry
from anchor.verify.times import utc_text
from tests.support.published_server import serving
from tests.support.publisher import did_key_issuer, proof_bytes
from tests.verify.anvil_publisher import AnvilPublisher


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own trust file and environment out."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for name in ("ANCHOR_TRUST", "ANCHOR_RPC"):
        monkeypatch.delenv(name, raising=False)


def _run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


async def run(*arguments: object) -> Result:
    """Run a command in a thread of its own, where it may have its own event loop."""
    return await asyncio.to_thread(_run, *arguments)


def last_line(result: Result) -> tuple[int, str]:
    """Return the exit code and the verdict."""
    return result.exit_code, result.stdout.splitlines()[-1]


@pytest.mark.anvil
async def test_cli_evidence_story_on_a_real_node(anvil_publisher: AnvilPublisher, tmp_path: Path) -> None:
    """Staple, revoke, verify: by old evidence, by the lists, by new evidence, and as it stood before."""
    own, issuer = anvil_publisher.publisher, did_key_issuer(1)
    credential, trust = tmp_path / "badge.json", tmp_path / "trust.toml"
    status = tmp_path / "badge.json.status.json"
    credential.write_text(json.dumps({"issuer": issuer.id, "name": "Ada"}))
    place = own.submit(issuer, credential.read_bytes(), status=StatusEntry(0, 7))
    issued = await anvil_publisher.anchor()
    (tmp_path / "badge.json.proof.json").write_bytes(proof_bytes(own.proof(issued, place)))
    async with serving(own.folder) as url:
        rpc = ["--rpc", anvil_publisher.anvil.rpc_url]
        await run("trust", "export", "--service", url, *rpc, "-o", trust)
        made = await run("evidence", credential, "--trust", trust)
        own.set_bit(0, 7, 1)
        await anvil_publisher.anvil.control("evm_increaseTime", 60)
        revoked = await anvil_publisher.anchor()
        beside = await run("verify", credential, "--trust", trust)
        status.rename(tmp_path / "old.json")
        now = await run("verify", credential, "--trust", trust)
        remade = await run("evidence", credential, "--trust", trust)
        await anvil_publisher.anchor()
        issued_s = issued.document.claim.block_time_s
        then = await run("verify", credential, "--trust", trust, "--at", utc_text(issued_s))
    by_old = await run("verify", credential, "--trust", trust, "--evidence", tmp_path / "old.json")
    by_new = await run("verify", credential, "--trust", trust)

    assert (made.exit_code, remade.exit_code) == (0, 0)
    assert last_line(beside) == (1, "revoked")
    assert last_line(now) == (1, "revoked")
    assert last_line(then) == (0, "valid")
    assert f"As of {utc_text(issued_s)}; checked" in then.stdout
    claim = revoked.document.claim
    assert last_line(by_old) == (0, "valid")
    assert (
        f"? age       status is until block {claim.block_number}, {utc_text(claim.block_time_s)}"
        in by_old.stdout
    )
    assert (
        f"Status until {utc_text(claim.block_time_s)}, block {claim.block_number}; checked" in by_old.stdout
    )
    assert last_line(by_new) == (1, "revoked")
