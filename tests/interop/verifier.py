"""Run a verifier library that others deploy against lists of this project, served on loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(__file__).parent
SCRIPT = FOLDER / "check_status.mjs"
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierAnswer:
    """What the library said.

    `revoked` and `suspended` are None where the credential has no such entry, or where the library did not
    accept the list: `errors` then has its reasons.
    """

    signature_valid: bool
    revoked: bool | None
    suspended: bool | None
    errors: tuple[str, ...]
    fetched: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServedDocuments:
    """The documents on a loopback server, by path; setting one replaces it for the next request."""

    base_url: str
    bodies: dict[str, bytes] = field(default_factory=dict)

    def __setitem__(self, path: str, body: bytes) -> None:
        self.bodies[path] = body


def is_installed() -> bool:
    """Say whether Node.js and the npm packages of this folder are there (`npm install` in tests/interop)."""
    packages = FOLDER / "node_modules" / "@digitalcredentials" / "verifier-core"
    return shutil.which("node") is not None and packages.is_dir()


def ask_verifier(credential: Mapping[str, object]) -> VerifierAnswer:
    """Give a credential to the library, which fetches the list named in it, and return its answer.

    Requires `is_installed()`. The list may be served by anyone on loopback, the running service included.
    """
    completed = subprocess.run(
        ["node", str(SCRIPT)],
        input=json.dumps(credential).encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
        cwd=FOLDER,
    )
    if completed.returncode != 0:
        raise RuntimeError(
            f"the verifier script failed: {completed.stderr.decode(errors='replace')[-2_000:]}"
        )
    answer = json.loads(completed.stdout)
    return VerifierAnswer(
        signature_valid=answer["signature_valid"],
        revoked=answer["revoked"],
        suspended=answer["suspended"],
        errors=tuple(f"{error['name']}: {error['message']}" for error in answer["errors"]),
        fetched=tuple(answer["fetched"]),
        refused=tuple(answer["refused"]),
    )


@contextmanager
def serve_documents() -> Iterator[ServedDocuments]:
    """Serve documents as `application/vc` on a free port of 127.0.0.1 until the block ends."""
    bodies: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/vc")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name in http.server
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ServedDocuments(f"http://127.0.0.1:{server.server_port}", bodies)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
