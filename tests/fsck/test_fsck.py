"""`anchor fsck` says yes to a sound installation, and no to each way in which one can be unsound."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner

from anchor.chain.client import Web3Chain
from anchor.chain.signer import LocalSigner
from anchor.cli import main
from anchor.documents import PublisherDocument, publisher_to_json
from anchor.fsck.published import check_published
from anchor.service.proofs import earlier_anchorage
from anchor.store.sqlite.anchorages import anchorages
from anchor.store.sqlite.connection import open_for_reading
from anchor.store.sqlite.writer import Session
from anchor.verify.folder_source import FolderSource
from tests.support.anvil import AnvilChain, mined, running_chain, signed_anchor
from tests.support.running_service import RunningService

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, slots=True)
class Installation:
    """A stopped installation that has anchored digests, bound one, and revoked it; its chain still runs."""

    folder: Path
    chain: AnvilChain
    service: RunningService

    @property
    def database(self) -> Path:
        return self.folder / "data" / "anchor.db"


async def _add_issuer_with_token_key(service: RunningService) -> None:
    """Add an issuer of lists that two keys sign, both of which were replaced since."""
    operator = {"Authorization": f"Bearer {service.operator_key}"}
    body = {"name": "u", "listSigner": "did-web", "hosted": "u", "tokenKey": {"algorithm": "ES256"}}
    _, added = await service.request("POST", "/v1/issuers", headers=operator, json=body)
    headers = {"Authorization": f"Bearer {added['apiKey']}"}
    await service.request("POST", "/v1/status-entries", headers=headers, json={"count": 1})
    for what in ("list", "token"):
        path = f"/v1/issuers/{added['number']}/rotate-{what}-key"
        status, _ = await service.request("POST", path, headers=operator)
        assert status == 200


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def original(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """Run a service through a whole life, and stop it."""
    folder = tmp_path_factory.mktemp("original")
    async with running_chain(state_path=folder / "chain.json") as chain:
        service = RunningService(folder=folder / "service", chain=chain)
        await service.start()
        await _add_issuer_with_token_key(service)
        issuer = await service.add_issuer()
        items: list[dict[str, Any]] = [
            {"digest": secrets.token_bytes(32).hex(), "method": "raw", "status": "allocate"} for _ in range(5)
        ]
        status, body = await service.request("POST", "/v1/digests", headers=issuer.headers, json=items)
        assert status == 200, body
        await service.wait_for_state(issuer, items[0]["digest"], "final")
        change = {"digest": items[0]["digest"], "purpose": "revocation", "value": True, "reason": "test"}
        _, changed = await service.request("POST", "/v1/status-changes", headers=issuer.headers, json=change)
        (changed_list,) = changed["lists"]
        await service.wait_for_anchored_version(changed_list["list"], changed_list["version"])
        await service.stop()
        yield Installation(folder=folder / "service", chain=chain, service=service)


@pytest.fixture
def copy(original: Installation, tmp_path: Path) -> Installation:
    """Return a copy of the installation that a test may damage."""
    shutil.copytree(original.folder, tmp_path / "copy")
    return Installation(folder=tmp_path / "copy", chain=original.chain, service=original.service)


async def _fsck(installation: Installation, *options: str) -> tuple[int, dict[str, Any], str]:
    arguments = ["fsck", "--json", "--config", str(installation.folder / "anchor.toml"), *options]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout) if result.stdout else {}, result.stderr


async def test_fsck_sound_installation_exits_0_and_looked_at_everything(original: Installation) -> None:
    """Nothing is wrong, and no check was empty."""
    code, report, errors = await _fsck(original)

    assert (code, report.get("sound")) == (0, True), (report, errors)
    assert [check["check"] for check in report["checks"]] == ["file", "batches", "outbox", "lists", "chain"]
    assert all(check["lookedAt"] > 0 for check in report["checks"])


async def test_fsck_running_service_compares_what_is_published(original: Installation) -> None:
    """With the service's address, what it serves is held against the database too."""
    await original.service.start()
    try:
        code, report, errors = await _fsck(original, "--service", original.service.base_url)
    finally:
        await original.service.stop()

    assert (code, report.get("sound")) == (0, True), (report, errors)
    assert report["checks"][-1]["check"] == "published"
    assert report["checks"][-1]["lookedAt"] > 0


async def test_fsck_of_a_publisher_document_that_is_not_the_databases_names_it(
    original: Installation, tmp_path: Path
) -> None:
    """One that a cache kept from before a move would send everybody to the wrong files."""
    database = open_for_reading(original.database)
    with closing(database.conn):
        session = Session(database)
        place = anchorages(session)[0]
        here = PublisherDocument(
            chain_id=place.chain_id,
            genesis_hash=place.genesis_hash,
            contract=place.contract,
            publisher=place.publishers[0],
            from_block=place.from_block,
            base_url=original.service.base_url,
            head_sequence=0,
            head_root=None,
        )
        elsewhere = replace(here, contract="0x" + "c1" * 20)
        moved = replace(elsewhere, earlier=(earlier_anchorage(place, None),))
        found = []
        for document in (here, elsewhere, moved):
            (tmp_path / "publisher.json").write_text(json.dumps(publisher_to_json(document)), "utf-8")
            check = await check_published(session, [], FolderSource(tmp_path), last_anchorage=1)
            found.append([problem.message for problem in check.problems if "publisher" in problem.where])

    assert [len(messages) for messages in found] == [0, 1, 2]


