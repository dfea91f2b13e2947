"""The commands `evidence` and `verify` with their options about status, as a person calls them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from anchor.cli import evidence as evidence_command
from anchor.cli import main
from anchor.cli import verify as verify_command
from anchor.core.entries import StatusEntry
from anchor.documents import cut_evidence, evidence_to_json
from anchor.verify import write_trust
from status_lists import status_entry
from tests.support.fake_chain import opener
from tests.support.published_server import running
from tests.verify.world import RPC, World

INDEX = 7
EVER = ("--max-age", "99999d")
"""The chain in memory stands in 2023: without this everything would be stale."""


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Keep the user's own trust file out, and let the commands open the chain in memory."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for name in ("ANCHOR_TRUST", "ANCHOR_RPC"):
        monkeypatch.delenv(name, raising=False)
    opened = opener((RPC, world.chain))
    for module in (evidence_command, verify_command):
        monkeypatch.setattr(module, "open_chain", opened)


class Desk:
    """A folder with a credential, its proof and a trust file."""

    def __init__(self, world: World, folder: Path, *, content: bytes | None = None) -> None:
        self.world = world
        self.path = folder / "badge.json"
        self.status = folder / "badge.json.status.json"
        self.trust = folder / "trust.toml"
        issued = world.issue(content, status=StatusEntry(0, INDEX))
        self.path.write_bytes(issued.content)
        (folder / "badge.json.proof.json").write_bytes(issued.proof_file)
        self.trust.write_text(write_trust(world.trust(), comment=[]))

    def run(self, command: str, *arguments: object) -> Result:
        """Run a command with the trust file; an exception that is no exit fails the test."""
        given = [command, *map(str, arguments), "--trust", str(self.trust)]
        result = CliRunner().invoke(main, given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def verdict(self, *arguments: object) -> tuple[int, str]:
        """Verify the credential; returns the exit code and the last line."""
        result = self.run("verify", self.path, *arguments)
        return result.exit_code, result.stdout.splitlines()[-1]


@pytest.fixture
def desk(world: World, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Return a desk with an anchored credential that is bound to the pair of lists."""
    return Desk(world, tmp_path_factory.mktemp("desk"))


def test_cli_evidence_is_written_beside_and_found_by_verify(desk: Desk) -> None:
    """One command makes the evidence, the other finds it, though the mirror is gone."""
    made = desk.run("evidence", desk.path)
    documents = json.loads(desk.status.read_text())
    for path in sorted(desk.world.folder.rglob("*.json")):
        path.unlink()
    found = desk.run("verify", desk.path, *EVER)

    assert made.exit_code == 0
    assert "as of block 2, 2023-11-14T22:13:44Z" in made.stdout
    assert "revoked: no (list 0, index 7)" in made.stdout
    assert [document["list"]["purpose"] for document in documents] == ["revocation", "suspension"]
    assert (found.exit_code, found.stdout.splitlines()[-1]) == (0, "valid")
    assert "status is as of block 2, 2023-11-14T22:13:44Z" in found.stdout


def test_cli_verify_max_age_makes_old_evidence_unknown(desk: Desk) -> None:
    """Evidence counts for as long as the command line allows."""
    desk.run("evidence", desk.path)

    assert desk.verdict("--evidence", desk.status, *EVER) == (0, "valid")
    assert desk.verdict("--evidence", desk.status, "--max-age", "2h") == (3, "unknown")
    report = json.loads(
        desk.run("verify", desk.path, "--evidence", desk.status, "--max-age", "2h", "--json").stdout
    )
    assert [reason["code"] for reason in report["reasons"]] == ["status_stale"]
    assert desk.run("verify", desk.path, "--max-age", "2").exit_code == 2


def test_cli_verify_evidence_named_is_all_that_is_read(desk: Desk, tmp_path: Path) -> None:
    """Half of it is not enough, unless a place for the rest is named on the same line."""
    half = tmp_path / "half.json"
    half.write_bytes(desk.world.evidence(INDEX, 0))

    assert desk.verdict("--evidence", half, *EVER) == (3, "unknown")
    assert desk.verdict("--evidence", half, "--mirror", desk.world.folder, *EVER) == (0, "valid")


def test_cli_verify_list_files_with_their_batch(desk: Desk) -> None:
    """Downloaded lists are told apart by their URL; the batch document is given beside."""
    folder = desk.world.folder
    lists = [part for number in (0, 1) for part in ("--list", folder / f"status-lists/{number}.json")]

    assert desk.verdict(*lists, "--batch", folder / "batches/1.json", *EVER) == (0, "valid")
    assert desk.verdict(*lists[:2], "--batch", folder / "batches/1.json", *EVER) == (3, "unknown")
    assert desk.run("verify", desk.path, "--batch", folder / "batches/1.json").exit_code == 2


