"""The publisher's key: read once from a keystore or the environment, never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.conversions import to_bytes

from anchor.chain.keystore import read_keystore
from anchor.chain.protocol import SignedTransaction, UnsignedTransaction
from anchor.errors import ConfigError

_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")
_ADDRESS = re.compile(r"(?:0x)?[0-9a-fA-F]{40}")
_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class LocalSigner:
    """
    A Signer that holds the private key in this process.

    Signing is deterministic (RFC 6979): the same arguments give the same bytes. The key is in no repr and
    no message.
    """

    __slots__ = ("_account",)

    def __init__(self, *, private_key: bytes) -> None:
        """Raise ConfigError, without the key in it, unless it is 32 bytes and a valid secp256k1 key."""
        if len(private_key) != 32 or not 0 < int.from_bytes(private_key, "big") < _CURVE_ORDER:
            raise ConfigError("the publisher's private key is no secp256k1 key: 32 bytes are needed")
        self._account: LocalAccount = Account.from_key(private_key)

    @classmethod
    def from_keystore(cls, path: Path, password_path: Path) -> LocalSigner:
        """Return the signer of an encrypted keystore; raises ConfigError that names the file at fault."""
        return cls(private_key=read_keystore(path, password_path))

    @classmethod
    def from_environment(cls, name: str, environment: Mapping[str, str]) -> LocalSigner:
        """Return the signer of a private key in 64 hex digits; raises ConfigError that names the variable."""
        text = environment.get(name, "").strip()
        if not text:
            raise ConfigError(f"{name} is not set: put the publisher's private key there, in 64 hex digits")
        if _ADDRESS.fullmatch(text):
            raise ConfigError(f"{name} holds an address: a private key of 64 hex digits is needed")
        key = _KEY.fullmatch(text)
        if key is None:
            raise ConfigError(f"{name} holds no private key: 64 hex digits are needed")
        return cls(private_key=bytes.fromhex(key[1]))

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Refuse to be pickled or copied: the key would go along."""
        raise TypeError("a signer cannot be serialised")

    @property
    def address(self) -> str:
        """The publisher's checksummed address."""
        return str(self._account.address)

    async def sign(self, transaction: UnsignedTransaction) -> SignedTransaction:
        """Return the signed transaction."""
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": transaction.chain_id,
                "to": to_bytes(hexstr=transaction.to) if transaction.to else b"",
                "data": transaction.calldata,
                "value": 0,
                "nonce": transaction.nonce,
                "gas": transaction.gas_limit,
                "maxFeePerGas": transaction.max_fee_wei,
                "maxPriorityFeePerGas": transaction.priority_fee_wei,
            }
        )
        return SignedTransaction(
            raw=bytes(signed.raw_transaction),
            hash=bytes(signed.hash),
            nonce=transaction.nonce,
            gas_limit=transaction.gas_limit,
            max_fee_wei=transaction.max_fee_wei,
            priority_fee_wei=transaction.priority_fee_wei,
        )

    async def close(self) -> None:
        """Do nothing: no connection is held."""
