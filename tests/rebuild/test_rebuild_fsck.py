"""fsck knows what a rebuilt database cannot have, and is no more lenient for it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
import pytest_asyncio

from tests.rebuild.conftest import Life, rebuild
from tests.support.operating import anchor
from tests.support.running_service import RunningService

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]

DAMAGE = {
    "a leaf without a digest changed": "update orphan_leaves set leaf = randomblob(32) where leaf_index = 1",
    "a leaf without a digest lost": "delete from orphan_leaves where leaf_index = 1",
    "a leaf without a digest elsewhere": "update orphan_leaves set leaf_index = 99 where leaf_index = 1",
    "leaves called rebuilt no more": "delete from rebuilt_batches",
    "another transaction": "update batches set mined_transaction = randomblob(32) where sequence = 1",
    "a batch called mined elsewhere": "update batches set block_number = block_number + 1 where sequence = 1",
    "a rebuilt batch that is not final": "update batches set state = 'mined' where sequence = 1",
    "a bit set by nobody": "update list_pages set bits = zeroblob(4096)",
    "a list that forgot from where it goes on": "delete from rebuilt_lists",
    "a version lost": "update list_versions set document = x''",
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whole(life: Life, tmp_path_factory: pytest.TempPathFactory) -> RunningService:
    """Rebuild the database once."""
    service = life.lost(tmp_path_factory.mktemp("whole") / "rebuilt")
    code, report = await rebuild(life, service)
    assert code == 0, report
    return service


async def fsck_after(whole: RunningService, folder: Path, statement: str) -> tuple[int, str]:
    """Run a statement on a copy of the database, then fsck."""
    await asyncio.to_thread(shutil.copytree, whole.folder, folder)
    service = whole.moved_to(folder)
    connection = sqlite3.connect(folder / "data" / "anchor.db")
    changed = connection.execute(statement).rowcount
    connection.commit()
    connection.close()
    assert changed > 0
    result = await anchor("fsck", "--json", service=service)
    return result.exit_code, json.dumps(json.loads(result.stdout)["checks"])


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE.keys())
async def test_fsck_of_damaged_rebuilt_database_exits_1(
    whole: RunningService, tmp_path: Path, statement: str
) -> None:
    """Every damage is found although digests, transactions and history are not there to compare with."""
    code, checks = await fsck_after(whole, tmp_path / "copy", statement)

    assert code == 1, checks
