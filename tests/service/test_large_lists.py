"""Lists of more than a million entries are published in every form, after every change."""

from __future__ import annotations

from anchor.core.entries import Purpose
from anchor.service.list_signing import ListForm
from anchor.service.live_lists import LARGE_LIST_BYTES
from anchor.store.records import Issuer, StatusChange
from status_lists.bitstring import get_entry
from status_lists.cwt import verify_token_list_cwt
from status_lists.jose import verify_list_jwt
from status_lists.json_text import parse_json_object, write_json_object
from status_lists.public_keys import PublicKey
from status_lists.published import parse_list_document
from status_lists.signing import verify_list
from status_lists.signing_jcs import verify_list_jcs
from status_lists.token_bits import swap_bit_order
from status_lists.token_jwt import verify_token_list_jwt
from tests.support.assembly import Running

ENTRIES = 2_097_152
SIZE_BYTES = ENTRIES // 8


async def bits_in_each_form(service: Running, issuer: Issuer, number: int) -> dict[ListForm, bytes]:
    """Return the bits of a list's newest version as each of its verified forms has them, in W3C order."""
    key = PublicKey(algorithm="EdDSA", key_bytes=issuer.signer.public_key)
    bodies: dict[ListForm, bytes] = {}
    for form in ListForm:
        found = await service.store.list_version(
            number, None, form=None if form is ListForm.VC else form.value
        )
        assert found is not None, form
        bodies[form] = found.document
    verify_list(parse_json_object(bodies[ListForm.VC]), public_key=key.key_bytes)
    verify_list_jcs(parse_json_object(bodies[ListForm.VC_JCS]), public_key=key.key_bytes)
    jwt = verify_list_jwt(
        bodies[ListForm.VC_JWT].decode(), public_key=key, now_ms=service.clock.now_ms(), max_chars=10**7
    )
    tokens = {
        ListForm.TOKEN_JWT: verify_token_list_jwt(
            bodies[ListForm.TOKEN_JWT].decode(), public_key=key, max_bits_bytes=SIZE_BYTES
        ),
        ListForm.TOKEN_CWT: verify_token_list_cwt(
            bodies[ListForm.TOKEN_CWT], public_key=key, max_bits_bytes=SIZE_BYTES
        ),
    }
    documents = {
        ListForm.VC: bodies[ListForm.VC],
        ListForm.VC_JCS: bodies[ListForm.VC_JCS],
        ListForm.VC_JWT: write_json_object(jwt),
    }
    return {
        **{
            form: parse_list_document(body, max_bits_bytes=SIZE_BYTES).bits
            for form, body in documents.items()
        },
        **{form: swap_bit_order(token.bits, 1) for form, token in tokens.items()},
    }


async def test_large_list_is_in_every_form_what_it_is(service: Running, issuer: Issuer) -> None:
    """New, after one change, after many: five forms verify and have exactly the entries that are set."""
    assert SIZE_BYTES > LARGE_LIST_BYTES
    number = await service.services.intake.add_list(
        issuer, Purpose.REVOCATION, bits_per_entry=1, length=ENTRIES, messages=()
    )
    entries = await service.services.intake.allocate(issuer, 40, idempotency_key=None)
    assert {entry.list_number for entry in entries} == {number}
    done = 0
    for upto in (0, 1, 40):
        changes = [
            StatusChange(entry, Purpose.REVOCATION, value=1, reason="left") for entry in entries[done:upto]
        ]
        if changes:
            await service.services.intake.change_status(issuer, changes)
        done = upto
        forms = await bits_in_each_form(service, issuer, number)

        (bits,) = set(forms.values())
        assert len(forms) == 5
        assert sum(byte.bit_count() for byte in bits) == upto
        assert all(get_entry(bits, entry.index) for entry in entries[:upto])
