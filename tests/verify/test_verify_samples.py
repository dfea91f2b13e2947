"""Status lists and status entries that others published: each is told right, with its reason.

Real lists have every fault that there is: secured with suites that need JSON-LD processing, too short, under
another URL, of another issuer, of no list type at all. None may be shown as "not revoked" or as "revoked".
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anchor.core.digest import Method, detect_method
from anchor.core.entries import CredentialEntry, identifier_hash
from anchor.verify import TrustedIssuer
from anchor.verify.credential import read_credential
from anchor.verify.foreign_lists import ForeignLists
from anchor.verify.status_places import StatusEntries, status_entries
from anchor.verify.trust_file import read_foreign_host
from status_lists import StatusEntry, parse_status_entry
from status_lists.multibase import decode_multikey
from status_lists.targets import parse_target
from tests.support.publisher import TestIssuer, did_key_issuer
from tests.verify.foreign import Served, allowing, entry
from tests.verify.world import Issued, World, told

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
LISTED = "dcc-statuslist__statusLists--didkey-ed25519Signature2020--{}.json"
TESTLIST = "1edtech__vc--ob30--bit-string-list--testlist.json"
NO_SUITE = "is not secured with"

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the folder of third-party samples is not beside the project"
)

LISTS = [
    # The list, an index in it, the code of the reason, and words of it.
    (TESTLIST, 23, "STATUS_VERIFICATION_ERROR", "no key of https://1edtech.edu/issuers/565049"),
    (LISTED.format("e5WK8CbZ1GjycuPombrj"), 8, "STATUS_VERIFICATION_ERROR", NO_SUITE),
    (LISTED.format("notYetValid"), 7, "STATUS_VERIFICATION_ERROR", NO_SUITE),
    (LISTED.format("tampered"), 7, "STATUS_VERIFICATION_ERROR", NO_SUITE),
    ("blockcerts__revocation-list-mainnet-example.json", 0, "STATUS_VERIFICATION_ERROR", "no key of"),
]
"""Every published status list among the samples."""

CREDENTIALS: dict[str, tuple[list[str], str | None, list[str]]] = {
    # What is said without permission; the list that its host would serve; what is said with permission.
    "1edtech__vc--ob30--bit-string-list--credential-status-revoked.json": (
        ["status_foreign"],
        TESTLIST,
        ["STATUS_VERIFICATION_ERROR"],
    ),
    "1edtech__vc--ob30--credential-status-revoked.json": (
        ["status_unsupported"],
        None,
        ["status_unsupported"],
    ),
    "1edtech__vc--ob30--velocity.jwt": (["status_unsupported"], None, ["status_unsupported"]),
    "blockcerts__v3--cert-rl-status-list-2021-suspended.json": (
        ["status_unsupported", "status_unsupported"],
        None,
        ["status_unsupported", "status_unsupported"],
    ),
    "dcc__v1--ed25519--didKey--mixedRegistry-validStatus-noExpiry.json": (
        ["status_foreign"],
        LISTED.format("e5WK8CbZ1GjycuPombrj"),
        ["STATUS_VERIFICATION_ERROR"],
    ),
    "dcc__v1--ed25519--didKey--oidf-revokedStatus-expired.json": (
        ["expired", "status_foreign"],
        LISTED.format("e5WK8CbZ1GjycuPombrj"),
        ["expired", "STATUS_VERIFICATION_ERROR"],
    ),
    "dcc__v2--dataIntegrityProof--didKey--twoOIDF-revoked-notExpired-badSchema.json": (
        ["status_foreign"],
        LISTED.format("e5WK8CbZ1GjycuPombrj"),
        ["STATUS_VERIFICATION_ERROR"],
    ),
    "dcc__v2--dataIntegrityProof--didweb--legacy-revokedStatus-noExpiry.json": (
        ["status_foreign"],
        None,
        ["STATUS_RETRIEVAL_ERROR"],
    ),
    "dcc__v2--ed25519--didKey--legacy-tamperedStatus-noExpiry.json": (
        ["status_foreign"],
        LISTED.format("tampered"),
        ["STATUS_VERIFICATION_ERROR"],
    ),
    "walt__serialized--Europass.json": (["status_unsupported"], None, ["status_unsupported"]),
    "walt__serialized--ProofOfResidence.json": (
        ["expired", "status_unsupported"],
        None,
        ["expired", "status_unsupported"],
    ),
    "walt__serialized--VerifiableDiploma.json": (
        ["expired", "status_unsupported"],
        None,
        ["expired", "status_unsupported"],
    ),
}
"""Every sample that names a status mechanism where a verifier reads it."""


def load(name: str) -> Any:
    """Return a sample as JSON."""
    return json.loads((SAMPLES / name).read_bytes())


def is_list(document: Any) -> bool:
    """Whether a sample is a list of what was revoked, of whatever kind."""
    return isinstance(document, dict) and (
        "BitstringStatusListCredential" in document.get("type", []) or "revokedAssertions" in document
    )


def samples() -> list[tuple[str, bytes]]:
    """Return every sample that is JSON or a token."""
    found = []
    for path in sorted(SAMPLES.iterdir()):
        content = path.read_bytes()
        if path.suffix in (".json", ".jsonld", ".jwt") and not _is_broken(content, path.suffix):
            found.append((path.name, content))
    return found


def _is_broken(content: bytes, suffix: str) -> bool:
    if suffix == ".jwt":
        return False
    try:
        json.loads(content)
    except ValueError:
        return True
    return False


def entries_of(content: bytes, issuer: TestIssuer) -> StatusEntries:
    """Return the status entries that a sample names."""
    reading = read_credential(detect_method(content, named_json=True), content)
    unbound = CredentialEntry(issuer_id=identifier_hash(issuer.id), method=Method.JCS, digest=bytes(32))
    return status_entries(reading.status_entries, reading.status_claims, unbound)


def test_sample_tables_hold_every_list_and_every_credential_with_status() -> None:
    """A sample that is added must be judged here, too."""
    found = samples()
    lists = {name for name, content in found if name.endswith(".json") and is_list(json.loads(content))}
    issuer = did_key_issuer(1)
    with_status = {name for name, content in found if not entries_of(content, issuer).is_empty}

    assert lists == {name for name, *_rest in LISTS}
    assert with_status == set(CREDENTIALS)


@pytest.mark.parametrize(("name", "index", "code", "words"), LISTS)
async def test_sample_list_is_unknown_with_its_reason(
    world: World, name: str, index: int, code: str, words: str
) -> None:
    """No list whose signature cannot be checked says anything, whatever its bits."""
    document = load(name)
    url = document["id"]
    body = (SAMPLES / name).read_bytes()
    trust = allowing(world, TrustedIssuer(id=document["issuer"]), host=parse_target(url).authority)
    lists = ForeignLists(fetcher=Served({url: body}), trust=trust, now_s=world.publisher.now_s)

    found = await lists.check(parse_status_entry(entry(index, url=url)), issuer=document["issuer"])

    assert found.reason is not None
    assert (found.reason.verdict.value, found.reason.code) == ("unknown", code)
    assert words in found.sentence


@pytest.mark.parametrize("name", sorted(CREDENTIALS))
async def test_sample_credential_status_is_told_right(world: World, name: str) -> None:
    """Without permission nobody is asked; with it the list as published is judged, and never guessed at."""
    content = (SAMPLES / name).read_bytes()
    without, list_name, with_permission = CREDENTIALS[name]
    named = read_credential(detect_method(content, named_json=True), content).issuers[0]
    issuer = TestIssuer(id=named, key=world.issuer.key)
    issued = world.issue(content, method=detect_method(content, named_json=True), issuer=issuer)
    slots = entries_of(content, issuer).slots
    urls = [slot.list_name for slot in slots if isinstance(slot.list_name, str)]
    served = Served({} if list_name is None else {url: (SAMPLES / list_name).read_bytes() for url in urls})
    now_s = 1_770_000_000
    hosts = {parse_target(url).authority for url in urls}

    closed = await _verify(world, issued, named, set(), served, now_s)
    opened = await _verify(world, issued, named, hosts, served, now_s)

    assert [reason for reason in closed if reason != "status_stale"] == without
    assert [reason for reason in opened if reason != "status_stale"] == with_permission


async def _verify(
    world: World, issued: Issued, issuer: str, hosts: set[str], served: Served, now_s: int
) -> list[str]:
    trust = replace(
        world.trust(TrustedIssuer(id=issuer)), foreign_hosts=tuple(map(read_foreign_host, sorted(hosts)))
    )
    verdict, codes = told(await world.verify(issued, foreign=served, trust=trust, now_s=now_s))
    assert verdict in ("unknown", "expired")
    return codes


async def test_sample_list_with_its_issuers_key_is_still_not_guessed_at(world: World) -> None:
    """With a key of its issuer at hand the list is read, its proof in an array of one or alone; its URL is another."""
    document = load(TESTLIST)
    name = document["proof"][0]["verificationMethod"].rpartition("#")[2]
    issuer = document["issuer"]
    trust = allowing(
        world, TrustedIssuer(id=issuer, keys=(decode_multikey(name),)), host="raw.githubusercontent.com"
    )
    credential = load("1edtech__vc--ob30--bit-string-list--credential-status-revoked.json")
    declared: StatusEntry = parse_status_entry(credential["credentialStatus"])
    body = (SAMPLES / TESTLIST).read_bytes()
    as_array = ForeignLists(
        fetcher=Served({declared.list_url: body}), trust=trust, now_s=world.publisher.now_s
    )
    document["proof"] = document["proof"][0]
    alone = ForeignLists(
        fetcher=Served({declared.list_url: json.dumps(document).encode()}),
        trust=trust,
        now_s=world.publisher.now_s,
    )

    for lists, words in ((as_array, "names another URL"), (alone, "names another URL")):
        found = await lists.check(declared, issuer=issuer)
        assert found.reason is not None
        assert (found.reason.verdict.value, found.reason.code) == ("unknown", "STATUS_VERIFICATION_ERROR")
        assert words in found.sentence


async def test_sample_list_under_its_own_url_with_its_issuers_key_counts(world: World) -> None:
    """The same list, as its issuer signed it, tells of an entry that names it by its own URL."""
    document = load(TESTLIST)
    document["proof"] = document["proof"][0]
    url, issuer = document["id"], document["issuer"]
    key = decode_multikey(document["proof"]["verificationMethod"].rpartition("#")[2])
    trust = allowing(world, TrustedIssuer(id=issuer, keys=(key,)), host="example.com")
    served = Served({url: json.dumps(document).encode()})
    lists = ForeignLists(fetcher=served, trust=trust, now_s=world.publisher.now_s)

    found = [
        await lists.check(parse_status_entry(entry(index, url=url)), issuer=issuer) for index in (22, 23, 24)
    ]

    assert [finding.reason and finding.reason.code for finding in found] == [None, "revoked", None]
