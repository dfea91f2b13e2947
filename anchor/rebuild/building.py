"""Fills an empty database from published files: issuers, lists, batches, versions, in that order."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from hashlib import sha256

from anchor.core.entries import Purpose, StatusSummary, bits_root, list_url
from anchor.documents import ListState
from anchor.errors import NotFound
from anchor.rebuild.base import Base
from anchor.rebuild.lines import Line
from anchor.rebuild.reading import LoadedBatch, SignedVersion, Sources
from anchor.rebuild.report import ListKeyState, RebuildReport, RebuiltAnchorage, RebuiltIssuer
from anchor.rebuild.signers import SeenKeys, SignerMaker
from anchor.store.records import ListSpec, Mined, NewIssuer, Seal
from anchor.store.sqlite import issuers, rebuilt, receipt_keys
from anchor.store.sqlite.anchorages import add_rebuilt
from anchor.store.sqlite.lists import committed_versions
from anchor.store.sqlite.rebuilt import RebuiltList, RebuiltPlace, RebuiltVersion
from anchor.store.sqlite.takeover import add_token_keys, retired_token_key
from anchor.store.sqlite.writer import Session
from anchor.verify.audit_chain import AuditedAnchor
from status_lists.did_web import hosted_slug

OnBatch = Callable[[int, int], None]
"""Told after each batch: (batches looked at, batches in all)."""


class Building:
    """One rebuild: what was read of lists and issuers, and the session that it is written to."""

    def __init__(
        self,
        *,
        session: Session,
        signers: SignerMaker,
        base_url: str,
        base: Base | None,
        report: RebuildReport,
    ) -> None:
        self._session = session
        # Of the last anchorage: lists are one history over all, and every place has them under one name.
        self._sources = Sources(())
        self._signers = signers
        self._base_url = base_url
        self._base = base
        self._report = report
        self._states: tuple[ListState, ...] = ()
        self._seen: dict[str, SeenKeys] = {}
        self._numbers: dict[str, int] = {}
        # The versions that are in the database, and of each list the newest that can be read.
        self._versions: set[tuple[int, int]] = set()
        self._newest: dict[int, SignedVersion] = {}
        self._unanchored: dict[int, SignedVersion] = {}
        self._heads: dict[tuple[int, int], SignedVersion] = {}
        # In the order first seen: the retired before the present one.
        self._receipt_keys: dict[bytes, None] = {}

    async def build(self, lines: Sequence[Line], on_batch: OnBatch | None) -> None:
        """Write everything that is published and fits the chain, oldest anchorage first; report what is not."""
        self._sources = lines[-1].sources
        await self._read_lists(lines)
        self._write_issuers()
        self._write_lists()
        for key in (key for found in await self._sources.receipt_keys() for key in found.keys):
            self._receipt_keys[key] = None
        total, done = sum(len(line.anchors) for line in lines), 0
        for line in lines:
            number = add_rebuilt(self._session, line.place, line.publishers)
            before = self._report.rebuilt
            for anchor in line.anchors:
                place = RebuiltPlace(batch=done + 1, anchorage=number, is_last=line is lines[-1])
                await self._batch(place, anchor, line.sources)
                done += 1
                if on_batch is not None:
                    on_batch(done, total)
            self._report.anchorages.append(_told(number, line, rebuilt=self._report.rebuilt - before))
        for state in self._states:
            if (state.number, state.entry.version) not in self._versions:
                # Of a batch that is missing: the list goes on from it all the same, and the next batch commits to it.
                self._write_anchored(state, self._heads.get((state.number, state.entry.version)), None)
        for number, version in self._unanchored.items():
            self._write_version(number, version, batch=None)
        if self._base is not None:
            self._base.write_entries(self._session, self.issuer_number, self._report)
            self._base.write_history(self._session)
        for state in self._states:
            self._write_bits(state)

    def finish(self) -> None:
        """Write what is known only in the end, and count what came of it."""
        for identifier, seen in self._seen.items():
            rebuilt.add_retired_keys(self._session, self._numbers[identifier], seen.retired())
        if self._base is not None:
            self._base.write_rest(self._session)
        for key in self._receipt_keys:
            # Their first use is known to the lost database alone: the order tells it.
            receipt_keys.add_receipt_key(self._session, key, 0)
        row = self._session.one("select count(*) as digests from entries")
        self._report.digests = int(row["digests"]) if row else 0
        for issuer in issuers.issuers(self._session):
            self._report_issuer(issuer.number, issuer.identifier)

    def issuer_number(self, identifier: str) -> int:
        """Return an issuer's number, adding one that has no list and so is named by proofs and backups only."""
        if identifier not in self._numbers:
            self._add_issuer(identifier, SeenKeys(identifier))
        return self._numbers[identifier]

    async def _read_lists(self, lines: Sequence[Line]) -> None:
        """Read the newest batch document that can be had: it names every list there is, and its issuer."""
        newest = None
        every = [(line.sources, anchor) for line in lines for anchor in line.anchors]
        for sources, anchor in reversed(every):
            try:
                newest = await sources.batch_document(anchor)
            except NotFound:
                continue
            break
        self._states = newest.lists if newest else ()
        for state in self._states:
            await self._read_list(state, newest.description.header.sequence if newest else 0)
        if await self._sources.has_list(len(self._states)):
            self._report.lose(
                None,
                "list_unanchored",
                f"list {len(self._states)} was published and is in no batch that could be had: its number will be "
                "given to another list; credentials that name it must be issued again",
            )
        for seen in self._seen.values():
            slug = hosted_slug(seen.did, self._base_url) if seen.did else None
            content = await self._sources.did_document(slug) if slug else None
            if content is not None:
                seen.see_document(content)

    async def _read_list(self, state: ListState, sequence: int) -> None:
        seen = self._seen.setdefault(state.issuer, SeenKeys(state.issuer))
        if state.url != list_url(self._base_url, state.number):
            self._report.lose(
                sequence, "list_url", f"list {state.number} is {state.url}, not below server.base_url"
            )
        try:
            anchored = await self._sources.version(state)
        except NotFound as exc:
            self._report.lose(sequence, "list_missing", f"list {state.number} as last anchored: {exc}")
            return
        self._heads[state.number, state.entry.version] = anchored
        seen.see(anchored)
        newest = await self._sources.newest(state)
        if newest is None or newest.version <= anchored.version:
            return
        reason = _refusal(newest, anchored, state, seen)
        if reason:
            self._report.lose(
                None, "list_refused", f"list {state.number}, version {newest.version}: {reason}"
            )
            return
        seen.see(newest)
        self._unanchored[state.number] = newest

    def _write_issuers(self) -> None:
        if self._base is not None:
            self._numbers.update(self._base.write_issuers(self._session, self._seen, self._signers))
        for identifier, seen in self._seen.items():
            if identifier not in self._numbers:
                self._add_issuer(identifier, seen)

    def _add_issuer(self, identifier: str, seen: SeenKeys) -> None:
        issuer = NewIssuer(
            identifier=identifier,
            name=identifier,
            signer=self._signers.signer(identifier, seen),
            # The hash of a key that nobody has: the operator gives the issuer a new one.
            api_key_hash=sha256(secrets.token_bytes(32)).digest(),
        )
        first_ms = min(seen.first_ms.values(), default=0)
        number = issuers.add_issuer(self._session, issuer, max(0, first_ms)).number
        self._numbers[identifier] = number
        tokens = [retired_token_key(method, key) for method, key in reversed(seen.token_keys.items())]
        add_token_keys(self._session, number, tokens)

    def _write_lists(self) -> None:
        previous: RebuiltList | None = None
        for state in self._states:
            entry = state.entry
            version = self._unanchored.get(state.number) or self._heads.get((state.number, entry.version))
            messages = version.published.messages if version else ()
            spec = ListSpec(entry.purpose, entry.bits_per_entry, entry.length, messages)
            issuer = self._numbers[state.issuer]
            known_key = self._base.permutation_key(state.number) if self._base else None
            previous = RebuiltList(
                number=state.number,
                issuer=issuer,
                spec=spec,
                first_of_pair=rebuilt.pair_of(previous, state.number, issuer, spec),
                permutation_key=known_key or secrets.token_bytes(32),
            )
            rebuilt.add_list(self._session, previous)

    async def _batch(self, place: RebuiltPlace, anchor: AuditedAnchor, sources: Sources) -> None:
        sequence = anchor.event.sequence
        try:
            loaded = await sources.batch(anchor)
            self._require_same_lists(loaded.document.lists)
        except NotFound as exc:
            if self._base is not None and self._base.explains(anchor.event.transaction_hash, place.anchorage):
                return
            where = (
                f"batch {sequence}" if place.is_last else f"batch {sequence} of anchorage {place.anchorage}"
            )
            self._report.lose(sequence, "batch_missing", f"{where}: {exc}")
            rebuilt.add_missing_batch(self._session, place, sequence, anchor.event.root)
            return
        versions = {
            state.number: await self._version(state, sequence)
            for state in loaded.document.lists
            if (state.number, state.entry.version) not in self._versions
        }
        self._session.execute("begin")
        self._report.leaves += _write_batch(self._session, place, anchor, loaded)
        for state in loaded.document.lists:
            if state.number in versions:
                self._write_anchored(state, versions[state.number], place.batch)
        _freeze(self._session, place.batch, [state.entry.version for state in loaded.document.lists])
        self._session.execute("commit")
        self._report.rebuilt += 1

    def _require_same_lists(self, states: Sequence[ListState]) -> None:
        for state in states:
            known = self._states[state.number] if state.number < len(self._states) else None
            if known is None or _fixed(known) != _fixed(state):
                raise NotFound(f"its list {state.number} is not the one that later batches commit to")

    async def _version(self, state: ListState, sequence: int) -> SignedVersion | None:
        known = self._heads.get((state.number, state.entry.version))
        if known is not None:
            return known
        try:
            version = await self._sources.version(state)
        except NotFound as exc:
            place = f"list {state.number}, version {state.entry.version}"
            # The newest one was named when the lists were read.
            if state.entry.version != self._states[state.number].entry.version:
                self._report.lose(sequence, "version_missing", f"{place}: {exc}")
            return None
        self._seen[state.issuer].see(version)
        return version

    def _write_anchored(self, state: ListState, version: SignedVersion | None, batch: int | None) -> None:
        if version is not None:
            self._write_version(state.number, version, batch=batch)
            return
        self._versions.add((state.number, state.entry.version))
        missing = RebuiltVersion(
            list_number=state.number,
            version=state.entry.version,
            valid_until_ms=state.entry.version,
            bits_root=state.entry.bits_root,
            batch=batch,
            document=b"",
        )
        rebuilt.add_version(self._session, missing)

    def _write_version(self, number: int, version: SignedVersion, *, batch: int | None) -> None:
        self._versions.add((number, version.version))
        rebuilt.add_version(self._session, _version_row(number, version, batch))
        newest = self._newest.get(number)
        if newest is None or newest.version < version.version:
            self._newest[number] = version

    def _write_bits(self, state: ListState) -> None:
        newest = self._newest.get(state.number)
        signer = issuers.issuer_by_number(self._session, self._numbers[state.issuer]).signer
        rebuilt.set_bits(
            self._session,
            state.number,
            newest.version if newest else None,
            newest.published.bits if newest else b"",
            signs_anew=bool(signer.sealed_seed),
        )

    def _report_issuer(self, number: int, identifier: str) -> None:
        signer = issuers.issuer_by_number(self._session, number).signer
        seen = self._seen.get(identifier)
        if not signer.sealed_seed:
            key = ListKeyState.LOST
        elif seen is None or seen.newest is None or seen.newest.public_key != signer.public_key:
            key = ListKeyState.NEW if self._base is None else ListKeyState.HELD
        else:
            key = ListKeyState.HELD
        own = [state.number for state in self._states if state.issuer == identifier]
        ends = [self._newest[at].published.valid_until_ms or 0 for at in own if at in self._newest]
        self._report.issuers.append(
            RebuiltIssuer(
                number=number,
                identifier=identifier,
                verification_method=signer.verification_method,
                list_key=key,
                lists=len(own),
                lists_hold_until_ms=min(ends, default=None),
            )
        )


