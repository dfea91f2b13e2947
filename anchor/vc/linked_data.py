"""
JSON-LD to canonical N-Quads, losing nothing: the one place that speaks to PyLD.

A signature covers the N-Quads, a reader reads the JSON. Three things follow:

- Whatever JSON-LD would drop on the way (a term that no context defines, a relative reference, a loose value) is
  refused.
- So is every IRI that N-Quads cannot hold unescaped: PyLD writes IRIs as they are, and one with `>` could forge
  statements.
- The same statements have many spellings in JSON. Someone who holds a revoked or expired credential could rewrite
  `credentialStatus` or `validUntil` as a full IRI, an alias or an included node: the signature still holds, and whoever
  reads the plain member finds none. So terms of the credentials vocabulary must stand under their own names.

Source: W3C JSON-LD 1.1 Processing Algorithms; W3C Verifiable Credential Data Integrity 1.0, section 2.4.2 (Securing
Data Losslessly). Direction of text is kept as `i18n-datatype`, as deployed verifiers do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pyld import jsonld
from pyld.context_resolver import ContextResolver

from anchor.core.strict_json import JsonValue, canonical_json
from anchor.errors import InvalidInput
from anchor.vc.contexts import load_contexts
from anchor.vc.rdf_canonical import Quad, canonical_quads, iri, literal

MAX_VALUES = 10_000
"""JSON values in a document: a transcript of 300 courses has some 9,000; each costs 50 µs to 200 µs."""

MAX_ARRAY_SQUARES = 2_000_000
"""The squares of all arrays' lengths, added up: PyLD compares every item with every other, 0.4 µs each time."""

MAX_CONTEXTS = 500
"""Contexts named in a document, those of enclosed credentials included: each is processed where it stands."""

MAX_OWN_TERMS = 200
"""JSON values in contexts that the document brings itself: these may be processed anew for each of its nodes."""

