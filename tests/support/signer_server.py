"""
A remote signer for tests, in the manner of web3signer or of clef, which may lie.

A lie changes what is signed, who signs, or the bytes that are answered.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from eth_account import Account
from eth_utils.conversions import to_bytes

WEB3SIGNER, CLEF = "eth_signTransaction", "account_signTransaction"

Transaction = dict[str, Any]


def _as_asked(transaction: Transaction) -> Transaction:
    return transaction


def _as_signed(raw: bytes) -> Any:
    return "0x" + raw.hex()


@dataclass(slots=True)
class SignerServer:
    """
    What the server does: which method it knows, which key it holds, and what it changes.

    `change` sees the transaction (eth-account's members) before it is signed, `answer` the signed bytes after.
    """

    key: bytes
    method: str = WEB3SIGNER
    change: Callable[[Transaction], Transaction] = _as_asked
    answer: Callable[[bytes], Any] = _as_signed
    error: dict[str, Any] | None = None
    status: int = 200
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one JSON-RPC request."""
        document = json.loads(await request.read())
        (arguments,) = document["params"]
        self.calls.append((document["method"], arguments))
        if document["method"] != self.method:
            error = {"code": -32601, "message": f"the method {document['method']} does not exist"}
            return _reply(document, error=error)
        if self.error is not None:
            return _reply(document, error=self.error)
        signed = Account.sign_transaction(self.change(_asked(arguments)), self.key)
        answered = self.answer(bytes(signed.raw_transaction))
        if self.method == CLEF and isinstance(answered, str):
            answered = {"raw": answered, "tx": {"nonce": arguments["nonce"]}}
        return _reply(document, status=self.status, result=answered)


def _asked(arguments: dict[str, Any]) -> Transaction:
    """Read the request as web3signer and clef do."""
    return {
        "type": 2,
        "chainId": int(arguments["chainId"], 16),
        "nonce": int(arguments["nonce"], 16),
        "maxPriorityFeePerGas": int(arguments["maxPriorityFeePerGas"], 16),
        "maxFeePerGas": int(arguments["maxFeePerGas"], 16),
        "gas": int(arguments["gas"], 16),
        "to": to_bytes(hexstr=arguments["to"]) if "to" in arguments else b"",
        "value": int(arguments["value"], 16),
        "data": to_bytes(hexstr=arguments["data"]),
    }


def _reply(document: dict[str, Any], *, status: int = 200, **members: Any) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": document["id"], **members}, status=status)


@asynccontextmanager
async def running_signer(server: SignerServer) -> AsyncIterator[SignerServer]:
    """Run the server, with its `url` set."""
    application = web.Application()
    application.router.add_post("/", server.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield server
    finally:
        await runner.cleanup()
