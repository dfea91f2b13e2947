"""Settings: what a file and the environment may say, and how each mistake is named."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from anchor.config import Secret, Settings, is_base_url, load_settings
from anchor.errors import ConfigError

CONTRACT = "0x" + "c0" * 20
RPC_URL = "https://rpc.example.org/v2/secret-rpc-token"
MINIMAL = f"""
[chain]
rpc_url = "{RPC_URL}"
contract = "{CONTRACT}"
chain_id = 31337
"""


def load(folder: Path, text: str = MINIMAL, **environment: str) -> Settings:
    """Write a settings file and load it."""
    path = folder / "anchor.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment)


def test_minimal_file_defaults_for_the_rest(tmp_path: Path) -> None:
    """Three values suffice; paths are relative to the file."""
    settings = load(tmp_path)

    assert settings.chain.contract == CONTRACT
    assert settings.chain_id == 31337
    assert settings.data_dir == tmp_path / "data"
    assert settings.database == tmp_path / "data" / "anchor.db"
    assert settings.path("keys/publisher.json") == tmp_path / "keys" / "publisher.json"
    assert settings.path("/etc/publisher.json") == Path("/etc/publisher.json")
    assert settings.server.base_url == "http://127.0.0.1:8080"
    assert settings.lists.length == 131_072
    assert (settings.batching.status_wait_s, settings.batching.heartbeat_s) == (60.0, 86_400.0)
    assert settings.genesis_hash is None
    assert settings.poll_s == 1.0


def test_every_section_is_read_from_the_file(tmp_path: Path) -> None:
    """Values of every kind and section arrive, integers also where a number may have a fraction."""
    text = f"""
data_dir = "elsewhere"
[server]
host = "0.0.0.0"
port = 9000
base_url = "https://anchor.example.org/service"
[chain]
rpc_url = "{RPC_URL}"
contract = "{CONTRACT}"
chain_id = 5
genesis_hash = "0x{"ab" * 32}"
from_block = 17
confirmations = 12
poll_s = 2
[publisher]
keystore = "key.json"
password_file = "password"
max_fee_gwei = 1.5
[batching]
max_entries = 10
[lists]
length = 262144
[limits]
backlog_entries = 99
"""
    settings = load(tmp_path, text)

    assert settings.data_dir == tmp_path / "elsewhere"
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 9000)
    assert settings.server.base_url == "https://anchor.example.org/service"
    assert settings.chain.rpc_url.reveal() == RPC_URL
    assert (settings.chain_id, settings.chain.from_block, settings.chain.confirmations) == (5, 17, 12)
    assert settings.genesis_hash == b"\xab" * 32
    assert settings.poll_s == 2.0
    assert (settings.publisher.keystore, settings.publisher.max_fee_gwei) == ("key.json", 1.5)
    assert (settings.batching.max_entries, settings.lists.length, settings.limits.backlog_entries) == (
        10,
        262_144,
        99,
    )


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    """Each value can come from the environment, alone or in place of the file's."""
    settings = load(
        tmp_path,
        "[chain]\nchain_id = 1\n[server]\nport = 1",
        ANCHOR_CHAIN_RPC_URL=RPC_URL,
        ANCHOR_CHAIN_CONTRACT=CONTRACT,
        ANCHOR_CHAIN_CHAIN_ID="31337",
        ANCHOR_SERVER_PORT="9001",
        ANCHOR_BATCHING_MAX_AGE_S="2.5",
        ANCHOR_DATA_DIR="/var/lib/anchor",
        UNRELATED="1",
    )

    assert settings.chain.rpc_url.reveal() == RPC_URL
    assert (settings.chain_id, settings.server.port, settings.batching.max_age_s) == (31337, 9001, 2.5)
    assert settings.data_dir == Path("/var/lib/anchor")


def test_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    """A variable that a shell left empty does not take the file's value away."""
    assert load(tmp_path, ANCHOR_CHAIN_CONTRACT="").chain.contract == CONTRACT


