"""Servers on loopback that answer as they are told, byte for byte, and count who came; and names made up for them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import AF_INET, AF_INET6, AddressFamily

from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_TLS_HANDSHAKE = b"\x16"

Answer = Callable[["Visit"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, and where its answer is written."""

    request: bytes
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader

    async def send(self, *pieces: bytes) -> None:
        """Write bytes and wait until the system took them."""
        for piece in pieces:
            self.writer.write(piece)
        await self.writer.drain()

    async def until_left(self) -> None:
        """Wait until the visitor hangs up."""
        await self.reader.read()


@dataclass(slots=True)
class Served:
    """A server that runs: its port, the requests it read, and how many connections were made to it."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def serving(
    answer: Answer, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """Answer each connection's one request with `answer`, then close the connection."""
    served = Served()
    tasks: set[asyncio.Task[None]] = set()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            first = await reader.readexactly(1)
            if first == _TLS_HANDSHAKE:  # said without TLS, as web servers do
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            else:
                request = first + await reader.readuntil(b"\r\n\r\n")
                served.requests.append(request)
                await answer(Visit(request, writer, reader))
        writer.close()

    server = await asyncio.start_server(visit, host, 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def saying(head: str, body: bytes = b"") -> Answer:
    """Answer with a status line and headers, given as lines, and a body."""
    lines = head.strip().splitlines()
    raw = "\r\n".join(line.strip() for line in lines).encode() + b"\r\n\r\n" + body

    async def answer(visit: Visit) -> None:
        await visit.send(raw)

    return answer


def ok(body: bytes, *headers: str) -> Answer:
    """Answer 200 with a body, its length, and more headers."""
    return saying("\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]), body)


class FakeResolver(AbstractResolver):
    """Names of the tests' own; each look-up takes the next answer for the name, the last one again and again."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self._answers = answers
        self.looked_up: list[str] = []

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: AddressFamily = AF_INET,  # noqa: ARG002 - both families are in the answers
    ) -> list[ResolveResult]:
        """Give the addresses of a name, or fail as the system does for one that does not exist."""
        self.looked_up.append(host)
        if host not in self._answers:
            raise OSError(None, "no such name")
        rounds = self._answers[host]
        addresses = rounds.pop(0) if len(rounds) > 1 else rounds[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=AF_INET6 if ":" in address else AF_INET,
                proto=0,
                flags=0,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Do nothing: there is nothing open."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """A server's TLS context for one name, and a client's that trusts its certificate alone."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def certificates_for(name: str, folder: Path) -> Certificates:
    """Make a certificate of a name, valid for a day, that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    client = ssl.create_default_context(cadata=pem.decode())
    return Certificates(server, client)
