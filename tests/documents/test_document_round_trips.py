"""Documents of all kinds: what is written is read as it was, has its schema, and nothing else is read at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from anchor.documents import (
    batch_to_json,
    evidence_to_json,
    parse_batch,
    parse_evidence,
    parse_proof,
    parse_publisher,
    parse_receipt,
    parse_receipt_keys,
    proof_to_json,
    publisher_to_json,
    receipt_keys_to_json,
    receipt_to_json,
)
from anchor.errors import InvalidInput, InvalidProof
from tests.documents.samples import (
    SCHEMAS,
    batch_documents,
    batch_sample,
    evidence_documents,
    evidence_sample,
    having,
    places,
    proof_documents,
    proof_sample,
    publisher_documents,
    publisher_sample,
    receipt_documents,
    receipt_keys_documents,
    receipt_keys_sample,
    receipt_sample,
    schema_of,
    validator_of,
    value_at,
    without,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of document: how it is written and read, examples, and the only error that reading may raise."""

    name: str
    write: Callable[[Any], dict[str, Any]]
    read: Callable[[bytes], Any]
    error: type[InvalidInput]
    any_document: st.SearchStrategy[Any]
    sample: Callable[[], Any]
    may_be_left_out: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name


KINDS = [
    Kind(
        "proof",
        proof_to_json,
        parse_proof,
        InvalidProof,
        proof_documents(),
        proof_sample,
        frozenset({"salt"}),
    ),
    Kind(
        "receipt",
        receipt_to_json,
        parse_receipt,
        InvalidProof,
        receipt_documents(),
        receipt_sample,
        frozenset({"salt"}),
    ),
    Kind(
        "receipt-keys",
        receipt_keys_to_json,
        parse_receipt_keys,
        InvalidInput,
        receipt_keys_documents(),
        receipt_keys_sample,
    ),
    Kind("batch", batch_to_json, parse_batch, InvalidProof, batch_documents(), batch_sample),
    Kind(
        "publisher",
        publisher_to_json,
        parse_publisher,
        InvalidInput,
        publisher_documents(),
        publisher_sample,
        frozenset({"successors", "earlier"}),
    ),
    Kind("evidence", evidence_to_json, parse_evidence, InvalidProof, evidence_documents(), evidence_sample),
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)

OTHER_VALUES: list[Any] = [
    None,
    True,
    False,
    -1,
    0,
    1.5,
    2**53,
    1e300,
    "",
    "x",
    "0x",
    "A" * 43,
    "\U0001f600",
    [],
    [0],
    [[]],
    {},
    {"a": 1},
]


def encoded(document: Any) -> bytes:
    """Return a document's JSON as some other writer may have laid it out."""
    return json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8")


@every_kind
@given(data=st.data())
def test_document_of_any_content_round_trips_and_has_its_schema(kind: Kind, data: st.DataObject) -> None:
    """Every document that can be written is read as the same value, and its schema holds."""
    document = data.draw(kind.any_document)
    written = kind.write(document)

    assert kind.read(encoded(written)) == document
    validator_of(kind.name).validate(written)


@every_kind
def test_document_without_any_one_member_is_refused(kind: Kind) -> None:
    """Each member is needed, at every depth: nothing has a silent default, by the parser and by the schema."""
    document = kind.write(kind.sample())
    tried = 0
    for place in places(document):
        changed = without(document, place)
        if isinstance(place[-1], int) or place[-1] in kind.may_be_left_out:
            continue
        tried += 1
        with pytest.raises(kind.error):
            kind.read(encoded(changed))
        assert not validator_of(kind.name).is_valid(changed)

    assert tried >= 3


@every_kind
def test_document_with_any_one_unknown_member_is_refused(kind: Kind) -> None:
    """A member that one reader knows and another skips would let two readers see two documents."""
    document = kind.write(kind.sample())
    objects = [(), *(place for place in places(document) if isinstance(value_at(document, place), dict))]
    for place in objects:
        changed = having(document, (*place, "extra"), 1)
        with pytest.raises(kind.error, match="unknown member 'extra'"):
            kind.read(encoded(changed))
        assert not validator_of(kind.name).is_valid(changed)


