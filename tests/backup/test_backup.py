"""A backup is one committed state, checked, whole or not there; it comes back only where nothing is in its way."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner

from anchor.backup import make_backup, making, put_back, read_backup, require_same_service
from anchor.backup.manifest import MANIFEST, parse_manifest
from anchor.cli import main
from anchor.config import PublisherSettings, Settings
from anchor.errors import ConfigError, FatalError, InvalidInput
from tests.support.assembly import Running, digest, make_settings, new_chain, running


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    """Run a service that holds five digests."""
    async with running(make_settings(tmp_path / "service"), new_chain()) as started:
        issuer = await started.add_issuer()
        await started.seal(issuer, 0, 1, 2, 3, 4)
        yield started


@pytest.fixture
def backup(service: Running, tmp_path: Path) -> Path:
    """Make a backup while the service runs."""
    make_backup(service.settings.storage, tmp_path / "backup")
    return tmp_path / "backup"


def elsewhere(service: Running, tmp_path: Path) -> Settings:
    """Return the service's settings for an empty data folder."""
    return replace(service.settings, data_dir=tmp_path / "new" / "data")


def names_in(folder: Path) -> set[str]:
    """Return the names in a folder."""
    return {path.name for path in folder.iterdir()}


def damage_table(database: Path, table: str) -> None:
    """Overwrite the beginning of a table's first page, which nothing but a check of all pages reads."""
    connection = sqlite3.connect(database)
    (page,) = connection.execute("select rootpage from sqlite_schema where name = ?", (table,)).fetchone()
    connection.close()
    content = bytearray(database.read_bytes())
    content[(page - 1) * 4096 : (page - 1) * 4096 + 64] = b"\xa5" * 64
    database.write_bytes(content)


def digests_in(database: Path) -> int:
    """Count the digests of a database."""
    connection = sqlite3.connect(database)
    try:
        (count,) = connection.execute("select count(*) from entries").fetchone()
    finally:
        connection.close()
    return int(count)


def test_backup_of_running_service_holds_database_and_keys(service: Running, backup: Path) -> None:
    """Everything that the service needs again is there, as the manifest says, for the owner's eyes only."""
    manifest = parse_manifest((backup / MANIFEST).read_bytes())

    assert {file.name for file in manifest.files} == {
        "anchor.db",
        "lists.key",
        "operator.key",
        "receipts.key",
    }
    for file in manifest.files:
        content = (backup / file.name).read_bytes()
        assert (len(content), sha256(content).digest()) == (file.size_bytes, file.sha256)
    assert digests_in(backup / "anchor.db") == 5
    assert (manifest.sealed_sequence, manifest.mined_sequence) == (1, 0)
    assert manifest.publisher == service.publisher
    assert manifest.base_url == service.settings.server.base_url
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in backup.iterdir()} == {0o600}


def test_backup_command_needs_no_chain_and_nothing_else_of_the_settings(
    service: Running, tmp_path: Path
) -> None:
    """It is made on the bad day: no endpoint, no contract, a section that is wrong; where the files are is enough."""
    config = tmp_path / "anchor.toml"
    config.write_text(f'data_dir = "{service.settings.data_dir}"\n[server]\nport = "none"\n', "utf-8")

    result = CliRunner().invoke(main, ["backup", str(tmp_path / "made"), "--config", str(config)])

    assert result.exit_code == 0, result.output
    assert digests_in(tmp_path / "made" / "anchor.db") == 5


@pytest.mark.parametrize(
    ("text", "reason"),
    [("data_dir = 1", "data_dir must be a text"), ("publisher = 1", "publisher must be a table")],
)
def test_backup_command_needs_to_know_where_the_files_are(tmp_path: Path, text: str, reason: str) -> None:
    """What it must read it checks: a backup of another folder would be none."""
    config = tmp_path / "anchor.toml"
    config.write_text(text, "utf-8")

    result = CliRunner().invoke(main, ["backup", str(tmp_path / "made"), "--config", str(config)])

    assert (result.exit_code, reason in result.stderr) == (1, True)
    assert not (tmp_path / "made").exists()


