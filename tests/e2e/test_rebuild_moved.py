"""A database is lost after changes of the key and moves: mirror, rebuild, fsck and audit, on real chains."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anchor.chain.client import Web3Chain
from anchor.chain.deployment import deploy
from anchor.chain.signer import LocalSigner
from anchor.documents import parse_proof
from tests.support.anvil import (
    POLL_INTERVAL_S,
    SECOND_KEY,
    THIRD_KEY,
    ZERO_ADDRESS,
    AnvilChain,
    running_chain,
)
from tests.support.issued import digest_of, export_trust, issue, revoke
from tests.support.operating import access, anchor, submit
from tests.support.running_service import IssuerAccess, RunningService

pytestmark = pytest.mark.anvil

SUCCESSOR_KEY = "ANCHOR_SUCCESSOR_PRIVATE_KEY"


@pytest.fixture
async def second(tmp_path: Path) -> AsyncIterator[AnvilChain]:
    """Run another chain: the same chain id, another genesis block."""
    async with running_chain(state_path=tmp_path / "second.json") as chain:
        yield chain


async def _rotate(service: RunningService, private_key: bytes) -> str:
    account = LocalSigner(private_key=private_key).address
    await service.command("key", "appoint", account)
    await service.command("key", "rotate", "--json", environment={SUCCESSOR_KEY: private_key.hex()})
    service.use_key(private_key)
    return account


async def _rebuild(service: RunningService, *options: str | Path, code: int = 0) -> dict[str, Any]:
    result = await anchor("rebuild", "--json", *options, service=service)
    assert result.exit_code == code, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


async def _fsck(service: RunningService, *options: str) -> int:
    result = await anchor("fsck", "--json", *options, service=service)
    assert result.exit_code != 1, result.output
    return result.exit_code


def _binding(credential: Path) -> dict[str, int]:
    """Return the status entry that a credential's proof binds."""
    status = parse_proof(
        credential.with_name(f"{credential.name}.proof.json").read_bytes()
    ).proof.entry.status
    assert status is not None
    return {"list": status.list_number, "index": status.index}


def _rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


KEPT = {
    "payloads": "select hash, batches.root, sequence_of, payloads.anchorage, sender, nonce, gas_limit, max_fee_wei, "
    "priority_fee_wei, payloads.created_ms, raw from (select *, sequence as sequence_of from payloads) as payloads "
    "join batches on batches.id = payloads.batch where state = 'final'",
    "costs": "select transaction_hash, sender, nonce, cost_wei, mined_s, is_settled from costs",
    "calls": "select hash, anchorage, sender, calldata, nonce, gas_limit, max_fee_wei, raw from calls",
    "receipt keys": "select public_key, since_ms from receipt_keys",
    "token keys": "select issuer, verification_method, public_key, sealed_secret, retired_ms is null from token_keys",
    "publishers": "select anchorage, position, address from publishers",
}
"""What only a database knows of transactions and keys: all that a backup has of it must come back."""


def _publishers(service: RunningService) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(service.database)) as connection:
        rows = connection.execute(
            "select coalesce(sequence, former_sequence), publisher from batches where state = 'final' order by id"
        ).fetchall()
    return [(int(sequence), str(publisher)) for sequence, publisher in rows]


async def test_rebuild_after_two_changes_of_the_key(service: RunningService, tmp_path: Path) -> None:
    """Every batch stands under the account that anchored it, and the service goes on at the next sequence."""
    issuer = await service.add_issuer()
    hosted = {"name": "Law", "listSigner": "did-web", "hosted": "law", "tokenKey": {"algorithm": "ES256"}}
    headers = {"Authorization": f"Bearer {service.operator_key}"}
    status, law = await service.request("POST", "/v1/issuers", headers=headers, json=hosted)
    assert status == 201, law
    await service.request(
        "POST", "/v1/status-entries", headers={"Authorization": f"Bearer {law['apiKey']}"}, json={"count": 1}
    )
    await issue(service, issuer, "first")
    await service.stop()
    await _rotate(service, SECOND_KEY)
    # While nothing runs, so that what it has is final.
    made = await anchor("backup", tmp_path / "backup", service=service)
    assert made.exit_code == 0, made.output
    await service.start()
    await issue(service, issuer, "second")
    await service.stop()
    last = await _rotate(service, THIRD_KEY)
    await service.start()
    await issue(service, issuer, "third")
    mirror = tmp_path / "mirror"
    await service.command("mirror", str(mirror), "--service", service.base_url)
    await service.stop()
    before = _publishers(service)
    lost = service.lost(tmp_path / "lost")

    report = await _rebuild(lost, "--mirror", mirror, "--base", tmp_path / "backup")

    assert (report["missing"], _publishers(lost)) == ([], before)
    for what, query in KEPT.items():
        kept, found = _rows(tmp_path / "backup" / "anchor.db", query), _rows(lost.database, query)
        assert kept, what
        assert set(kept) <= set(found), what
    assert len({publisher for _, publisher in before}) == 3
    assert await _fsck(lost) == 0
    await lost.start()
    try:
        _, published = await lost.request("GET", "/v1/publisher")
        await issue(lost, issuer, "fourth")
        assert await _fsck(lost, "--service", lost.base_url) == 0
    finally:
        await lost.stop()
    assert (published["successors"][-1], published["head"]["sequence"]) == (last, len(before))
    assert _publishers(lost)[-1] == (len(before) + 1, last)


