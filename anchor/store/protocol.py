"""
What the service asks of durable storage.

Guarantees common to all methods: a method that writes returns only after its change is durable (it survives loss of
power), and changes all or nothing. One that raises InvalidInput, NotFound, Conflict or Overloaded changed nothing. Any
other error means that the outcome is unknown: the caller may repeat the call, since all writes are idempotent or
checked. Writes are serialised; reads see a committed state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from anchor.core.entries import Purpose, StatusEntry
from anchor.store.anchorages import AnchorageStore
from anchor.store.records import (
    Accepted,
    AnchoredList,
    Backlog,
    Batch,
    ChangeOutcome,
    DigestPlace,
    DueList,
    HistoryItem,
    Issuer,
    IssuerKeys,
    IssuerList,
    ListEvent,
    ListPlan,
    ListSigner,
    ListSpec,
    Mined,
    NewIssuer,
    NewVersion,
    NodeLevels,
    PackedAccepted,
    Payload,
    PayloadCost,
    PublishedVersion,
    Seal,
    SpentPeriod,
    StatusChange,
    Submission,
    TokenKey,
)
from anchor.store.webhooks import WebhookStore


class IssuerStore(Protocol):
    """Issuers and their API keys."""

    async def add_issuer(self, issuer: NewIssuer, *, now_ms: int) -> Issuer:
        """Add an issuer; Conflict where its identifier is taken."""
        ...

    async def issuers(self) -> Sequence[Issuer]:
        """Return all issuers in the order they were added."""
        ...

    async def issuer_by_key(self, api_key_hash: bytes) -> Issuer | None:
        """Return the issuer whose current key has this SHA-256; None where there is none."""
        ...

    async def rotate_key(self, number: int, *, api_key_hash: bytes) -> Issuer:
        """
        Replace an issuer's key: the old one is refused from now on.

        NotFound for an unknown number, Conflict for a disabled issuer.
        """
        ...

    async def disable_issuer(self, number: int) -> Issuer:
        """Refuse the issuer's key from now on; its credentials and lists stay. NotFound for an unknown number."""
        ...

    async def issuer(self, number: int) -> Issuer:
        """Return an issuer; NotFound for an unknown number."""
        ...

    async def rotate_list_key(self, number: int, signer: ListSigner, *, now_ms: int) -> IssuerKeys:
        """
        Let another key sign the issuer's lists, and record the public half of the one before as retired.

        Every list of the issuer is due then, one whose version is being signed at this moment too. NotFound for an
        unknown number; Conflict unless the signer is a did:web before and after, under one DID, and the key is new.
        """
        ...

    async def rotate_token_key(self, number: int, key: TokenKey, *, now_ms: int) -> IssuerKeys:
        """
        Let a P-256 key sign the token forms of the issuer's lists; one that did before is retired.

        Every list of the issuer is due then, as by `rotate_list_key`. NotFound for an unknown number, Conflict for an
        issuer that is no did:web and for a key that it has or had.
        """
        ...

    async def issuer_keys(self, identifier: str) -> IssuerKeys | None:
        """Return an issuer with all its list keys as of one moment; None where nobody has the identifier."""
        ...


class DigestStore(Protocol):
    """Accepted digests: one leaf for each (issuer, method, digest)."""

    async def accept(
        self, issuer: int, submissions: Sequence[Submission], *, plan: ListPlan, now_s: int
    ) -> Sequence[Accepted]:
        """
        Accept digests in the order given, each in exactly one batch, all or none of them.

        A known digest returns its first place; Conflict where it comes with another binding, where a status entry is
        bound already, InvalidInput where it was never handed out, NotFound where it is another issuer's list.
        MayBeAnchored for an unknown one, unless it says `again`, where a rebuilt database cannot tell.
        """
        ...

    async def accept_packed(
        self, issuer: int, method_code: int, digests: bytes, *, now_s: int, again: bool = False
    ) -> PackedAccepted:
        """
        Accept unbound digests, 32 bytes each, all or none; Conflict where one is known with a binding.

        MayBeAnchored as for `accept`; `again` speaks for all of them.

        The root that is returned is over the leaf hashes of all, known and repeated ones among them, in the order
        given.
        """
        ...

    async def find_digest(self, issuer: int, digest: bytes) -> Sequence[DigestPlace]:
        """
        Return where the issuer's digest stands, once for each method it was submitted under.

        NotFound where none is known, and a rebuilt database cannot tell whether there is one.
        """
        ...


class ReceiptKeyStore(Protocol):
    """The public keys that sign receipts: none is ever forgotten."""

    async def add_receipt_key(self, public_key: bytes, *, now_ms: int) -> None:
        """Record a key that signs receipts from now on; one that is recorded stays as it is."""
        ...

    async def receipt_keys(self) -> Sequence[bytes]:
        """Return every key that ever signed receipts, in the order in which they were recorded."""
        ...


