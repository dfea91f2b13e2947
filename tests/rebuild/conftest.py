"""A service on a development chain that lived a whole life, with a backup from the middle and a mirror of the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from click.testing import CliRunner

from anchor.cli import main
from anchor.cli.group import EXIT_UNCHECKED
from status_lists.multibase import encode_base64url
from tests.support.anvil import AnvilChain, running_chain
from tests.support.operating import anchor, new_digest, number_of, operator
from tests.support.running_service import IssuerAccess, RunningService

SEED = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Life:
    """
    What a service was: three issuers, and digests before and after the backup, bound and not.

    `managed` has an imported seed; `hosted` is a did:web of the service whose key was rotated after the backup.

    `published` are the bodies of its public addresses as it served them last. `proofs` are those of the bound digests.
    """

    service: RunningService
    chain: AnvilChain
    managed: IssuerAccess
    stand_in: IssuerAccess
    hosted: IssuerAccess
    before: tuple[str, ...]
    after: tuple[str, ...]
    bound: tuple[dict[str, Any], ...]
    revoked: dict[str, Any]
    backup: Path
    mirror: Path
    proofs: Path
    seed_file: Path
    published: dict[str, bytes]

    def lost(self, folder: Path) -> RunningService:
        """Return the installation with its settings and publisher's key, and nothing else."""
        return self.service.lost(folder)


async def published(service: RunningService) -> dict[str, bytes]:
    """Return what a service serves to everybody."""
    bodies: dict[str, bytes] = {}
    async with aiohttp.ClientSession(service.base_url) as session:

        async def get(path: str) -> bytes:
            async with session.get(path) as response:
                assert response.status == 200, path
                bodies[path] = await response.read()
                return bodies[path]

        head = json.loads(await get("/v1/publisher"))["head"]["sequence"]
        for sequence in range(1, head + 1):
            batch = json.loads(await get(f"/v1/batches/{sequence}"))
            await get(f"/v1/batches/{sequence}/leaves")
            for listed in batch["lists"]:
                await get(f"/status-lists/{listed['number']}/versions/{listed['version']}")
        await get("/dids/nursing/did.json")
    return bodies


async def _submit(
    service: RunningService, issuer: IssuerAccess, *items: dict[str, Any]
) -> list[dict[str, Any]]:
    status, body = await service.request("POST", "/v1/digests", headers=issuer.headers, json=list(items))
    assert status == 200, body
    receipts: list[dict[str, Any]] = body["items"]
    return receipts


async def _submit_bound(service: RunningService, issuer: IssuerAccess, count: int) -> list[dict[str, Any]]:
    """Submit digests that get a status entry each."""
    return await _submit(
        service,
        issuer,
        *({"digest": new_digest(), "method": "raw", "status": "allocate"} for _ in range(count)),
    )


