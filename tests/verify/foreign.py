"""Somebody else's lists, and what serves them: nothing of it is anchored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from anchor.verify import TrustedIssuer, TrustSet
from anchor.verify.trust_file import read_foreign_host
from status_lists import StatusList, list_document, set_entry, sign_list, write_json_object
from status_lists.errors import RetrievalFailed
from status_lists.fetch import ACCEPT, FetchedList
from tests.support.publisher import TestIssuer
from tests.verify.world import Issued, World

HOST = "lists.example.org"
URL = f"https://{HOST}/lists/3"
DAY_MS = 86_400_000


@dataclass(slots=True)
class Served:
    """Serves bodies by URL, and notes what was asked for."""

    bodies: dict[str, bytes]
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def fetch(self, url: str, *, accept: str = ACCEPT) -> FetchedList:
        """Return the body of a URL; RetrievalFailed where there is none."""
        self.asked.append((url, accept))
        if url not in self.bodies:
            raise RetrievalFailed(f"https://{HOST}:443 answered 404; ask its publisher, or try again later")
        return FetchedList(body=self.bodies[url], media_type="application/octet-stream")


def unsigned_list(
    issuer: str,
    *set_indexes: int,
    now_s: int,
    url: str = URL,
    purpose: str = "revocation",
    begin_ms: int = -DAY_MS,
    end_ms: int = DAY_MS,
) -> dict[str, object]:
    """Return a list with these bits set, in force from a day ago until a day hence."""
    status_list = StatusList(url=url, issuer=issuer, purpose=purpose)
    bits = status_list.empty_bits()
    for index in set_indexes:
        set_entry(bits, index, 1)
    return list_document(
        status_list,
        bytes(bits),
        valid_from_ms=now_s * 1000 + begin_ms,
        valid_until_ms=now_s * 1000 + end_ms,
        ttl_ms=300_000,
    )


def signed(document: dict[str, object], issuer: TestIssuer, *, key_name: str = "") -> bytes:
    """Return a list as its issuer signs it with `eddsa-rdfc-2022`."""
    method = f"{issuer.id}#{key_name or issuer.key.multikey}"
    return write_json_object(sign_list(document, key=issuer.key, verification_method=method, created_ms=0))


def entry(index: int, *, url: str = URL, purpose: str = "revocation") -> dict[str, object]:
    """Return the entry of a credential in the list."""
    return {
        "id": f"{url}#{index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": str(index),
        "statusListCredential": url,
    }


def allowing(world: World, *issuers: TrustedIssuer, host: str = HOST) -> TrustSet:
    """Return the world's trust set with permission to ask the host."""
    return replace(world.trust(*issuers), foreign_hosts=(read_foreign_host(host),))


def issue(world: World, *entries: object, issuer: TestIssuer | None = None) -> Issued:
    """Anchor a credential with these status entries."""
    by = issuer or world.issuer
    return world.issue(world.credential(issuer=by.id, credentialStatus=list(entries)), issuer=by)


def with_member(content: bytes, name: str, value: object) -> bytes:
    """Return a JSON object with one member replaced."""
    return json.dumps(json.loads(content) | {name: value}).encode()
