"""Where a download goes: the parts of a URL that decide it, read in one way only.

Two readers that disagree about the host of one URL are how a check is passed by; so the form is narrow, and
what it leaves to interpretation (user names, backslashes, spaces, letters beyond ASCII) is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from status_lists.errors import RetrievalFailed

_MAX_CHARS = 2_048
_MAX_PORT = 65_535
_DEFAULT_PORTS = {"https": 443, "http": 80}

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])"
_PORT = r"(?P<port>[0-9]{1,5})"
_URL = re.compile(
    rf"(?P<scheme>https?)://{_HOST}(?::{_PORT})?"
    r"(?P<resource>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?\[\]-]*)?)"
    r"(?:#[!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_HOST_AND_PORT = re.compile(rf"{_HOST}:{_PORT}", re.ASCII)
_HOST_WITH_OR_WITHOUT_PORT = re.compile(rf"{_HOST}(?::{_PORT})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An http or https URL: its scheme, the host in lower case, the port, and the path with its query."""

    scheme: str
    host: str
    port: int
    resource: str

    @property
    def url(self) -> str:
        """The URL as it is asked for; a fragment is never sent."""
        return f"{self.origin}{self.resource}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: all that a message may show, since a path or query may hold a secret."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The host and port, as an allow list names them."""
        return f"{self.host}:{self.port}"


def parse_target(url: str) -> Target:
    """Read an http or https URL; raises RetrievalFailed for anything else.

    Refused are other schemes (`file:`, `data:`), user names and passwords, characters beyond ASCII, spaces,
    backslashes, port 0, and URLs of more than 2,048 characters.
    """
    match = _URL.fullmatch(url) if len(url) <= _MAX_CHARS else None
    if match is None:
        raise RetrievalFailed(
            "the address is no plain https URL; it must be ASCII, name a host, and hold no user name"
        )
    scheme = match["scheme"].lower()
    resource = match["resource"]
    return Target(
        scheme=scheme,
        host=match["host"].lower(),
        port=_port(match["port"]) if match["port"] else _DEFAULT_PORTS[scheme],
        resource=resource if resource.startswith("/") else f"/{resource}",
    )


def redirected_target(current: Target, location: str) -> Target:
    """Read where a redirect leads, which must be the same scheme, host and port; else raises RetrievalFailed."""
    try:
        joined = urljoin(current.url, location)
    except ValueError as exc:  # brackets that hold no address
        raise RetrievalFailed(f"{current.origin} redirects to an address that is no URL") from exc
    target = parse_target(joined)
    if target.origin != current.origin:
        raise RetrievalFailed(
            f"{current.origin} redirects to another host; if that is right, the list must be named by its own address"
        )
    return target


def parse_authority(text: str) -> str:
    """Read a `host:port` of an allow list and give it in lower case; raises RetrievalFailed for another form."""
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None:
        raise RetrievalFailed(f"allowed host {text[:64]!r} is not of the form host:port")
    return f"{match['host'].lower()}:{_port(match['port'])}"


def parse_host(text: str) -> str:
    """Read a `host`, whose port is then that of https, or a `host:port`; gives and raises as `parse_authority`."""
    match = _HOST_WITH_OR_WITHOUT_PORT.fullmatch(text)
    if match is None:
        raise RetrievalFailed(f"allowed host {text[:64]!r} is neither a host nor of the form host:port")
    return f"{match['host'].lower()}:{_port(match['port'] or '443')}"


def _port(digits: str) -> int:
    port = int(digits)
    if not 1 <= port <= _MAX_PORT:
        raise RetrievalFailed(f"port {port} is none of 1 to {_MAX_PORT}")
    return port
