"""Status from evidence that came with a credential: nothing is asked but the chain.

Evidence leads from 64 bytes of a list to a root. What makes it worth anything is the contract's record of that
root: it must be the publisher's head, or speaks as of the block of the root that replaced it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anchor.chain.protocol import Head
from anchor.core.entries import Purpose
from anchor.core.verdict import Verdict
from anchor.documents import EvidenceDocument
from anchor.errors import ChainUnavailable, InvalidProof
from anchor.verify.as_of import AsOf, check_age
from anchor.verify.chain_view import Anchor, ChainView
from anchor.verify.evidence_files import parse_evidence_file
from anchor.verify.findings import Finding, Outcome, unknown
from anchor.verify.moment import Covered, Moment, check_span
from anchor.verify.neighbours import span_of
from anchor.verify.status_places import Place, Slot, StatusEntries, may_be_anchored, names_of
from anchor.verify.status_rules import STEP, StatusRead, judge
from anchor.verify.trust import TrustSet


class StapledReader:
    """Reads status entries from evidence files; each root is looked up once.

    `files` are evidence files as they were had, of which nothing is believed. `may_fetch` says of a list's
    URL whether the verifier allows to fetch it from its publisher.
    """

    __slots__ = (
        "_documents",
        "_head",
        "_may_fetch",
        "_moment",
        "_problems",
        "_roots",
        "_trust",
        "_view",
    )

    def __init__(
        self,
        files: Sequence[bytes],
        *,
        head: Head,
        view: ChainView,
        trust: TrustSet,
        moment: Moment,
        may_fetch: Callable[[str], bool],
    ) -> None:
        self._documents, self._problems = _read_files(files)
        self._head = head
        self._view = view
        self._trust = trust
        self._moment = moment
        self._may_fetch = may_fetch
        self._roots: dict[bytes, Covered | Finding] = {}

    async def read(self, entries: StatusEntries) -> StatusRead:
        """Return what the evidence says of every entry; an entry without evidence is `unknown`."""
        findings: list[Finding] = list(self._problems)
        elsewhere = []
        used: list[Covered] = []
        for slot in entries.slots:
            found = await self._evidence_of(slot)
            if found is None and slot.declared is not None and self._stands_elsewhere(slot.declared.list_url):
                elsewhere.append(slot.declared)
            elif found is None:
                findings.append(_missing(slot))
            elif isinstance(found, Finding):
                findings.append(found)
            else:
                document, covered = found
                used.append(covered)
                findings += _ruling(slot, document, covered)
        oldest = min(used, key=lambda covered: (covered.as_of.time_s, covered.as_of.sequence), default=None)
        if oldest is not None:
            findings.append(oldest.finding)
        return StatusRead(
            # Evidence of one root may fail for several entries, for one and the same reason.
            findings=tuple(dict.fromkeys(findings)),
            elsewhere=tuple(elsewhere),
            as_of=None if oldest is None else oldest.as_of,
            is_superseded=any(covered.as_of.is_superseded for covered in used),
        )

    def _stands_elsewhere(self, list_url: str) -> bool:
        """Whether a list without evidence may count as somebody else's, which needs no anchor.

        Never one that may be the publisher's: leaving evidence out would otherwise turn an anchored list into
        one that only its issuer's signature vouches for.
        """
        return self._may_fetch(list_url) and not may_be_anchored(list_url)

    async def _evidence_of(self, slot: Slot) -> tuple[EvidenceDocument, Covered] | Finding | None:
        """Return the newest evidence of an entry that counts, else why the first of it does not."""
        good: list[tuple[EvidenceDocument, Covered]] = []
        bad: list[Finding] = []
        for document in self._documents:
            if document.index != slot.index or slot.list_name not in names_of(document.state):
                continue
            covered = await self._covered(document)
            if isinstance(covered, Finding):
                bad.append(covered)
            else:
                good.append((document, covered))
        if good:
            return max(good, key=lambda item: item[1].as_of.sequence)
        return bad[0] if bad else None

    async def _covered(self, document: EvidenceDocument) -> Covered | Finding:
        try:
            root = document.root()
            if root not in self._roots:
                self._roots[root] = await self._look_up(root, document.sequence)
        except InvalidProof as exc:
            return unknown(STEP, "evidence_invalid", f"the evidence is damaged: {exc}")
        except ChainUnavailable as exc:
            return unknown(STEP, "chain_unavailable", f"the evidence's root cannot be looked up: {exc}")
        return self._roots[root]

    async def _look_up(self, root: bytes, stated_sequence: int) -> Covered | Finding:
        anchor = await self._view.find(root)
        if anchor is None:
            return unknown(
                STEP,
                "evidence_not_anchored",
                "the evidence leads to a root that your publisher has not anchored: fetch it again",
            )
        if anchor.record.sequence != stated_sequence:
            return unknown(
                STEP,
                "evidence_invalid",
                f"the evidence says batch {stated_sequence}, but leads to batch {anchor.record.sequence}",
            )
        span = await span_of(anchor, self._head, view=self._view, lists=None)
        if span is None:
            return unknown(
                STEP,
                "evidence_superseded",
                f"the evidence is of batch {anchor.record.sequence}, which was replaced, and your RPC endpoint "
                "does not show when: fetch evidence again, or use another endpoint",
            )
        if self._moment.at_s is not None:
            return check_span(span, view=self._view, trust=self._trust, at_s=self._moment.at_s)
        return self._covered_now(span.start, span.end)

    def _covered_now(self, start: Anchor, end: Anchor | None) -> Covered:
        last = start if end is None else end
        is_final = self._view.is_final(last.record.block_number)
        as_of = (
            AsOf.head(start.record, is_final=is_final)
            if end is None
            else AsOf.superseded(start.record, end.record, is_final=is_final)
        )
        age = check_age(as_of, max_age_s=self._trust.max_status_age_s, now_s=self._moment.now_s)
        return Covered(as_of=as_of, finding=age)


def _read_files(files: Sequence[bytes]) -> tuple[tuple[EvidenceDocument, ...], tuple[Finding, ...]]:
    documents: list[EvidenceDocument] = []
    problems: list[Finding] = []
    for content in files:
        try:
            documents += parse_evidence_file(content)
        except InvalidProof as exc:
            problems.append(unknown(STEP, "evidence_invalid", f"the evidence is damaged, or is none: {exc}"))
    return tuple(documents), tuple(problems)


def _ruling(slot: Slot, document: EvidenceDocument, covered: Covered) -> list[Finding]:
    place = slot.place_in(document.state)
    if not isinstance(place, Place):
        return [place]
    ruling = judge(place, now=document.value())
    assert ruling is not None, "a value always says something"
    is_old = covered.as_of.is_superseded and covered.finding.outcome is Outcome.OPEN
    # A revocation is final. A suspension may have been lifted by any of the roots since.
    if is_old and ruling.reason is not None and ruling.reason.verdict is Verdict.SUSPENDED:
        return []
    return [ruling]


def _missing(slot: Slot) -> Finding:
    where = slot.list_name if isinstance(slot.list_name, str) else f"list {slot.list_name}"
    purpose = slot.purpose if slot.purpose in {known.label for known in Purpose} else "status"
    return unknown(
        STEP, "evidence_missing", f"there is no evidence of its {purpose} entry ({where}, index {slot.index})"
    )
