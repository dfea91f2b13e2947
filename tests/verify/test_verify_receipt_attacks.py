"""Receipts that were forged, altered or carried elsewhere: none of them says anything of a service."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anchor.core.promise import SignedPromise
from anchor.documents import ReceiptDocument
from anchor.errors import InvalidProof
from anchor.verify.receipt_report import ReceiptReport
from status_lists.keys import ListKey
from status_lists.multibase import encode_base64url
from tests.support.fake_chain import address
from tests.verify.promised import DAY_S, KEY, Promised, promise_for, signed_by, to_bytes
from tests.verify.world import World

CREDENTIALS = [b'{"number":%d}' % number for number in range(5)]


@pytest.fixture
def promised(tmp_path: Path) -> Promised:
    """Return a promise that nobody kept and that is due: genuine, it is broken."""
    world = World.make(tmp_path)
    made = promise_for(world, CREDENTIALS, submits=False)
    world.publisher.submit(world.issuer, b'{"other":1}')
    world.publisher.anchor()
    world.chain.mine(after_s=DAY_S + 1)
    world.chain.finalize()
    return made


def altered(promised: Promised, *place: str, value: Any) -> bytes:
    """Return the first entry's receipt with one member replaced."""
    document = json.loads(to_bytes(promised.receipt()))
    within = document
    for name in place[:-1]:
        within = within[name]
    assert within[place[-1]] != value
    within[place[-1]] = value
    return json.dumps(document).encode()


def with_signed(document: ReceiptDocument, signed: SignedPromise) -> ReceiptDocument:
    """Return a receipt under another promise."""
    return replace(document, signed=signed)


def said(report: ReceiptReport) -> tuple[str, str]:
    """Return verdict and code."""
    return report.verdict.value, report.code


async def test_genuine_receipt_is_broken_here(promised: Promised) -> None:
    """What the tests below alter would otherwise be evidence."""
    assert said(await promised.check()) == ("broken", "not_anchored")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("promise", "anchoredByTime"), 1),
        (("promise", "acceptedTime"), 1),
        (("promise", "publisher"), address(7)),
        (("promise", "baseUrl"), "https://other.example"),
        # The first path of five is as long as that of six: it is the signature that fixes the number.
        (("promise", "entryCount"), 6),
    ],
)
async def test_altered_promise_is_not_signed(promised: Promised, place: tuple[str, ...], value: Any) -> None:
    """No time, publisher or service can be put under somebody's signature."""
    report = await promised.check(altered(promised, *place, value=value))

    assert said(report) == ("unknown", "signature_invalid")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("promise", "issuer"), "did:web:mill.example"),
        (("promise", "root"), encode_base64url(bytes(32))),
        (("index",), 1),
        (("path",), []),
        (("digest",), "00" * 31 + "01"),
        (("method",), "raw"),
        (("salted",), True),
        (("status",), {"list": 0, "index": 1}),
    ],
)
async def test_altered_entry_does_not_lead_to_the_promise(
    promised: Promised, place: tuple[str, ...], value: Any
) -> None:
    """Another issuer, digest or place, and the path no longer fits."""
    report = await promised.check(altered(promised, *place, value=value))

    assert said(report) == ("unknown", "receipt_invalid")


@pytest.mark.parametrize(
    ("name", "value"),
    [("contract", address(5)), ("chainId", 1), ("genesisHash", "0x" + "11" * 32)],
)
async def test_promise_about_another_chain_or_contract_is_not_of_this_trust(
    promised: Promised, name: str, value: Any
) -> None:
    """Where the trust set does not look, nothing is promised."""
    report = await promised.check(altered(promised, "promise", name, value=value))

    assert said(report) == ("unknown", "promise_elsewhere")


async def test_key_comes_from_the_trust_set_alone(promised: Promised) -> None:
    """A promise by a key of anybody's own making is none of the service's, however well it is signed."""
    forged = with_signed(promised.receipt(), signed_by(ListKey.generate(), promised.signed.promise))

    assert said(await promised.check(forged)) == ("unknown", "key_not_trusted")


async def test_trusted_key_named_without_its_signature_is_nothing(promised: Promised) -> None:
    """Naming the service's key over another key's signature does not make it the service's."""
    other = signed_by(ListKey.generate(), promised.signed.promise)
    forged = with_signed(promised.receipt(), replace(other, public_key=KEY.public_key))

    assert said(await promised.check(forged)) == ("unknown", "signature_invalid")


async def test_trust_set_without_receipt_keys_believes_no_receipt(promised: Promised) -> None:
    """A trust file from before there were receipts."""
    trust = promised.world.trust()

    assert said(await promised.check(trust=trust)) == ("unknown", "key_not_trusted")


async def test_retired_key_still_counts_where_the_trust_set_has_it(promised: Promised) -> None:
    """Old receipts stay checkable after the service has another key."""
    trust = promised.trust(ListKey.generate().public_key, KEY.public_key)

    assert said(await promised.check(trust=trust)) == ("broken", "not_anchored")


async def test_promise_of_another_publisher_of_the_contract_is_not_this_ones(promised: Promised) -> None:
    """Even signed by a trusted key: the contract has many publishers."""
    promise = replace(promised.signed.promise, publisher=address(9))
    forged = with_signed(promised.receipt(), signed_by(KEY, promise))

    assert said(await promised.check(forged)) == ("unknown", "publisher_differs")


async def test_entry_of_another_issuer_cannot_borrow_a_promise(promised: Promised) -> None:
    """The promise is to one issuer: its entries are of that issuer, or the receipt is none."""
    document = promised.receipt()
    entry = replace(document.promised.entry, issuer_id=bytes(32))
    forged = replace(document, promised=replace(document.promised, entry=entry))

    with pytest.raises(InvalidProof, match="another issuer"):
        forged.promised.check(document.signed.promise)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"format":"credential-anchor/proof/v1"}'])
async def test_anything_else_is_no_receipt(promised: Promised, content: bytes) -> None:
    """Never an exception: somebody else wrote the file."""
    assert said(await promised.check(content)) == ("unknown", "receipt_invalid")


async def test_receipt_of_great_size_is_not_parsed(promised: Promised) -> None:
    """A file that goes on and on is refused by its size."""
    content = to_bytes(promised.receipt()) + b" " * 65_536

    report = await promised.check(content)

    assert said(report) == ("unknown", "receipt_invalid")
    assert "65536 bytes" in report.message
