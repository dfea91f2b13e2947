"""`anchor init`: a file that the service reads, and nothing overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anchor.chain.signer import LocalSigner
from anchor.cli import main
from anchor.config import load_settings

CONTRACT = {"ANCHOR_CHAIN_CONTRACT": "0x" + "00" * 20, "ANCHOR_CHAIN_RPC_URL": "https://rpc.example"}


def _init(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", "--config", str(folder / "anchor.toml"), *arguments])


@pytest.mark.parametrize("chain", ["anvil", "sepolia", "hoodi", "base-sepolia"])
def test_init_writes_settings_that_load(tmp_path: Path, chain: str) -> None:
    """Only contract and endpoint are missing from what is written for each chain."""
    result = _init(tmp_path, "--chain", chain)

    settings = load_settings(tmp_path / "anchor.toml", CONTRACT)
    assert result.exit_code == 0, result.output
    assert settings.chain.preset == chain
    assert settings.batching.status_wait_s == 60


def test_init_says_what_to_write_where_the_contract_is_missing(tmp_path: Path) -> None:
    """The settings name what `anchor deploy` prints."""
    _init(tmp_path)

    assert "# What `anchor deploy` prints." in (tmp_path / "anchor.toml").read_text()


def test_init_public_chain_makes_an_account_that_opens(tmp_path: Path) -> None:
    """Keystore and password fit each other, are their owner's alone, and have the address to be funded."""
    result = _init(tmp_path, "--chain", "hoodi")

    files = [tmp_path / "publisher.json", tmp_path / "publisher.password"]
    signer = LocalSigner.from_keystore(*files)
    assert f"send {signer.address} some ether" in result.output
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]


def test_init_keeps_an_account_that_exists(tmp_path: Path) -> None:
    """No key is ever overwritten."""
    (tmp_path / "publisher.json").write_text("mine")

    result = _init(tmp_path, "--chain", "hoodi")

    assert "kept" in result.output
    assert (tmp_path / "publisher.json").read_text() == "mine"


def test_init_never_overwrites_settings(tmp_path: Path) -> None:
    """A file that exists stays as it is, and no account is made beside it."""
    (tmp_path / "anchor.toml").write_text("mine")

    result = _init(tmp_path, "--chain", "hoodi")

    assert result.exit_code == 2
    assert "exists already" in result.output
    assert (tmp_path / "anchor.toml").read_text() == "mine"
    assert not (tmp_path / "publisher.json").exists()
