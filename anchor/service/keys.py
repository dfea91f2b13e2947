"""Keys and API keys: made here, stored sealed or hashed, shown once."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from anchor.errors import ConfigError, Conflict, FatalError, InvalidInput
from anchor.store.records import ListSigner, SignerKind, TokenKey
from anchor.store.webhooks import Webhook
from status_lists.errors import StatusListError
from status_lists.keys import ListKey, open_key, seal_key, verification_method_of
from status_lists.multibase import encode_base64url
from status_lists.p256 import P256Key

API_KEY_BYTES = 32
_SECRET = re.compile("[A-Za-z0-9_-]+")
_PREFIX = {"issuer": "cai_", "operator": "cao_"}
"""Tells a person, and a scanner for leaked secrets, what they have found."""


def new_api_key(role: str) -> str:
    """Return a fresh API key of 256 random bits for an `issuer` or the `operator`."""
    return _PREFIX[role] + encode_base64url(secrets.token_bytes(API_KEY_BYTES))


def hash_api_key(api_key: str) -> bytes:
    """Return what is stored of an API key: with 256 random bits in it, a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(api_key.encode("utf-8", "surrogateescape")).digest()


def same_key(presented: str, expected_hash: bytes) -> bool:
    """Whether a presented key has this hash; takes the same time either way."""
    return hmac.compare_digest(hash_api_key(presented), expected_hash)


class KeyVault:
    """Seals list-signing keys, and the secrets of webhooks, at rest under one key-encryption key."""

    __slots__ = ("_wrapping_key",)

    def __init__(self, wrapping_key: bytes) -> None:
        self._wrapping_key = wrapping_key

    def signer(self, kind: SignerKind, *, identifier: str | None, seed: bytes | None) -> ListSigner:
        """Return a signer with a fresh key, or with the key of a given seed; a did:web names its own method."""
        key = ListKey.generate() if seed is None else ListKey(seed)
        if kind is SignerKind.DID_WEB and identifier:
            did, method = identifier, f"{identifier}#{key.multikey}"
        else:
            did, method = key.did_key, verification_method_of(key)
        return ListSigner(
            kind=kind,
            did=did,
            verification_method=method,
            public_key=key.public_key,
            sealed_seed=seal_key(key.seed, wrapping_key=self._wrapping_key, context=did),
        )

    def token_key(self, did: str, *, secret: bytes | None) -> TokenKey:
        """Return a fresh P-256 key of a did:web, or the one of a given secret; InvalidInput for an impossible one."""
        try:
            key = P256Key.generate() if secret is None else P256Key(secret)
        except StatusListError as exc:
            raise InvalidInput(f"'tokenKey': {exc}") from exc
        return TokenKey(
            verification_method=f"{did}#{key.multikey}",
            public_key=key.public_key,
            sealed_secret=seal_key(
                key.secret, wrapping_key=self._wrapping_key, context=_token_key_context(did)
            ),
        )

    def open_token_key(self, signer: ListSigner) -> P256Key | None:
        """Return the key that signs the token forms, None where the list key does; FatalError as by `open`."""
        if signer.token_key is None:
            return None
        context = _token_key_context(signer.did)
        try:
            return P256Key(
                open_key(signer.token_key.sealed_secret, wrapping_key=self._wrapping_key, context=context)
            )
        except StatusListError as exc:
            raise FatalError(
                f"the token key of {signer.did} cannot be opened: put back the lists.key file it was sealed with"
            ) from exc

    def open(self, signer: ListSigner) -> ListKey:
        """
        Return the signing key.

        Conflict where it was lost with the database, FatalError where the key-encryption key is not the one it was
        sealed with.
        """
        if not signer.sealed_seed:
            raise Conflict(f"the list key of {signer.did} was lost with the database: import or rotate it")
        try:
            return ListKey(open_key(signer.sealed_seed, wrapping_key=self._wrapping_key, context=signer.did))
        except StatusListError as exc:
            raise FatalError(
                f"the list key of {signer.did} cannot be opened: put back the lists.key file it was sealed with"
            ) from exc

    def seal_webhook_secret(self, secret: bytes, *, issuer: int, url: str) -> bytes:
        """Return the sealed form of a webhook's secret of 32 bytes; it opens for this issuer and URL alone."""
        return seal_key(secret, wrapping_key=self._wrapping_key, context=_webhook_context(issuer, url))

    def open_webhook_secret(self, webhook: Webhook) -> bytes:
        """Return a webhook's secret; FatalError where the key-encryption key is not the one it was sealed with."""
        context = _webhook_context(webhook.issuer, webhook.url)
        try:
            return open_key(webhook.sealed_secret, wrapping_key=self._wrapping_key, context=context)
        except StatusListError as exc:
            raise FatalError(
                f"the secret of webhook {webhook.id} cannot be opened: put back the lists.key file it was sealed with"
            ) from exc


def _token_key_context(did: str) -> str:
    # No DID begins like this, so a secret of one curve never opens as a seed of the other.
    return f"token key of {did}"


def _webhook_context(issuer: int, url: str) -> str:
    # No DID begins like this, so a list key never opens as a webhook's secret, nor the other way round.
    return f"webhook of issuer {issuer}: {url}"


def load_or_create(path: Path, create: str) -> str:
    """
    Return the secret in a 0600 file, made with `create` at the first call.

    The file is there whole or not at all, whenever the process is killed. Raises ConfigError where others can read it,
    or where it does not hold what is put into such files: somebody emptied or edited it.
    """
    if not path.exists():
        _create_whole(path, create)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} can be read by others: chmod 600 it")
    secret = path.read_text("utf-8").strip()
    if len(secret) != len(create) or not _SECRET.fullmatch(secret):
        raise ConfigError(
            f"{path} does not hold what the service put there: put back the right file, or delete it"
        )
    return secret


def _create_whole(path: Path, text: str) -> None:
    """Write a temporary file, fsync it, link it to its name unless that is taken, fsync the folder."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