@every_kind
def test_document_with_any_one_value_of_another_type_is_refused(kind: Kind) -> None:
    """Wherever a value stands, one of another type is refused by the reader, with its own error and no other."""
    document = kind.write(kind.sample())
    for place in places(document):
        for value in OTHER_VALUES:
            changed = having(document, place, value)
            if _json_type(value) == _json_type(value_at(document, place)) or _may_be_null(place, value):
                continue
            with pytest.raises(kind.error):
                kind.read(encoded(changed))
            assert not validator_of(kind.name).is_valid(changed), f"the schema takes {value!r} at {place}"


def _json_type(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        # JSON Schema counts 1e300 among the integers; the reader does not, and its bounds refuse it anyway.
        return "float"
    return type(value).__name__


def _may_be_null(place: tuple[str | int, ...], value: Any) -> bool:
    return value is None and (place == ("status",) or place[-1] == "head")


@every_kind
@given(data=st.data())
def test_document_with_any_one_value_changed_is_refused_or_is_another_document(
    kind: Kind, data: st.DataObject
) -> None:
    """Random values in random places: the reader's own error, or another document, which its schema takes too."""
    sample = kind.sample()
    document = kind.write(sample)
    place = data.draw(st.sampled_from(list(places(document))))
    value = data.draw(st.sampled_from(OTHER_VALUES) | _near(value_at(document, place)))
    changed = having(document, place, value)
    read = _read_or_none(kind, encoded(changed))

    if read is not None:
        validator_of(kind.name).validate(changed)
        assert (read == sample) == (changed == document), "a difference in the text is none in the value"


def _near(value: Any) -> st.SearchStrategy[Any]:
    if isinstance(value, bool):
        return st.just(not value)
    if isinstance(value, int):
        return st.integers(-1, 1).map(lambda step: value + step) | st.integers()
    if isinstance(value, str) and value:
        return st.integers(0, len(value) - 1).flatmap(
            lambda at: st.characters(max_codepoint=127).map(
                lambda other: value[:at] + other + value[at + 1 :]
            )
        )
    if isinstance(value, list):
        return st.permutations(value) | st.just(value + value)
    return st.just(value)


def _read_or_none(kind: Kind, content: bytes) -> Any:
    try:
        return kind.read(content)
    except kind.error:
        return None


@every_kind
@given(content=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_document_of_any_bytes_raises_its_own_error_only(kind: Kind, content: bytes) -> None:
    """A parser must not leak ValueError, KeyError or RecursionError: whoever calls it catches InvalidInput."""
    assert _read_or_none(kind, content) is None


@every_kind
@pytest.mark.parametrize("value", [None, True, 0, 1.5, "text", [], [{}], {}])
def test_document_that_is_no_object_of_its_format_is_refused(kind: Kind, value: Any) -> None:
    """Any JSON that is not the document."""
    with pytest.raises(kind.error):
        kind.read(encoded(value))


@every_kind
def test_document_of_another_kind_is_refused_by_name(kind: Kind) -> None:
    """A batch given for a proof is told apart before anything of it is read."""
    for other in KINDS:
        if other is not kind:
            content = encoded(other.write(other.sample()))
            with pytest.raises(kind.error, match=f"this is a 'credential-anchor/{other.name}/v1' document"):
                kind.read(content)


@every_kind
def test_schema_is_a_closed_and_documented_one(kind: Kind) -> None:
    """Each schema is valid, names itself, describes each member, and closes every object."""
    schema = schema_of(kind.name)
    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"https://credential-anchor.org/schemas/{kind.name}-v1.json"
    objects = [value for value in _inner_schemas(schema) if value.get("type") == "object"]
    for value in objects:
        assert value["additionalProperties"] is False
        assert value["description"]
        assert set(value["required"]) == set(value["properties"]) - kind.may_be_left_out
        for name, member in value["properties"].items():
            resolved = {**schema["$defs"].get(member.get("$ref", "").rpartition("/")[2], {}), **member}
            assert resolved.get("description"), f"{name} has no description"


def _inner_schemas(schema: Any) -> list[dict[str, Any]]:
    found = [schema] if isinstance(schema, dict) else []
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    return found + [value for item in inner for value in _inner_schemas(item)]


def test_schemas_share_the_definitions_that_they_share() -> None:
    """A claim, a hash or an address is the same thing in every document."""
    definitions: dict[str, Any] = {}
    for kind in KINDS:
        for name, definition in schema_of(kind.name)["$defs"].items():
            assert definitions.setdefault(name, definition) == definition


def test_schemas_exist_for_every_document_and_nothing_else() -> None:
    """One file a format."""
    assert {path.name for path in SCHEMAS.iterdir()} == {f"{kind.name}-v1.json" for kind in KINDS}
