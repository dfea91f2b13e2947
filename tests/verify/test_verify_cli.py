"""The commands `verify`, `audit` and `trust export` as a person calls them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anchor.cli import main
from anchor.cli.trust_options import TrustOptions, trust_set
from anchor.core.entries import StatusEntry
from anchor.errors import InvalidInput
from anchor.verify import FileLocation, StatusFiles, load_trust, parse_trust, verify_file
from anchor.verify.files import MAX_CREDENTIAL_BYTES
from anchor.verify.layout import MAX_DOCUMENT_BYTES
from anchor.verify.trust_file import default_trust_path
from tests.support.fake_chain import CONTRACT, address, opener
from tests.support.published_server import serving
from tests.support.publisher import did_key_issuer, proof_bytes
from tests.verify.anvil_publisher import AnvilPublisher
from tests.verify.world import RPC, World


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's own trust file and environment out of the tests."""
    folder = tmp_path / "home"
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    for name in ("ANCHOR_TRUST", "ANCHOR_RPC", "ANCHOR_SERVICE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def run(*arguments: object) -> Result:
    """Run the command; an exception that is no exit fails the test."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def save(world: World, tmp_path: Path) -> Path:
    """Write a credential and its proof beside it."""
    issued = world.issue()
    path = tmp_path / "badge.json"
    path.write_bytes(issued.content)
    (tmp_path / "badge.json.proof.json").write_bytes(issued.proof_file)
    return path


def test_cli_verify_without_trust_tells_what_the_proof_claims(world: World, tmp_path: Path) -> None:
    """Whoever has not decided whom to trust learns what is claimed, and nothing is called checked."""
    path = save(world, tmp_path)

    result = run("verify", path)
    report = json.loads(run("verify", path, "--json").stdout)

    assert result.exit_code == 3
    assert "trust export" in result.stdout
    assert f"publisher {address(1)}, batch 1, block 2" in result.stdout
    assert "digest is the one in the proof" in result.stdout
    assert result.stdout.splitlines()[-1] == "unknown"
    assert report["reasons"][0]["code"] == "no_trust_set"


def test_cli_verify_without_trust_or_proof_tells_both(tmp_path: Path) -> None:
    """Without a proof there is not even a claim; a damaged one is told."""
    path = tmp_path / "a.txt"
    path.write_text("text")

    bare = run("verify", path)
    (tmp_path / "a.txt.proof.json").write_text("{}")
    damaged = run("verify", path)

    assert (bare.exit_code, damaged.exit_code) == (3, 3)
    assert "no proof" in bare.stdout
    assert "damaged" in damaged.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--contract", CONTRACT], "add --rpc, --chain-id, --genesis-hash, --publisher"),
        (["--contract", CONTRACT, "--chain-id", "11155111"], "add --rpc, --publisher"),
        (["--trust", "missing.toml"], "there is no trust file"),
        (["--chain-id", "0"], "--chain-id"),
        (["--proof", "missing.json"], "does not exist"),
    ],
)
def test_cli_verify_with_wrong_usage_says_what_to_add(tmp_path: Path, options: list[str], words: str) -> None:
    """Wrong usage is exit code 2, with what is missing."""
    path = tmp_path / "a.txt"
    path.write_text("text")

    result = run("verify", path, *options)

    assert result.exit_code == 2
    assert words in result.stderr


def test_cli_verify_refuses_addresses_that_are_none(tmp_path: Path) -> None:
    """An address or endpoint that is none is wrong usage, and the endpoint's secret is in no message."""
    path = tmp_path / "a.txt"
    path.write_text("text")
    given = ["--chain-id", "11155111", "--publisher", address(1)]

    contract = run("verify", path, *given, "--rpc", "https://x.example/secret", "--contract", "0x12")
    endpoint = run("audit", *given, "--rpc", "ftp://x.example/secret", "--contract", CONTRACT)

    assert (contract.exit_code, endpoint.exit_code) == (2, 2)
    assert "secret" not in contract.stderr + endpoint.stderr


def test_cli_anchorage_options_keep_the_issuers_of_the_trust_file(tmp_path: Path) -> None:
    """An anchorage given by options replaces the file's; whom the file accepts is never widened."""
    path = tmp_path / "trust.toml"
    path.write_text(
        f"""mirror = "/mirror"
[[anchorage]]
chain_id = 1
genesis_hash = "0x{"ab" * 32}"
contract = "{CONTRACT}"
publisher = "{address(1)}"
[[issuer]]
id = "did:web:x.example"
aliases = ["did:web:y.example"]
"""
    )
    given = TrustOptions(
        file=path,
        rpc=RPC,
        chain_id=11155111,
        genesis_hash=None,
        contract=address(8),
        publisher=address(9),
        from_block=5,
        service=None,
        mirror=None,
    )

    kept = trust_set(given, issuers=())
    other = trust_set(given, issuers=("did:web:other.example",))
    alone = trust_set(replace(given, file=None), issuers=())
    default_trust_path().parent.mkdir(parents=True)
    default_trust_path().write_text(path.read_text())
    by_default = trust_set(replace(given, file=None), issuers=())

    assert kept is not None
    assert other is not None
    assert alone is not None
    assert [anchorage.publisher for anchorage in kept.anchorages] == [address(9)]
    assert kept.current.from_block == 5
    assert not kept.accepts("did:web:other.example")
    assert kept.are_same("did:web:x.example", "did:web:y.example")
    assert kept.files == FileLocation(address="/mirror", is_mirror=True)
    assert (other.accepts("did:web:other.example"), other.accepts("did:web:x.example")) == (True, False)
    assert alone.accepts_any_issuer
    assert by_default == kept


def test_cli_audit_without_target_is_wrong_usage() -> None:
    """There must be something to audit."""
    result = run("audit")

    assert result.exit_code == 2
    assert "--publisher" in result.stderr


async def test_cli_trust_export_drafts_a_file_that_can_be_read(world: World, tmp_path: Path) -> None:
    """The draft names chain, contract, publisher and the keys that sign lists, with a warning above it."""
    university = replace(did_key_issuer(5), id="https://university.example")
    world.publisher.add_pair(university)
    world.issue()
    out = tmp_path / "new" / "trust.toml"
    async with serving(world.folder) as url:
        printed = await asyncio.to_thread(run, "trust", "export", "--service", url)
        only = ["trust", "export", "--service", url, "--issuer", world.issuer.id, "-o", out]
        saved = await asyncio.to_thread(run, *only)
        again = await asyncio.to_thread(run, *only)
        forced = await asyncio.to_thread(run, *only, "--force")

    draft = parse_trust(printed.stdout.encode())
    assert "a service that lies would lie here" in printed.stdout
    assert str(default_trust_path()) in printed.stderr
    assert draft.accepts_any_issuer
    assert draft.list_keys("https://university.example") == (university.key.public_key,)
    assert draft.files == FileLocation(address=url, is_mirror=False)
    assert (saved.exit_code, again.exit_code, forced.exit_code) == (0, 2, 0)
    assert out.stat().st_mode & 0o777 == 0o600
    strict = load_trust(out)
    assert not strict.accepts_any_issuer
    assert [issuer.id for issuer in strict.issuers] == [world.issuer.id]
    assert strict.current.publisher == address(1)


async def test_cli_trust_export_of_no_service_could_not_be_done(tmp_path: Path) -> None:
    """What is no such service, or none at all, is exit code 3."""
    async with serving(tmp_path) as url:
        empty = await asyncio.to_thread(run, "trust", "export", "--service", url)
    gone = await asyncio.to_thread(run, "trust", "export", "--service", url)

    assert (empty.exit_code, gone.exit_code) == (3, 3)


async def test_verify_file_is_the_same_from_python(world: World, tmp_path: Path) -> None:
    """The Python function finds the proof beside the file, and the lists by the trust set."""
    issued = world.issue(status=StatusEntry(0, 1))
    path = tmp_path / "badge.json"
    path.write_bytes(issued.content)
    opened = opener((RPC, world.chain))

    without = await verify_file(path, trust=world.trust(), open_chain=opened, now_s=world.publisher.now_s)
    (tmp_path / "badge.json.proof.json").write_bytes(issued.proof_file)
    found = await verify_file(path, trust=world.trust(), open_chain=opened, now_s=world.publisher.now_s)

    assert [reason.code for reason in without.reasons] == ["proof_missing"]
    assert found.verdict.value == "valid"


async def test_verify_file_refuses_files_of_any_size_beyond_the_limit(world: World, tmp_path: Path) -> None:
    """Nothing is read into memory without end: credential, lists and batch have a limit each."""
    issued = world.issue(status=StatusEntry(0, 1))
    path, huge, batch = tmp_path / "badge.json", tmp_path / "huge", tmp_path / "batch"
    path.write_bytes(issued.content)
    (tmp_path / "badge.json.proof.json").write_bytes(issued.proof_file)
    for sparse, limit in ((huge, MAX_CREDENTIAL_BYTES), (batch, MAX_DOCUMENT_BYTES)):
        with sparse.open("wb") as file:
            file.truncate(limit + 1)
    opened = opener((RPC, world.chain))
    lists = (world.folder / "status-lists/0.json",)

    for credential, status in (
        (huge, StatusFiles()),
        (path, StatusFiles(lists=(batch,))),
        (path, StatusFiles(lists=lists, batch=batch)),
    ):
        with pytest.raises(InvalidInput, match="has more than"):
            await verify_file(credential, trust=world.trust(), open_chain=opened, status=status)


@pytest.mark.anvil
async def test_cli_story_on_a_real_node(anvil_publisher: AnvilPublisher, tmp_path: Path) -> None:
    """Issue, verify, tamper, revoke, verify and audit, with nothing but the commands, a node and files."""
    own, issuer = anvil_publisher.publisher, did_key_issuer(1)
    credential, proof = tmp_path / "badge.json", tmp_path / "badge.json.proof.json"
    content = json.dumps({"issuer": issuer.id, "name": "Ada"})
    credential.write_text(content)
    place = own.submit(issuer, content.encode(), status=StatusEntry(0, 7))
    batch = await anvil_publisher.anchor()
    proof.write_bytes(proof_bytes(own.proof(batch, place)))
    trust = tmp_path / "trust.toml"

    async with serving(own.folder) as url:
        rpc = ["--rpc", anvil_publisher.anvil.rpc_url]
        exported = await asyncio.to_thread(run, "trust", "export", "--service", url, *rpc, "-o", trust)
        valid = await asyncio.to_thread(run, "verify", credential, "--trust", trust)
        from_python = await verify_file(str(credential), trust=load_trust(str(trust)))
        stranger = await asyncio.to_thread(
            run, "verify", credential, "--trust", trust, "--issuer", "did:web:x.example"
        )
        credential.write_text(content.replace("Ada", "Bob"))
        tampered = await asyncio.to_thread(run, "verify", credential, "--trust", trust, "--json")
        credential.write_text(content)
        own.set_bit(0, 7, 1)
        await anvil_publisher.anchor()
        revoked = await asyncio.to_thread(run, "verify", credential, "--trust", trust)
        audited = await asyncio.to_thread(run, "audit", "--trust", trust)
        (own.folder / "batches/1.json").unlink()
        withheld = await asyncio.to_thread(run, "audit", "--trust", trust, "--json")
        alone = await asyncio.to_thread(
            run, "audit", *rpc, "--contract", anvil_publisher.anvil.contract, "--publisher", own.account
        )

    assert "the code that this program ships" in exported.stderr
    assert (valid.exit_code, valid.stdout.splitlines()[-1]) == (0, "valid")
    assert from_python.verdict.value == "valid"
    assert "test network" in valid.stdout or "development chain" in valid.stdout
    assert (stranger.exit_code, stranger.stdout.splitlines()[-1]) == (1, "issuer mismatch")
    assert (tampered.exit_code, json.loads(tampered.stdout)["verdict"]) == (1, "tampered")
    assert (revoked.exit_code, revoked.stdout.splitlines()[-1]) == (1, "revoked")
    assert (audited.exit_code, audited.stdout.splitlines()[-1]) == (
        0,
        "all agrees (chain and published files)",
    )
    assert (withheld.exit_code, json.loads(withheld.stdout)["discrepancies"][0]["code"]) == (
        1,
        "batch_missing",
    )
    assert (alone.exit_code, "chain alone" in alone.stdout) == (0, True)
    assert "0x" + batch.document.claim.transaction.hex() in alone.stdout