def _version_row(number: int, version: SignedVersion, batch: int | None) -> RebuiltVersion:
    """Return a version as the store keeps it."""
    return RebuiltVersion(
        list_number=number,
        version=version.version,
        valid_until_ms=version.published.valid_until_ms or 0,
        bits_root=bits_root(version.published.bits),
        batch=batch,
        document=version.content,
    )


def _told(number: int, line: Line, *, rebuilt: int) -> RebuiltAnchorage:
    return RebuiltAnchorage(
        number=number,
        chain_id=line.place.chain_id,
        contract=line.place.contract,
        publisher=line.publishers[0],
        anchored=len(line.anchors),
        rebuilt=rebuilt,
        is_compared=line.is_compared,
    )


def _write_batch(session: Session, place: RebuiltPlace, anchor: AuditedAnchor, loaded: LoadedBatch) -> int:
    description, event = loaded.document.description, anchor.event
    if anchor.time_s is None:
        raise AssertionError("an anchor without a record is a discrepancy")
    seal = Seal(
        sequence=event.sequence,
        previous_root=description.header.previous_root,
        sealed_s=description.header.created_s,
        credential_root=description.credential_root,
        status_root=StatusSummary.of(description.list_entries).status_root(),
        root=event.root,
    )
    mined = Mined(
        transaction=event.transaction_hash,
        block_number=event.block_number,
        block_hash=event.block_hash,
        block_time_s=anchor.time_s,
        publisher=anchor.publisher,
    )
    return rebuilt.add_batch(session, place, seal, mined, loaded.tree.levels)


def _freeze(session: Session, batch: int, versions: list[int]) -> None:
    """Let a batch commit to exactly these versions, where the rule for versions in order would give others."""
    if committed_versions(session, batch) != versions:
        session.execute(
            "insert into list_snapshots (batch, versions) values (?, ?)", (batch, json.dumps(versions))
        )


def _fixed(state: ListState) -> tuple[object, ...]:
    entry = state.entry
    return state.url, state.issuer, entry.purpose, entry.bits_per_entry, entry.length


def _refusal(newest: SignedVersion, anchored: SignedVersion, state: ListState, seen: SeenKeys) -> str:
    """Return why a version that no batch commits to is not relied on; empty where it is."""
    # The chain vouches for anchored bits alone: a newer list counts by its signature, with a key that is known.
    is_own_key = newest.published.issuer == state.issuer and state.issuer.startswith("did:key:")
    if not is_own_key and newest.verification_method not in seen.keys:
        return "it is not anchored, and signed by a key that signed no anchored list of its issuer"
    before, after = (int.from_bytes(item.published.bits, "big") for item in (anchored, newest))
    if state.entry.purpose is Purpose.REVOCATION and before & ~after:
        return "it takes a revocation back"
    return ""
