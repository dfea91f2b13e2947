"""Status from lists that others publish: fetched only where that is configured, and believed only if the issuer's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from anchor.service.foreign_documents import ForeignDocuments
from anchor.service.foreign_status import ListSource
from anchor.service.linked_data_worker import LinkedDataWorker
from anchor.service.vc_status import CredentialStatus, StatusFindings
from anchor.vc.did_key import did_key_method
from anchor.vc.linked_data import LinkedData
from anchor.vc.problems import Kind
from status_lists.fetch import ListFetcher
from status_lists.json_text import write_json_object
from status_lists.signing import sign_list
from status_lists.signing_jcs import sign_list_jcs
from tests.interop.verifier import ServedDocuments, serve_documents
from tests.support.assembly import Running, make_settings, new_chain, running
from tests.support.clock import START_MS
from tests.support.vc_documents import OTHER
from tests.support.vc_lists import DAY_MS, INDEX, listed_credential, signed_list

PATH = "/lists/1"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    """Run a service."""
    async with running(make_settings(tmp_path), new_chain()) as service:
        yield service


@pytest.fixture
def served() -> Iterator[ServedDocuments]:
    """Serve lists on loopback."""
    with serve_documents() as documents:
        yield documents


def _status(service: Running, source: ListSource) -> CredentialStatus:
    return CredentialStatus(
        store=service.store,
        lists=service.services.lists,
        worker=LinkedDataWorker(linked_data=LinkedData()),
        clock=service.clock,
        source=source,
    )


async def _look_up(service: Running, source: ListSource, *credentials: dict[str, Any]) -> StatusFindings:
    return await _status(service, source).look_up(credentials, keys=did_key_method)


def _fetcher(served: ServedDocuments) -> ListFetcher:
    return ListFetcher(allowed_hosts=[served.base_url.removeprefix("http://")])


def _serve(served: ServedDocuments, *set_indexes: int, changes: Any = None, **arguments: Any) -> None:
    document = signed_list(served.base_url + PATH, *set_indexes, **arguments)
    served[PATH] = write_json_object({**document, **(changes or {})})


def _credential(served: ServedDocuments, purpose: str = "revocation") -> dict[str, Any]:
    return listed_credential(served.base_url + PATH, purpose=purpose)


async def _kinds(service: Running, served: ServedDocuments, **entry: Any) -> list[Kind]:
    found = await _look_up(service, _fetcher(served), _credential(served, **entry))
    return [problem.kind for problem in (*found.problems, *found.warnings)]


@pytest.mark.parametrize("sign", [sign_list, sign_list_jcs])
async def test_look_up_foreign_list_of_the_issuer_is_believed(
    service: Running, served: ServedDocuments, sign: Any
) -> None:
    """Not set, then set: the bit decides, in either suite."""
    _serve(served, INDEX - 1, INDEX + 1, sign=sign)
    before = await _kinds(service, served)
    _serve(served, INDEX, sign=sign)

    assert (before, await _kinds(service, served)) == ([], [Kind.REVOKED])


async def test_look_up_purpose_decides_what_a_bit_means(service: Running, served: ServedDocuments) -> None:
    """A set bit suspends, or calls for a refresh, which is only a warning."""
    _serve(served, INDEX, purpose="suspension")
    suspended = await _kinds(service, served, purpose="suspension")
    _serve(served, INDEX, purpose="refresh")
    found = await _look_up(service, _fetcher(served), _credential(served, purpose="refresh"))

    assert suspended == [Kind.SUSPENDED]
    assert (found.problems, [warning.kind for warning in found.warnings]) == ((), [Kind.STATUS_SET])


async def test_look_up_foreign_list_without_source_is_not_fetched(
    service: Running, served: ServedDocuments
) -> None:
    """Unless it is configured, nobody else's server is asked, and the status counts as unknown."""
    _serve(served)

    nobody = ForeignDocuments(hosts=[], setting="verify.list_hosts")
    found = await _look_up(service, nobody, _credential(served))

    assert [problem.kind for problem in found.problems] == [Kind.STATUS_RETRIEVAL]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"key": OTHER}, Kind.STATUS_VERIFICATION),
        ({"changes": {"issuer": OTHER.did_key}}, Kind.STATUS_VERIFICATION),
        ({"changes": {"validUntil": "2030-01-01T00:00:00Z"}}, Kind.STATUS_VERIFICATION),
        ({"from_ms": START_MS + 1000}, Kind.STATUS_VERIFICATION),
        ({"from_ms": START_MS - 2 * DAY_MS}, Kind.STATUS_VERIFICATION),
        ({"purpose": "suspension"}, Kind.STATUS_VERIFICATION),
        ({"changes": {"proof": None}}, Kind.STATUS_VERIFICATION),
    ],
)
async def test_look_up_foreign_list_that_is_not_to_be_believed_is_a_problem(
    service: Running, served: ServedDocuments, arguments: dict[str, Any], kind: Kind
) -> None:
    """Another issuer's list, a changed one, one of another day or purpose: none says "not revoked"."""
    _serve(served, **arguments)

    assert await _kinds(service, served) == [kind]


async def test_look_up_foreign_list_that_is_not_there_or_no_list(
    service: Running, served: ServedDocuments
) -> None:
    """A missing list and a page of HTML are different errors, neither of them silence."""
    missing = await _kinds(service, served)
    served[PATH] = b"<html>moved</html>"

    assert (missing, await _kinds(service, served)) == ([Kind.STATUS_RETRIEVAL], [Kind.STATUS_MALFORMED])


async def test_look_up_private_address_is_not_fetched(service: Running, served: ServedDocuments) -> None:
    """A credential cannot make the service ask its own network."""
    _serve(served)

    found = await _look_up(service, ListFetcher(), _credential(served))

    assert [problem.kind for problem in found.problems] == [Kind.STATUS_RETRIEVAL]
