"""Credentials of a running service, as files with their proofs, and what `anchor verify` says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anchor.core.digest import Method, credential_digest
from tests.support.running_service import IssuerAccess, RunningService


def digest_of(path: Path) -> str:
    """Return the digest of a credential file."""
    return credential_digest(Method.JCS, path.read_bytes()).hex()


async def issue(service: RunningService, issuer: IssuerAccess, name: str) -> Path:
    """Anchor a credential with a status, and write it with its proof beside it once it is final."""
    path = service.folder / f"{name}.json"
    path.write_text(json.dumps({"issuer": issuer.identifier, "name": name}), "utf-8")
    digest = digest_of(path)
    # Issued just now: a service that was rebuilt need not ask whether it is anchored already.
    item = {"digest": digest, "method": "jcs", "status": "allocate", "again": True}
    status, body = await service.request("POST", "/v1/digests", headers=issuer.headers, json=item)
    assert status == 201, body
    await service.wait_for_state(issuer, digest, "final")
    proof = json.dumps(await proof_of(service, issuer, path))
    path.with_name(f"{path.name}.proof.json").write_text(proof, "utf-8")
    return path


async def proof_of(service: RunningService, issuer: IssuerAccess, path: Path) -> Any:
    """Return the proof that the service gives now."""
    _, proof = await service.request("GET", f"/v1/digests/{digest_of(path)}/proof", headers=issuer.headers)
    return proof


async def revoke(service: RunningService, issuer: IssuerAccess, path: Path) -> None:
    """Revoke a credential and wait until the head knows it."""
    change = {"digest": digest_of(path), "purpose": "revocation", "value": True, "reason": "lost"}
    _, changed = await service.request("POST", "/v1/status-changes", headers=issuer.headers, json=change)
    await service.wait_for_anchored_version(0, changed["lists"][0]["version"])


async def verify(service: RunningService, path: Path, *options: str, code: int = 0) -> dict[str, Any]:
    """Return the report of `anchor verify` by the installation's trust file; it must end with the exit code."""
    process = await service.begin_command("verify", str(path), "--trust", "trust.toml", "--json", *options)
    printed, errors = await process.communicate()
    assert process.returncode == code, (printed.decode(), errors.decode())
    report: dict[str, Any] = json.loads(printed)
    return report


async def export_trust(service: RunningService, rpc_url: str, name: str = "trust.toml") -> str:
    """Write the trust file that the service drafts, and return its text."""
    await service.command("trust", "export", "--service", service.base_url, "--rpc", rpc_url, "-o", name)
    return (service.folder / name).read_text("utf-8")
