"""Status from downloaded lists and the batch document that they stand in."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor.core.entries import StatusEntry
from anchor.errors import InvalidInput
from anchor.verify import StatusFiles, verify_file
from tests.support.fake_chain import opener
from tests.verify.world import RPC, Issued, World, told

INDEX = 7


class Downloads:
    """A credential in a file, and what was downloaded of the publisher's files at some time."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.issued: Issued = world.issue(status=StatusEntry(0, INDEX))
        self.path = folder / "badge.json"
        self.path.write_bytes(self.issued.content)
        (folder / "badge.json.proof.json").write_bytes(self.issued.proof_file)

    def take(self, name: str, *numbers: int) -> StatusFiles:
        """Download the newest lists and the newest batch."""
        lists = []
        for number in numbers or (0, 1):
            path = self.folder / f"{name}-{number}.json"
            path.write_bytes((self.world.folder / f"status-lists/{number}.json").read_bytes())
            lists.append(path)
        batch = self.folder / f"{name}-batch.json"
        newest = len(self.world.publisher.batches)
        batch.write_bytes((self.world.folder / f"batches/{newest}.json").read_bytes())
        return StatusFiles(lists=tuple(lists), batch=batch)

    async def verify(self, status: StatusFiles) -> tuple[str, list[str]]:
        """Verify with these files; the trust set's folder is there, but must not be needed."""
        report = await verify_file(
            self.path,
            trust=self.world.trust(),
            open_chain=opener((RPC, self.world.chain)),
            status=status,
            now_s=self.world.publisher.now_s,
        )
        return told(report)


@pytest.fixture
def downloads(world: World, tmp_path_factory: pytest.TempPathFactory) -> Downloads:
    """Return an anchored credential in a file."""
    return Downloads(world, tmp_path_factory.mktemp("mine"))


async def test_list_files_of_the_head_tell_status(downloads: Downloads) -> None:
    """Downloaded lists with their batch are read without any source, the pair in full."""
    clean = downloads.take("clean")
    before = await downloads.verify(clean)
    downloads.world.publisher.set_bit(0, INDEX, 1)
    downloads.world.publisher.anchor(after_s=600)
    revoked = downloads.take("revoked")
    for path in sorted(downloads.world.folder.rglob("*.json")):
        path.unlink()

    assert before == ("valid", [])
    assert await downloads.verify(revoked) == ("revoked", ["revoked"])


async def test_list_files_of_yesterday_are_refused(downloads: Downloads) -> None:
    """Lists as they were, with the batch as it was or as it is, do not match the head."""
    yesterday = downloads.take("yesterday")
    downloads.world.publisher.set_bit(0, INDEX, 1)
    downloads.world.publisher.anchor(after_s=24 * 3600)
    today = downloads.take("today")
    mixed = StatusFiles(lists=yesterday.lists, batch=today.batch)

    assert await downloads.verify(yesterday) == ("unknown", ["list_mismatch"])
    assert await downloads.verify(mixed) == ("unknown", ["list_mismatch"])


async def test_list_files_quietly_cleared_do_not_hide_a_revocation(downloads: Downloads) -> None:
    """A list with the bit cleared and signed again today by its own issuer does not change the verdict."""
    downloads.world.publisher.set_bit(0, INDEX, 1)
    downloads.world.publisher.anchor(after_s=600)
    anchored = downloads.take("anchored")
    downloads.world.publisher.set_bit(0, INDEX, 0)
    cleared = downloads.take("cleared")
    both = StatusFiles(lists=(*anchored.lists, *cleared.lists), batch=anchored.batch)

    assert await downloads.verify(both) == ("revoked", ["revoked"])
    assert (await downloads.verify(cleared))[0] == "unknown"


async def test_list_files_newer_than_the_head_count_against_only(downloads: Downloads) -> None:
    """A newer signed list alone can revoke, and cannot clear: what is anchored must be seen as well."""
    downloads.world.publisher.set_bit(0, INDEX + 1, 1)
    clear = downloads.take("clear")
    downloads.world.publisher.set_bit(0, INDEX, 1)
    revoking = downloads.take("revoking")

    assert await downloads.verify(clear) == ("unknown", ["status_unavailable"])
    assert await downloads.verify(revoking) == ("revoked", ["not_yet_anchored", "status_unavailable"])


async def test_list_files_of_half_a_pair_are_not_enough(downloads: Downloads) -> None:
    """The list that is missing is named, and nothing is fetched in its stead."""
    assert await downloads.verify(downloads.take("half", 0)) == ("unknown", ["status_unavailable"])


async def test_list_files_without_batch_take_it_from_the_trust_sets_place(downloads: Downloads) -> None:
    """A batch document names no credential, so that it may be fetched."""
    taken = downloads.take("lists")

    assert await downloads.verify(StatusFiles(lists=taken.lists)) == ("valid", [])


async def test_list_files_that_are_none_are_wrong_usage(downloads: Downloads) -> None:
    """A file that was named and is no list of a publisher is told at once."""
    taken = downloads.take("lists")
    for content in (b"", b"{}", b'{"id":"https://x.example/lists/1"}', b'{"id":"https://x/status-lists/1"}'):
        taken.lists[0].write_bytes(content)
        with pytest.raises(InvalidInput, match="is no status list"):
            await downloads.verify(taken)
    assert taken.batch is not None
    with pytest.raises(InvalidInput, match="name the lists"):
        await downloads.verify(StatusFiles(batch=taken.batch))
    with pytest.raises(InvalidInput, match="cannot be read"):
        await downloads.verify(StatusFiles(lists=(downloads.folder / "missing.json",), batch=taken.batch))
