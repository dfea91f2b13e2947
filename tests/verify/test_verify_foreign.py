"""Status lists of others: fetched with permission only, believed by their issuer's signature only."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from anchor.core.digest import Method
from anchor.core.entries import StatusEntry
from anchor.errors import InvalidInput
from anchor.verify import FileLocation, TrustedIssuer, TrustSet, Verdict, parse_trust, verify_file
from anchor.verify.files import foreign_fetcher
from anchor.verify.foreign_lists import ForeignLists
from anchor.verify.trust_file import read_foreign_host
from status_lists import ListKey, StatusListError, parse_status_entry
from status_lists.datetimes import parse_datetime
from status_lists.jose import sign_list_jwt
from status_lists.json_text import write_json_object
from status_lists.p256 import P256Key
from status_lists.signing_jcs import sign_list_jcs
from tests.support.fake_chain import opener
from tests.support.published_server import running
from tests.support.publisher import TestIssuer, did_key_issuer
from tests.verify.foreign import HOST, URL, Served, allowing, entry, issue, signed, unsigned_list
from tests.verify.world import RPC, World, told

INDEX = 23
COLLEGE = TestIssuer(id="did:web:college.example", key=ListKey(b"\x07" * 32))
COLLEGE_TRUST = TrustedIssuer(id=COLLEGE.id, keys=(COLLEGE.key.public_key,))
CORPUS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "bad_lists.json").read_text("utf-8")
)


def served(world: World, *set_indexes: int, **changes: Any) -> Served:
    """Serve a list of the world's issuer."""
    document = unsigned_list(world.issuer.id, *set_indexes, now_s=world.publisher.now_s, **changes)
    return Served({URL: signed(document, world.issuer)})


async def test_foreign_list_without_permission_is_not_fetched(world: World) -> None:
    """Asking tells a stranger who looks at whose credential: without permission nobody is asked."""
    issued = issue(world, entry(INDEX))
    lists = served(world)

    without = await world.verify(issued, foreign=lists)
    elsewhere = await world.verify(issued, foreign=lists, trust=allowing(world, host="other.example.org"))
    no_fetcher = await world.verify(issued, trust=allowing(world))

    assert [told(report) for report in (without, elsewhere, no_fetcher)] == [
        ("unknown", ["status_foreign"])
    ] * 3
    assert f"--fetch-foreign {HOST}" in without.reasons[0].message
    assert lists.asked == []


@pytest.mark.parametrize(
    ("purpose", "set_indexes", "expected"),
    [
        ("revocation", (), ("valid", [])),
        ("revocation", (INDEX,), ("revoked", ["revoked"])),
        ("suspension", (INDEX,), ("suspended", ["suspended"])),
        ("refresh", (INDEX,), ("valid", [])),
        ("revocation", (INDEX - 7, INDEX + 1, INDEX - 1), ("valid", [])),
    ],
)
async def test_foreign_list_of_the_issuer_counts(
    world: World, purpose: str, set_indexes: tuple[int, ...], expected: tuple[str, list[str]]
) -> None:
    """With permission the list is fetched once, under its own URL, and its bit counts."""
    issued = issue(world, entry(INDEX, purpose=purpose))
    lists = served(world, *set_indexes, purpose=purpose)

    report = await world.verify(issued, foreign=lists, trust=allowing(world))

    assert told(report) == expected
    assert [url for url, _accept in lists.asked] == [URL]
    assert any("not anchored" in finding.sentence for finding in report.findings)


async def test_foreign_list_beside_own_entries_counts_too(world: World) -> None:
    """Both kinds of entries count, and either may be against the credential."""
    content = world.credential(credentialStatus=[entry(INDEX), world.own_status(20)])
    issued = world.issue(content, status=StatusEntry(0, 7))
    clean = await world.verify(issued, foreign=served(world), trust=allowing(world))
    foreign = await world.verify(issued, foreign=served(world, INDEX), trust=allowing(world))
    world.publisher.set_bit(0, 20, 1)
    world.publisher.anchor(after_s=600)
    own = await world.verify(issued, foreign=served(world), trust=allowing(world))

    assert [told(report)[0] for report in (clean, foreign, own)] == ["valid", "revoked", "revoked"]


