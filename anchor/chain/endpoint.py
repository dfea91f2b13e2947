"""The address of an RPC endpoint: what may be shown of it, and what must never be."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from yarl import URL

from anchor.errors import ConfigError

MAX_MESSAGE_CHARS = 300
"""An endpoint's own words are cut to this length before they are logged or stored."""

_SHORTEST_SECRET_CHARS = 4
_SHORTEST_PATH_SECRET_CHARS = 6
"""A path segment shorter than this is a word such as `v3` or `eth`: hiding it would only garble messages."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An RPC endpoint; only `origin` (scheme, host and port) may appear in a message, a log or a repr."""

    origin: str
    url: URL = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str, *, setting: str = "rpc_url") -> Endpoint:
        """
        Return the endpoint of an http or https URL, which is called by its setting's name in messages.

        Raises ConfigError, without the URL in it, where the text is no such URL.
        """
        try:
            url, written = URL(text), urlsplit(text.strip())
            origin = str(url.origin())
        except ValueError:
            url, written, origin = URL(), urlsplit(""), ""
        # Raised outside the handler: the library's exception holds the whole URL, API key included.
        if url.scheme not in {"http", "https"} or not origin:
            raise ConfigError(f"{setting} is no http or https url: correct {setting}")
        return cls(origin=origin, url=url, secrets=_secrets_of(written, url))

    def scrub(self, text: str) -> str:
        """Return an endpoint's own words without secrets and control characters, cut to MAX_MESSAGE_CHARS."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        printable = "".join(character if character.isprintable() else " " for character in text)
        return printable if len(printable) <= MAX_MESSAGE_CHARS else printable[:MAX_MESSAGE_CHARS] + "…"


def _secrets_of(written: SplitResult, url: URL) -> tuple[str, ...]:
    """
    Return every part of a URL that may be a key, the longest first, so that no part of one survives.

    Each as written, as normalised and as decoded, since an endpoint may quote any of the three.
    """
    parts = {written.query, url.raw_query_string, url.query_string, *url.query.values()}
    parts.update(parameter.partition("=")[2] for parameter in written.query.split("&"))
    parts.update(part or "" for part in (written.username, written.password, url.user, url.password))
    parts.update(part or "" for part in (url.raw_user, url.raw_password))
    segments = (*written.path.split("/"), *url.raw_parts, *url.parts, written.fragment)
    parts.update(segment for segment in segments if len(segment) >= _SHORTEST_PATH_SECRET_CHARS)
    found = {part for part in parts if len(part) >= _SHORTEST_SECRET_CHARS}
    return tuple(sorted(found, key=len, reverse=True))
