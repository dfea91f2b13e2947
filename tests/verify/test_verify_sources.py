"""Where published files are had from, and servers that misbehave."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from anchor.core.entries import StatusEntry
from anchor.errors import NotFound, ServiceUnavailable
from anchor.verify import FileLocation, open_files
from anchor.verify import layout as layout_module
from anchor.verify.folder_source import FolderSource
from anchor.verify.patience import ATTEMPTS, DELAY_S, PatientSource
from tests.support.fake_chain import FakeChain
from tests.support.published_server import running, serving
from tests.verify.world import World, told


async def test_source_service_over_http_gives_the_same_verdict(world: World) -> None:
    """Status read over HTTP is the status read from a folder."""
    issued = world.issue(status=StatusEntry(0, 7))
    world.publisher.set_bit(0, 7, 1)
    world.publisher.anchor()

    async with (
        serving(world.folder) as url,
        open_files(FileLocation(address=url, is_mirror=False)) as files,
    ):
        report = await world.verify(issued, lists=files)

        assert told(report) == ("revoked", ["revoked"])
        assert await files.publisher() == (world.folder / "publisher.json").read_bytes()


async def test_source_mirror_over_http_uses_a_mirrors_names(world: World) -> None:
    """A mirror on the web keeps the files under the names of its folders."""
    issued = world.issue(status=StatusEntry(0, 7))
    app = web.Application()
    app.router.add_static("/m", world.folder)

    async with (
        running(app) as url,
        open_files(FileLocation(address=f"{url}/m", is_mirror=True)) as files,
    ):
        assert told(await world.verify(issued, lists=files)) == ("valid", [])


async def test_source_folder_named_by_trust_set_is_opened(world: World) -> None:
    """A folder is read as it is."""
    world.issue()

    async with open_files(FileLocation(address=str(world.folder), is_mirror=True)) as files:
        pieces = [piece async for piece in files.leaves(1, max_bytes=96)]

    assert b"".join(pieces) == (world.folder / "batches/1.leaves").read_bytes()


@pytest.mark.parametrize("over_http", [False, True])
async def test_source_missing_file_is_not_found(tmp_path: Path, over_http: bool) -> None:  # noqa: FBT001
    """A file that is not there is told apart from a source that does not answer."""
    async with serving(tmp_path) as url:
        location = FileLocation(address=url if over_http else str(tmp_path), is_mirror=not over_http)
        async with open_files(location) as files:
            with pytest.raises(NotFound):
                await files.batch(1)


@pytest.mark.parametrize("over_http", [False, True])
async def test_source_more_leaves_than_allowed_are_refused(world: World, over_http: bool) -> None:  # noqa: FBT001
    """The chain says how many leaves there are: more are not read."""
    world.issue()

    async with serving(world.folder) as url:
        location = FileLocation(address=url if over_http else str(world.folder), is_mirror=not over_http)
        async with open_files(location) as files:
            with pytest.raises(ServiceUnavailable, match="more than"):
                _ = [piece async for piece in files.leaves(1, max_bytes=64)]


async def _redirect(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/v1/batches/2")


async def _other(_request: web.Request) -> web.Response:
    return web.Response(body=b"{}")


async def _fail(_request: web.Request) -> web.Response:
    return web.Response(status=500)


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(layout_module.MAX_DOCUMENT_BYTES // 2**20 + 2):
        await response.write(bytes(2**20))
    return response


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.mark.parametrize("handler", [_redirect, _fail, _endless, _cut])
async def test_source_that_misbehaves_is_unavailable(handler: Handler) -> None:
    """Redirects are not followed, errors and cut answers are told, endless ones are cut off."""
    app = web.Application()
    app.router.add_get("/v1/batches/1", handler)
    app.router.add_get("/v1/batches/2", _other)

    async with (
        running(app) as url,
        open_files(FileLocation(address=url, is_mirror=False)) as files,
    ):
        with pytest.raises(ServiceUnavailable) as caught:
            await files.batch(1)

    assert "127.0.0.1" in str(caught.value)


class LateSource(FolderSource):
    """A folder of nothing else in which a batch appears after some requests."""

    def __init__(self, folder: Path, missing: int) -> None:
        super().__init__(folder)
        self.missing = missing

    async def batch(self, sequence: int) -> bytes:
        """Return the batch once it is there."""
        self.missing -= 1
        if self.missing >= 0:
            raise NotFound("not there yet")
        return str(sequence).encode()

    async def status_list(self, number: int, version: int | None) -> bytes:
        """Return anything that shows what was asked for."""
        return f"{number}/{version}".encode()


async def test_source_of_a_service_is_waited_for_but_not_for_ever(world: World) -> None:
    """The newest batch is published seconds after its block: it is asked for again, a bounded number of times."""
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)

    def patient(missing: int) -> PatientSource:
        return PatientSource(LateSource(world.folder, missing), world.anchorage, sleep=sleep)

    late = await patient(3).batch(4)
    waited = list(slept)
    slept.clear()
    with pytest.raises(NotFound):
        await patient(ATTEMPTS).batch(4)

    assert (late, waited) == (b"4", [DELAY_S] * 3)
    assert slept == [DELAY_S] * (ATTEMPTS - 1)
    assert await patient(0).status_list(1, 2) == b"1/2"


async def test_source_of_a_service_that_left_the_anchorage_is_not_waited_for(world: World) -> None:
    """Nothing is added to an anchorage that was left: a batch that is not there will not come."""
    world.publisher.anchor()
    left = world.anchorage
    world.publisher.move(FakeChain(chain_id=31338))
    world.publisher.anchor()

    async def sleep(_delay_s: float) -> None:
        raise AssertionError("it waits")

    with pytest.raises(NotFound):
        await PatientSource(FolderSource(world.folder), left, sleep=sleep).batch(2)


async def test_source_that_is_gone_makes_status_unknown(world: World) -> None:
    """A service that does not answer leaves status unknown, with the reason."""
    issued = world.issue(status=StatusEntry(0, 7))
    async with serving(world.folder) as url:
        pass

    async with open_files(FileLocation(address=url, is_mirror=False)) as files:
        report = await world.verify(issued, lists=files)

    assert told(report) == ("unknown", ["status_unavailable"])
