"""Make the parts of examples/ that no hand can write: signatures and the PDF.

python scripts/make_examples.py          sign the JSON files, write the JWT and the PDF python
scripts/make_examples.py --check  exit 1 if a file differs from what would be written

The signing keys are derived from a text that stands below: anybody can sign with them, and no issuer uses
them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from status_lists.multibase import encode_base58btc, encode_base64url, encode_multikey

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SIGNED = {
    "open-badge.json": "2025-06-27T10:00:00Z",
    "clr.json": "2025-07-15T08:00:00Z",
    "licence.json": "2024-03-01T00:00:00Z",
}

TRANSCRIPT = {
    "iss": "https://university.example",
    "sub": "did:example:yusuf-demir",
    "jti": "urn:uuid:c1f1b5a6-4f0e-4d8b-8f2e-2a6a4c9d3e05",
    "nbf": 1751356800,
    "exp": 2524608000,
    "vc": {
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        "type": ["VerifiableCredential", "TranscriptCredential"],
        "name": "Transcript of records, 2022 to 2025",
        "credentialSubject": {
            "id": "did:example:yusuf-demir",
            "name": "Yusuf Demir",
            "programme": "Bachelor of Arts in Linguistics",
            "courses": [
                {"title": "Phonetics", "credits": 6, "grade": "1.3"},
                {"title": "Syntax", "credits": 9, "grade": "1.7"},
                {"title": "Field Linguistics", "credits": 9, "grade": "1.0"},
                {"title": "Thesis: Vowel harmony in contact varieties", "credits": 12, "grade": "1.3"},
            ],
        },
    },
}

DIPLOMA_LINES = (
    (26, "Riverside University"),
    (13, "confers upon"),
    (22, "Ines Carvalho"),
    (13, "the degree of"),
    (18, "Master of Science in Geophysics"),
    (13, "with distinction, on the eleventh of July 2025."),
    (10, "Diploma no. 2025-0417. This institution and this person do not exist."),
)


def main() -> int:
    """Write all files, or compare them; return the exit code."""
    contents = {name: signed_json(EXAMPLES / name, created) for name, created in SIGNED.items()}
    contents["transcript.jwt"] = transcript()
    contents["diploma.pdf"] = diploma()
    if "--check" in sys.argv[1:]:
        differing = [name for name, content in contents.items() if (EXAMPLES / name).read_bytes() != content]
        print("\n".join(f"differs: examples/{name}" for name in differing) or "all as they should be")
        return 1 if differing else 0
    for name, content in contents.items():
        (EXAMPLES / name).write_bytes(content)
        print(f"wrote examples/{name}")
    return 0


def throw_away_key(issuer: str) -> Ed25519PrivateKey:
    """Return the example key of an issuer: worthless, since its seed is the hash of a public text."""
    seed = hashlib.sha256(f"example key of {issuer}, worth nothing".encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def signed_json(path: Path, created: str) -> bytes:
    """Return a credential with its proof made anew: `eddsa-jcs-2022`.

    Source: W3C Data Integrity EdDSA Cryptosuites v1.0, section 3.3.
    """
    credential = json.loads(path.read_text("utf-8"))
    credential.pop("proof", None)
    issuer = credential["issuer"]["id"]
    key = throw_away_key(issuer)
    proof = {
        "@context": credential["@context"],
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": created,
        "verificationMethod": f"{issuer}#{encode_multikey(key.public_key().public_bytes_raw())}",
        "proofPurpose": "assertionMethod",
    }
    hashed = b"".join(hashlib.sha256(rfc8785.dumps(part)).digest() for part in (proof, credential))
    proof["proofValue"] = encode_base58btc(key.sign(hashed))
    text = json.dumps({**credential, "proof": proof}, indent=2, ensure_ascii=False)
    return (text + "\n").encode("utf-8")


def transcript() -> bytes:
    """Return a VC-JWT in compact form, signed with EdDSA (RFC 8037)."""
    key = throw_away_key(str(TRANSCRIPT["iss"]))
    key_id = f"{TRANSCRIPT['iss']}#{encode_multikey(key.public_key().public_bytes_raw())}"
    parts = ({"alg": "EdDSA", "typ": "JWT", "kid": key_id}, TRANSCRIPT)
    signed = ".".join(encode_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{signed}.{encode_base64url(key.sign(signed.encode()))}\n".encode()


def diploma() -> bytes:
    """Return a one-page PDF 1.4 (A4, landscape) with its cross-reference table."""
    page = _page_content().encode("latin-1")
    resources = b"<< /Font << /F1 4 0 R >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 842 595] /Contents 5 0 R /Resources %s >>" % resources,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Title (Diploma of Ines Carvalho) /Author (Riverside University) >>",
    ]
    # The four bytes above 127 tell every transport that the file is binary.
    file = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    file += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\n" % (len(objects) + 1)
    file += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(file)


def _page_content() -> str:
    lines = ["2 w 30 30 782 535 re S", "0.5 w 38 38 766 519 re S"]
    height = 470
    for size, text in DIPLOMA_LINES:
        # Times-Roman has no metrics here; 0.44 em a character centres a line well enough.
        left = round(421 - 0.22 * size * len(text))
        lines.append(f"BT /F1 {size} Tf {left} {height} Td ({text}) Tj ET")
        height -= 60
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
