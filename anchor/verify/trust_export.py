"""A first draft of a trust set, from what a service says of itself: for a person to check, not to believe."""

from __future__ import annotations

from collections.abc import Sequence

from anchor.documents import ListState, PublisherDocument, parse_batch, parse_publisher
from anchor.errors import InvalidInput, NotFound, ServiceUnavailable
from anchor.verify.sources import ListSource, PublishedFiles
from anchor.verify.trust import Anchorage, FileLocation, TrustedIssuer, TrustSet
from status_lists import StatusListError, parse_json_object, verify_list
from status_lists.multibase import decode_multikey


async def draft_trust(
    files: PublishedFiles, location: FileLocation, *, rpc: str, issuers: Sequence[str]
) -> TrustSet:
    """Return a trust set after the publisher document, with the keys that sign the lists of its issuers.

    Accepts the issuers named, or any issuer where none is. Raises ServiceUnavailable where the service gives
    no such document.
    """
    try:
        document = parse_publisher(await files.publisher())
    except (InvalidInput, NotFound) as exc:
        raise ServiceUnavailable(f"{location.address} publishes no publisher document: {exc}") from exc
    keys = await _list_keys(files, document)
    names = issuers or sorted(keys)
    return TrustSet(
        anchorages=(
            Anchorage(
                chain_id=document.chain_id,
                genesis_hash=document.genesis_hash,
                contract=document.contract,
                publisher=document.publisher,
                rpc=rpc,
                from_block=document.from_block,
            ),
        ),
        issuers=tuple(TrustedIssuer(id=name, keys=keys.get(name, ())) for name in dict.fromkeys(names)),
        accepts_any_issuer=not issuers,
        files=location,
    )


async def _list_keys(files: ListSource, document: PublisherDocument) -> dict[str, tuple[bytes, ...]]:
    """Return, for each issuer that has lists, the key that signs its first one."""
    if document.head_root is None:
        return {}
    try:
        batch = parse_batch(await files.batch(document.head_sequence))
    except (InvalidInput, NotFound) as exc:
        raise ServiceUnavailable(f"the newest batch cannot be had: {exc}") from exc
    first_lists: dict[str, ListState] = {}
    for state in batch.lists:
        first_lists.setdefault(state.issuer, state)
    keys: dict[str, tuple[bytes, ...]] = {}
    for name, state in first_lists.items():
        key = await _signing_key(files, state)
        keys[name] = () if key is None else (key,)
    return keys


async def _signing_key(files: ListSource, state: ListState) -> bytes | None:
    """Return the Ed25519 key that a list's signature names and verifies under; None where it names none."""
    try:
        document = parse_json_object(await files.status_list(state.number, None))
        proof = document.get("proof")
        method = proof.get("verificationMethod") if isinstance(proof, dict) else None
        key = decode_multikey(str(method).rpartition("#")[2])
        verify_list(document, public_key=key)
    except (StatusListError, NotFound, ServiceUnavailable):
        return None
    return key