@pytest.mark.parametrize(
    ("name", "chain_id", "block_time_s"), [("sepolia", 11_155_111, 12), ("base-sepolia", 84_532, 2)]
)
def test_preset_gives_chain_id_genesis_and_poll(
    tmp_path: Path, name: str, chain_id: int, block_time_s: int
) -> None:
    """A known chain needs no more than its name."""
    settings = load(tmp_path, f'[chain]\nrpc_url = "{RPC_URL}"\ncontract = "{CONTRACT}"\npreset = "{name}"')

    assert settings.chain_id == chain_id
    assert settings.genesis_hash is not None
    assert settings.poll_s == block_time_s / 4


BAD_TEXTS = {
    "missing rpc_url": (
        f'[chain]\ncontract = "{CONTRACT}"',
        "chain.rpc_url is missing (or set ANCHOR_CHAIN_RPC_URL)",
    ),
    "missing contract": (f'[chain]\nrpc_url = "{RPC_URL}"', "chain.contract is missing"),
    "missing chain id": (
        f'[chain]\nrpc_url = "{RPC_URL}"\ncontract = "{CONTRACT}"',
        "chain.preset or chain.chain_id",
    ),
    "empty": ("", "chain.rpc_url is missing"),
    "no toml": ("[chain", "cannot read"),
    "key twice": (MINIMAL + "chain_id = 2", "cannot read"),
    "unknown key": (MINIMAL + 'rpc = "x"', "unknown key chain.rpc"),
    "unknown section": (MINIMAL + "[limit]\nx = 1", "unknown key 'limit'"),
    "section is no table": (MINIMAL.replace("[chain]", "server = 1\n[chain]"), "server must be a table"),
    "data_dir no text": ("data_dir = 1\n" + MINIMAL, "data_dir must be a text"),
    "text for a number": (
        MINIMAL + '[server]\nport = "http"',
        "anchor.toml: server.port must be a whole number",
    ),
    "fraction for an integer": (MINIMAL + "[server]\nport = 80.5", "server.port must be a whole number"),
    "boolean for a number": (MINIMAL + "[server]\nport = true", "server.port must be a whole number"),
    "number for a text": (MINIMAL + "[server]\nhost = 1", "server.host must be a text"),
    "number for a secret": (f'[chain]\nrpc_url = 1\ncontract = "{CONTRACT}"', "chain.rpc_url must be a text"),
    "short contract": (MINIMAL.replace(CONTRACT, "0x12"), "chain.contract"),
    "contract no hex": (MINIMAL.replace(CONTRACT, "0x" + "zz" * 20), "chain.contract"),
    "unknown preset": (MINIMAL + 'preset = "ropsten"', "'ropsten' is not known"),
    "short genesis": (MINIMAL + 'genesis_hash = "0x12"', "chain.genesis_hash must be 0x and 64"),
    "genesis no hex": (MINIMAL + f'genesis_hash = "{"zz" * 32}"', "chain.genesis_hash must be 0x and 64"),
    "chain id zero": (MINIMAL.replace("31337", "0"), "chain.chain_id"),
    "chain id negative": (MINIMAL.replace("31337", "-1"), "chain.chain_id"),
    "list too short": (MINIMAL + "[lists]\nlength = 131071", "lists.length must be at least 131072"),
    "list of half a chunk": (MINIMAL + "[lists]\nlength = 131328", "a multiple of 512"),
    "ttl over half the validity": (
        MINIMAL + "[lists]\nttl_s = 51\nvalidity_s = 100",
        "half of lists.validity_s",
    ),
    "base URL over http": (MINIMAL + '[server]\nbase_url = "http://a.example"', "must be https"),
    "base URL with slash": (MINIMAL + '[server]\nbase_url = "https://a.example/"', "must not end in a slash"),
}


