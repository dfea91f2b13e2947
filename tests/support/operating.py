"""What operators and issuers do with an installation in tests: the command line, and single requests."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from anchor.cli import main
from tests.support.running_service import IssuerAccess, RunningService


def new_digest() -> str:
    """Return a digest as hex."""
    return secrets.token_bytes(32).hex()


async def anchor(*arguments: str | Path, service: RunningService) -> Result:
    """Run the command line with a service's settings and publisher's key."""
    environment = {"ANCHOR_PUBLISHER_PRIVATE_KEY": service.environment["ANCHOR_PUBLISHER_PRIVATE_KEY"]}
    result = await asyncio.to_thread(
        CliRunner().invoke,
        main,
        [*map(str, arguments), "--config", str(service.folder / "anchor.toml")],
        env=environment,
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


async def operator(service: RunningService, method: str, path: str) -> tuple[int, Any]:
    """Call the service as its operator."""
    headers = {"Authorization": f"Bearer {service.operator_key}"}
    return await service.request(method, path, headers=headers)


async def number_of(service: RunningService, identifier: str) -> int:
    """Return an issuer's number."""
    _, body = await operator(service, "GET", "/v1/issuers")
    (number,) = [item["number"] for item in body["issuers"] if item["id"] == identifier]
    return int(number)


async def access(service: RunningService, identifier: str) -> IssuerAccess:
    """Give an issuer of a rebuilt service a new API key, as the operator does."""
    number = await number_of(service, identifier)
    status, rotated = await operator(service, "POST", f"/v1/issuers/{number}/rotate-key")
    assert status == 200, rotated
    return IssuerAccess(identifier=identifier, api_key=rotated["apiKey"])


async def submit(service: RunningService, issuer: IssuerAccess, **item: Any) -> tuple[int, Any]:
    """Submit one digest."""
    return await service.request("POST", "/v1/digests", headers=issuer.headers, json=item)
