"""The OpenAPI description is complete, correct in itself, and says what the other documents say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from anchor.api.app import make_app
from anchor.api.problems import PROBLEM_TYPE, PROBLEMS
from tests.support.api_caller import routes
from tests.support.assembly import Running
from tests.support.openapi_check import OpenApiCheck

ROUTER_PROBLEMS = {"method-not-allowed", "range-not-satisfiable"}
"""Told without an error class of ours."""

EMBEDDED = {
    "Proof": "proof-v1",
    "SignedReceipt": "receipt-v1",
    "ReceiptKeys": "receipt-keys-v1",
    "Batch": "batch-v1",
    "Publisher": "publisher-v1",
    "Evidence": "evidence-v1",
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the description."""
    content: dict[str, Any] = json.loads(files("anchor.api").joinpath("openapi.json").read_text("utf-8"))
    return content


def members(value: object, name: str) -> Iterator[Any]:
    """Yield every member of a name, at any depth."""
    if isinstance(value, dict):
        for key, child in value.items():
            if key == name:
                yield child
            yield from members(child, name)
    elif isinstance(value, list):
        for child in value:
            yield from members(child, name)


async def test_routes_and_description_agree_both_ways(service: Running, document: dict[str, Any]) -> None:
    """Every route is described, and nothing is described that is no route."""
    assert routes(make_app(service.services)) == OpenApiCheck(document).operations()


def test_references_lead_somewhere_and_nothing_is_left_over(document: dict[str, Any]) -> None:
    """Every reference has its component, and every component is referred to."""
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses", "headers")
        for name in document["components"][kind]
    }

    assert set(members(document, "$ref")) == there


def test_schemas_are_valid(document: dict[str, Any]) -> None:
    """Every schema is one, by JSON Schema 2020-12."""
    for schema in (*document["components"]["schemas"].values(), *members(document["paths"], "schema")):
        Draft202012Validator.check_schema(schema)


def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    """What the description shows is what it describes."""
    check = OpenApiCheck(document)
    checked = 0
    for content in (*members(document["paths"], "content"), *members(document["components"], "content")):
        for kind, item in content.items():
            examples = [each["value"] for each in item.get("examples", {}).values()]
            examples += [item["example"]] if "example" in item else []
            for example in examples:
                check.check_value(item["schema"], example, f"example of {kind}")
                checked += 1
    for schema in document["components"]["schemas"].values():
        for example in schema.get("examples", []):
            check.check_value(schema, example, "example of a schema")

    assert checked > 20


def test_operations_are_named_and_say_who_may(document: dict[str, Any]) -> None:
    """Each operation has a name of its own, a known tag, its security, and its path's parameters."""
    tags = {tag["name"] for tag in document["tags"]}
    schemes = set(document["components"]["securitySchemes"])
    names: list[str] = []
    for path, item in document["paths"].items():
        for operation in item.values():
            names.append(operation["operationId"])
            assert operation["summary"]
            assert set(operation["tags"]) <= tags
            assert {name for each in operation["security"] for name in each} <= schemes
            described = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert described == set(re.findall(r"\{(\w+)\}", path))

    assert len(names) == len(set(names))


def test_problem_types_are_those_of_the_table(document: dict[str, Any]) -> None:
    """A client can rely on the list of problem types."""
    described = set(document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"])

    assert described == {
        PROBLEM_TYPE + slug for slug in ROUTER_PROBLEMS | {problem.slug for problem in PROBLEMS.values()}
    }


@pytest.mark.parametrize(("component", "schema"), EMBEDDED.items())
def test_documents_are_described_as_in_their_own_schemas(
    document: dict[str, Any], component: str, schema: str
) -> None:
    """Proofs, batches and the like have one description, here and in the schema files."""
    own = json.loads(files("anchor").joinpath(f"schemas/{schema}.json").read_text("utf-8"))
    names = {name: _referred(document, component, name) for name in own["$defs"]}

    def embedded(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: names[child.removeprefix("#/$defs/")] if key == "$ref" else embedded(child)
                for key, child in value.items()
                if key not in ("$schema", "$id", "$defs")
            }
        return [embedded(child) for child in value] if isinstance(value, list) else value

    assert document["components"]["schemas"][component] == embedded(own)
    for name, definition in own["$defs"].items():
        found = document["components"]["schemas"][names[name].rpartition("/")[2]]
        assert found == embedded(definition)


def _referred(document: dict[str, Any], component: str, name: str) -> str:
    """Return the component that stands for a definition: the one of its name, or named in the table."""
    renamed = {"claim": "AnchorClaim", "list": "AnchoredList"}
    target = renamed.get(name, name.capitalize())
    assert target in document["components"]["schemas"], f"{component}: no component for {name}"
    return f"#/components/schemas/{target}"
