"""A lost database comes back from chain and published files: what it knows again, and what it says it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.rebuild.conftest import Life, anchor, published
from tests.support.running_service import RunningService

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]


async def rebuild(life: Life, service: RunningService, *options: str | Path) -> tuple[int, dict[str, Any]]:
    """Rebuild from the mirror; return exit code and report."""
    result = await anchor("rebuild", "--json", "--mirror", life.mirror, *options, service=service)
    return result.exit_code, json.loads(result.stdout) if result.stdout else {"error": result.stderr}


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