def test_cli_verify_at_says_how_it_stood_then(desk: Desk) -> None:
    """Before the revocation it was valid, and says as of when; after it, it was not."""
    publisher = desk.world.publisher
    publisher.set_bit(0, INDEX, 1)
    publisher.anchor(after_s=3600)

    before = desk.run("verify", desk.path, "--at", "2023-11-14T22:30:00Z")
    after = desk.run("verify", desk.path, "--at", _text(publisher.now_s))

    assert (before.exit_code, before.stdout.splitlines()[-1]) == (0, "valid")
    assert "As of 2023-11-14T22:30:00Z; checked" in before.stdout
    assert (after.exit_code, after.stdout.splitlines()[-1]) == (1, "revoked")


def _text(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--at", "yesterday"],
        ["--at", "9999-01-01T00:00:00Z"],
        ["--at", "2023-11-14", "--list", "{self}"],
        ["--evidence", "missing.json"],
        ["--fetch-foreign", "https://x.example/"],
        ["--min-entries", "0"],
    ],
)
def test_cli_verify_with_wrong_options_says_what_to_change(desk: Desk, arguments: list[str]) -> None:
    """Wrong usage is exit code 2."""
    result = desk.run("verify", desk.path, *[part.replace("{self}", str(desk.path)) for part in arguments])

    assert result.exit_code == 2
    assert result.stderr


def test_cli_verify_fetch_foreign_asks_the_host_named(world: World, tmp_path: Path) -> None:
    """The permission counts for one call; an address that is not public is refused all the same."""
    status = status_entry("https://10.0.0.1/lists/3", "revocation", 5)
    desk = Desk(world, tmp_path, content=world.credential(credentialStatus=status))

    without = json.loads(desk.run("verify", desk.path, "--json", *EVER).stdout)
    allowed = json.loads(desk.run("verify", desk.path, "--json", "--fetch-foreign", "10.0.0.1", *EVER).stdout)

    assert [reason["code"] for reason in without["reasons"]] == ["status_foreign"]
    assert [reason["code"] for reason in allowed["reasons"]] == ["STATUS_RETRIEVAL_ERROR"]


def test_cli_evidence_of_an_index_is_printed_with_its_pair(desk: Desk) -> None:
    """Either list of a pair names the pair."""
    by_first, by_second = (desk.run("evidence", "--list", number, "--index", 9) for number in (0, 1))

    assert (by_first.exit_code, by_first.stdout) == (0, by_second.stdout)
    assert [document["list"]["number"] for document in json.loads(by_first.stdout)] == [0, 1]