async def test_foreign_list_needs_no_list_of_the_publisher(world: World) -> None:
    """A trust set without service or mirror can check lists of others all the same."""
    issued = issue(world, entry(INDEX))

    report = await world.verify(issued, foreign=served(world), trust=allowing(world), fetches_lists=False)
    mixed = world.issue(world.credential(credentialStatus=[entry(INDEX)]), status=StatusEntry(0, 7))
    both = await world.verify(mixed, foreign=served(world, INDEX), trust=allowing(world), fetches_lists=False)

    assert told(report) == ("valid", [])
    assert told(both) == ("revoked", ["no_list_source", "revoked"])


async def test_foreign_list_that_cannot_be_had_is_unknown(world: World) -> None:
    """An unreachable list is shown neither as "not revoked" nor as "revoked"."""
    issued = issue(world, entry(INDEX))

    report = await world.verify(issued, foreign=Served({}), trust=allowing(world))

    assert told(report) == ("unknown", ["STATUS_RETRIEVAL_ERROR"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"begin_ms": 1}, "STATUS_VERIFICATION_ERROR"),
        ({"begin_ms": -200, "end_ms": -100}, "STATUS_VERIFICATION_ERROR"),
        ({"purpose": "suspension"}, "STATUS_VERIFICATION_ERROR"),
        ({"url": f"{URL}0"}, "STATUS_VERIFICATION_ERROR"),
    ],
)
async def test_foreign_list_not_for_this_entry_or_time_is_unknown(
    world: World, changes: dict[str, Any], code: str
) -> None:
    """A list that has ended, is to come, or is another one, hides nothing and says nothing."""
    issued = issue(world, entry(INDEX))

    report = await world.verify(issued, foreign=served(world, **changes), trust=allowing(world))

    assert told(report) == ("unknown", [code])


async def test_foreign_list_of_another_issuer_is_unknown(world: World) -> None:
    """A list that somebody else signed, and be it an accepted issuer, says nothing of this one's credential."""
    other = did_key_issuer(2)
    issued = issue(world, entry(INDEX))
    document = unsigned_list(other.id, now_s=world.publisher.now_s)
    trust = allowing(world, TrustedIssuer(id=world.issuer.id), TrustedIssuer(id=other.id))

    report = await world.verify(issued, foreign=Served({URL: signed(document, other)}), trust=trust)

    assert told(report) == ("unknown", ["STATUS_VERIFICATION_ERROR"])
    assert "not of the credential's issuer" in report.reasons[0].message


async def test_foreign_list_signed_by_another_key_is_unknown(world: World) -> None:
    """A list in the issuer's name that a stranger signed is worth nothing."""
    issued = issue(world, entry(INDEX))
    document = unsigned_list(world.issuer.id, now_s=world.publisher.now_s)
    forger = TestIssuer(id=world.issuer.id, key=ListKey(b"\x09" * 32))
    named = signed(document, forger)
    pretended = signed(document, forger, key_name=world.issuer.key.multikey)

    for body in (named, pretended):
        report = await world.verify(issued, foreign=Served({URL: body}), trust=allowing(world))
        assert told(report) == ("unknown", ["STATUS_VERIFICATION_ERROR"])


async def test_foreign_list_of_a_did_web_issuer_needs_a_key_of_the_trust_set(world: World) -> None:
    """No DID document is fetched: the verifier's own key of the issuer decides, whatever its name."""
    issued = issue(world, entry(INDEX), issuer=COLLEGE)
    document = unsigned_list(COLLEGE.id, INDEX, now_s=world.publisher.now_s)
    lists = Served({URL: signed(document, COLLEGE, key_name="key-1")})

    without = await world.verify(issued, foreign=lists, trust=allowing(world, TrustedIssuer(id=COLLEGE.id)))
    with_key = await world.verify(issued, foreign=lists, trust=allowing(world, COLLEGE_TRUST))

    assert told(without) == ("unknown", ["STATUS_VERIFICATION_ERROR"])
    assert "no key of did:web:college.example" in without.reasons[0].message
    assert told(with_key) == ("revoked", ["revoked"])


