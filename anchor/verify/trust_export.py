"""A first draft of a trust set, from what a service says of itself: for a person to check, not to believe."""

from __future__ import annotations

from collections.abc import Sequence

from anchor.documents import (
    EarlierAnchorage,
    ListState,
    PublisherDocument,
    parse_batch,
    parse_publisher,
    parse_receipt_keys,
)
from anchor.errors import InvalidInput, NotFound, ServiceUnavailable
from anchor.verify.layout import MAX_DOCUMENT_BYTES
from anchor.verify.sources import PublishedFiles
from anchor.verify.trust import Anchorage, FileLocation, TrustedIssuer, TrustSet
from status_lists import StatusListError, parse_json_object, verify_list
from status_lists.jose import TYP as LIST_JWT_TYP
from status_lists.jws import split_token, verify_token
from status_lists.multibase import decode_multikey
from status_lists.public_keys import public_key_from_multikey


async def draft_trust(
    files: PublishedFiles, location: FileLocation, *, rpc: str, issuers: Sequence[str]
) -> TrustSet:
    """Return a trust set after the publisher document, with the keys that sign receipts and its issuers' lists.

    Accepts the issuers named, or any issuer where none is. Raises ServiceUnavailable where the service gives
    no such document.
    """
    try:
        document = parse_publisher(await files.publisher())
    except (InvalidInput, NotFound) as exc:
        raise ServiceUnavailable(f"{location.address} publishes no publisher document: {exc}") from exc
    found = await _list_signers(files, document)
    names = issuers or sorted(found)
    return TrustSet(
        anchorages=_anchorages(document, rpc, receipt_keys=await _receipt_keys(files)),
        issuers=tuple(found.get(name, TrustedIssuer(id=name)) for name in dict.fromkeys(names)),
        accepts_any_issuer=not issuers,
        files=location,
    )


def _anchorages(
    document: PublisherDocument, rpc: str, *, receipt_keys: tuple[bytes, ...]
) -> tuple[Anchorage, ...]:
    """
    Return every anchorage in order, each by the account that its line of succession began with.

    Verifiers follow the line forward from there, so proofs under every key of it count. The endpoint is that of the
    last one's chain: of another chain an endpoint is still to be named. One key signs receipts wherever roots go.
    """
    chain = (document.chain_id, document.genesis_hash)
    places: tuple[EarlierAnchorage | PublisherDocument, ...] = (*document.earlier, document)
    return tuple(
        Anchorage(
            chain_id=place.chain_id,
            genesis_hash=place.genesis_hash,
            contract=place.contract,
            publisher=place.publisher,
            rpc=rpc if (place.chain_id, place.genesis_hash) == chain else "",
            from_block=place.from_block,
            receipt_keys=receipt_keys,
        )
        for place in places
    )


async def _receipt_keys(files: PublishedFiles) -> tuple[bytes, ...]:
    """Return the keys that sign receipts; none where the service, or an older mirror, names none."""
    try:
        return parse_receipt_keys(await files.receipt_keys()).keys
    except NotFound:
        return ()
    except InvalidInput as exc:
        raise ServiceUnavailable(f"the receipt keys document cannot be read: {exc}") from exc


async def _list_signers(files: PublishedFiles, document: PublisherDocument) -> dict[str, TrustedIssuer]:
    """Return each issuer that has lists, with the keys that sign the forms of its first one."""
    if document.head_root is None:
        return {}
    try:
        batch = parse_batch(await files.batch(document.head_sequence))
    except (InvalidInput, NotFound) as exc:
        raise ServiceUnavailable(f"the newest batch cannot be had: {exc}") from exc
    first_lists: dict[str, ListState] = {}
    for state in batch.lists:
        first_lists.setdefault(state.issuer, state)
    return {
        name: TrustedIssuer(
            id=name, keys=await _signing_keys(files, state), p256_keys=await _token_keys(files, state)
        )
        for name, state in first_lists.items()
    }


async def _signing_keys(files: PublishedFiles, state: ListState) -> tuple[bytes, ...]:
    """Return the Ed25519 key that a list's signature names and verifies under; none where it names none."""
    try:
        document = parse_json_object(await files.status_list(state.number, None))
        proof = document.get("proof")
        method = proof.get("verificationMethod") if isinstance(proof, dict) else None
        key = decode_multikey(str(method).rpartition("#")[2])
        verify_list(document, public_key=key)
    except (StatusListError, NotFound, ServiceUnavailable):
        return ()
    return (key,)


async def _token_keys(files: PublishedFiles, state: ListState) -> tuple[bytes, ...]:
    """Return the P-256 key that the `vc+jwt` of a list names and verifies under; none where Ed25519 signs it too."""
    try:
        text = (await files.list_jwt(state.number)).decode("ascii")
        token = split_token(text, max_chars=MAX_DOCUMENT_BYTES)
        key = public_key_from_multikey((token.key_id or "").rpartition("#")[2])
        verify_token(token, typ=LIST_JWT_TYP, public_key=key)
    except (StatusListError, NotFound, ServiceUnavailable, UnicodeDecodeError):
        return ()
    return (key.key_bytes,) if key.algorithm == "ES256" else ()
