"""Which identifiers a list may hold: those that every JSON-LD processor leaves exactly as they are.

A canonical form made from a template is right only where no processor would expand, resolve, escape or drop
the text: absolute, ASCII, without the characters that N-Quads escapes, of a scheme that is no term of the
JSON-LD context.
"""

from __future__ import annotations

import re

from status_lists.errors import MalformedValue

_MAX_CHARS = 2_048
_SAFE = re.compile(
    r"(?:https|http|did|urn):[!#-;=?-\[\]_a-z~]+", re.ASCII
)  # printable, no space " < > \ ^ ` { | }
_HTTP_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
    r"(?P<path>/[A-Za-z0-9._~!$'()*+,;=:@%/-]*)?",
    re.ASCII,
)
_DID = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]+", re.ASCII)
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]", re.ASCII)


def check_safe_iri(text: object, name: str) -> str:
    """Return the text if it is an absolute https, http, did or urn IRI that no JSON-LD processor changes.

    `name` says in the message what is wrong. Raises MalformedValue for non-ASCII text (write it
    percent-encoded or as punycode), spaces, quotes and the other characters that N-Quads forbids or escapes.
    """
    if not isinstance(text, str) or len(text) > _MAX_CHARS or _SAFE.fullmatch(text) is None:
        raise MalformedValue(f"{name} is not an absolute https, http, did or urn address in plain ASCII")
    return text


def check_http_url(text: object, name: str) -> str:
    """Return the text if it is an https URL, or an http URL on loopback.

    The host is in lower case; there is no user, query or fragment, since the project appends its own, and no
    `&`, since a deployed verifier decodes HTML entities in the whole text of a list. Raises MalformedValue.
    """
    checked = check_safe_iri(text, name)
    match = _HTTP_URL.fullmatch(checked)
    if match is None:
        raise MalformedValue(f"{name} is not an https URL in lower case without user, query and fragment")
    if match["scheme"] == "http" and _LOOPBACK.fullmatch(match["host"]) is None:
        raise MalformedValue(f"{name} uses http beyond loopback; use https")
    return checked


def check_issuer(text: object) -> str:
    """Return the text if it names an issuer: a DID without path, query and fragment, or an https URL.

    Raises MalformedValue.
    """
    checked = check_safe_iri(text, "issuer")
    return checked if _DID.fullmatch(checked) else check_http_url(checked, "issuer")
