"""What a running service publishes about status: evidence, past versions, events, bulk changes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from anchor.cli import main
from anchor.documents import parse_batch, parse_evidence
from status_lists.bitstring import get_entry
from status_lists.datetimes import format_datetime
from status_lists.published import parse_list_document
from tests.support.running_service import IssuerAccess, RunningService

pytestmark = [pytest.mark.anvil, pytest.mark.asyncio(loop_scope="module")]

LIST_BYTES = 16_384


async def _allocate(service: RunningService, issuer: IssuerAccess, count: int) -> list[dict[str, Any]]:
    status, body = await service.request(
        "POST", "/v1/status-entries", headers=issuer.headers, json={"count": count}
    )
    assert status == 200, body
    entries: list[dict[str, Any]] = body["entries"]
    return entries


async def _change(service: RunningService, issuer: IssuerAccess, **change: Any) -> dict[str, Any]:
    status, body = await service.request(
        "POST", "/v1/status-changes", headers=issuer.headers, json={"value": True, "reason": "test", **change}
    )
    assert status == 200, body
    answer: dict[str, Any] = body
    return answer


async def _revoke(service: RunningService, issuer: IssuerAccess, entry: dict[str, Any]) -> dict[str, Any]:
    return await _change(service, issuer, list=entry["list"], index=entry["index"], purpose="revocation")


async def test_evidence_of_revoked_entry_leads_to_head_in_under_a_kilobyte(
    shared_service: RunningService,
) -> None:
    """With few lists, the evidence of an entry is at most 1,000 bytes and gives the root of its batch."""
    service = shared_service
    issuer = await service.add_issuer()
    (entry,) = await _allocate(service, issuer, 1)
    changed = await _revoke(service, issuer, entry)
    batch_json = await service.wait_for_anchored_version(entry["list"], changed["lists"][0]["version"])
    status, body = await service.request("GET", f"/v1/evidence/{entry['list']}/{entry['index']}")
    assert status == 200
    compact = json.dumps(body, separators=(",", ":")).encode()
    evidence = parse_evidence(compact)

    assert evidence.root() == parse_batch(json.dumps(batch_json).encode()).root
    assert evidence.value() == 1
    assert len(compact) <= 1000


async def test_list_as_of_a_past_time_is_the_version_in_force_then(shared_service: RunningService) -> None:
    """`?timestamp=` answers from history; before the first version there was no list."""
    service = shared_service
    issuer = await service.add_issuer()
    (entry,) = await _allocate(service, issuer, 1)
    path = f"/status-lists/{entry['list']}"
    _, first = await service.request("GET", path)
    await _revoke(service, issuer, entry)
    _, second = await service.request("GET", path)

    at_first = await service.request("GET", path, params={"timestamp": first["validFrom"]})
    at_second = await service.request("GET", path, params={"timestamp": second["validFrom"]})
    before = await service.request("GET", path, params={"timestamp": format_datetime(0)})
    malformed = await service.request("GET", path, params={"timestamp": "yesterday"})
    assert first != second
    assert at_first == (200, first)
    assert at_second == (200, second)
    assert (before[0], malformed[0]) == (404, 400)


@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_bulk_changes_set_every_bit_in_one_version(shared_service: RunningService, form: str) -> None:
    """A CSV or NDJSON of changes is one operation: one new version of the list, every change in it."""
    service = shared_service
    issuer = await service.add_issuer()
    entries = await _allocate(service, issuer, 500)
    rows = [
        {
            "list": entry["list"],
            "index": entry["index"],
            "purpose": "suspension",
            "value": True,
            "reason": "audit, 2026",
        }
        for entry in entries
    ]
    if form == "ndjson":
        body, content_type = "\n".join(map(json.dumps, rows)), "application/x-ndjson"
    else:
        lines = [f'{row["index"]},{row["list"]},suspension,true,"{row["reason"]}"' for row in rows]
        body, content_type = "\r\n".join(["index,list,purpose,value,reason", *lines]), "text/csv"
    status, answer = await service.request(
        "POST",
        "/v1/status-changes",
        headers={**issuer.headers, "Content-Type": content_type},
        data=body.encode(),
    )
    assert status == 200, answer
    _, published = await service.request("GET", f"/status-lists/{entries[0]['list'] + 1}")
    bits = parse_list_document(json.dumps(published).encode(), max_bits_bytes=LIST_BYTES).bits

    assert (answer["changed"], len(answer["lists"])) == (500, 1)
    assert all(get_entry(bits, entry["index"]) for entry in entries)
    assert sum(byte.bit_count() for byte in bits) == 500


async def test_apply_command_sends_a_file_of_changes(shared_service: RunningService, tmp_path: Path) -> None:
    """`anchor apply` says what was changed; a file with one impossible row changes nothing."""
    service = shared_service
    issuer = await service.add_issuer()
    first, second = await _allocate(service, issuer, 2)
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    header = "list,index,purpose,value,reason\n"
    good.write_text(f"{header}{first['list']},{first['index']},suspension,true,fee unpaid\n", "utf-8")
    bad.write_text(
        f"{header}{second['list']},{second['index']},suspension,true,fee unpaid\n0,0x0c,suspension,true,odd\n",
        "utf-8",
    )
    options = ["--service", service.base_url, "--api-key", issuer.api_key]
    applied = await asyncio.to_thread(CliRunner().invoke, main, ["apply", str(good), *options])
    refused = await asyncio.to_thread(CliRunner().invoke, main, ["apply", str(bad), *options])
    _, state = await service.request(
        "GET", f"/v1/status-entries/{second['list']}/{second['index']}", headers=issuer.headers
    )

    assert (applied.exit_code, applied.output.splitlines()[0]) == (0, "applied: 1 change")
    assert (refused.exit_code, "line 3: index '0x0c' is no number" in refused.output) == (2, True)
    assert state["suspended"] is False


async def test_event_stream_tells_new_versions_and_resumes_after_last_event(
    shared_service: RunningService,
) -> None:
    """A client sees a version when it is published; one that comes back gets what it missed."""
    service = shared_service
    issuer = await service.add_issuer()
    first, second = await _allocate(service, issuer, 2)
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        async with session.get(service.base_url + "/v1/events") as stream:
            changed = await _revoke(service, issuer, first)
            seen = await _next_event(stream)
        await _revoke(service, issuer, second)
        async with session.get(
            service.base_url + "/v1/events", headers={"Last-Event-ID": seen["id"]}
        ) as stream:
            missed = await _next_event(stream)

    assert seen["data"]["version"] == changed["lists"][0]["version"]
    assert missed["data"]["version"] > seen["data"]["version"]
    assert missed["data"]["list"] == first["list"]


async def _next_event(stream: aiohttp.ClientResponse) -> dict[str, Any]:
    """Read one event; the id as text, the data parsed."""
    event: dict[str, Any] = {}
    while True:
        line = (await stream.content.readline()).decode().rstrip("\n")
        name, _, value = line.partition(": ")
        if name == "id":
            event["id"] = value
        elif name == "data":
            event["data"] = json.loads(value)
        elif not line and event:
            return event


async def test_thousand_parallel_revocations_set_every_bit_with_one_history(
    shared_service: RunningService,
) -> None:
    """
    A thousand requests at once on one list: nothing is lost, and each stands once in the history.

    Fault 44.
    """
    service = shared_service
    issuer = await service.add_issuer()
    entries = await _allocate(service, issuer, 1000)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as session:

        async def revoke(entry: dict[str, Any]) -> int:
            async with session.post(
                service.base_url + "/v1/status-changes",
                headers=issuer.headers,
                json={
                    "list": entry["list"],
                    "index": entry["index"],
                    "purpose": "revocation",
                    "value": True,
                    "reason": f"entry {entry['index']}",
                },
            ) as response:
                return response.status

        statuses = await asyncio.gather(*map(revoke, entries))
    _, published = await service.request("GET", f"/status-lists/{entries[0]['list']}")
    bits = parse_list_document(json.dumps(published).encode(), max_bits_bytes=LIST_BYTES).bits
    histories = [
        (
            await service.request(
                "GET", f"/v1/status-entries/{entry['list']}/{entry['index']}", headers=issuer.headers
            )
        )[1]
        for entry in entries[::50]
    ]

    assert set(statuses) == {200}
    assert all(get_entry(bits, entry["index"]) for entry in entries)
    assert sum(byte.bit_count() for byte in bits) == 1000
    assert all(len(history["history"]) == 1 and history["revoked"] for history in histories)