class StatusStore(Protocol):
    """Status lists: allocation, bits, history, published versions."""

    async def allocate(
        self,
        issuer: int,
        count: int,
        *,
        purpose: Purpose = Purpose.REVOCATION,
        idempotency_key: str | None,
        plan: ListPlan,
        now_ms: int,
    ) -> Sequence[StatusEntry]:
        """
        Hand out status entries that were never handed out before, and make the next lists before the last are full.

        `REVOCATION` stands for pairs of revocation and suspension lists. The same idempotency key of one issuer returns
        the same entries; Conflict where it comes with another count or purpose. NotFound where the issuer has no list
        of another purpose yet.
        """
        ...

    async def add_list(self, issuer: int, spec: ListSpec, *, permutation_key: bytes, now_ms: int) -> int:
        """Make a list (a pair for revocation and suspension) and return its number, the first of the pair's."""
        ...

    async def issuer_lists(self, issuer: int) -> Sequence[IssuerList]:
        """Return an issuer's lists in number order."""
        ...

    async def change_status(
        self, issuer: int, changes: Sequence[StatusChange], *, actor: str, now_ms: int
    ) -> ChangeOutcome:
        """
        Set or clear bits and record who, when and why, all or nothing.

        Conflict for clearing a revocation, NotFound for another issuer's list, InvalidInput for an index beyond the
        list or never handed out. What is so already counts as unchanged and leaves no record.
        """
        ...

    async def status_history(self, issuer: int, entry: StatusEntry) -> Sequence[HistoryItem]:
        """Return every change of a status entry in both lists of its pair, oldest first; NotFound if not its own."""
        ...

    async def due_lists(self, *, expiring_before_ms: int) -> Sequence[DueList]:
        """
        Return lists whose bits differ from their newest version, or whose version runs out before a time.

        Small lists come first, and not all at once where they are large: ask again once these are published.
        """
        ...

    async def earliest_expiry_ms(self) -> int | None:
        """Return when the first of the lists' newest versions runs out; None where there is no version."""
        ...

    async def add_version(self, version: NewVersion) -> None:
        """Publish a version; Conflict unless it is newer than the list's newest."""
        ...

    async def list_version(
        self, number: int, version: int | None, *, form: str | None = None
    ) -> PublishedVersion | None:
        """
        Return a version of a list, the newest where none is named; None where there is no such.

        In the usual form, or in another that was published with it.
        """
        ...

    async def list_version_at(
        self, number: int, time_ms: int, *, form: str | None = None
    ) -> PublishedVersion | None:
        """Return the newest version whose `validFrom` is not after a time; None where there is no such."""
        ...

    async def list_events(self, *, after: int, limit: int) -> Sequence[ListEvent]:
        """Return publications of list versions with an id above `after`, in the order they were published."""
        ...

    async def newest_list_event(self) -> int:
        """Return the id of the newest publication; 0 where there is none."""
        ...

    async def list_states(self) -> Sequence[AnchoredList] | None:
        """Return every list at its newest version, in number order; None while one has no version yet."""
        ...

    async def list_states_at(self, batch: int) -> Sequence[AnchoredList]:
        """Return the lists as a sealed batch commits to them, in number order."""
        ...


class NamedCredentialStore(Protocol):
    """Status entries by the ids of credentials; an id is given, and kept, as its SHA-256 alone."""

    async def named_entry(
        self, issuer: int, credential: bytes, *, plan: ListPlan, now_ms: int
    ) -> StatusEntry:
        """Return the newest entry of an id of this issuer, a fresh one where there is none (see `allocate`)."""
        ...

    async def add_named_entry(
        self, issuer: int, credential: bytes, *, plan: ListPlan, now_ms: int
    ) -> StatusEntry:
        """Hand out a fresh entry for an id, which may have others already."""
        ...

    async def named_entries(self, issuer: int, credential: bytes) -> Sequence[StatusEntry]:
        """Return the entries of an id of this issuer, oldest first; none for another issuer's id."""
        ...