@pytest.mark.parametrize(("text", "words"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_mistake_in_the_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    """Every mistake is a ConfigError that says where it is, without the RPC URL."""
    with pytest.raises(ConfigError) as failure:
        load(tmp_path, text)

    assert words in str(failure.value)
    assert "secret-rpc-token" not in "".join(traceback.format_exception(failure.value))


OUT_OF_BOUNDS = {
    "server.port": (-1, 65_536),
    "chain.from_block": (-1,),
    "chain.confirmations": (-1,),
    "chain.poll_s": (-1, "nan", "inf"),
    "chain.request_timeout_s": (0,),
    "publisher.max_fee_gwei": (0, -1, "nan"),
    "publisher.replace_after_s": (0, "inf"),
    "batching.max_entries": (0,),
    "batching.max_age_s": (0, "nan", "inf", 86_401),
    "batching.status_wait_s": (-1, 1801),
    "batching.heartbeat_s": (0, 86_401),
    "lists.ttl_s": (0, -5),
    "lists.validity_s": (3651 * 86_400,),
    "limits.packed_body_bytes": (0,),
    "limits.json_body_bytes": (0,),
    "limits.items_per_request": (0,),
    "limits.changes_per_request": (0,),
    "limits.body_timeout_s": (0, "nan"),
    "limits.backlog_entries": (0,),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OUT_OF_BOUNDS.items() for value in values]
)
def test_number_out_of_bounds_is_named(tmp_path: Path, name: str, value: float | str) -> None:
    """A number that makes no sense is refused with the bounds it broke, not at its first use."""
    section, key = name.split(".")
    variable = f"ANCHOR_{section}_{key}".upper()

    with pytest.raises(ConfigError, match=rf"{name} must be from "):
        load(tmp_path, **{variable: str(value)})


def test_no_file_says_how_to_make_one(tmp_path: Path) -> None:
    """A missing file is answered with the command that writes one."""
    with pytest.raises(ConfigError, match="anchor init"):
        load_settings(tmp_path / "anchor.toml", {})


def test_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and a folder in the file's place, are ConfigErrors."""
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for name in ("bytes.toml", "."):
        with pytest.raises(ConfigError, match="cannot read"):
            load_settings(tmp_path / name, {})


@pytest.mark.parametrize(
    "url",
    [
        "https://anchor.example.org",
        "https://anchor.example.org:8443/a/b",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:8080",
    ],
)
def test_base_url_usable(url: str) -> None:
    """Https anywhere, http on loopback."""
    assert is_base_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "anchor.example.org",
        "//anchor.example.org",
        "ftp://anchor.example.org",
        "http://anchor.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost@example.org",
        "https://user:password@anchor.example.org",
        "https://anchor.example.org?x=1",
        "https://anchor.example.org#x",
        "https://",
        "https:///path",
        "https://[::1",
        "https://anchor.example.org:port",
        "https://anchor.example.org:99999",
        "https://anchor.example.org/a b",
        "https://anchor.example.org/\n",
        "https://anchor.exämple.org",
        'https://anchor.example.org/"',
    ],
)
def test_base_url_unusable_refused(url: str) -> None:
    """What cannot stand in credentials for decades is refused, whatever the parser of URLs makes of it."""
    assert not is_base_url(url)


def test_secret_is_shown_by_nothing_but_reveal(tmp_path: Path) -> None:
    """Neither repr, str, formatting, the settings' own repr, nor a traceback shows a secret."""
    secret = Secret("hunter2")
    settings = load(tmp_path, ANCHOR_PUBLISHER_PRIVATE_KEY="ab" * 32)

    shown = [repr(secret), str(secret), f"{secret}", f"{secret!s:>20}", repr([secret]), repr(settings)]

    assert secret.reveal() == "hunter2"
    assert settings.publisher.private_key.reveal() == "ab" * 32
    assert not any(word in text for text in shown for word in ("hunter2", "secret-rpc-token", "abab"))
    assert bool(secret)
    assert not Secret("")


def test_secret_does_not_travel_in_pickles() -> None:
    """A secret has no value in its dictionary for dumps and serialisers to find by accident."""
    assert not hasattr(Secret("hunter2"), "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2"), protocol=0)


def test_settings_are_frozen(tmp_path: Path) -> None:
    """Nothing changes a setting after it was read."""
    settings = load(tmp_path)

    with pytest.raises(FrozenInstanceError):
        settings.server.port = 1  # type: ignore[misc]  # it must raise
