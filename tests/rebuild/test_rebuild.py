"""A lost database comes back from chain and published files: what it knows again, and what it says it does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from anchor.core.digest import Method
from anchor.store.sqlite import SqliteStore
from tests.rebuild.conftest import Life, published, rebuild
from tests.support.operating import access, anchor, new_digest, number_of, operator, submit
from tests.support.running_service import RunningService

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("same_chain"),
]


async def test_rebuilt_service_passes_fsck_and_serves_the_same_files(life: Life, tmp_path: Path) -> None:
    """Everything published is byte for byte what it was, and fsck finds nothing wrong."""
    service = life.lost(tmp_path / "rebuilt")
    code, report = await rebuild(life, service)
    checked = await anchor("fsck", "--json", service=service)
    await service.start()
    try:
        bodies = await published(service)
        again = await anchor("fsck", "--json", "--service", service.base_url, service=service)
    finally:
        await service.stop()

    assert (code, report["complete"], report["missing"]) == (0, True, [])
    assert report["batches"]["rebuilt"] == report["batches"]["anchored"] >= 3
    assert (checked.exit_code, json.loads(checked.stdout)["sound"]) == (0, True), checked.stdout
    assert bodies == life.published
    assert (again.exit_code, json.loads(again.stdout)["sound"]) == (0, True), again.stdout


async def sound(service: RunningService) -> bool:
    """Whether fsck finds every promise kept."""
    result = await anchor("fsck", "--json", service=service)
    assert result.stdout, result.stderr
    return result.exit_code == 0 and json.loads(result.stdout)["sound"]


async def test_rebuilt_service_gives_digests_their_old_places_back(life: Life, tmp_path: Path) -> None:
    """Submitted again, unbound or with the binding of its proof, a digest has its first leaf and no second one."""
    service = life.lost(tmp_path / "rebuilt")
    await rebuild(life, service)
    await service.start()
    try:
        managed = await access(service, life.managed.identifier)
        stand_in = await access(service, life.stand_in.identifier)
        looked_up = await service.request("GET", f"/v1/digests/{life.before[0]}", headers=managed.headers)
        unbound = await submit(service, managed, digest=life.before[1], method="raw")
        silent = await submit(
            service, stand_in, digest=life.bound[1]["digest"], method="raw", status="allocate"
        )
        unknown = await service.request(
            "GET", f"/v1/digests/{life.bound[1]['digest']}", headers=stand_in.headers
        )
        other_issuer = await submit(service, stand_in, digest=life.before[1], method="raw", again=True)
        bound = [
            await submit(
                service,
                managed if item["issuer"] == life.managed else stand_in,
                digest=item["digest"],
                method="raw",
                status=item["status"],
            )
            for item in life.bound
        ]
        elsewhere = await submit(
            service, stand_in, digest=life.bound[1]["digest"], method="raw", status=life.bound[2]["status"]
        )
        packed = await service.request(
            "POST",
            "/v1/digests?method=jcs&again=true",
            headers={**stand_in.headers, "Content-Type": "application/octet-stream"},
            data=b"".join(bytes.fromhex(item) for item in (*life.after, new_digest())),
        )
        taken = await submit(
            service, stand_in, digest=new_digest(), method="raw", status=life.bound[1]["status"]
        )
        await service.wait_for_sequence(len([path for path in life.published if path.endswith("leaves")]) + 1)
    finally:
        await service.stop()

    assert (looked_up[0], looked_up[1]["state"]) == (200, "final")
    assert (unbound[0], unbound[1]["state"]) == (200, "final")
    assert other_issuer[0] == 201
    assert [(status, body["status"]) for status, body in bound] == [
        (200, item["status"]) for item in life.bound
    ]
    assert (silent[0], silent[1]["type"].rpartition("/")[2]) == (409, "may-be-anchored")
    assert (unknown[0], "rebuilt after a loss" in unknown[1]["detail"]) == (404, True)
    assert elsewhere[0] == 409
    assert (packed[1]["new"], packed[1]["known"]) == (1, 2)
    assert taken[0] == 409
    assert "rebuilt" in taken[1]["detail"]
    assert await sound(service)


async def test_lost_list_key_refuses_changes_and_new_entries_and_stops_nothing_else(
    life: Life, tmp_path: Path
) -> None:
    """The report says until when its lists hold; digests are anchored on, and the operator is told what to do."""
    service = life.lost(tmp_path / "rebuilt")
    _, report = await rebuild(life, service, "--proofs", life.proofs)
    await service.start()
    try:
        managed = await access(service, life.managed.identifier)
        change = {"digest": life.revoked["digest"], "purpose": "suspension", "value": True, "reason": "?"}
        changed = await service.request("POST", "/v1/status-changes", headers=managed.headers, json=change)
        allocated = await submit(
            service, managed, digest=new_digest(), method="raw", status="allocate", again=True
        )
        digest = new_digest()
        accepted = await submit(service, managed, digest=digest, method="raw", again=True)
        final = await service.wait_for_state(managed, digest, "final")
    finally:
        await service.stop()

    (told,) = [item for item in report["issuers"] if item["id"] == life.managed.identifier]
    newest = max(
        json.loads(path.read_bytes())["validUntil"] for path in (life.mirror / "status-lists" / "0").iterdir()
    )
    assert (told["listKey"], told["lists"]) == ("lost", 2)
    assert told["listsHoldUntil"] <= newest
    assert "--seed-file" in told["advice"]
    assert (changed[0], allocated[0]) == (409, 409)
    assert "was lost" in changed[1]["detail"]
    assert (accepted[0], final["state"]) == (201, "final")
    assert await sound(service)


async def test_seed_and_proofs_let_revocation_go_on(life: Life, tmp_path: Path) -> None:
    """With its seed an issuer's lists are signed again: old credentials are revoked, new entries have new lists."""
    service = life.lost(tmp_path / "rebuilt")
    code, report = await rebuild(life, service, "--proofs", life.proofs, "--seed-file", life.seed_file)
    await service.start()
    try:
        managed = await access(service, life.managed.identifier)
        change = {"digest": life.revoked["digest"], "purpose": "suspension", "value": True, "reason": "again"}
        changed = await service.request("POST", "/v1/status-changes", headers=managed.headers, json=change)
        version = changed[1]["lists"][0]["version"]
        batch = await service.wait_for_anchored_version(1, version)
        allocated = await submit(
            service, managed, digest=new_digest(), method="raw", status="allocate", again=True
        )
        await service.wait_for_state(managed, allocated[1]["digest"], "final")
    finally:
        await service.stop()

    assert (code, report["proofs"], report["leaves"]["withDigest"]) == (0, {"given": 3, "used": 3}, 3)
    assert changed[0] == 200
    assert batch["sequence"] > report["batches"]["anchored"]
    assert (allocated[0], allocated[1]["status"]["list"] > 5) == (201, True)
    assert await sound(service)