def test_restore_without_chain_needs_no_endpoint(service: Running, backup: Path, tmp_path: Path) -> None:
    """Which service it is stands in the settings; an endpoint is for asking the chain, and it is not asked."""
    settings = service.settings
    config = tmp_path / "anchor.toml"
    config.write_text(
        f'data_dir = "restored"\n[server]\nbase_url = "{settings.server.base_url}"\n[chain]\nquorum = 2\n'
        f'chain_id = {settings.chain_id}\ncontract = "{settings.chain.contract}"\n',
        "utf-8",
    )
    arguments = ["restore", str(backup), "--config", str(config)]

    asked = CliRunner().invoke(main, arguments)
    told = CliRunner().invoke(main, [*arguments, "--without-chain"])

    assert (asked.exit_code, "chain.rpc_url is missing" in asked.stderr) == (1, True)
    assert told.exit_code == 0, told.output
    assert told.stdout.count("`anchor issuer rotate-key` again") == 1
    assert digests_in(tmp_path / "restored" / "anchor.db") == 5


def test_backup_includes_keystore_of_the_data_folder_and_names_one_that_lies_elsewhere(
    service: Running, tmp_path: Path
) -> None:
    """The publisher's key comes along where it lies in the data folder; else the manifest says that it does not."""
    (service.settings.data_dir / "publisher.json").write_text("{}", "utf-8")
    settings = replace(
        service.settings,
        publisher=PublisherSettings(keystore="data/publisher.json", password_file="../publisher.password"),
    )

    manifest = make_backup(settings.storage, tmp_path / "backup")

    assert "publisher.json" in {file.name for file in manifest.files}
    assert manifest.not_included == (str(settings.path("../publisher.password")),)


@pytest.mark.parametrize("spelling", ["data/sub/../publisher.json", "link/publisher.json"])
def test_keystore_comes_along_however_the_settings_spell_its_path(
    service: Running, tmp_path: Path, spelling: str
) -> None:
    """A backup that is called good can be put back: its names are plain paths within the data folder."""
    (service.settings.data_dir / "sub").mkdir()
    (service.settings.data_dir / "publisher.json").write_text("{}", "utf-8")
    service.settings.path("link").symlink_to(service.settings.data_dir)
    settings = replace(service.settings, publisher=PublisherSettings(keystore=spelling))

    manifest = make_backup(settings.storage, tmp_path / "backup")

    assert read_backup(tmp_path / "backup", database="anchor.db").manifest == manifest
    assert "publisher.json" in {file.name for file in manifest.files}
    assert manifest.not_included == ()


