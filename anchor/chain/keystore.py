"""Encrypted key files (Web3 Secret Storage, version 3) and their password files, for their owner only."""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Any

from eth_account import Account

from anchor.durable_files import make_folder
from anchor.errors import ConfigError, InvalidInput

MAX_KEY_FILE_BYTES = 64 * 1024
"""A keystore has about 500 bytes; what is larger is another file."""

_PASSWORD_BYTES = 32
_ADDRESS = re.compile(r"(?:0x)?[0-9a-fA-F]{40}")
_PLAIN_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")


def create_keystore(path: Path, password_path: Path) -> str:
    """
    Make a new key, write keystore and random password, and return the address.

    Both files get mode 0600 and are on disk when this returns. Raises InvalidInput where one of them exists
    already, so that no key is ever overwritten.
    """
    for target in (path, password_path):
        if target.exists():
            raise InvalidInput(f"{target} exists already: move it away, or name another file")
    account: Any = Account.create()
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    # The password goes first: a keystore without its password would be lost, the reverse loses nothing.
    _write_private(password_path, password + "\n")
    _write_private(path, json.dumps(Account.encrypt(account.key, password)) + "\n")
    return str(account.address)


def read_keystore(path: Path, password_path: Path) -> bytes:
    """Return the private key; raises ConfigError that names the file at fault, never its content."""
    text = _read_private(path)
    keystore = _parsed(path, text)
    password = _read_private(password_path).rstrip("\r\n")
    if not password:
        raise ConfigError(f"{password_path} is empty: it must hold the password of {path}")
    try:
        return bytes(Account.decrypt(keystore, password))
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, OverflowError, MemoryError):
        fault = f"{path} cannot be decrypted with the password in {password_path}: check both files"
    # Raised outside the handler: the library's exceptions may quote what they failed on.
    raise ConfigError(fault)


def _parsed(path: Path, text: str) -> dict[str, Any]:
    stripped = text.strip()
    if _ADDRESS.fullmatch(stripped):
        raise ConfigError(f"{path} holds an address: an encrypted keystore is needed")
    if _PLAIN_KEY.fullmatch(stripped):
        raise ConfigError(f"{path} holds an unencrypted key: an encrypted keystore is needed")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if (
        not isinstance(document, dict)
        or document.get("version") != 3
        or not isinstance(document.get("crypto"), dict)
    ):
        raise ConfigError(f"{path} is no version 3 keystore: make one with `anchor init`")
    return document


def _read_private(path: Path) -> str:
    """Return the text of a small file that only its owner can read."""
    try:
        # Without O_NONBLOCK a named pipe would block the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _require_private(path, os.fstat(descriptor))
            with open(descriptor, "rb", closefd=False) as file:
                octets = file.read(MAX_KEY_FILE_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read ({exc.strerror}): correct the path or its owner") from exc
    if len(octets) > MAX_KEY_FILE_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_KEY_FILE_BYTES} bytes: it is no key file")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        fault = f"{path} is no text: it is no key file"
    # Raised outside the handler: the decoder's exception holds the content.
    raise ConfigError(fault)


def _require_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path} is no regular file: correct the path")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(status.st_mode)
        raise ConfigError(f"{path} can be read by others (mode {mode:04o}): run chmod 600 on it")


def _write_private(path: Path, text: str) -> None:
    """Write a new file of mode 0600; it and its name are on disk when this returns."""
    try:
        make_folder(path.parent, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as exc:
        raise ConfigError(
            f"{path} cannot be written ({exc.strerror}): correct the path or its owner"
        ) from exc