async def test_backup_as_base_brings_back_what_no_file_publishes(life: Life, tmp_path: Path) -> None:
    """Keys, digests, history and API keys up to the backup; what came after it is in the published files."""
    service = life.lost(tmp_path / "rebuilt")
    code, report = await rebuild(life, service, "--base", life.backup)
    checked = await sound(service)
    await service.start()
    try:
        digests = [
            await service.request("GET", f"/v1/digests/{digest}", headers=life.managed.headers)
            for digest in (*life.before, life.revoked["digest"])
        ]
        change = {"digest": life.revoked["digest"], "purpose": "suspension", "value": True, "reason": "again"}
        changed = await service.request(
            "POST", "/v1/status-changes", headers=life.managed.headers, json=change
        )
        again = await submit(service, life.stand_in, digest=life.after[0], method="jcs")
        await service.wait_for_anchored_version(1, changed[1]["lists"][0]["version"])
    finally:
        await service.stop()

    assert (code, report["missing"], report["leaves"]["acceptedAgain"]) == (0, [], 0)
    assert report["leaves"]["withDigest"] == 4
    keys = {issuer["id"]: issuer["listKey"] for issuer in report["issuers"]}
    assert keys == {
        life.managed.identifier: "held",
        life.stand_in.identifier: "held",
        # Rotated after the backup.
        life.hosted.identifier: "lost",
    }
    assert checked
    assert [(status, body["state"]) for status, body in digests] == [(200, "final")] * 4
    assert digests[-1][1]["status"] == life.revoked["status"]
    assert changed[0] == 200
    assert again[0] == 200
    assert await sound(service)


async def test_digest_of_backup_that_was_never_anchored_is_accepted_again(life: Life, tmp_path: Path) -> None:
    """An acknowledged digest is never lost: what the backup held and no batch does is anchored now."""
    base = tmp_path / "base"
    shutil.copytree(life.backup, base)
    digest = new_digest()
    store = SqliteStore(base / "anchor.db", base_url=life.service.base_url)
    store.open()
    (issuer, *_) = await store.issuers()
    await store.accept_packed(issuer.number, int(Method.RAW), bytes.fromhex(digest), now_s=1_700_000_000)
    await store.close()
    service = life.lost(tmp_path / "rebuilt")

    code, report = await rebuild(life, service, "--base", base)
    await service.start()
    try:
        final = await service.wait_for_state(life.managed, digest, "final")
    finally:
        await service.stop()

    assert (code, report["leaves"]["acceptedAgain"]) == (0, 1)
    assert final["state"] == "final"


async def test_lost_key_of_did_web_is_replaced_by_rotation(life: Life, tmp_path: Path) -> None:
    """Its lists are signed by a new key, and the document names the keys of before, so that old versions verify on."""
    service = life.lost(tmp_path / "rebuilt")
    _, report = await rebuild(life, service)
    (told,) = [item for item in report["issuers"] if item["id"] == life.hosted.identifier]
    await service.start()
    try:
        number = await number_of(service, life.hosted.identifier)
        rotated = await operator(service, "POST", f"/v1/issuers/{number}/rotate-list-key")
        _, document = await service.request("GET", "/dids/nursing/did.json")
        issuer = await access(service, life.hosted.identifier)
        allocated = await submit(
            service, issuer, digest=new_digest(), method="raw", status="allocate", again=True
        )
        await service.wait_for_state(issuer, allocated[1]["digest"], "final")
    finally:
        await service.stop()

    before = json.loads(life.published["/dids/nursing/did.json"])["assertionMethod"]
    assert (told["listKey"], f"rotate-list-key {number}" in told["advice"]) == ("lost", True)
    assert rotated[0] == 200
    assert len(before) == 2
    assert document["assertionMethod"][1:] == before
    assert allocated[0] == 201
    assert await sound(service)
