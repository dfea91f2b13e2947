"""What cannot be had is named, never invented: no database is left, or one that knows what it does not know."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from status_lists import (
    MIN_ENTRIES,
    ListKey,
    StatusList,
    list_document,
    parse_json_object,
    parse_list_document,
    sign_list,
    verification_method_of,
    write_json_object,
)
from tests.rebuild.conftest import SEED, Life, rebuild
from tests.support.operating import access, anchor, new_digest, submit
from tests.support.running_service import RunningService

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("same_chain"),
]


@pytest.fixture
def damaged(life: Life, tmp_path: Path) -> Life:
    """Return the life with a mirror that a test may damage."""
    shutil.copytree(life.mirror, tmp_path / "mirror")
    return replace(life, mirror=tmp_path / "mirror")


def head_of(life: Life) -> int:
    """Return the head's sequence."""
    head: int = json.loads((life.mirror / "publisher.json").read_bytes())["head"]["sequence"]
    return head


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


async def fsck(service: RunningService) -> tuple[int, Any]:
    """Check the installation; return exit code and report."""
    result = await anchor("fsck", "--json", service=service)
    return result.exit_code, json.loads(result.stdout)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a batch withheld": (lambda mirror: (mirror / "batches/1.json").unlink(), "batch_missing"),
    "leaves withheld": (lambda mirror: (mirror / "batches/1.leaves").unlink(), "batch_missing"),
    "a leaf changed": (lambda mirror: flip(mirror / "batches/1.leaves"), "batch_missing"),
    "a batch under another sequence": (
        lambda mirror: shutil.copy(mirror / "batches/2.json", mirror / "batches/1.json"),
        "batch_missing",
    ),
    "an old version withheld": (
        lambda mirror: min((mirror / "status-lists/0").iterdir()).unlink(),
        "version_missing",
    ),
    "an old version changed": (
        lambda mirror: flip(min((mirror / "status-lists/0").iterdir())),
        "version_missing",
    ),
    "the newest version withheld": (
        lambda mirror: max((mirror / "status-lists/0").iterdir()).unlink(),
        "list_missing",
    ),
}


@pytest.mark.parametrize(("damage", "code"), DAMAGE.values(), ids=DAMAGE.keys())
async def test_missing_file_leaves_no_database_unless_the_loss_is_accepted(
    damaged: Life, tmp_path: Path, damage: Callable[[Path], None], code: str
) -> None:
    """Exit code 1 and the place either way; fsck of a database with the gap in it says what is open."""
    damage(damaged.mirror)
    service = damaged.lost(tmp_path / "rebuilt")
    refused, report = await rebuild(damaged, service)
    assert list((service.folder / "data").glob("*.key")) == [], "keys that no database needs shut others out"
    assert not (service.folder / "data" / "anchor.db").exists()

    accepted, with_gap = await rebuild(damaged, service, "--accept-loss")
    checked, sound = await fsck(service)

    assert (refused, report["database"], report["complete"]) == (1, None, False)
    assert {item["code"] for item in report["missing"]} == {code}
    assert accepted == 1
    assert with_gap["missing"] == report["missing"]
    assert (checked, sound["sound"], len(sound["unchecked"])) == (3, False, 1), sound


async def test_stray_list_key_is_not_taken_for_that_of_the_backup(life: Life, tmp_path: Path) -> None:
    """It would open none of the keys in the backup, and every issuer would count as lost."""
    service = life.lost(tmp_path / "rebuilt")
    stray = service.folder / "data" / "lists.key"
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("A" * 43)
    stray.chmod(0o600)

    code, report = await rebuild(life, service, "--base", life.backup)

    assert code != 0
    assert f"{stray} is another key than" in report["error"]
    assert stray.read_text() == "A" * 43


async def test_mirror_that_ends_before_the_chain_names_the_batches(damaged: Life, tmp_path: Path) -> None:
    """A mirror lags: the chain's own newest anchors count as missing, and the next batch follows them."""
    head = head_of(damaged)
    (damaged.mirror / f"batches/{head}.json").unlink()
    service = damaged.lost(tmp_path / "rebuilt")

    code, report = await rebuild(damaged, service, "--accept-loss")
    await service.start()
    try:
        issuer = await access(service, damaged.stand_in.identifier)
        digest = new_digest()
        await submit(service, issuer, digest=digest, method="raw", again=True)
        final = await service.wait_for_state(issuer, digest, "final")
        missing = await service.request("GET", f"/v1/batches/{head}")
    finally:
        await service.stop()

    assert (code, report["batches"]["rebuilt"]) == (1, head - 1)
    assert [item["sequence"] for item in report["missing"] if item["code"] == "batch_missing"] == [head]
    assert final["anchor"]["sequence"] > head
    assert missing[0] == 404
    checked, sound = await fsck(service)
    assert (checked, sound["unchecked"][0].startswith(f"batch {head} was missing")) == (3, True)


