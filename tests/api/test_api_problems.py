"""Every error of this package has its problem on the wire."""

from __future__ import annotations

import json

import pytest

from anchor import errors
from anchor.api.problems import PROBLEM_TYPE, PROBLEMS, problem_of, problem_response
from anchor.errors import (
    AnchorError,
    ChainUnavailable,
    ConfigError,
    Conflict,
    FatalError,
    NotFound,
    NotStrictJson,
    Overloaded,
    TooLarge,
    Unauthorized,
)
from anchor.service.proofs import NotMinedYet


def every_error() -> list[type[AnchorError]]:
    """Return every error class that anchor.errors defines."""
    return [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, AnchorError)
    ]


@pytest.mark.parametrize("kind", every_error())
def test_every_error_class_is_in_the_table(kind: type[AnchorError]) -> None:
    """Nobody adds an error without deciding what callers are told."""
    assert kind in PROBLEMS


def test_every_class_that_another_module_adds_has_a_problem() -> None:
    """Errors defined elsewhere are told as their nearest ancestor in the table, never as something else."""

    class Odd(NotFound):
        pass

    assert problem_of(Odd("x")) == PROBLEMS[NotFound]
    assert problem_of(NotMinedYet("x")).slug == "not-yet-mined"


def test_slugs_are_stable_and_not_shared_by_different_statuses() -> None:
    """One problem type means one status, for clients that act on it."""
    statuses: dict[str, set[int]] = {}
    for problem in PROBLEMS.values():
        statuses.setdefault(problem.slug, set()).add(problem.status)

    assert all(len(found) == 1 for found in statuses.values())


@pytest.mark.parametrize(
    ("error", "status", "slug", "header"),
    [
        (NotStrictJson("bad", line=3, column=7), 400, "malformed-json", None),
        (Unauthorized("who"), 401, "unauthorized", "WWW-Authenticate"),
        (NotFound("none"), 404, "not-found", None),
        (Conflict("no"), 409, "conflict", None),
        (NotMinedYet("wait"), 409, "not-yet-mined", "Retry-After"),
        (TooLarge("big"), 413, "too-large", None),
        (FatalError("secret detail"), 503, "stopping", "Retry-After"),
        (ConfigError("secret detail"), 500, "internal", None),
        (AnchorError("secret detail"), 500, "internal", None),
        (Overloaded("full", retry_after_s=7), 503, "overloaded", "Retry-After"),
        (ChainUnavailable("gone"), 503, "chain-unavailable", "Retry-After"),
    ],
)
def test_problem_response(error: AnchorError, status: int, slug: str, header: str | None) -> None:
    """Status, type and headers of each; internals stay inside."""
    response = problem_response(error)
    assert isinstance(response.body, bytes)
    body = json.loads(response.body)

    assert (response.status, body["status"], body["type"]) == (status, status, PROBLEM_TYPE + slug)
    assert response.content_type == "application/problem+json"
    assert "secret" not in body["detail"]
    assert header is None or header in response.headers


def test_malformed_json_tells_the_place() -> None:
    """Line and column are members of their own."""
    body = problem_response(NotStrictJson("bad", line=3, column=7)).body
    assert isinstance(body, bytes)

    assert (json.loads(body)["line"], json.loads(body)["column"]) == (3, 7)