async def test_foreign_list_of_an_alias_counts(world: World) -> None:
    """An issuer's other name, by the verifier's word, may stand in the list."""
    issued = issue(world, entry(INDEX), issuer=COLLEGE)
    alias = TestIssuer(id="https://college.example", key=COLLEGE.key)
    document = unsigned_list(alias.id, INDEX, now_s=world.publisher.now_s)
    trust = allowing(world, replace(COLLEGE_TRUST, aliases=(alias.id,)))

    report = await world.verify(issued, foreign=Served({URL: signed(document, alias)}), trust=trust)

    assert told(report) == ("revoked", ["revoked"])


async def test_foreign_list_secured_in_other_ways_counts(world: World) -> None:
    """`eddsa-jcs-2022` and `vc+jwt` are read, with the issuer's Ed25519 or P-256 key."""
    p256 = P256Key(b"\x05" * 32)
    issued = issue(world, entry(INDEX), issuer=COLLEGE)
    document = unsigned_list(COLLEGE.id, INDEX, now_s=world.publisher.now_s)
    name = f"{COLLEGE.id}#key-1"
    bodies = [
        write_json_object(sign_list_jcs(document, key=COLLEGE.key, verification_method=name, created_ms=0)),
        sign_list_jwt(document, key=COLLEGE.key, verification_method=name).encode(),
        sign_list_jwt(document, key=p256, verification_method=name).encode(),
    ]
    trust = allowing(world, replace(COLLEGE_TRUST, p256_keys=(p256.public_key,)))

    for body in bodies:
        report = await world.verify(issued, foreign=Served({URL: body}), trust=trust)
        assert told(report) == ("revoked", ["revoked"])


async def test_foreign_list_too_short_needs_a_lower_bound() -> None:
    """A list of 100,000 entries is refused, unless the verifier sets the bound lower."""
    case = next(case for case in CORPUS["cases"] if case["name"] == "100,000 entries")
    trust = corpus_trust()
    lists = corpus_lists(case["bodies"][0], trust=trust)
    lower = corpus_lists(case["bodies"][0], trust=replace(trust, min_list_entries=100_000))
    declared = parse_status_entry(case["entry"])

    refused = await lists.check(declared, issuer=COLLEGE.id)
    accepted = await lower.check(declared, issuer=COLLEGE.id)

    assert refused.reason is not None
    assert refused.reason.code == "STATUS_LIST_LENGTH_ERROR"
    assert accepted.reason is None


def corpus_trust() -> TrustSet:
    """Return a trust set with the keys of the corpus of bad lists."""
    keys: dict[str, list[str]] = {}
    for key in CORPUS["trusted_keys"]:
        keys.setdefault(key["issuer"], []).append(key["multikey"])
    issuers = "\n".join(f"[[issuer]]\nid = '{name}'\nkeys = {texts}" for name, texts in keys.items())
    return parse_trust(
        (
            "[[anchorage]]\nchain_id = 1\n"
            f'genesis_hash = "0x{"ab" * 32}"\ncontract = "0x{"c0" * 20}"\npublisher = "0x{"01" * 20}"\n'
            f'[[foreign_lists]]\nhost = "lists.example"\n{issuers}\n'
        ).encode()
    )