async def test_lists_of_a_missing_head_are_not_lost_with_its_leaves(damaged: Life, tmp_path: Path) -> None:
    """A batch whose leaves are withheld is a gap; the revocations that it committed to stay all the same."""
    (damaged.mirror / f"batches/{head_of(damaged)}.leaves").unlink()
    service = damaged.lost(tmp_path / "rebuilt")

    code, report = await rebuild(damaged, service, "--accept-loss")
    await service.start()
    try:
        _, served = await service.request("GET", "/status-lists/0")
    finally:
        await service.stop()

    assert (code, [item["code"] for item in report["missing"]]) == (1, ["batch_missing"])
    assert served == json.loads((damaged.mirror / "status-lists/0.json").read_bytes())
    assert any(parse_list_document(served, max_bits_bytes=1 << 20).bits)


async def test_several_mirrors_complete_each_other(damaged: Life, life: Life, tmp_path: Path) -> None:
    """Each file is taken from the first place where it fits the chain."""
    shutil.copytree(life.mirror, tmp_path / "second")
    (damaged.mirror / "batches/1.json").unlink()
    flip(tmp_path / "second" / "batches/2.leaves")
    service = damaged.lost(tmp_path / "rebuilt")

    code, report = await rebuild(damaged, service, "--mirror", tmp_path / "second")

    assert (code, report["missing"]) == (0, [])


async def test_proofs_that_fit_no_batch_are_named(life: Life, tmp_path: Path) -> None:
    """A damaged proof, and one of another publisher's root, change nothing and are told; other JSON is passed over."""
    proofs = tmp_path / "proofs"
    shutil.copytree(life.proofs, proofs)
    (proofs / "0.proof.json").write_text("{}", "utf-8")
    (proofs / "credential.json").write_text('{"type": "VerifiableCredential"}', "utf-8")
    service = life.lost(tmp_path / "rebuilt")

    code, report = await rebuild(life, service, "--proofs", proofs)

    assert (code, report["proofs"]) == (1, {"given": 3, "used": 2})
    assert [item["code"] for item in report["missing"]] == ["proof_invalid"]


async def test_rebuild_refused_where_a_database_is(life: Life, tmp_path: Path) -> None:
    """What is there is never overwritten."""
    service = life.lost(tmp_path / "rebuilt")
    await rebuild(life, service)
    before = (service.folder / "data" / "anchor.db").read_bytes()

    code, report = await rebuild(life, service)

    assert (code, "move it away first" in report["error"]) == (2, True)
    assert (service.folder / "data" / "anchor.db").read_bytes() == before


async def test_newest_list_that_takes_a_revocation_back_is_refused(damaged: Life, tmp_path: Path) -> None:
    """A list that no batch commits to counts by its signature, but never against a revocation that is anchored."""
    path = damaged.mirror / "status-lists" / "0.json"
    anchored = parse_json_object(path.read_bytes())
    published = parse_list_document(anchored, max_bits_bytes=1 << 20)
    assert any(published.bits)
    key = ListKey(SEED)
    now_ms = (published.valid_from_ms or 0) + 1000
    cleared = list_document(
        StatusList(url=str(published.url), issuer=published.issuer, purpose="revocation", length=MIN_ENTRIES),
        bytes(MIN_ENTRIES // 8),
        valid_from_ms=now_ms,
        valid_until_ms=now_ms + 86_400_000,
        ttl_ms=300_000,
    )
    signed = sign_list(cleared, key=key, verification_method=verification_method_of(key), created_ms=now_ms)
    path.write_bytes(write_json_object(signed))
    service = damaged.lost(tmp_path / "rebuilt")

    code, report = await rebuild(damaged, service)

    assert (code, [item["code"] for item in report["missing"]]) == (1, ["list_refused"])
    assert "takes a revocation back" in report["missing"][0]["message"]
