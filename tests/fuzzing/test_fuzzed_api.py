"""Requests made from the OpenAPI description, good and bad ones, against a running service (faults 37, 38, 41, 42)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.anvil import running_chain
from tests.support.running_service import RunningService

pytestmark = pytest.mark.anvil

EXAMPLES = 12
"""Random requests an operation, besides those that walk through every border of its schemas."""

SEED = 20_260
MAX_GROWTH_MIB = 96
"""A body of the largest size, parsed, and what the allocator keeps of it: a leak in a request would be far more."""

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance"
)
OPERATORS = (
    "/v1/issuers",
    "/v1/issuers/{number}/rotate-key",
    "/v1/issuers/{number}/rotate-list-key",
    "/v1/issuers/{number}/rotate-token-key",
)


@pytest.fixture
async def fuzzed(tmp_path: Path) -> AsyncIterator[RunningService]:
    """Run a service with an issuer that has a credential of every state, and lists with a past."""
    async with running_chain(state_path=tmp_path / "chain.json") as chain:
        service = RunningService(folder=tmp_path / "service", chain=chain, program=None)
        await service.start()
        yield service
        await service.stop()


async def _fuzz(service: RunningService, key: str, *selection: str) -> str:
    """Run schemathesis and return what it says; AssertionError where it found anything."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{service.base_url}/openapi.json", "--header", f"Authorization: Bearer {key}"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", str(SEED)),
        *("--checks", CHECKS, "--generation-database", "none", "--continue-on-failure", "--no-color"),
        *selection,
        cwd=service.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    text = output.decode("utf-8", "replace")
    assert process.returncode == 0, text
    return text


async def test_fuzzed_requests_get_described_answers_and_no_500(fuzzed: RunningService) -> None:
    """Whatever is sent, the answer is one that is described; nothing fails inside, and memory does not grow."""
    issuer = await fuzzed.add_issuer()
    before = fuzzed.memory_mib
    # An event stream never ends, and a disabled issuer would end the test.
    skipped = [word for path in (*OPERATORS, "/v1/events") for word in ("--exclude-path", path)]
    said = await _fuzz(fuzzed, issuer.api_key, "--exclude-path", "/v1/issuers/{number}/disable", *skipped)
    said += await _fuzz(
        fuzzed, fuzzed.operator_key, *(word for path in OPERATORS for word in ("--include-path", path))
    )

    assert said.count("Test cases:") == 2
    assert "request.failed" not in fuzzed.log
    assert "request.fatal" not in fuzzed.log
    assert fuzzed.memory_mib - before < MAX_GROWTH_MIB
    assert await fuzzed.request("GET", "/healthz") == (200, {"status": "ok"})
