"""Handlers of the W3C VC-API, for issuers and verifiers, and the routes of all that speaks of whole credentials."""

from __future__ import annotations

from aiohttp import web

from anchor.api import dcc_status
from anchor.api.auth import calling_issuer
from anchor.api.keys import SERVICES
from anchor.api.vc_reading import read_issue, read_verify
from anchor.service.named_credentials import NamedCredentials
from anchor.service.vc_issuing import CredentialIssuing
from anchor.service.vc_verifying import Verification

_LIST = "0|[1-9][0-9]{0,14}"
_ID = ".+"


def vc_routes() -> list[web.RouteDef]:
    """Return the routes of VC-API and of DCC's status service."""
    return [
        web.post("/credentials/issue", issue),
        web.post("/credentials/verify", verify_credential),
        web.post("/presentations/verify", verify_presentation),
        web.post("/credentials/status/allocate", dcc_status.dcc_errors(dcc_status.allocate)),
        web.post("/credentials/status", dcc_status.dcc_errors(dcc_status.update)),
        web.get(f"/credentials/{{id:{_ID}}}", dcc_status.dcc_errors(dcc_status.show)),
        web.get(f"/{{list:{_LIST}}}", dcc_status.redirect_to_list),
        web.get("/", dcc_status.greet),
    ]


async def issue(request: web.Request) -> web.Response:
    """POST /credentials/issue: add status, sign, anchor."""
    services = request.app[SERVICES]
    issuer = await calling_issuer(request)
    credential, options = await read_issue(request)
    issuing = CredentialIssuing(
        intake=services.intake,
        issuers=services.issuers,
        lists=services.lists,
        names=NamedCredentials(store=services.store, intake=services.intake),
        worker=services.linked_data,
        clock=services.clock,
    )
    signed = await issuing.issue(issuer, credential, options)
    return web.json_response({"verifiableCredential": signed}, status=201)


async def verify_credential(request: web.Request) -> web.Response:
    """POST /credentials/verify: rules, proofs, dates and status; 200 where all holds, 400 where not."""
    await calling_issuer(request)
    document, options = await read_verify(request, "verifiableCredential")
    return _answer(await request.app[SERVICES].verifying.credential(document, options), "credential")


async def verify_presentation(request: web.Request) -> web.Response:
    """POST /presentations/verify: the same for a presentation and all credentials in it."""
    await calling_issuer(request)
    document, options = await read_verify(request, "verifiablePresentation")
    return _answer(await request.app[SERVICES].verifying.presentation(document, options), "presentation")


def _answer(verification: Verification, name: str) -> web.Response:
    problems = [problem.to_json() for problem in verification.problems]
    body = {
        "verified": verification.is_verified,
        "checks": list(verification.checks),
        "problemDetails": problems,
        "errors": problems,
        "warnings": [warning.to_json() for warning in verification.warnings],
        # What does not hold is not handed back as if it did.
        **({name: verification.document} if verification.is_verified else {}),
    }
    return web.json_response(body, status=200 if verification.is_verified else 400)
