"""Which addresses an API key may be sent to."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from anchor.errors import InvalidInput


def check_base_url(text: str) -> str:
    """Return the service's base URL without a slash at its end.

    Guarantees https, or http on a loopback address: an API key never crosses a network in the clear. Raises
    InvalidInput, without repeating more than scheme and host, since a URL may hold a secret.
    """
    parts = _split(text)
    host = parts.hostname
    if not host or parts.scheme not in ("https", "http"):
        raise InvalidInput("the service's address must look like https://anchor.example.org")
    if parts.scheme == "http" and not is_loopback(host):
        raise InvalidInput(f"the service at {host} must be called over https: http is for this machine only")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise InvalidInput(f"the address of the service at {host} must hold no user, query or fragment")
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address, as it stands in a URL, is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str) -> SplitResult:
    if any(character.isspace() or not character.isprintable() for character in text):
        raise InvalidInput("the service's address holds a space or an unprintable character")
    try:
        parts = urlsplit(text)
        _port = parts.port
    except ValueError as exc:
        raise InvalidInput(
            "the service's address is no URL: write it like https://anchor.example.org"
        ) from exc
    return parts
