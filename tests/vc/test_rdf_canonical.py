"""RDFC-1.0: canonical whatever the labels and the order, the same as a JSON-LD library's, and bounded."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld

from anchor.vc.rdf_canonical import Quad, TooSymmetric, canonical_quads, literal

P, Q = "<urn:p>", "<urn:q>"


def _oracle(quads: list[Quad]) -> str:
    """Canonicalise with PyLD."""
    text = "".join(
        f"{quad.subject} {quad.predicate} {quad.object}{' ' if quad.graph else ''}{quad.graph} .\n"
        for quad in set(quads)
    )
    options = {
        "algorithm": "URDNA2015",
        "inputFormat": "application/n-quads",
        "format": "application/n-quads",
    }
    found: str = jsonld.normalize(text, options)
    return found


_NODES = st.integers(0, 5).map(lambda number: f"_:n{number}")
_TERMS = st.one_of(_NODES, st.sampled_from(["<urn:a>", "<urn:b>", '"text"', '"x"@en', '"1"^^<urn:t>']))
_QUADS = st.builds(
    Quad,
    subject=st.one_of(_NODES, st.just("<urn:s>")),
    predicate=st.sampled_from([P, Q]),
    object=_TERMS,
    graph=st.one_of(st.just(""), _NODES, st.just("<urn:g>")),
)


def _names_a_node_twice(quad: Quad) -> bool:
    nodes = [term for term in (quad.subject, quad.object, quad.graph) if term.startswith("_:")]
    return len(set(nodes)) < len(nodes)


@given(st.lists(_QUADS.filter(lambda quad: not _names_a_node_twice(quad)), max_size=10))
def test_canonical_quads_equal_those_of_pyld(quads: list[Quad]) -> None:
    """On any small dataset both give the same text; PyLD counts a statement of a node about itself twice."""
    assert canonical_quads(quads) == _oracle(quads)


def test_canonical_quads_of_a_node_about_itself_are_those_of_rdf_canonize() -> None:
    """Naming a node twice, a statement still counts once; the labels are those of npm's rdf-canonize 4.0.1."""
    quads = [Quad("<urn:s>", P, "_:n0"), Quad("_:n1", P, "_:n1")]

    assert canonical_quads(quads) == "<urn:s> <urn:p> _:c14n0 .\n_:c14n1 <urn:p> _:c14n1 .\n"


@given(st.lists(_QUADS, max_size=8), st.randoms(use_true_random=False))
def test_canonical_quads_do_not_depend_on_labels_order_or_repetition(
    quads: list[Quad], rng: random.Random
) -> None:
    """The same statements under other labels, shuffled and said twice, have the same canonical form."""
    labels = [f"_:m{number}" for number in range(6)]
    rng.shuffle(labels)

    def renamed(term: str) -> str:
        return labels[int(term.removeprefix("_:n"))] if term.startswith("_:n") else term

    other = [Quad(renamed(q.subject), q.predicate, renamed(q.object), renamed(q.graph)) for q in quads * 2]
    rng.shuffle(other)

    assert canonical_quads(other) == canonical_quads(quads)


def test_canonical_quads_of_alike_nodes_in_graphs_are_those_of_rdf_canonize() -> None:
    """Where the related node names a graph, the predicate does not count; labels as rdf-canonize 4.0.1 has them."""
    quads = [Quad("_:n0", P, "_:n1", "_:n2"), Quad("_:n1", P, "_:n0", "_:n3")]
    expected = "_:c14n0 <urn:p> _:c14n3 _:c14n1 .\n_:c14n3 <urn:p> _:c14n0 _:c14n2 .\n"

    assert canonical_quads(quads) == expected == _oracle(quads)


def test_canonical_quads_of_nothing_are_empty() -> None:
    """No statements, no text."""
    assert canonical_quads([]) == ""


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain é 😀", '"plain é 😀"'),
        ('quote " and \\', '"quote \\" and \\\\"'),
        ("\b\t\n\f\r", '"\\b\\t\\n\\f\\r"'),
        ("\x00\x0b\x1f\x7f", '"\\u0000\\u000B\\u001F\\u007F"'),
    ],
)
def test_literal_escapes_exactly_what_the_specification_says(value: str, written: str) -> None:
    """Canonical N-Quads escape control characters, quotation mark and backslash, nothing else (section 5)."""
    assert literal(value) == written


def test_literal_has_its_datatype_or_its_language() -> None:
    """A typed literal names its type, a text in a language the language, a plain text neither."""
    assert literal("1", datatype="urn:t") == '"1"^^<urn:t>'
    assert literal("a", language="en-us") == '"a"@en-us'


def _clique(size: int) -> list[Quad]:
    return [Quad(f"_:n{a}", P, f"_:n{b}") for a, b in itertools.permutations(range(size), 2)]


def test_canonical_quads_of_a_small_clique_are_found() -> None:
    """A few nodes that cannot be told apart are no obstacle."""
    assert canonical_quads(_clique(4)) == _oracle(_clique(4))


def test_canonical_quads_poisoned_dataset_is_refused() -> None:
    """A dataset made to take for ever takes a bounded number of steps (section 7.1 of the specification)."""
    with pytest.raises(TooSymmetric, match="look alike"):
        canonical_quads(_clique(12))


def test_canonical_quads_stop_at_the_very_step() -> None:
    """The bound counts: one step fewer than a dataset needs, and it is refused."""
    quads: list[Any] = _clique(3)
    needed = next(steps for steps in range(1, 1000) if _is_enough(quads, steps))

    with pytest.raises(TooSymmetric):
        canonical_quads(quads, max_steps=needed - 1)


def _is_enough(quads: list[Quad], steps: int) -> bool:
    try:
        canonical_quads(quads, max_steps=steps)
    except TooSymmetric:
        return False
    return True


def test_canonical_quads_endless_chain_is_refused() -> None:
    """A chain deeper than the interpreter can follow is an error of the document's, not of ours."""
    ring = [Quad(f"_:n{number}", P, f"_:n{(number + 1) % 3000}") for number in range(3000)]

    with pytest.raises(TooSymmetric):
        canonical_quads(ring)
