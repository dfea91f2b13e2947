"""What to say of a connection that failed: the system's words and the peer, never a class name or a URL."""

from __future__ import annotations

import os
import zlib

import aiohttp


def failure_words(exc: Exception) -> str:
    """
    Return in a few words why an HTTP exchange through aiohttp failed, such as `connection refused at host:8080`.

    The library's own text is never repeated: it may hold the URL, and with it an API key.
    """
    match exc:
        case TimeoutError():
            return "time ran out"
        case aiohttp.ClientConnectorError():
            return _connector_words(exc)
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection"
        case aiohttp.ClientPayloadError() | zlib.error():
            return "the answer broke off or cannot be unpacked"
        case aiohttp.ClientResponseError():
            return "the answer is no sound http"
        case OSError():
            return _system_words(exc)
        case ValueError():
            return "the address or the answer is malformed"
        case _:
            return "the connection broke"


def _connector_words(exc: aiohttp.ClientConnectorError) -> str:
    match exc:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {exc.host} is unknown"
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of {exc.host}:{exc.port} is not trusted"
        case aiohttp.ClientSSLError():
            return f"no tls connection to {exc.host}:{exc.port}"
        case _:
            return f"{_system_words(exc)} at {exc.host}:{exc.port}"


def _system_words(exc: OSError) -> str:
    # By the number: where several addresses were tried, the text lists them all.
    return os.strerror(exc.errno).lower() if exc.errno else "connection failed"
