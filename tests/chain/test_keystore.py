"""Key files: made private, read strictly, their content never shown (fault 49)."""

from __future__ import annotations

import json
import os
import stat
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from anchor.chain.keystore import MAX_KEY_FILE_BYTES, create_keystore, read_keystore
from anchor.chain.signer import LocalSigner
from anchor.errors import ConfigError, InvalidInput

SECRET = "c0ffee" * 10 + "beef"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Make one keystore for the module: deriving its key is slow on purpose."""
    directory = tmp_path_factory.mktemp("keys") / "new"
    path, password_path = directory / "keystore.json", directory / "password"
    return path, password_path, create_keystore(path, password_path)


def _written(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_create_keystore_gives_private_files_that_read_back(made: tuple[Path, Path, str]) -> None:
    """Both files are 0600, hold no plain key, and together give the signer of the address returned."""
    path, password_path, address = made
    key = read_keystore(path, password_path)

    assert {stat.S_IMODE(each.stat().st_mode) for each in (path, password_path)} == {0o600}
    assert LocalSigner.from_keystore(path, password_path).address == address
    assert LocalSigner(private_key=key).address == address
    assert key.hex() not in path.read_text() + password_path.read_text()


def test_create_keystore_ignores_loose_umask(tmp_path: Path) -> None:
    """The mode does not depend on the caller's umask; the directory made is private too."""
    before = os.umask(0)
    try:
        create_keystore(tmp_path / "sub" / "keystore.json", tmp_path / "sub" / "password")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "sub").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "sub" / "keystore.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("existing", ["keystore.json", "password"])
def test_create_keystore_over_existing_file_is_refused(tmp_path: Path, existing: str) -> None:
    """No key and no password is ever overwritten, and nothing else is written then."""
    (tmp_path / existing).write_text("precious")

    with pytest.raises(InvalidInput, match=existing):
        create_keystore(tmp_path / "keystore.json", tmp_path / "password")

    assert [each.name for each in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"


def test_create_keystore_through_a_link_is_refused(tmp_path: Path) -> None:
    """A link laid in the way would carry the key elsewhere."""
    (tmp_path / "password").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match="File exists"):
        create_keystore(tmp_path / "keystore.json", tmp_path / "password")
    assert not (tmp_path / "elsewhere").exists()


def test_create_keystore_in_unwritable_place_is_config_error(tmp_path: Path) -> None:
    """A path below a file cannot be made."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="file"):
        create_keystore(tmp_path / "file" / "keystore.json", tmp_path / "file" / "password")


Spoil = Callable[[Path], Path]

FAULTS: list[tuple[str, Spoil, str]] = [
    ("missing", lambda d: d / "keystore.json", "cannot be read"),
    ("directory", lambda d: d, "no regular file"),
    ("world-readable", lambda d: _written(d / "k", SECRET.encode(), 0o644), "chmod 600"),
    ("group-readable", lambda d: _written(d / "k", SECRET.encode(), 0o640), "chmod 600"),
    ("address", lambda d: _written(d / "k", ADDRESS.encode() + b"\n"), "holds an address"),
    ("plain key", lambda d: _written(d / "k", SECRET.encode()), "unencrypted key"),
    ("short key", lambda d: _written(d / "k", SECRET[:-2].encode()), "no version 3 keystore"),
    ("empty", lambda d: _written(d / "k", b""), "no version 3 keystore"),
    ("binary", lambda d: _written(d / "k", bytes.fromhex(SECRET)), "no text"),
    ("too large", lambda d: _written(d / "k", SECRET.encode() * (MAX_KEY_FILE_BYTES // 32)), "larger than"),
    ("deep", lambda d: _written(d / "k", b"[" * 60_000), "no version 3 keystore"),
    (
        "other json",
        lambda d: _written(d / "k", json.dumps({"key": SECRET}).encode()),
        "no version 3 keystore",
    ),
    (
        "half a keystore",
        lambda d: _written(d / "k", json.dumps({"version": 3, "crypto": {"ciphertext": SECRET}}).encode()),
        "cannot be decrypted",
    ),
    (
        "nonsense inside",
        lambda d: _written(
            d / "k", json.dumps({"version": 3, "crypto": {"kdf": SECRET, "kdfparams": 1}}).encode()
        ),
        "cannot be decrypted",
    ),
]


@pytest.mark.parametrize(
    ("spoil", "words"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_read_keystore_faulty_file_is_config_error_naming_it(
    tmp_path: Path, spoil: Spoil, words: str
) -> None:
    """The message names the file and the fault, never what is in the file."""
    path = spoil(tmp_path)
    password_path = _written(tmp_path / "password", b"a password")

    with pytest.raises(ConfigError, match=words) as caught:
        read_keystore(path, password_path)

    shown = "".join(traceback.format_exception(caught.value))
    assert str(path) in str(caught.value)
    assert SECRET[:8] not in shown
    assert ADDRESS not in shown


def test_read_keystore_dangling_link_is_config_error(tmp_path: Path) -> None:
    """A link to nowhere is a missing file."""
    (tmp_path / "k").symlink_to(tmp_path / "nowhere")

    with pytest.raises(ConfigError, match="cannot be read"):
        read_keystore(tmp_path / "k", tmp_path / "password")


def test_read_keystore_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    """A pipe would block the start for ever."""
    os.mkfifo(tmp_path / "k", 0o600)

    with pytest.raises(ConfigError, match="no regular file"):
        read_keystore(tmp_path / "k", tmp_path / "password")


@pytest.mark.parametrize(
    ("password", "mode", "words"),
    [
        (b"wrong", 0o600, "cannot be decrypted"),
        (b"", 0o600, "is empty"),
        (b"\n", 0o600, "is empty"),
        (b"whatever", 0o604, "chmod 600"),
    ],
)
def test_read_keystore_faulty_password_file_is_config_error(
    made: tuple[Path, Path, str], tmp_path: Path, password: bytes, mode: int, words: str
) -> None:
    """The password file is held to the same rules as the keystore."""
    password_path = _written(tmp_path / "password", password, mode)

    with pytest.raises(ConfigError, match=words) as caught:
        read_keystore(made[0], password_path)

    assert str(password_path) in str(caught.value)
    assert caught.value.__context__ is None
