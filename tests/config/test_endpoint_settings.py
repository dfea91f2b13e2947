"""Settings of RPC endpoints and of who signs: several URLs, a quorum, a remote signer."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from anchor.app import make_signer
from anchor.chain.remote_signer import RemoteSigner
from anchor.chain.signer import LocalSigner
from anchor.config import Settings, load_settings
from anchor.errors import ConfigError

CONTRACT = "0x" + "c0" * 20
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
KEY = "ab" * 32
ONE, TWO, THREE = (f"https://{name}.example.org/v2/secret-{name}" for name in ("one", "two", "three"))
SIGNER = "http://user:secret-signer@127.0.0.1:9000/"


def load(folder: Path, *lines: str, **environment: str) -> Settings:
    """Write a settings file whose chain has these lines too, and load it."""
    path = folder / "anchor.toml"
    text = "\n".join(["[chain]", f'contract = "{CONTRACT}"', "chain_id = 31337", *lines])
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment)


@pytest.mark.parametrize(
    ("line", "urls"),
    [
        (f'rpc_url = "{ONE}"', (ONE,)),
        (f'rpc_url = " {ONE} "', (ONE,)),
        (f'rpc_url = "{ONE} {TWO}"', (ONE, TWO)),
        (f'rpc_url = """\n  {ONE}\n  {TWO}\n\t{THREE}\n"""', (ONE, TWO, THREE)),
    ],
)
def test_rpc_url_holds_urls_that_white_space_separates(
    tmp_path: Path, line: str, urls: tuple[str, ...]
) -> None:
    """One line or several; the order is the order of preference; one endpoint's word is enough by default."""
    chain = load(tmp_path, line).chain

    assert chain.reveal_rpc_urls() == urls
    assert chain.quorum == 1


def test_rpc_urls_and_quorum_of_the_environment_replace_the_files(tmp_path: Path) -> None:
    """The environment gives them in the same form."""
    chain = load(
        tmp_path, f'rpc_url = "{THREE}"', ANCHOR_CHAIN_RPC_URL=f"{ONE} {TWO}", ANCHOR_CHAIN_QUORUM="2"
    ).chain

    assert (chain.reveal_rpc_urls(), chain.quorum) == ((ONE, TWO), 2)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['rpc_url = " "'], "chain.rpc_url is empty"),
        ([f'rpc_url = ["{ONE}", "{TWO}"]'], "chain.rpc_url must be a text"),
        (
            [f'rpc_url = "{ONE}"', "quorum = 2"],
            "chain.quorum of 2 needs as many URLs in chain.rpc_url, not 1",
        ),
        ([f'rpc_url = "{ONE} {TWO}"', "quorum = 0"], "chain.quorum must be from 1"),
        ([f'rpc_url = "{ONE} {TWO}"', "quorum = 1.5"], "chain.quorum must be a whole number"),
    ],
)
def test_impossible_endpoints_are_named_without_their_keys(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    """What cannot work is refused when the settings are read."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, *lines)

    assert words in str(caught.value)
    assert "secret-" not in "".join(traceback.format_exception(caught.value))


def _publisher(*lines: str) -> tuple[str, ...]:
    return (f'rpc_url = "{ONE}"', "[publisher]", *lines)


async def test_remote_signer_is_made_from_its_url_and_the_address(tmp_path: Path) -> None:
    """Its URL is a secret like an RPC endpoint's; the address is the publisher."""
    settings = load(
        tmp_path, *_publisher(f'address = "{ADDRESS.lower()}"'), ANCHOR_PUBLISHER_REMOTE_SIGNER_URL=SIGNER
    )
    signer = make_signer(settings, {})
    await signer.close()

    assert isinstance(signer, RemoteSigner)
    assert signer.address == ADDRESS
    assert "secret-signer" not in repr(settings) + repr(signer)


async def test_signer_without_a_remote_one_is_local(tmp_path: Path) -> None:
    """A key from the environment signs in this process, as before."""
    environment = {"ANCHOR_PUBLISHER_PRIVATE_KEY": KEY}
    signer = make_signer(load(tmp_path, *_publisher(), **environment), environment)
    await signer.close()

    assert isinstance(signer, LocalSigner)


@pytest.mark.parametrize(
    ("lines", "environment", "words"),
    [
        ([], {}, "publisher.address, for which the remote signer signs"),
        (['address = "0x12"'], {}, "publisher.address, for which the remote signer signs"),
        (
            [f'address = "{ADDRESS}"', 'keystore = "key.json"'],
            {},
            "publisher.remote_signer_url and a key of this machine's are both set",
        ),
        (
            [f'address = "{ADDRESS}"'],
            {"ANCHOR_PUBLISHER_PRIVATE_KEY": KEY},
            "publisher.remote_signer_url and a key of this machine's are both set",
        ),
    ],
)
def test_impossible_remote_signer_is_named_without_its_secrets(
    tmp_path: Path, lines: list[str], environment: dict[str, str], words: str
) -> None:
    """Who signs must be plain: nobody guesses which of two keys was meant."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, *_publisher(f'remote_signer_url = "{SIGNER}"', *lines), **environment)

    shown = "".join(traceback.format_exception(caught.value))
    assert words in str(caught.value)
    assert "secret-" not in shown
    assert KEY not in shown


def test_remote_signer_of_mistyped_address_or_url_is_refused_when_made(tmp_path: Path) -> None:
    """A wrong checksum is a typing error; a URL that is none is named by its setting."""
    mistyped = load(tmp_path, *_publisher(f'address = "{ADDRESS[:-1]}7"', f'remote_signer_url = "{SIGNER}"'))
    no_url = load(tmp_path, *_publisher(f'address = "{ADDRESS}"', 'remote_signer_url = "signer:9000"'))

    with pytest.raises(ConfigError, match=r"publisher\.address"):
        make_signer(mistyped, {})
    with pytest.raises(ConfigError, match=r"publisher\.remote_signer_url"):
        make_signer(no_url, {})