async def _add_issuer(service: RunningService, **members: str) -> IssuerAccess:
    status, body = await service.request(
        "POST",
        "/v1/issuers",
        headers={"Authorization": f"Bearer {service.operator_key}"},
        json={"name": "Test issuer", **members},
    )
    assert status == 201, body
    return IssuerAccess(identifier=body["id"], api_key=body["apiKey"])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def life(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    """Let a service live, back it up in the middle, mirror it, and stop it; its chain goes on."""
    folder = tmp_path_factory.mktemp("life")
    async with running_chain(state_path=folder / "chain.json") as chain:
        service = RunningService(folder=folder / "service", chain=chain)
        await service.start()
        yield await _live(service, chain, folder)


@pytest_asyncio.fixture(loop_scope="module")
async def same_chain(life: Life) -> AsyncIterator[None]:
    """Give every test the chain as the lost service left it: what a test anchors is taken back."""
    snapshot = await life.chain.control("evm_snapshot")
    yield
    # A block that anvil makes while it goes back is put on top of blocks that are gone, and no block is final then
    # until three more came: so none is made meanwhile, and mining one by hand waits for one that is under way.
    await life.chain.control("evm_setIntervalMining", 0)
    await life.chain.control("evm_mine")
    # What a stopped service left in the pool would be mined again after the chain was taken back.
    await life.chain.control("anvil_dropAllTransactions")
    assert await life.chain.control("evm_revert", snapshot)
    await life.chain.control("anvil_dropAllTransactions")
    # Whole seconds are all that this call takes.
    await life.chain.control("evm_setIntervalMining", 1)


async def _live(service: RunningService, chain: AnvilChain, folder: Path) -> Life:
    managed = await _add_issuer(service, listSigner="managed", seed=encode_base64url(SEED))
    stand_in = await service.add_issuer("https://university.example")
    hosted = await _add_issuer(service, listSigner="did-web", hosted="nursing")
    before = (new_digest(), new_digest(), new_digest())
    await _submit(service, managed, *({"digest": item, "method": "raw"} for item in before))
    first = await _submit_bound(service, managed, 1)
    await service.wait_for_state(managed, first[0]["digest"], "final")
    made = await anchor("backup", folder / "backup", service=service)
    assert made.exit_code == 0, made.output
    # What the backup does not know.
    after = (new_digest(), new_digest())
    await _submit(service, stand_in, *({"digest": item, "method": "jcs"} for item in after))
    second = await _submit_bound(service, stand_in, 2)
    third = await _submit_bound(service, hosted, 1)
    # Anchored before the revocation: so the lists of all issuers are older than the head.
    await service.wait_for_state(stand_in, second[-1]["digest"], "mined")
    await service.wait_for_state(hosted, third[0]["digest"], "mined")
    await _rotate_list_key(service, hosted)
    await _revoke(service, managed, first[0]["digest"])
    await service.wait_for_state(stand_in, second[-1]["digest"], "final")
    bound = tuple(
        [
            {"issuer": issuer, **await service.wait_for_state(issuer, item["digest"], "final")}
            for issuer, items in ((managed, first), (stand_in, second))
            for item in items
        ]
    )
    await _keep_proofs(service, bound, folder / "proofs")
    (folder / "issuer.seed").write_text(SEED.hex(), "utf-8")
    await _until_final(service)
    bodies = await published(service)
    await _mirror(service, folder / "mirror")
    await service.stop()
    return Life(
        service=service,
        chain=chain,
        managed=managed,
        stand_in=stand_in,
        hosted=hosted,
        before=before,
        after=after,
        bound=bound,
        revoked=first[0],
        backup=folder / "backup",
        mirror=folder / "mirror",
        proofs=folder / "proofs",
        seed_file=folder / "issuer.seed",
        published=bodies,
    )


async def _rotate_list_key(service: RunningService, issuer: IssuerAccess) -> None:
    number = await number_of(service, issuer.identifier)
    rotated = await operator(service, "POST", f"/v1/issuers/{number}/rotate-list-key")
    assert rotated[0] == 200, rotated


async def _revoke(service: RunningService, issuer: IssuerAccess, digest: str) -> None:
    """Revoke a credential, and wait until a batch commits to the list."""
    change = {"digest": digest, "purpose": "revocation", "value": True, "reason": "left"}
    status, changed = await service.request("POST", "/v1/status-changes", headers=issuer.headers, json=change)
    assert status == 200, changed
    await service.wait_for_anchored_version(0, changed["lists"][0]["version"])


async def _keep_proofs(service: RunningService, bound: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write the proofs of these digests as issuers keep them."""
    await asyncio.to_thread(folder.mkdir)
    for number, item in enumerate(bound):
        path = f"/v1/digests/{item['digest']}/proof"
        status, proof = await service.request("GET", path, headers=item["issuer"].headers)
        assert status == 200, proof
        (folder / f"{number}.proof.json").write_text(json.dumps(proof), "utf-8")


async def _mirror(service: RunningService, folder: Path) -> None:
    """Copy what the service publishes."""
    mirrored = await asyncio.to_thread(
        CliRunner().invoke, main, ["mirror", str(folder), "--service", service.base_url]
    )
    assert mirrored.exit_code == 0, mirrored.output


async def _until_final(service: RunningService) -> None:
    """Wait until the head's document says that it is final."""
    for _ in range(1200):
        _, publisher = await service.request("GET", "/v1/publisher")
        _, batch = await service.request("GET", f"/v1/batches/{publisher['head']['sequence']}")
        if batch["state"] == "final":
            return
        await asyncio.sleep(0.05)
    raise AssertionError(service.log[-2000:])


async def rebuild(life: Life, service: RunningService, *options: str | Path) -> tuple[int, dict[str, Any]]:
    """Rebuild from the mirror; return exit code and report."""
    result = await anchor("rebuild", "--json", "--mirror", life.mirror, *options, service=service)
    assert result.exit_code != EXIT_UNCHECKED, result.stderr
    return result.exit_code, json.loads(result.stdout) if result.stdout else {"error": result.stderr}
