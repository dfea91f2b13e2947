"""Lists from a source that nobody trusts: held against the head, or, where newer, against a signature.

What the chain vouches for is the root alone. The batch document must give that root; a list must be, bit for
bit, the one that the batch document names. So neither an old list, nor another list for another reader, nor
one in which a revocation was quietly undone passes.
"""

from __future__ import annotations

from collections.abc import Sequence

from anchor.core.entries import bits_root
from anchor.documents import ListState
from anchor.errors import InvalidProof, NotFound, ServiceUnavailable
from anchor.verify.findings import Finding, unknown
from anchor.verify.sources import ListSource
from anchor.verify.trust import TrustSet
from status_lists import (
    PublishedList,
    StatusListError,
    VerificationFailed,
    parse_json_object,
    parse_list_document,
    verify_list,
)

MAX_UNANCHORED_MS = 3_600_000
"""How long a list counts before its anchor: a service anchors a change within half an hour at the worst."""


async def anchored_list(state: ListState, lists: ListSource, *, issuer_names: Sequence[str]) -> PublishedList:
    """Return a list at the version that a batch anchored, bit for bit.

    Raises InvalidProof for any other list; NotFound and ServiceUnavailable as the source does.
    """
    content = await lists.status_list(state.number, state.entry.version)
    return require_anchored(content, state, issuer_names=issuer_names)


def require_anchored(content: bytes, state: ListState, *, issuer_names: Sequence[str]) -> PublishedList:
    """Read a list and require that it is the one that a batch anchored, bit for bit; InvalidProof otherwise."""
    published = matching_list(content, state, issuer_names=issuer_names)
    if published.valid_from_ms != state.entry.version or bits_root(published.bits) != state.entry.bits_root:
        raise InvalidProof(f"status list {state.number} as it was had is not the one that is anchored")
    return published


def matching_list(content: bytes, state: ListState, *, issuer_names: Sequence[str]) -> PublishedList:
    """Read a list and require the anchored URL, issuer, purpose and size of it; InvalidProof otherwise."""
    entry = state.entry
    size_bytes = entry.length * entry.bits_per_entry // 8
    try:
        published = parse_list_document(content, max_bits_bytes=size_bytes)
    except StatusListError as exc:
        raise InvalidProof(f"status list {state.number} cannot be read: {exc}") from exc
    differing = [
        name
        for name, agrees in (
            ("URL", published.url == state.url),
            ("issuer", _is_issuer_or_stand_in(published.issuer, issuer_names)),
            ("purpose", published.purposes == (entry.purpose.label,)),
            ("size", len(published.bits) == size_bytes),
        )
        if not agrees
    ]
    if differing:
        raise InvalidProof(
            f"status list {state.number} is another list: its {' and '.join(differing)} differ(s)"
        )
    return published


def _is_issuer_or_stand_in(name: str, issuer_names: Sequence[str]) -> bool:
    # Where a service cannot hold an issuer's key, a did:key of its own signs in its stead. Such a name says
    # nothing by itself: what counts is the anchored bits, or a signature by a key that the trust set gives
    # the issuer.
    return name in issuer_names or name.startswith("did:key:")


async def newer_list(
    state: ListState, lists: ListSource, *, trust: TrustSet, issuer_names: Sequence[str], now_ms: int
) -> PublishedList | Finding | None:
    """Return the source's newest list where it is newer than the head and counts together with it.

    None where there is no newer one; a finding where one is offered that cannot be relied on. A source that
    hides a newer list looks like one that has none: what bounds that is the age of the head.
    """
    try:
        content = await lists.status_list(state.number, None)
    except (NotFound, ServiceUnavailable):
        return None
    try:
        published = matching_list(content, state, issuer_names=issuer_names)
    except InvalidProof as exc:
        return unknown("status", "list_mismatch", str(exc))
    version = published.valid_from_ms
    if version is None:
        return unknown(
            "status", "list_mismatch", f"status list {state.number} does not say from when it holds"
        )
    if version < state.entry.version:
        return None
    if version == state.entry.version:
        return _same_version(published, state)
    return _timely(published, state, version, now_ms) or _signed(content, published, state, trust)


def _same_version(published: PublishedList, state: ListState) -> Finding | None:
    """Catch a list shown to one reader under the version that stands anchored with other bits."""
    if bits_root(published.bits) == state.entry.bits_root:
        return None
    return unknown(
        "status", "list_mismatch", f"two different lists {state.number} of one version are published"
    )


def _timely(published: PublishedList, state: ListState, version: int, now_ms: int) -> Finding | None:
    number = state.number
    if version > now_ms:
        return unknown(
            "status", "list_from_future", f"status list {number} is from the future: check your clock"
        )
    if now_ms - version > MAX_UNANCHORED_MS:
        return unknown(
            "status", "anchor_overdue", f"a newer status list {number} has waited over an hour for its anchor"
        )
    if published.valid_until_ms is not None and now_ms > published.valid_until_ms:
        return unknown("status", "list_ended", f"the newer status list {number} has ended")
    return None


def _signed(
    content: bytes, published: PublishedList, state: ListState, trust: TrustSet
) -> PublishedList | Finding:
    """Return the list if a key of its issuer signed it; before its anchor nothing else vouches for it."""
    keys = trust.list_keys(state.issuer)
    if not keys:
        return unknown(
            "status",
            "list_key_unknown",
            f"a newer status list {state.number} is not anchored yet, and your trust set has no key of "
            f"{state.issuer} to check its signature with",
        )
    document = parse_json_object(content)
    for key in keys:
        try:
            verify_list(document, public_key=key)
        except VerificationFailed:
            continue
        except StatusListError as exc:
            return unknown("status", "list_signature", f"the newer status list {state.number}: {exc}")
        return published
    return unknown(
        "status",
        "list_signature",
        f"the newer status list {state.number} is signed by no key of {state.issuer}",
    )