class BatchStore(Protocol):
    """Batches from open to final, and their trees."""

    async def backlog(self) -> Backlog:
        """Return what waits to be sealed."""
        ...

    async def unmined_entries(self) -> int:
        """Return how many accepted digests are in no mined batch yet."""
        ...

    async def close_batch(self, *, now_s: int) -> Batch:
        """Close the open batch, or an empty new one, so that later digests go to the next; or return the one closed."""
        ...

    async def unsealed_batch(self) -> Batch | None:
        """Return the batch that is closed and not sealed; there is at most one."""
        ...

    async def seal_batch(
        self, batch: int, seal: Seal, levels: NodeLevels, lists: Sequence[AnchoredList]
    ) -> None:
        """
        Fix a closed batch's root, tree and list versions; the state becomes `sealed`.

        Conflict where another batch took the sequence since, or is the newest now, and where a list's version would
        fall below that of a lower sequence.
        """
        ...

    async def reseal_batch(
        self, batch: int, seal: Seal, left_edge: Sequence[bytes], states: Sequence[AnchoredList]
    ) -> None:
        """
        Give an unmined batch another sequence: its root, its lists, and the first complete node of each level, change.

        Its payloads are kept but count for nothing any more; the state becomes `sealed`. Another unmined batch that
        has the sequence is displaced: it keeps its seal, and takes the sequence back if that seal is mined after all.
        Conflict where a list's version would fall below that of a lower sequence.
        """
        ...

    async def batch(self, batch: int) -> Batch | None:
        """Return a batch by its id."""
        ...

    async def batch_by_sequence(self, sequence: int) -> Batch | None:
        """Return the batch of a sequence of the last anchorage; never a displaced one."""
        ...

    async def former_batch(self, anchorage: int, sequence: int) -> Batch | None:
        """Return the final batch of a sequence of an earlier anchorage."""
        ...

    async def newest_sealed(self) -> Batch | None:
        """Return the sealed batch of the highest sequence of the last anchorage."""
        ...

    async def newest_mined(self) -> Batch | None:
        """Return the mined or final batch of the highest sequence of the last anchorage."""
        ...

    async def newest_final(self) -> Batch | None:
        """Return the final batch of the highest sequence of the last anchorage."""
        ...

    async def unfinished_batches(self) -> Sequence[Batch]:
        """Return the sealed batches that are not final, lowest sequence first, the older of two that share one."""
        ...

    async def nodes(self, batch: int, level: int, start: int, count: int) -> bytes:
        """Return complete nodes of a level, 32 bytes each; fewer where the level ends."""
        ...

    async def inclusion_path(self, batch: int, leaf_index: int, tree_size: int) -> Sequence[bytes]:
        """Return the inclusion path of a leaf of a sealed batch."""
        ...


class OutboxStore(Protocol):
    """Signed transactions, stored before they are broadcast."""

    async def add_payload(self, batch: int, payload: Payload) -> None:
        """Store a signed transaction of a batch; the batch's state becomes `sent`."""
        ...

    async def payloads(self, batch: int) -> Sequence[Payload]:
        """Return the payloads of a batch's present anchorage and sequence, oldest first."""
        ...

    async def payloads_of_nonce(self, sender: str, nonce: int) -> Sequence[Payload]:
        """
        Return every payload of a nonce of an account on the last anchorage's chain, the dearest last.

        Whichever batch, call and contract it was signed for: one of them at most is mined.
        """
        ...

    async def mark_mined(self, batch: int, mined: Mined) -> None:
        """
        Record in which block the anchor stands; the state becomes `mined`.

        A sequence is one batch's on chain: another that was called mined under it is `sent` again.
        """
        ...

    async def mark_unmined(self, batch: int) -> None:
        """Forget the block: the state goes back to `sent`."""
        ...

    async def mark_final(self, batch: int) -> None:
        """Record that the anchor's block is final; nothing of the batch changes any more."""
        ...


class CostStore(Protocol):
    """What payloads cost: of each, from the moment it is stored."""

    async def open_costs(self) -> Sequence[PayloadCost]:
        """Return the costs that no final block has settled, in the order in which the payloads were stored."""
        ...

    async def note_cost(self, payload: bytes, cost_wei: int, *, mined_s: int) -> None:
        """Note what a payload cost in the block that holds it, which may still be reorganised away."""
        ...

    async def settle_costs(self, sender: str, nonce: int) -> None:
        """Settle the payloads of a nonce that a final block has used: what was noted of them stands for good."""
        ...

    async def spent_since(self, time_s: int) -> SpentPeriod:
        """Return what the settled payloads that were mined on the present chain at a time or later cost."""
        ...


class Store(
    IssuerStore,
    DigestStore,
    ReceiptKeyStore,
    StatusStore,
    NamedCredentialStore,
    BatchStore,
    OutboxStore,
    CostStore,
    WebhookStore,
    AnchorageStore,
    Protocol,
):
    """All of it, and the facts that a database is tied to."""

    async def pin(self, name: str, value: str) -> str:
        """Store a fact at the first call and return it at every later one, whatever the value given then."""
        ...

    async def note_strangers(self, sequence: int) -> None:
        """Note that anchors up to a sequence, which no batch has, were seen and are a stranger's."""
        ...

    async def strangers_noted(self) -> int:
        """Return the highest sequence that was noted as a stranger's; 0 where there is none."""
        ...

    async def close(self) -> None:
        """Finish the writes under way and close the files."""
        ...
