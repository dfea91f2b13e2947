"""
Finds keys in what a test's program wrote: promise 7, asked of every test (fault 48).

Any API key is found by its shape. The private keys in use are known: anvil's are public, the others are made up.
Standard output is left out, since `anchor issuer add` is there to show a key, and pytest's own record of it too.
"""

from __future__ import annotations

import re

from tests.support.anvil import SECOND_KEY, THIRD_KEY
from tests.support.assembly import PUBLISHER_KEY, RPC_URL

FIRST_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""Account 0 of anvil's default mnemonic."""

_API_KEY = re.compile(r"ca[io]_[A-Za-z0-9_-]{40,}")
_RPC_PATH = RPC_URL.partition("example.org/")[2]
_PRIVATE = tuple(key.hex()[:16] for key in (FIRST_KEY, SECOND_KEY, THIRD_KEY, PUBLISHER_KEY))
"""The first eight bytes: what a dump that cuts long values would show."""


def secrets_in(text: str) -> list[str]:
    """Return a word for each kind of secret that a text holds; never the secret itself."""
    found = ["an API key"] if _API_KEY.search(text) else []
    found += ["a private key"] if any(key in text.lower() for key in _PRIVATE) else []
    return found + (["the path of an RPC URL"] if _RPC_PATH in text else [])
