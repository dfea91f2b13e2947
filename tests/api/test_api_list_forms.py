"""Five forms at one address: which is asked for, as of when, and what caches are told of each."""

from __future__ import annotations

import pytest

from anchor.api.list_forms import preferred_form
from anchor.service.list_signing import ListForm
from status_lists.datetimes import format_datetime
from tests.support.api_caller import ApiCaller
from tests.support.assembly import Running

FORMS = {
    "": "application/vc",
    "application/vc+jwt": "application/vc+jwt",
    "application/statuslist+jwt": "application/statuslist+jwt",
    "application/statuslist+cwt": "application/statuslist+cwt",
}
PATH = "/status-lists/0"
NO_JSON = "application/vc;q=0, application/ld+json;q=0, application/json;q=0"
JWT, TOKEN, CWT = ListForm.VC_JWT, ListForm.TOKEN_JWT, ListForm.TOKEN_CWT


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", ListForm.VC),
        (",;,;;q=1", ListForm.VC),
        ("text/html", ListForm.VC),
        ("*/*", ListForm.VC),
        ("application/*", ListForm.VC),
        ("application/*, application/statuslist+jwt;q=0.5", ListForm.VC),
        ("application/*;q=0.4, application/statuslist+jwt;q=0.5", TOKEN),
        ("application/vc, application/vc+jwt, application/json;q=0.9, */*;q=0.1", ListForm.VC),
        ("application/vc+jwt, application/vc", JWT),
        ("application/vc+jwt;q=0.5, application/vc;q=0.5", JWT),
        ("application/json;q=0.2, application/vc+jwt;q=0.3", JWT),
        (f"{NO_JSON}, */*", JWT),
        (f"*/*;q=0.5, {NO_JSON}", JWT),
        (f"{NO_JSON}, application/vc+jwt;q=0, application/*", TOKEN),
        ("application/statuslist+cwt;q=0", ListForm.VC),
        ("*/*;q=0", ListForm.VC),
        ("APPLICATION/VC+JWT; Q=1", JWT),
        ("application/vc+jwt; profile=x; q=0.9, application/vc;q=0.8", JWT),
        ("application/statuslist+cwt ; q=1.000 , */*;q=0.999", CWT),
        ("application/vc+jwt;q=nan, */*;q=0.1", ListForm.VC),
        ("application/vc+jwt;q=1e9, application/statuslist+jwt;q=0.1", TOKEN),
        ("application/vc+jwt;q=2, application/statuslist+jwt;q=0.1", TOKEN),
        ("application/vc+jwt;q=-1, application/statuslist+jwt;q=0.1", TOKEN),
        ("application/vc+jwt;q=0.0001, application/statuslist+jwt;q=0.001", TOKEN),
        ("application/vc+jwt;q=, application/statuslist+jwt;q=0.1", TOKEN),
        ("application/vc+jwt;q=0_1, application/statuslist+jwt;q=0.1", TOKEN),
        ("application/vc+jwtx, application/statuslist+cwt;q=0.1", CWT),
    ],
)
def test_preferred_form_follows_weight_then_order(accept: str, form: ListForm) -> None:
    """The most specific range decides for each form; what is refused is not taken for a wildcard's sake."""
    assert preferred_form(accept).form is form


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("", "application/vc"),
        ("*/*", "application/vc"),
        ("application/ld+json, application/json", "application/ld+json"),
        ("application/json, application/ld+json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("application/json;q=0.9, application/vc", "application/vc"),
        ("application/vc;q=0, application/*", "application/ld+json"),
    ],
)
async def test_json_form_is_called_what_the_reader_calls_it(
    api: ApiCaller, key: str, accept: str, name: str
) -> None:
    """Libraries in use parse what has "json" in its type and nothing else; the bytes are the same in either suite."""
    await api.post("/v1/status-entries", {"count": 1}, key=key)
    for path in (PATH, f"{PATH}?proof=eddsa-jcs-2022"):
        answer, usual = await api.get(path, Accept=accept), await api.get(path)
        assert answer.headers["Content-Type"] == name
        assert (answer.body, answer.headers["ETag"]) == (usual.body, usual.headers["ETag"])


async def test_accept_in_two_headers_is_one(api: ApiCaller, key: str) -> None:
    """A list of types may come in several headers (RFC 9110, section 5.3)."""
    await api.post("/v1/status-entries", {"count": 1}, key=key)
    headers = [("Accept", "text/html"), ("Accept", "application/vc+jwt;q=0.9")]
    async with api.session.get(api.base_url / "status-lists/0", headers=headers) as answer:
        assert answer.content_type == "application/vc+jwt"