DAMAGE = {
    "a digest changed": "update entries set digest = randomblob(32) where leaf_index = 2",
    "a digest lost": "delete from entries where leaf_index = 3",
    "a digest at another place": "update entries set leaf_index = 9 where leaf_index = 4",
    "a binding changed": "update entries set list_index = (list_index + 1) % 131072 where leaf_index = 1",
    "a leaf changed": "update nodes set hashes = randomblob(length(hashes)) where level = 0 and batch = 1",
    "an inner node changed": "update nodes set hashes = randomblob(length(hashes)) where level = 1 and batch = 1",
    "a root changed": "update batches set root = randomblob(32) where sequence = 1",
    "a credential root changed": "update batches set credential_root = randomblob(32) where sequence = 1",
    "a previous root changed": "update batches set previous_root = randomblob(32) where sequence = 2",
    "a header's time changed": "update batches set sealed_s = sealed_s + 1 where sequence = 1",
    "a batch called mined elsewhere": "update batches set block_number = block_number + 1 where sequence = 1",
    "a batch lost": "delete from batches where sequence = 2",
    "payloads lost": "delete from payloads",
    "another transaction": "update batches set mined_transaction = randomblob(32) where sequence = 1",
    "a bit set by nobody": "update list_pages set bits = zeroblob(4096)",
    "a history entry lost": "delete from status_changes",
    "a revocation taken back": (
        "insert into status_changes (list, list_index, value, reason, actor, changed_ms)"
        " select list, list_index, 0, 'oops', 'x', changed_ms from status_changes"
    ),
    "a version's root changed": "update list_versions set bits_root = randomblob(32)",
    "a version's document changed": (
        "update list_versions set document = cast(replace(document, 'revocation', 'suspension') as blob)"
    ),
    "a batch with older lists than the one before": (
        "insert into list_snapshots (batch, versions)"
        " select max(batch), (select json_group_array(version - 1) from (select max(version) as version"
        " from list_versions group by list order by list)) from list_versions"
    ),
    "a form changed": "update list_forms set body = cast(substr(body, 1, length(body) - 1) || 'A' as blob)",
    "a form of another list": (
        "update list_forms set body = (select other.body from list_forms as other"
        " where other.form = list_forms.form and other.list != list_forms.list)"
    ),
    "forms exchanged": "update list_forms set body = (select body from list_forms where form like '%cwt')",
    "a form that there is not": "update list_forms set form = 'application/xml' where form like '%cwt'",
    "a token key lost": "delete from token_keys",
    "a counter set back": "update lists set allocated = 0",
    "a list of another issuer": "update entries set issuer = 99 where leaf_index = 1",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE.keys())
async def test_fsck_damaged_database_exits_1_and_names_it(copy: Installation, statement: str) -> None:
    """Each damage is found, whatever table it is in."""
    with sqlite3.connect(copy.database) as connection:
        changed = connection.execute(statement).rowcount
    connection.close()
    code, report, errors = await _fsck(copy)

    assert changed > 0
    assert (code, report.get("sound")) == (1, False), (report, errors)
    assert any(check["problems"] for check in report["checks"])


async def test_fsck_damaged_page_exits_1(copy: Installation) -> None:
    """Fault 10: bytes of the file were changed under the database."""
    content = bytearray(copy.database.read_bytes())
    for page in range(8, len(content) // 4096 - 1):
        content[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    copy.database.write_bytes(content)
    code, report, errors = await _fsck(copy)

    assert code == 1
    assert not report.get("sound", False), errors


async def test_fsck_missing_database_exits_1(copy: Installation) -> None:
    """Nothing to check is no yes."""
    copy.database.unlink()
    code, _, errors = await _fsck(copy)

    assert (code, "there is no" in errors) == (1, True)


async def test_fsck_unreachable_chain_exits_3(copy: Installation) -> None:
    """What could not be checked is not sound."""
    settings = (copy.folder / "anchor.toml").read_text("utf-8")
    (copy.folder / "anchor.toml").write_text(
        settings.replace(copy.chain.rpc_url, "http://127.0.0.1:9"), "utf-8"
    )
    code, report, errors = await _fsck(copy)

    assert (code, report.get("sound")) == (3, False), errors
    assert report["unchecked"]


async def test_fsck_anchor_that_database_does_not_know_exits_1(original: Installation) -> None:
    """Faults 8 and 9: the key was used elsewhere, or an old backup was put back."""
    chain = Web3Chain(rpc_url=original.chain.rpc_url, contract=original.chain.contract)
    signer = LocalSigner(private_key=original.chain.development.private_key)
    try:
        latest = await chain.block("latest")
        assert latest is not None
        head = await chain.head(signer.address, latest.hash)
        assert head is not None
        foreign = await signed_anchor(
            chain,
            signer,
            contract=original.chain.contract,
            sequence=head.record.sequence + 1,
            root=b"\x07" * 32,
        )
        await chain.broadcast(foreign.raw)
        await mined(chain, foreign.hash)
    finally:
        await chain.close()
    code, report, errors = await _fsck(original)

    assert (code, report.get("sound")) == (1, False), errors
    assert "does not know" in json.dumps(report)
