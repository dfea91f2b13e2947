"""A list as the HTTP library of many verifiers fetches it, which parses what has "json" in its type alone."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.interop.verifier import FOLDER, TIMEOUT_S
from tests.support.assembly import BASE_URL
from tests.support.vc_client import vc_client

LIBRARY = FOLDER / "node_modules" / "@digitalbazaar" / "http-client"

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(
        shutil.which("node") is None or not LIBRARY.is_dir(), reason="run npm install in tests/interop"
    ),
]


async def test_list_is_parsed_by_a_library_that_asks_for_json_ld(tmp_path: Path) -> None:
    """It asks for `application/ld+json, application/json`, and gets the list by one of these names."""
    async with vc_client(tmp_path) as client:
        issuer = await client.add_issuer()
        await client.service.services.intake.allocate(issuer.new.issuer, 1, idempotency_key=None)
        process = await asyncio.create_subprocess_exec(
            "node",
            "fetch_list.mjs",
            str(client.http.make_url("/status-lists/0")),
            cwd=FOLDER,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)

    assert process.returncode == 0, errors.decode("utf-8", "replace")
    assert json.loads(output) == {
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "id": f"{BASE_URL}/status-lists/0",
    }