def corpus_lists(body: str, *, trust: TrustSet) -> ForeignLists:
    """Return what checks entries in one body of the corpus at the corpus's time."""
    content = CORPUS["bodies"][body]["text"].encode()
    urls = {case["entry"].get("statusListCredential") for case in CORPUS["cases"]}
    served_lists = Served({url: content for url in urls if isinstance(url, str)})
    return ForeignLists(fetcher=served_lists, trust=trust, now_s=parse_datetime(CORPUS["now"]) // 1000)


def reads(value: object) -> bool:
    """Whether an entry can be read: those that cannot are a matter of the credential alone."""
    try:
        parse_status_entry(value)
    except StatusListError:
        return False
    return True


CORPUS_RUNS = [
    pytest.param(case, body, id=f"{case['name']} / {body}")
    for case in CORPUS["cases"]
    for body in case["bodies"]
    # The trust set names no keys, so that any key of the issuer may have signed.
    if case["name"] != "another key than it names" and reads(case["entry"])
]


@pytest.mark.parametrize(("case", "body"), CORPUS_RUNS)
async def test_foreign_list_of_the_corpus_is_told_right(case: dict[str, Any], body: str) -> None:
    """Each bad list is `unknown` under the specification's name of its fault; each good one says what it says."""
    expected = case["expect"]
    trust = replace(corpus_trust(), min_list_entries=case.get("min_entries", CORPUS["min_entries"]))

    found = await corpus_lists(body, trust=trust).check(parse_status_entry(case["entry"]), issuer=COLLEGE.id)

    verdict = None if found.reason is None else found.reason.verdict
    if "error" in expected:
        assert found.reason is not None
        assert (verdict, found.reason.code) == (Verdict.UNKNOWN, expected["error"])
    else:
        is_against = not expected["valid"] and expected["purpose"] == "revocation"
        assert verdict is (Verdict.REVOKED if is_against else None)


async def test_foreign_list_of_a_purpose_not_known_is_unknown(world: World) -> None:
    """What a purpose of somebody's own means is not known here, so it rules out valid, whatever the bit."""
    document = unsigned_list(world.issuer.id, now_s=world.publisher.now_s)
    subject = document["credentialSubject"]
    assert isinstance(subject, dict)
    subject["statusPurpose"] = "parking"
    issued = issue(world, entry(INDEX, purpose="parking"))

    report = await world.verify(
        issued, foreign=Served({URL: signed(document, world.issuer)}), trust=allowing(world)
    )

    assert told(report) == ("unknown", ["status_purpose"])


async def test_foreign_list_over_http_by_the_real_fetcher(world: World, tmp_path: Path) -> None:
    """From a file's point of view: a test server that the verifier names is asked, and no other."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        url = f"http://127.0.0.1:{request.url.port}/lists/3"
        document = unsigned_list(world.issuer.id, INDEX, now_s=world.publisher.now_s, url=url)
        return web.Response(body=signed(document, world.issuer), content_type="application/vc")

    app = web.Application()
    app.add_routes([web.get("/lists/3", answer)])
    async with running(app) as base:
        issued = issue(world, entry(INDEX, url=f"{base}/lists/3"))
        path = tmp_path / "badge.json"
        path.write_bytes(issued.content)
        (tmp_path / "badge.json.proof.json").write_bytes(issued.proof_file)

        async def verified(trust: TrustSet) -> tuple[str, list[str]]:
            opened = opener((RPC, world.chain))
            return told(await verify_file(path, trust=trust, open_chain=opened, now_s=world.publisher.now_s))

        without = await verified(world.trust())
        with_permission = await verified(allowing(world, host=base.removeprefix("http://")))

    assert without == ("unknown", ["status_foreign"])
    assert with_permission == ("revoked", ["revoked"])
    assert asked == ["/lists/3"]


async def test_foreign_list_in_a_private_network_needs_its_name_as_local(world: World) -> None:
    """A name that is allowed does not open private addresses: not by http, and not by https."""
    issued = issue(world, entry(INDEX, url="http://127.0.0.2:9/lists/3"))
    trust = replace(world.trust(), foreign_hosts=(read_foreign_host("10.0.0.1:9"),))
    open_trust = replace(world.trust(), foreign_hosts=(read_foreign_host("10.0.0.1:443"),))
    private = issue(world, entry(INDEX, url="https://10.0.0.1/lists/3"))

    other = await world.verify(issued, foreign=foreign_fetcher(trust), trust=trust)
    refused = await world.verify(private, foreign=foreign_fetcher(open_trust), trust=open_trust)

    assert told(other) == ("unknown", ["status_foreign"])
    assert told(refused) == ("unknown", ["STATUS_RETRIEVAL_ERROR"])
    assert "private, local or reserved address" in refused.reasons[0].message


def test_foreign_host_may_not_be_the_service_itself(world: World) -> None:
    """The service's lists need their anchor: they never count by their signature alone."""
    service = FileLocation(address="https://anchor.example.org", is_mirror=False)

    with pytest.raises(InvalidInput, match="the service itself"):
        replace(world.trust(), files=service, foreign_hosts=(read_foreign_host("anchor.example.org"),))


async def test_foreign_entry_of_a_file_anchored_raw_counts(world: World) -> None:
    """A JSON file anchored by its bytes has its status read as well."""
    content = world.credential(credentialStatus=entry(INDEX))
    issued = world.issue(content, method=Method.RAW)

    report = await world.verify(issued, foreign=served(world, INDEX), trust=allowing(world))

    assert told(report) == ("revoked", ["revoked"])