async def test_rebuild_after_a_move_to_another_chain(
    service: RunningService, anvil: AnvilChain, second: AnvilChain, tmp_path: Path
) -> None:
    """
    A mirror from before the move follows it; the former anchorage comes back where its chain can be read.

    Where it cannot, its batches come back by the operator's word alone, and fsck goes on saying so.
    """
    issuer = await service.add_issuer()
    old = await issue(service, issuer, "old")
    mirror = tmp_path / "mirror"
    await service.command("mirror", str(mirror), "--service", service.base_url)
    await revoke(service, issuer, old)
    await service.stop()
    await service.command("serve", "--finish")
    service.settle_on(second)
    await service.command("move", "--yes")
    await service.start()
    await issue(service, issuer, "new")
    for options in ((), ("--check",)):
        printed = await service.command(
            "mirror", str(mirror), "--service", service.base_url, "--json", *options
        )
        assert json.loads(printed)["missing"] == []
    text = await export_trust(service, second.rpc_url)
    trust = service.folder / "trust.toml"
    trust.write_text(text.replace('# rpc = "https://…"', f'rpc = "{anvil.rpc_url}"  #', 1), "utf-8")
    await service.stop()
    before = _publishers(service)
    former = f"1={anvil.rpc_url}"

    await _require_audits_agree(service, mirror)
    lost = service.lost(tmp_path / "lost")
    report = await _rebuild(lost, "--mirror", mirror, "--earlier-rpc", former)
    assert report["missing"] == []
    assert [place["compared"] for place in report["anchorages"]] == [True, True]
    assert _publishers(lost) == before
    assert await _fsck(lost, "--earlier-rpc", former) == 0
    # Another chain's endpoint, or none, is doubt; that the chain is gone is for the operator to say.
    assert await _fsck(lost, "--earlier-rpc", f"1={second.rpc_url}") == 3
    assert await _fsck(lost) == 3
    assert await _fsck(lost, "--without-anchorage", "1") == 0

    blind = service.lost(tmp_path / "blind")
    await _require_rebuilt_only_by_the_operators_word(blind, mirror)
    assert _publishers(blind) == before
    assert await _fsck(blind, "--earlier-rpc", former) == 0
    keys = await _require_goes_on(blind, issuer, old, former)
    assert json.loads((mirror / "receipt-keys.json").read_bytes())["current"] in keys["retired"]


async def _require_audits_agree(service: RunningService, mirror: Path) -> None:
    """Audit either anchorage from the mirror alone."""
    for position in ("1", "2"):
        printed = await service.command(
            "audit", "--trust", "trust.toml", "--anchorage", position, "--mirror", str(mirror), "--json"
        )
        audit = json.loads(printed)
        assert (audit["agrees"], audit["filesChecked"]) == (True, True)


async def _require_rebuilt_only_by_the_operators_word(blind: RunningService, mirror: Path) -> None:
    """Rebuild where the former chain cannot be read: refused, and nothing written, unless the loss is accepted."""
    refused = await _rebuild(blind, "--mirror", mirror, code=1)
    assert [loss["code"] for loss in refused["missing"]] == ["anchorage_unchecked"]
    short = mirror.with_name("short")
    shutil.copytree(mirror, short)
    (earlier,) = json.loads((mirror / "publisher.json").read_bytes())["earlier"]
    last = earlier["head"]["sequence"]
    (short / f"anchorages/1/batches/{last}.json").unlink()
    refused = await _rebuild(blind, "--mirror", short, code=1)
    assert [(loss["code"], loss["sequence"]) for loss in refused["missing"]] == [
        ("anchorage_unchecked", None),
        ("batch_missing", last),
    ]
    assert not blind.database.exists()
    accepted = await _rebuild(blind, "--mirror", mirror, "--accept-loss", code=1)
    assert [place["compared"] for place in accepted["anchorages"]] == [False, True]