MAX_DEPTH = 60

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`\x7f\ud800-\udfff]+")
_BLANK = re.compile(r"_:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?", re.ASCII)
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*", re.ASCII)
_VOCABULARY = "https://www.w3.org/2018/credentials#"
_JSON = "http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON"
_STRING = "http://www.w3.org/2001/XMLSchema#string"
_CONTAINERS = ("@list", "@set", "@included")

_STUMBLES = (ValueError, TypeError, AttributeError, KeyError, IndexError)
"""What PyLD raises where it meets a type that it did not expect, in contexts above all."""

Expanded = Any
"""What PyLD makes of a document; looked at here and nowhere else."""


class DataLoss(InvalidInput):
    """A part of the document would not be covered by a signature over its N-Quads."""


class LinkedData:
    """
    Canonicalises JSON-LD documents with the bundled contexts; may be shared by threads.

    Takes a hundredth of a second for a small credential, a second and more at the limits above.
    """

    def __init__(self) -> None:
        self._contexts = load_contexts()

    def canonicalize(self, document: Mapping[str, JsonValue]) -> str:
        """
        Return the canonical N-Quads of a document.

        Guarantees that every member but a null one is in them. Raises DataLoss where one would be dropped, InvalidInput
        for a context that is not bundled or contradicts another, and for a document beyond the limits.
        """
        _Size().count(dict(document), depth=1, is_context=False)
        try:
            dataset = self._dataset(document)
        except jsonld.JsonLdError as exc:
            raise InvalidInput(f"the document is no valid JSON-LD: {_first_cause(exc)}") from exc
        except RecursionError as exc:
            raise InvalidInput("the document is nested too deeply for JSON-LD") from exc
        except _STUMBLES as exc:
            raise InvalidInput("the document is no valid JSON-LD") from exc
        return canonical_quads(_quads(dataset))

    def _dataset(self, document: Mapping[str, JsonValue]) -> Mapping[str, Any]:
        # PyLD's own cache of contexts is shared by all of the process and not safe for threads.
        options = {
            # Not the empty text: PyLD takes that for http://example.org/base/ and makes relative references absolute.
            "base": None,
            "documentLoader": self._load,
            "contextResolver": ContextResolver({}, self._load),
            "rdfDirection": "i18n-datatype",
            "processingMode": "json-ld-1.1",
        }
        expanded = jsonld.expand(
            dict(document), options | {"keepFreeFloatingNodes": True}, on_property_dropped=_refuse_dropped
        )
        for node in expanded:
            _check_node(node)
        _check_spelling(document, expanded)
        dataset: Mapping[str, Any] = jsonld.to_rdf(expanded, options)
        return dataset

    def _load(self, url: str, _options: object = None) -> dict[str, object]:
        if url not in self._contexts:
            raise jsonld.JsonLdError(
                f"the context {str(url)[:200]!r} is not one of those bundled here", "jsonld.LoadDocumentError"
            )
        return {
            "contentType": "application/ld+json",
            "contextUrl": None,
            "documentUrl": url,
            "document": self._contexts[url],
        }


def _check_spelling(document: Mapping[str, JsonValue], expanded: Expanded) -> None:
    """Check that all statements about the document in the credentials vocabulary stand in members of that name."""
    if len(expanded) != 1:
        raise DataLoss("the document describes more than one thing at its top")
    top = expanded[0]
    for term, values in top.items():
        if not term.startswith(_VOCABULARY):
            continue
        name = term.removeprefix(_VOCABULARY)
        value = document.get(name)
        plain = [item for item in (value if isinstance(value, list) else [value]) if item is not None]
        if len(plain) != len(values):
            raise DataLoss(f"write {name!r} as a plain member of that name, and nowhere else")
    _refuse_elsewhere(top.values(), top.get("@id"))


def _refuse_elsewhere(values: Iterable[Expanded], top_id: str | None) -> None:
    """Refuse statements in the credentials vocabulary that are made of the document from within."""
    for value in values:
        if isinstance(value, list):
            _refuse_elsewhere(value, top_id)
        elif isinstance(value, dict):
            says = any(term.startswith(_VOCABULARY) for term in (*value, *value.get("@reverse", ())))
            if says and ("@reverse" in value or (top_id is not None and value.get("@id") == top_id)):
                raise DataLoss(
                    "a part of the document makes statements about the whole: write them at its top"
                )
            _refuse_elsewhere(value.values(), top_id)


@dataclass(slots=True)
class _Size:
    """How much work a document is; counted before any of it is done."""

    values: int = 0
    squares: int = 0
    contexts: int = 0
    own_terms: int = 0

    def count(self, value: JsonValue, *, depth: int, is_context: bool) -> None:
        """Count a value and all within it; raises InvalidInput as soon as that is too much."""
        self.values += 1
        self.own_terms += is_context
        if depth > MAX_DEPTH or self._is_exceeded():
            raise InvalidInput(
                f"the document is too large for JSON-LD: at most {MAX_VALUES} values, {MAX_CONTEXTS} contexts, "
                f"{MAX_OWN_TERMS} values in contexts of its own, {MAX_DEPTH} levels, and no very long arrays"
            )
        if isinstance(value, list):
            self.squares += len(value) ** 2
            for item in value:
                self.count(item, depth=depth + 1, is_context=is_context)
        elif isinstance(value, dict):
            for name, member in value.items():
                if name == "@context" and not is_context:
                    self.contexts += len(member) if isinstance(member, list) else 1
                self.count(member, depth=depth + 1, is_context=is_context or name == "@context")
                if "@graph" in (name, member if is_context else None):
                    # PyLD drops loose texts in it without a word, and no credential needs it.
                    raise DataLoss("@graph has no place in a credential's own words")

    def _is_exceeded(self) -> bool:
        return (
            self.values > MAX_VALUES
            or self.squares > MAX_ARRAY_SQUARES
            or self.contexts > MAX_CONTEXTS
            # Naming a context costs two values, the array and the URL; neither is a term.
            or self.own_terms > MAX_OWN_TERMS + 2 * self.contexts
        )


def _refuse_dropped(term: str | None) -> NoReturn:
    raise DataLoss(f"no context defines the term {term[:80]!r}" if term else "a term is defined as nothing")


def _check_node(node: Expanded) -> None:
    """Check a node that stands for itself: it must say something, or nothing of it would be signed."""
    if not isinstance(node, dict) or "@value" in node or "@list" in node or not node.keys() - {"@id"}:
        raise DataLoss("a value stands where only an object with properties can")
    _check(node)


def _check(value: Expanded) -> None:
    if isinstance(value, list):
        for item in value:
            _check(item)
    elif "@value" in value:
        _check_literal(value)
    else:
        for name, content in value.items():
            _check_member(name, content)


def _check_member(name: str, content: Expanded) -> None:
    if name == "@id":
        _require_reference(content)
    elif name == "@type":
        for item in content:
            _require_reference(item)
    elif name == "@graph":
        for node in content:
            _check_node(node)
    elif name == "@reverse":
        for term, nodes in content.items():
            _check_member(term, nodes)
    elif name in _CONTAINERS:
        _check(content)
    elif name.startswith("@"):
        raise DataLoss(f"{name} has no place in signed statements")
    else:
        _require_iri(name)
        _check(content)


def _check_literal(value: dict[str, Any]) -> None:
    if value.get("@type") == "@json":
        # Written out here: PyLD stumbles over some numbers that RFC 8785 has a form for.
        value["@value"] = canonical_json(value["@value"]).decode("utf-8")
        value["@type"] = _JSON
    _require_iri(value.get("@type", _STRING))
    if not _LANGUAGE.fullmatch(value.get("@language", "en")):
        raise DataLoss(f"{str(value['@language'])[:40]!r} is no language tag")
    if "@index" in value:
        raise DataLoss("@index has no place in signed statements")


def _require_reference(value: object) -> None:
    if not isinstance(value, str) or not _BLANK.fullmatch(value):
        _require_iri(value)


def _require_iri(value: object) -> None:
    if not isinstance(value, str) or not _IRI.fullmatch(value):
        shown = value[:80] if isinstance(value, str) else type(value).__name__
        raise DataLoss(f"{shown!r} is no absolute URL, nor a term that a context maps to one")


def _quads(dataset: Mapping[str, Any]) -> Iterator[Quad]:
    for name, triples in dataset.items():
        graph = "" if name == "@default" else _resource(name)
        for triple in triples:
            yield Quad(
                subject=_resource(triple["subject"]["value"]),
                predicate=iri(triple["predicate"]["value"]),
                object=_object(triple["object"]),
                graph=graph,
            )


def _resource(value: str) -> str:
    return value if value.startswith("_:") else iri(value)


def _object(term: Mapping[str, str]) -> str:
    if term["type"] != "literal":
        return _resource(term["value"])
    language = term.get("language", "")
    datatype = "" if language or term["datatype"] == _STRING else term["datatype"]
    return literal(term["value"], datatype=datatype, language=language)


def _first_cause(error: BaseException) -> str:
    """Return what went wrong first, in PyLD's words, which are on one line and name no secret."""
    while isinstance(error.__cause__, jsonld.JsonLdError):
        error = error.__cause__
    return str(error.args[0] if error.args else error).partition("\n")[0][:300]