def test_backup_is_one_state_while_the_service_commits(
    service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits between the steps of the copy neither get into it nor make it begin again."""
    monkeypatch.setattr(making, "PAGES_AT_ONCE", 1)
    writer = sqlite3.connect(service.settings.database, isolation_level=None)
    steps: list[int] = []

    def commit(done: int, total: int) -> None:
        steps.append(done)
        assert len(steps) <= total + 1, "the copy began again"
        writer.execute("insert into facts (name, value) values (?, 'written meanwhile')", (f"step {done}",))

    manifest = make_backup(service.settings.storage, tmp_path / "backup", on_pages=commit)
    writer.close()

    assert len(steps) > 10
    copy = sqlite3.connect(tmp_path / "backup" / "anchor.db")
    assert copy.execute("select count(*) from facts where value = 'written meanwhile'").fetchone() == (0,)
    copy.close()
    assert read_backup(tmp_path / "backup", database="anchor.db").manifest == manifest


def test_backup_overwrites_nothing(service: Running, backup: Path) -> None:
    """A name that is taken is refused, and what stands there stays."""
    before = (backup / MANIFEST).read_bytes()

    with pytest.raises(InvalidInput, match="exists already"):
        make_backup(service.settings.storage, backup)

    assert (backup / MANIFEST).read_bytes() == before


async def test_backup_of_damaged_database_refused_and_leaves_nothing(
    service: Running, tmp_path: Path
) -> None:
    """A copy with damaged pages is not called good: no folder takes the name."""
    await service.store.close()
    damaged = replace(service.settings, data_dir=tmp_path / "damaged")
    shutil.copytree(service.settings.data_dir, damaged.data_dir)
    damage_table(damaged.database, "entries")
    before = names_in(tmp_path)
    await service.start()

    with pytest.raises(FatalError, match=r"damaged|malformed"):
        make_backup(damaged.storage, tmp_path / "backup")

    assert names_in(tmp_path) == before


def test_backup_without_database_refused(tmp_path: Path) -> None:
    """Nothing to copy is no backup."""
    with pytest.raises(FatalError, match="there is no"):
        make_backup(make_settings(tmp_path).storage, tmp_path / "backup")


def test_backup_below_a_folder_that_is_not_there_refused(service: Running, tmp_path: Path) -> None:
    """A disk that is not mounted is not taken for a place on the one that the backup is to survive."""
    with pytest.raises(InvalidInput, match=r"there is no folder .*nowhere: make it, or mount"):
        make_backup(service.settings.storage, tmp_path / "nowhere" / "backup")

    assert not (tmp_path / "nowhere").exists()


def test_backup_to_folder_that_cannot_be_written_refused(service: Running, tmp_path: Path) -> None:
    """The message says which and why."""
    with pytest.raises(InvalidInput, match=r"cannot be written \(File name too long"):
        make_backup(service.settings.storage, tmp_path / ("b" * 250))


async def test_restored_service_goes_on_where_the_backup_ended(
    service: Running, backup: Path, tmp_path: Path
) -> None:
    """Every digest is there, and the keys open what they sealed."""
    settings = elsewhere(service, tmp_path)

    names = put_back(read_backup(backup, database="anchor.db"), settings)

    assert names[0] == "anchor.db"
    async with running(settings, service.chain) as again:
        (issuer,) = await again.store.issuers()
        for number in range(5):
            assert len(await again.store.find_digest(issuer.number, digest(number))) == 1
        (accepted,) = await again.submit(issuer, 5, allocate=True)
        assert accepted.status is not None
        assert await again.store.list_version(accepted.status.list_number, None) is not None


@pytest.mark.parametrize("name", ["anchor.db", "lists.key", MANIFEST])
def test_restore_of_changed_file_refused(backup: Path, name: str) -> None:
    """Each byte of a backup counts."""
    content = bytearray((backup / name).read_bytes())
    content[len(content) // 2] ^= 1
    (backup / name).write_bytes(content)

    with pytest.raises((FatalError, InvalidInput)):
        read_backup(backup, database="anchor.db")


def test_restore_of_incomplete_backup_refused(backup: Path) -> None:
    """A file that the manifest names must be there."""
    (backup / "lists.key").unlink()

    with pytest.raises(FatalError, match=r"lists\.key is missing"):
        read_backup(backup, database="anchor.db")


def test_restore_of_anything_else_refused(tmp_path: Path) -> None:
    """A folder without a manifest is no backup."""
    with pytest.raises(InvalidInput, match="name the folder of a backup"):
        read_backup(tmp_path, database="anchor.db")


@pytest.mark.parametrize("name", ["../anchor.db", "/etc/passwd", "a/../../b", MANIFEST, ""])
def test_manifest_that_leads_out_of_the_folder_refused(backup: Path, name: str) -> None:
    """A manifest from somewhere writes nowhere but into the data folder."""
    document = json.loads((backup / MANIFEST).read_bytes())
    document["files"][0]["name"] = name

    with pytest.raises(InvalidInput, match="name"):
        parse_manifest(json.dumps(document).encode())


def test_restore_while_service_runs_refused(service: Running, backup: Path) -> None:
    """The service that holds the lock keeps its database."""
    with pytest.raises(FatalError, match="another service is using"):
        put_back(read_backup(backup, database="anchor.db"), service.settings)


@pytest.mark.parametrize("name", ["anchor.db", "anchor.db-wal", "lists.key"])
def test_restore_over_data_refused(service: Running, backup: Path, tmp_path: Path, name: str) -> None:
    """What is there may know more than the backup: it is neither overwritten nor mixed with it."""
    settings = elsewhere(service, tmp_path)
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / name).write_bytes(b"something else")

    with pytest.raises(InvalidInput, match=f"holds {name} already"):
        put_back(read_backup(backup, database="anchor.db"), settings)

    assert (settings.data_dir / name).read_bytes() == b"something else"
    assert not (settings.database.exists() and name != "anchor.db")


def test_restore_that_was_interrupted_can_be_repeated(service: Running, backup: Path, tmp_path: Path) -> None:
    """Key files that a first attempt put there are no data in the way."""
    settings = elsewhere(service, tmp_path)
    settings.data_dir.mkdir(parents=True)
    shutil.copy2(backup / "lists.key", settings.data_dir / "lists.key")

    put_back(read_backup(backup, database="anchor.db"), settings)

    assert digests_in(settings.database) == 5


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"contract": "0x" + "11" * 20}, "contract"),
        ({"chain_id": 5}, "chain"),
        ({"base_url": "https://x.example"}, "URL"),
    ],
)
def test_restore_by_settings_of_another_service_refused(
    service: Running, backup: Path, changed: dict[str, object], word: str
) -> None:
    """A backup of one service does not become another's."""
    plan = read_backup(backup, database="anchor.db")
    require_same_service(plan, service.settings)
    manifest = replace(plan.manifest, **changed)  # type: ignore[arg-type]  # members by name

    with pytest.raises(ConfigError, match=word):
        require_same_service(replace(plan, manifest=manifest), service.settings)