def test_cli_evidence_of_a_declared_entry_is_of_that_entry(world: World, tmp_path: Path) -> None:
    """Entries that the credential names itself have their evidence, proof or no proof."""
    desk = Desk(world, tmp_path, content=world.credential(credentialStatus=world.own_status(20)))
    with_proof = desk.run("evidence", desk.path, "--out", tmp_path / "both.json")
    (tmp_path / "badge.json.proof.json").unlink()
    alone = desk.run("evidence", desk.path)

    assert (with_proof.exit_code, alone.exit_code) == (0, 0)
    both = json.loads((tmp_path / "both.json").read_text())
    assert [(item["list"]["number"], item["index"]) for item in both] == [(0, 20), (0, 7), (1, 7)]
    assert json.loads(desk.status.read_text())["index"] == 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a FILE, or --list N and --index I"),
        (["--list", "0"], "name a FILE, or --list N and --index I"),
        (["--list", "9", "--index", "1"], "has no list 9"),
        (["--list", "0", "--index", "131072"], "is beyond list 0"),
    ],
)
def test_cli_evidence_of_nothing_is_wrong_usage(desk: Desk, arguments: list[str], words: str) -> None:
    """What to name is said, and which list or index there is not."""
    result = desk.run("evidence", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_cli_evidence_of_a_file_without_entries_or_changed_is_refused(desk: Desk) -> None:
    """There is nothing to cut for a file without status, and nothing right for one that has changed."""
    changed = desk.path.read_bytes().replace(b"Ada", b"Bob")
    desk.path.write_bytes(changed)
    does_not_fit = desk.run("evidence", desk.path)
    desk.path.with_name("badge.json.proof.json").unlink()
    nothing = desk.run("evidence", desk.path)

    assert (does_not_fit.exit_code, nothing.exit_code) == (2, 2)
    assert "do not fit" in does_not_fit.stderr
    assert "no status entry in the lists of this publisher" in nothing.stderr
    assert not desk.status.exists()


def test_cli_evidence_from_lists_that_do_not_match_the_head_is_refused(desk: Desk) -> None:
    """Nothing is written that would not lead to the head's root."""
    publisher = desk.world.publisher
    old = publisher.lists[0].signed()
    changed = publisher.set_bit(0, INDEX, 1)
    publisher.anchor(after_s=600)
    publisher.publish_list(changed, old)

    result = desk.run("evidence", desk.path)

    assert result.exit_code == 2
    assert "is not the one that is anchored" in result.stderr
    assert not desk.status.exists()


def test_cli_evidence_without_trust_file_says_how_to_get_one(desk: Desk) -> None:
    """Evidence is compared with the chain before it is written."""
    result = CliRunner().invoke(main, ["evidence", str(desk.path)])

    assert result.exit_code == 2
    assert "anchor trust export" in result.stderr


@asynccontextmanager
async def asked_service(world: World, requests: list[str]) -> AsyncIterator[str]:
    """Run a service that answers questions for single entries, and nothing else."""

    async def answer(request: web.Request) -> web.Response:
        requests.append(request.path)
        number, index = int(request.match_info["list"]), int(request.match_info["index"])
        if number >= len(world.publisher.lists):
            raise web.HTTPNotFound
        batch = world.publisher.batches[-1].document
        document = cut_evidence(batch, number, bytes(world.publisher.lists[number].bits), index)
        return web.json_response(evidence_to_json(document))

    app = web.Application()
    app.add_routes([web.get(r"/v1/evidence/{list:\d+}/{index:\d+}", answer)])
    async with running(app) as url:
        yield url


async def test_cli_evidence_ask_names_the_entries_to_the_service(desk: Desk) -> None:
    """Asked for, evidence is the same as cut, and nothing else is fetched."""
    await asyncio.to_thread(desk.run, "evidence", desk.path)
    cut = desk.status.read_bytes()
    requests: list[str] = []
    async with asked_service(desk.world, requests) as url:
        arguments = ("--ask", "--service", url)
        asked = await asyncio.to_thread(desk.run, "evidence", desk.path, *arguments)
        by_second = await asyncio.to_thread(desk.run, "evidence", "--list", 1, "--index", 7, *arguments)
        missing = await asyncio.to_thread(desk.run, "evidence", "--list", 5, "--index", 7, *arguments)

    assert asked.exit_code == 0
    assert desk.status.read_bytes() == cut == by_second.stdout.encode()
    assert requests == [f"/v1/evidence/{number}/7" for number in (0, 1, 1, 0, 5)]
    assert missing.exit_code == 1


async def test_cli_evidence_ask_of_a_service_of_other_roots_is_refused(desk: Desk, tmp_path: Path) -> None:
    """What a service gives must lead to a root of the publisher that the verifier trusts."""
    other = World.make(tmp_path / "other")
    other.publisher.set_bit(0, 1, 1)
    other.publisher.anchor(after_s=99)
    async with asked_service(other, []) as url:
        result = await asyncio.to_thread(desk.run, "evidence", desk.path, "--ask", "--service", url)

    assert result.exit_code == 2
    assert "has not anchored" in result.stderr


@pytest.mark.parametrize(
    ("url", "answered_index", "words"),
    [
        ("https://anchor.example.org/status-lists/0", 8, "evidence of another entry"),
        ("https://x.example/status-lists/0", 20, "status-lists/0, not https://x.example"),
    ],
)
async def test_cli_evidence_ask_of_a_service_that_answers_for_another_entry_is_refused(
    world: World, tmp_path: Path, url: str, answered_index: int, words: str
) -> None:
    """Evidence of another index, or of a list under another URL than the credential names, is not written."""
    desk = Desk(
        world, tmp_path, content=world.credential(credentialStatus=status_entry(url, "revocation", 20))
    )

    async def answer(_request: web.Request) -> web.Response:
        batch = world.publisher.batches[-1].document
        document = cut_evidence(batch, 0, bytes(world.publisher.lists[0].bits), answered_index)
        return web.json_response(evidence_to_json(document))

    app = web.Application()
    app.add_routes([web.get("/v1/evidence/0/20", answer)])
    async with running(app) as service:
        result = await asyncio.to_thread(desk.run, "evidence", desk.path, "--ask", "--service", service)

    assert result.exit_code == 2
    assert words in result.stderr
    assert not desk.status.exists()


def test_cli_evidence_ask_of_a_mirror_is_wrong_usage(desk: Desk) -> None:
    """A mirror keeps files; it answers no questions."""
    result = desk.run("evidence", desk.path, "--ask")

    assert result.exit_code == 2
    assert "a mirror cannot be asked" in result.stderr
