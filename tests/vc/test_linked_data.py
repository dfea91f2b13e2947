"""JSON-LD to N-Quads: everything arrives, what would not is refused, and one statement has one spelling."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from anchor.errors import InvalidInput
from anchor.vc import linked_data
from anchor.vc.contexts import load_contexts
from anchor.vc.linked_data import DataLoss, LinkedData
from tests.interop.verifier import FOLDER as INTEROP
from tests.interop.verifier import is_installed
from tests.support.vc_documents import CONTEXT_V2, EXAMPLES_V2, credential

LINKED_DATA = LinkedData()
TERMS = "https://www.w3.org/2018/credentials#"
STATUS = {
    "id": "https://example.org/status-lists/1#4",
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "4",
    "statusListCredential": "https://example.org/status-lists/1",
}


def _document(**members: Any) -> dict[str, Any]:
    return {"@context": [CONTEXT_V2], "id": "urn:c", "type": ["VerifiableCredential"], **members}


def _with_context(context: Any, **members: Any) -> dict[str, Any]:
    return _document(**members) | {"@context": [CONTEXT_V2, context]}


TRICKY: dict[str, dict[str, Any]] = {
    "control characters": _with_context(
        EXAMPLES_V2, name='tab\t nl\n cr\r bs\b ff\f vt\x0b nul\x00 del\x7f q" bs\\ é 😀 \u2028'
    ),
    "numbers": _with_context(
        EXAMPLES_V2, n=[4485.0, 5, 2.5, 1e21, 1e22, 0.1, 1.5e-7, -3.25, True, False, 123456789012345]
    ),
    "direction and language": _with_context(
        EXAMPLES_V2,
        name={"@value": "a", "@language": "en-US", "@direction": "rtl"},
        description=[{"@value": "x", "@language": "DE"}],
    ),
    "lists": _with_context(EXAMPLES_V2, l={"@list": ["a", {"@list": ["b", 1]}, {"q": 1}]}),
    "nameless parts that look alike": _with_context(EXAMPLES_V2, s=[{"a": {}}, {"a": {}}, {"a": {"b": {}}}]),
    "rings of nameless parts": _with_context(
        EXAMPLES_V2,
        x={"id": "_:a", "k": {"id": "_:b", "k": {"id": "_:a"}}},
        y={"id": "_:c", "k": {"id": "_:d", "k": {"id": "_:c"}}},
    ),
    "credentials in a presentation": {
        "@context": [CONTEXT_V2],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": [_document(issuer="urn:i"), _document(issuer="urn:j") | {"id": "urn:d"}],
    },
    "JSON within": _with_context(
        {"j": {"@id": "urn:j", "@type": "@json"}},
        j={"b": [1, 2.5, None, 1e21, 4.0], "a": "é\u2028", "\U0001f600": 1, "\ufb33": 2},
    ),
    "coerced numbers": _with_context(
        {
            "d": {"@id": "urn:d", "@type": "http://www.w3.org/2001/XMLSchema#double"},
            "f": {"@id": "urn:f", "@type": "http://www.w3.org/2001/XMLSchema#decimal"},
        },
        d=[1, 1.5, "2"],
        f=[1, 1.5, "2"],
    ),
    "undefined term": _document(x=1),
    "undefined type": _document() | {"type": ["VerifiableCredential", "Nope"]},
}


@pytest.mark.node
@pytest.mark.skipif(not is_installed(), reason="run npm install in tests/interop")
def test_canonicalize_agrees_with_the_libraries_of_deployed_verifiers() -> None:
    """On documents with every trap we know, our N-Quads are those of jsonld and rdf-canonize from npm."""
    completed = subprocess.run(
        ["node", "canonize.mjs"],
        input=json.dumps({"contexts": load_contexts(), "documents": list(TRICKY.values())}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=INTEROP,
    )

    theirs = dict(zip(TRICKY, json.loads(completed.stdout), strict=True))

    assert {name: _canonical_or_none(document) for name, document in TRICKY.items()} == theirs
    assert [name for name, quads in theirs.items() if quads is None] == ["undefined term", "undefined type"]


def _canonical_or_none(document: dict[str, Any]) -> str | None:
    try:
        return LINKED_DATA.canonicalize(document)
    except DataLoss:
        return None


LOSSY: dict[str, dict[str, Any]] = {
    "undefined term": _document(favouriteColour="blue"),
    "undefined term in an object": _document(credentialSubject={"id": "urn:s", "gpa": 4}),
    "undefined type": _document() | {"type": ["VerifiableCredential", "Mystery"]},
    "relative id": _document() | {"id": "credential-1"},
    "relative reference": _document(credentialSchema={"id": "schema.json", "type": "JsonSchema"}),
    "keyword that is none": _document(**{"@foo": "bar"}),
    "term that means nothing": _with_context({"note": None}, note="kept?"),
    "relative base": _with_context({"@base": "https://example.org/"}) | {"id": "credential-1"},
    "blank predicate": _with_context({"p": "_:p"}, p=1),
    "language that is none": _document(name={"@value": "a", "@language": "no language"}),
    "index": _document(credentialSubject={"@index": "k", "name": "n"}),
    "loose value in a graph": _document(**{"@graph": ["loose"]}),
    "loose node in a graph": _document(**{"@graph": [{"id": "urn:x"}]}),
    "credential as a mere link": {
        "@context": [CONTEXT_V2],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": ["https://example.org/credentials/1"],
    },
    "nothing at all": {},
    "forged statements in an id": _document() | {"id": "urn:x> <urn:p> <urn:o> .\n<urn:y"},
    "forged statements in a type": _document() | {"type": ["VerifiableCredential", "urn:t> . <urn:x"]},
    "quotation mark in an id": _document(credentialSubject={"id": 'urn:"x"', "name": "n"}),
    "space in an id": _document(credentialSubject={"id": "https://example.org/a b", "name": "n"}),
    "two things at the top": {
        "@context": [CONTEXT_V2],
        "@graph": [{"id": "urn:a", "name": "a"}, {"name": "b"}],
    },
}


@pytest.mark.parametrize("case", LOSSY)
def test_canonicalize_refuses_what_would_not_be_signed(case: str) -> None:
    """Whatever JSON-LD drops, makes up or lets break out of its place is an error (Data Integrity, section 2.4.2)."""
    with pytest.raises(DataLoss):
        LINKED_DATA.canonicalize(LOSSY[case])


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "unknown context": (_with_context("https://example.org/unknown"), "'https://example.org/unknown'"),
    "unknown context within": (
        _document(credentialSubject={"@context": "https://example.org/x"}),
        "example.org/x",
    ),
    "imported context": (_with_context({"@import": "https://example.org/x"}), "example.org/x"),
    "relative context": (_with_context("contexts/v1"), "JSON-LD"),
    "number as context": (_with_context(123192875), "JSON-LD"),
    "redefined protected term": (_with_context({"VerifiableCredential": "urn:x"}), "protected"),
    "nullified contexts": (_with_context(None), "protected"),
    "term mapped to no URL": (_with_context({"T": "https ://no-url#T"}), "JSON-LD"),
    "id that is no text": (_document() | {"id": None}, "@id"),
    "type that is no text": (_document() | {"type": 2}, "@type"),
    "term defined by a number": (_with_context({"t": {"@id": 5}}, t=1), "JSON-LD"),
    "vocabulary that is a number": (_with_context({"@vocab": 5}), "JSON-LD"),
    "base that is a list": (_with_context({"@base": ["x"]}), "JSON-LD"),
}


@pytest.mark.parametrize("case", INVALID)
def test_canonicalize_refuses_bad_contexts_and_syntax(case: str) -> None:
    """What no JSON-LD processor could read, or only by fetching, is an error that names it."""
    document, named = INVALID[case]

    with pytest.raises(InvalidInput, match=named.replace("'", "")):
        LINKED_DATA.canonicalize(document)


HIDDEN: dict[str, dict[str, Any]] = {
    "full IRI": _document(**{f"{TERMS}credentialStatus": STATUS}),
    "alias": _with_context({"s": {"@id": f"{TERMS}credentialStatus", "@type": "@id"}}, s=STATUS),
    "nested": _with_context({"n": "@nest"}, n={"credentialStatus": STATUS}),
    "half of it": _document(
        credentialStatus=STATUS, **{f"{TERMS}credentialStatus": STATUS | {"id": "https://example.org/2#4"}}
    ),
    "said by the subject": _document(
        credentialSubject={"name": "n", f"{TERMS}x": {"id": "urn:c", f"{TERMS}credentialStatus": STATUS}}
    ),
    "said backwards": _document(
        **{"@included": [STATUS | {"@reverse": {f"{TERMS}credentialStatus": {"id": "urn:c"}}}]}
    ),
    "end under its IRI": _document(
        **{
            f"{TERMS}validUntil": {
                "@value": "2020-01-01T00:00:00Z",
                "@type": "http://www.w3.org/2001/XMLSchema#dateTime",
            }
        }
    ),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_canonicalize_refuses_terms_of_the_vocabulary_under_other_names(case: str) -> None:
    """A signature survives respelling; whoever reads `credentialStatus` must find every status that was signed."""
    with pytest.raises(DataLoss):
        LINKED_DATA.canonicalize(HIDDEN[case])


def test_canonicalize_plain_terms_are_all_there() -> None:
    """Spelled as they should be, status and dates are among the statements."""
    quads = LINKED_DATA.canonicalize(
        _document(credentialStatus=[STATUS, STATUS | {"id": "urn:2"}], validUntil="2030-01-01T00:00:00Z")
    )

    assert quads.count("#credentialStatus>") == 2
    assert '"2030-01-01T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>' in quads


def _deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"p": "end"}
    for _ in range(levels - 1):
        value = {"p": value}
    return value


TOO_LARGE: dict[str, dict[str, Any]] = {
    "values": _with_context(
        EXAMPLES_V2, **{f"p{number}": number for number in range(linked_data.MAX_VALUES)}
    ),
    "one long array": _with_context(EXAMPLES_V2, p=list(range(1500))),
    "depth": _with_context(EXAMPLES_V2, p=_deep(linked_data.MAX_DEPTH)),
    "contexts": _document(
        credentialSubject=[{"@context": CONTEXT_V2, "name": "n"}] * (linked_data.MAX_CONTEXTS + 1)
    ),
    "terms of its own": _with_context(
        {f"t{number}": f"urn:t{number}" for number in range(linked_data.MAX_OWN_TERMS + 10)}
    ),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_canonicalize_refuses_documents_beyond_its_limits(case: str) -> None:
    """Work is bounded before any of it is done."""
    with pytest.raises(InvalidInput, match="too large"):
        LINKED_DATA.canonicalize(TOO_LARGE[case])


def test_canonicalize_is_safe_for_threads() -> None:
    """Many threads on one object get the same as one alone."""
    documents = [credential(id=f"urn:{number}", name=f"n{number}") for number in range(24)]
    expected = [LinkedData().canonicalize(document) for document in documents]
    found: dict[int, str] = {}
    shared = LinkedData()

    def work(position: int) -> None:
        found[position] = shared.canonicalize(documents[position])

    threads = [threading.Thread(target=work, args=(position,)) for position in range(len(documents))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [found[position] for position in range(len(documents))] == expected


def test_canonicalize_leaves_the_document_as_it_was() -> None:
    """The caller's object is not changed, the bundled contexts neither."""
    document = TRICKY["JSON within"]
    before = json.dumps(document)
    contexts = json.dumps(LINKED_DATA._contexts)

    LINKED_DATA.canonicalize(document)

    assert (json.dumps(document), json.dumps(LINKED_DATA._contexts)) == (before, contexts)


def test_interop_script_is_where_this_test_looks_for_it() -> None:
    """The comparison with npm's libraries is not skipped for want of its script."""
    assert (Path(INTEROP) / "canonize.mjs").is_file()
