"""The whole application over HTTP in this process: real store, real handlers, a clock and a chain that tests move."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from anchor.api.app import make_app
from anchor.config import VerifySettings
from anchor.service.issuers import NewKey
from anchor.store.records import SignerKind
from tests.support.assembly import Running, make_settings, new_chain, running


@dataclass(frozen=True, slots=True)
class Caller:
    """An issuer and the API key it calls with."""

    new: NewKey

    @property
    def identifier(self) -> str:
        return self.new.issuer.identifier

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.new.api_key}"}

    @property
    def basic(self) -> dict[str, str]:
        pair = base64.b64encode(f"issuer:{self.new.api_key}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


@dataclass(frozen=True, slots=True)
class VcClient:
    """Calls the application as issuers and verifiers do."""

    http: TestClient[Any, Any]
    service: Running

    async def add_issuer(
        self,
        kind: SignerKind = SignerKind.MANAGED,
        identifier: str | None = None,
        *,
        seed: bytes | None = None,
    ) -> Caller:
        return Caller(
            await self.service.services.issuers.add(
                identifier=identifier, name="University", kind=kind, seed=seed
            )
        )

    async def get(self, path: str, headers: dict[str, str]) -> tuple[int, Any]:
        async with self.http.get(path, headers=headers, allow_redirects=False) as response:
            return response.status, await response.json(content_type=None)

    async def post(self, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        async with self.http.post(path, headers=headers, json=body) as response:
            return response.status, await response.json(content_type=None)


@asynccontextmanager
async def vc_client(folder: Path, *, verify: VerifySettings | None = None) -> AsyncIterator[VcClient]:
    """Serve the application until the end of the block; it fetches nothing unless `verify` says so."""
    settings = replace(make_settings(folder), verify=verify or VerifySettings())
    async with (
        running(settings, new_chain()) as service,
        TestClient(TestServer(make_app(service.services))) as http,
    ):
        yield VcClient(http, service)
