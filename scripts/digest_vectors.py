"""The vectors of digests: by each method, salted, refused, and the method that fits a file."""

from __future__ import annotations

from anchor.core.digest import (
    Method,
    compact_jwt,
    credential_digest,
    derive_salt,
    detect_method,
    issuer_signed_jwt,
    salted_digest,
)
from anchor.core.strict_json import canonical_json, parse_strict_json
from status_lists.multibase import encode_digest

JSON = '{"name": "Zo\u00eb", "validFrom": "2025-01-01T00:00:00Z",\r\n "credits": 180.0, "issuer": "https://university.example"}'
JWT = "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJodHRwczovL3VuaXZlcnNpdHkuZXhhbXBsZSJ9.c2lnbmF0dXJl"
DISCLOSURE = "WyJzYWx0IiwiZ3JhZGUiLCJBIl0"

DIGESTS = (
    ("JSON, not in canonical form", Method.JCS, JSON.encode()),
    ("an array", Method.JCS, b"[1e2, true, null]"),
    ("a compact JWT", Method.JWT, JWT.encode()),
    ("the same with space around it", Method.JWT, f" \t{JWT}\r\n".encode()),
    ("an SD-JWT with a disclosure", Method.SD_JWT, f"{JWT}~{DISCLOSURE}~".encode()),
    ("the same without its disclosure", Method.SD_JWT, f"{JWT}~\n".encode()),
    ("the JWT's text as a file", Method.RAW, JWT.encode()),
    ("the JSON's text as a file", Method.RAW, JSON.encode()),
    ("an empty file", Method.RAW, b""),
    ("all byte values", Method.RAW, bytes(range(256))),
)

REFUSED = (
    ("a repeated name", Method.JCS, b'{"a":1,"a":1}'),
    ("a byte order mark", Method.JCS, b"\xef\xbb\xbf{}"),
    ("an empty text", Method.JCS, b""),
    ("two parts", Method.JWT, b"e30.e30"),
    ("four parts", Method.JWT, b"e30.e30.c2ln.c2ln"),
    ("an empty part", Method.JWT, b"e30..c2ln"),
    ("padding", Method.JWT, b"e30=.e30.c2ln"),
    ("space within", Method.JWT, b"e30. e30.c2ln"),
    ("a no-break space before it", Method.JWT, "\u00a0e30.e30.c2ln".encode()),
    ("an SD-JWT as a JWT", Method.JWT, b"e30.e30.c2ln~"),
    ("a JWT as an SD-JWT", Method.SD_JWT, b"e30.e30.c2ln"),
    ("space before the tilde", Method.SD_JWT, b"e30.e30.c2ln ~"),
    ("nothing before the tilde", Method.SD_JWT, b"~e30.e30.c2ln"),
)

DETECTED = (
    ("JSON object", b' {"a": 1}\n', False),
    ("JSON array", b"[1, 2]", False),
    ("JSON that is not strict", b'{"a":1,"a":2}', False),
    ("the same in a file named as JSON", b'{"a":1,"a":2}', True),
    ("JSON with a byte order mark", b"\xef\xbb\xbf{}", False),
    ("the same in a file named as JSON", b"\xef\xbb\xbf{}", True),
    ("a JSON text alone", b'"text"', False),
    ("RTF, which begins with a brace", b"{\\rtf1\\ansi Diploma}", False),
    ("PDF", b"%PDF-1.7\n", False),
    ("a compact JWT that ends with CR LF", JWT.encode() + b"\r\n", False),
    ("a compact JWT in a file named as JSON", JWT.encode(), True),
    ("SD-JWT with disclosures", f"{JWT}~{DISCLOSURE}~\r\n".encode(), False),
    ("SD-JWT without disclosures", f"{JWT}~".encode(), False),
    ("tildes in prose", b"about ~ three.parts.here ~", False),
    ("an empty file", b"", False),
    ("an empty file named as JSON", b"", True),
)


def digests() -> dict[str, object]:
    """Return digests by each method, salted digests, what is refused, and the method that fits a file."""
    secret = bytes(range(32))
    digest = credential_digest(Method.RAW, b"")
    salt = derive_salt(secret, digest)
    return {
        "digests": [
            {
                "name": name,
                "method": method.label,
                "content": content.hex(),
                "hashed": _hashed(method, content).hex(),
                "digest": credential_digest(method, content).hex(),
                "digestMultibase": encode_digest(credential_digest(method, content)),
            }
            for name, method, content in DIGESTS
        ],
        "refused": [
            {"name": name, "method": method.label, "content": content.hex()}
            for name, method, content in REFUSED
        ],
        "salted": [
            {
                "secret": secret.hex(),
                "digest": digest.hex(),
                "salt": salt.hex(),
                "saltedDigest": salted_digest(salt, digest).hex(),
            }
        ],
        "detected": [
            {
                "name": name,
                "content": content.hex(),
                "namedJson": named_json,
                "method": detect_method(content, named_json=named_json).label,
            }
            for name, content, named_json in DETECTED
        ],
    }


def _hashed(method: Method, content: bytes) -> bytes:
    forms = {
        Method.JCS: lambda: canonical_json(parse_strict_json(content)),
        Method.JWT: lambda: compact_jwt(content),
        Method.SD_JWT: lambda: issuer_signed_jwt(content),
        Method.RAW: lambda: content,
    }
    return forms[method]()