async def test_every_form_has_its_etag_and_its_304(api: ApiCaller, key: str) -> None:
    """A tag answers 304 for its own form alone; Vary stands on both answers, so that no cache mixes forms."""
    await api.post("/v1/status-entries", {"count": 1}, key=key)
    paths = [PATH] * len(FORMS) + [f"{PATH}?proof=eddsa-jcs-2022"]
    accepts = [*FORMS, ""]
    answers = [await api.get(path, Accept=accept) for path, accept in zip(paths, accepts, strict=True)]
    tags = [answer.headers["ETag"] for answer in answers]

    assert len(set(tags)) == 5
    for path, accept, tag, first in zip(paths, accepts, tags, answers, strict=True):
        same = await api.get(path, Accept=accept, If_None_Match=tag)
        weak = await api.get(path, Accept=accept, If_None_Match=f'"x", W/{tag}')
        others = await api.get(path, Accept=accept, If_None_Match=", ".join(t for t in tags if t != tag))
        assert [answer.status for answer in (same, weak, others)] == [304, 304, 200]
        assert (same.body, others.body) == (b"", first.body)
        assert {answer.headers["Vary"] for answer in (first, same, others)} == {"Accept"}
        assert same.headers["ETag"] == tag
        assert same.headers["Cache-Control"] == first.headers["Cache-Control"]


async def test_head_says_what_get_would(api: ApiCaller, key: str) -> None:
    """The same headers in each form, and no body."""
    await api.post("/v1/status-entries", {"count": 1}, key=key)
    for accept, kind in FORMS.items():
        got = await api.get(PATH, Accept=accept)
        head = await api.call("HEAD", PATH, headers={"Accept": accept})

        assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", kind)
        assert head.headers["Content-Length"] == str(len(got.body))
        for name in ("ETag", "Vary", "Cache-Control"):
            assert head.headers[name] == got.headers[name]


async def test_timestamp_is_exact_to_the_millisecond_in_every_form(
    api: ApiCaller, service: Running, key: str
) -> None:
    """A version is in force from its `validFrom`, included, until the next one's; before the first there is none."""
    first = (await api.post("/v1/status-entries", {"count": 1}, key=key)).json["entries"][0]
    versions = [(await api.get(PATH)).json]
    service.clock.advance(100)
    change = {"list": 0, "index": first["index"], "purpose": "revocation", "value": True, "reason": "x"}
    await api.post("/v1/status-changes", change, key=key)
    newest = await service.store.list_version(0, None)
    assert newest is not None
    versions.append((await api.get(PATH)).json)

    async def at(ms: int) -> object:
        answer = await api.get(f"{PATH}?timestamp={format_datetime(ms)}")
        return answer.json["validFrom"] if answer.status == 200 else answer.status

    starts = [version["validFrom"] for version in versions]
    begin = newest.version
    before = await service.store.list_version_at(0, begin - 1)
    assert before is not None
    first_ms = before.version
    assert [await at(ms) for ms in (first_ms - 1, first_ms, begin - 1, begin, begin + 10**9)] == [
        404,
        starts[0],
        starts[0],
        starts[1],
        starts[1],
    ]
    for accept, kind in FORMS.items():
        answer = await api.get(f"{PATH}?timestamp={format_datetime(begin)}", Accept=accept)
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.body == (await api.get(PATH, Accept=accept)).body


async def test_form_that_was_not_kept_is_said_and_not_cached(
    api: ApiCaller, service: Running, key: str
) -> None:
    """Of a version that was superseded before its anchor the JSON form is history; a 404 is never kept."""
    entry = (await api.post("/v1/status-entries", {"count": 1}, key=key)).json["entries"][0]
    first = await service.store.list_version(0, None)
    assert first is not None
    change = {"list": 0, "index": entry["index"], "purpose": "revocation", "value": True, "reason": "x"}
    await api.post("/v1/status-changes", change, key=key)
    path = f"{PATH}/versions/{first.version}"
    as_json, as_jwt = [await api.get(path, Accept=accept) for accept in ("", "application/vc+jwt")]

    assert as_json.body == first.document
    assert (as_jwt.status, as_jwt.problem) == (404, "not-found")
    assert "application/vc alone" in as_jwt.json["detail"]
    assert as_jwt.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "query",
    [
        "timestamp=",
        "timestamp=now",
        "timestamp=2026-01-01",
        "timestamp=2026-01-01T00:00:00",
        "timestamp=2026-13-01T00:00:00Z",
        "timestamp=2026-01-01T00:00:00+00:00",
        "timestamp=1767225600",
        "timestamp=2026-01-01T00:00:00Z&timestamp=2025-01-01T00:00:00Z",
        "timestamp=2026-01-01T00:00:00Z&time=1767225600",
        "time=1&time=2",
        "proof=eddsa-rdfc-2022&proof=eddsa-jcs-2022",
    ],
)
async def test_time_that_is_none_or_two_is_refused(api: ApiCaller, key: str, query: str) -> None:
    """What two readers could take for different times is taken for none."""
    await api.post("/v1/status-entries", {"count": 1}, key=key)
    refused = await api.get(f"{PATH}?{query}")

    assert (refused.status, refused.problem) == (400, "invalid-input")


async def test_unknown_parameters_change_nothing(api: ApiCaller, key: str) -> None:
    """Verifiers add parameters of their own to get past caches."""
    await api.post("/v1/status-entries", {"count": 1}, key=key)
    plain, extra = await api.get(PATH), await api.get(f"{PATH}?_=1767225600&TimeStamp=x&a[]=1")

    assert (extra.status, extra.headers["ETag"]) == (200, plain.headers["ETag"])