async def _require_goes_on(
    blind: RunningService, issuer: IssuerAccess, old: Path, former: str
) -> dict[str, Any]:
    """Start the rebuilt service: it serves and knows what it anchored before; return its receipt keys."""
    await blind.start()
    try:
        assert (await blind.request("GET", "/v1/anchorages/1/batches/1"))[0] == 200
        renewed = await access(blind, issuer.identifier)
        _, keys = await blind.request("GET", "/v1/receipt-keys")
        status, known = await submit(
            blind, renewed, digest=digest_of(old), method="jcs", status=_binding(old)
        )
        assert (status, known["state"]) == (200, "final")
        assert await _fsck(blind, "--service", blind.base_url, "--earlier-rpc", former) == 0
    finally:
        await blind.stop()
    receipt_keys: dict[str, Any] = keys
    return receipt_keys


async def _deploy_again(anvil: AnvilChain) -> AnvilChain:
    """Deploy the contract a second time, and return the chain as settings name it then."""
    chain = Web3Chain(rpc_url=anvil.rpc_url, contract=ZERO_ADDRESS)
    try:
        there = await deploy(
            chain=chain, signer=LocalSigner(private_key=THIRD_KEY), poll_interval_s=POLL_INTERVAL_S
        )
    finally:
        await chain.close()
    return replace(anvil, contract=there.address, deployed_at=there.block_number)


async def test_rebuild_after_a_move_to_another_contract_of_the_chain(
    service: RunningService, anvil: AnvilChain, tmp_path: Path
) -> None:
    """The same chain is reached by the settings: nothing more is named, and a backup from before the move counts."""
    issuer = await service.add_issuer()
    await issue(service, issuer, "old")
    made = await anchor("backup", tmp_path / "backup", service=service)
    assert made.exit_code == 0, made.output
    await service.stop()
    await service.command("serve", "--finish")
    service.settle_on(await _deploy_again(anvil))
    await service.command("move", "--yes")
    await service.start()
    await issue(service, issuer, "new")
    mirror = tmp_path / "mirror"
    await service.command("mirror", str(mirror), "--service", service.base_url)
    await service.stop()
    assert await _fsck(service) == 0
    before = _publishers(service)
    lost = service.lost(tmp_path / "lost")

    report = await _rebuild(lost, "--mirror", mirror, "--base", tmp_path / "backup")

    await _require_wrong_time_is_found(lost, service.lost(tmp_path / "wrong"))
    holed = service.lost(tmp_path / "holed")
    shutil.copytree(mirror, tmp_path / "partial")
    (tmp_path / "partial" / "anchorages" / "1" / "batches" / "1.leaves").unlink()
    gap = await _rebuild(holed, "--mirror", tmp_path / "partial", "--accept-loss", code=1)
    assert [(loss["sequence"], loss["code"]) for loss in gap["missing"]] == [(1, "batch_missing")]
    assert "batch 1 of anchorage 1" in gap["missing"][0]["message"]
    assert _publishers(holed) == before[1:]
    assert await _fsck(holed) == 3

    assert (report["missing"], [place["compared"] for place in report["anchorages"]]) == ([], [True, True])
    assert (_publishers(lost), report["leaves"]["withDigest"]) == (before, 1)
    assert await _fsck(lost) == 0
    await lost.start()
    try:
        await issue(lost, issuer, "newest")
        assert await _fsck(lost, "--service", lost.base_url) == 0
    finally:
        await lost.stop()


async def _require_wrong_time_is_found(rebuilt: RunningService, wrong: RunningService) -> None:
    """Check what was left like the last anchorage: a time that is not the contract's is found."""
    shutil.copytree(rebuilt.database.parent, wrong.database.parent)
    with closing(sqlite3.connect(wrong.database)) as connection:
        connection.execute("update batches set block_time_s = block_time_s + 1 where former_sequence = 1")
        connection.commit()
    found = await anchor("fsck", service=wrong)
    assert (found.exit_code, "batch 1: the contract's record differs" in found.stdout) == (1, True)
