"""
RDF Dataset Canonicalization 1.0 (RDFC-1.0) with SHA-256: the one spelling of a dataset that a signature covers.

Terms are kept as N-Quads writes them: `<IRI>`, `_:label`, `"literal"` with its type or language. The algorithm takes
exponential time where blank nodes cannot be told apart by what is said of them ("dataset poisoning", section 7.1 of the
specification), so its work is bounded.

Source: W3C RDF Dataset Canonicalization, sections 4.4 to 4.8; N-Quads in the canonical form of its section 5.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations

from anchor.errors import InvalidInput

MAX_STEPS = 10_000
"""How many orders of alike blank nodes are tried: real credentials need a few dozen, each costs some 10 µs."""

_BLANK = "_:"
_ESCAPES = str.maketrans(
    {code: f"\\u{code:04X}" for code in (*range(0x20), 0x7F)}
    | {0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0C: "\\f", 0x0D: "\\r", 0x22: '\\"', 0x5C: "\\\\"}
)


@dataclass(frozen=True, slots=True)
class Quad:
    """One statement, its terms as N-Quads writes them; `graph` is empty in the default graph."""

    subject: str
    predicate: str
    object: str
    graph: str = ""


class TooSymmetric(InvalidInput):
    """So many blank nodes look alike that telling them apart would take too long: give them an `id` each."""


def iri(value: str) -> str:
    """Write an IRI; requires one without the characters that N-Quads would escape."""
    return f"<{value}>"


def literal(value: str, *, datatype: str = "", language: str = "") -> str:
    """Write a literal with its datatype or its language, if any."""
    quoted = f'"{value.translate(_ESCAPES)}"'
    if language:
        return f"{quoted}@{language}"
    return f"{quoted}^^{iri(datatype)}" if datatype else quoted


def canonical_quads(quads: Iterable[Quad], *, max_steps: int = MAX_STEPS) -> str:
    """
    Return the canonical N-Quads of a dataset.

    Guarantees equal texts for datasets that differ in nothing but labels of blank nodes, order and repetition. Raises
    TooSymmetric beyond `max_steps`.
    """
    dataset = set(quads)
    try:
        issuer = _Canonicalization(dataset, max_steps).run()
    except RecursionError as exc:
        raise TooSymmetric("the document's nameless parts form too long a chain: give each an id") from exc
    return "".join(sorted(_line(_relabelled(quad, issuer.label)) for quad in dataset))


class _Issuer:
    """Hands out labels in the order asked for, each node once (section 4.5)."""

    __slots__ = ("_prefix", "issued")

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.issued: dict[str, str] = {}

    def label(self, node: str) -> str:
        return self.issued.setdefault(node, f"{self._prefix}{len(self.issued)}")

    def copy(self) -> _Issuer:
        twin = _Issuer(self._prefix)
        twin.issued = dict(self.issued)
        return twin


class _Canonicalization:
    """The state of one run (section 4.3)."""

    __slots__ = ("_canonical", "_first_degree", "_mentions", "_steps_left")

    def __init__(self, dataset: Iterable[Quad], max_steps: int) -> None:
        self._mentions: dict[str, list[Quad]] = defaultdict(list)
        for quad in dataset:
            for node in {node for _, node in _blank_nodes(quad)}:
                self._mentions[node].append(quad)
        self._canonical = _Issuer("_:c14n")
        self._first_degree: dict[str, str] = {}
        self._steps_left = max_steps

    def run(self) -> _Issuer:
        """Issue a canonical label for every blank node (section 4.4.3)."""
        alike: dict[str, list[str]] = defaultdict(list)
        for node in self._mentions:
            self._first_degree[node] = self._hash_first_degree(node)
            alike[self._first_degree[node]].append(node)
        for _, nodes in sorted(alike.items()):
            if len(nodes) == 1:
                self._canonical.label(nodes[0])
        for _, nodes in sorted(alike.items()):
            results = []
            for node in nodes:
                if node not in self._canonical.issued:
                    temporary = _Issuer("_:b")
                    temporary.label(node)
                    results.append(self._hash_n_degree(node, temporary))
            for _, issuer in sorted(results, key=lambda result: result[0]):
                for node in issuer.issued:
                    self._canonical.label(node)
        return self._canonical

    def _hash_first_degree(self, node: str) -> str:
        """Section 4.6.3."""
        lines = (
            _line(_relabelled(quad, lambda other: "_:a" if other == node else "_:z"))
            for quad in self._mentions[node]
        )
        return _sha256("".join(sorted(lines)))

    def _hash_related(self, related: str, quad: Quad, issuer: _Issuer, position: str) -> str:
        """Section 4.7.3."""
        known = self._canonical.issued.get(related) or issuer.issued.get(related)
        predicate = "" if position == "g" else quad.predicate
        return _sha256(position + predicate + (known or self._first_degree[related]))

    def _hash_n_degree(self, node: str, issuer: _Issuer) -> tuple[str, _Issuer]:
        """Section 4.8.3: return the hash of the node's surroundings, and the labels given on the way."""
        by_hash: dict[str, list[str]] = defaultdict(list)
        for quad in self._mentions[node]:
            for position, related in _blank_nodes(quad):
                if related != node:
                    by_hash[self._hash_related(related, quad, issuer, position)].append(related)
        data = ""
        for related_hash, nodes in sorted(by_hash.items()):
            chosen_path, chosen_issuer = "", issuer
            for order in permutations(sorted(nodes)):
                found = self._follow(order, issuer.copy(), chosen_path)
                if found is not None and (not chosen_path or found[0] < chosen_path):
                    chosen_path, chosen_issuer = found
            data += related_hash + chosen_path
            issuer = chosen_issuer
        return _sha256(data), issuer

    def _follow(self, order: tuple[str, ...], issuer: _Issuer, chosen: str) -> tuple[str, _Issuer] | None:
        """Return the path of one order of the related nodes; None as soon as it cannot be the least (step 5.4)."""
        self._steps_left -= 1
        if self._steps_left < 0:
            raise TooSymmetric(
                "too many parts of the document look alike to be told apart: give each an id of its own"
            )
        path = ""
        unvisited = []
        for related in order:
            if related in self._canonical.issued:
                path += self._canonical.issued[related]
            else:
                if related not in issuer.issued:
                    unvisited.append(related)
                path += issuer.label(related)
            if _cannot_win(path, chosen):
                return None
        for related in unvisited:
            related_hash, found = self._hash_n_degree(related, issuer)
            path += f"{issuer.label(related)}<{related_hash}>"
            issuer = found
            if _cannot_win(path, chosen):
                return None
        return path, issuer


def _cannot_win(path: str, chosen: str) -> bool:
    return bool(chosen) and len(path) >= len(chosen) and path > chosen


def _blank_nodes(quad: Quad) -> Iterator[tuple[str, str]]:
    for position, term in (("s", quad.subject), ("o", quad.object), ("g", quad.graph)):
        if term.startswith(_BLANK):
            yield position, term


def _relabelled(quad: Quad, label: Callable[[str], str]) -> Quad:
    def of(term: str) -> str:
        return label(term) if term.startswith(_BLANK) else term

    return Quad(of(quad.subject), quad.predicate, of(quad.object), of(quad.graph))


def _line(quad: Quad) -> str:
    graph = f" {quad.graph}" if quad.graph else ""
    return f"{quad.subject} {quad.predicate} {quad.object}{graph} .\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
