"""Reads the bodies of VC-API requests: strict in what they are made of, bounded in size."""

from __future__ import annotations

from aiohttp import web

from anchor.api.body import read_json
from anchor.api.keys import SERVICES
from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from anchor.fields import Fields
from anchor.service.vc_issuing import IssueOptions
from anchor.service.vc_verifying import CHECKS, PROOF_CHECK, STATUS_CHECK, VerifyOptions
from anchor.vc.data_integrity import ASSERTION, PROOF_TYPE, RDFC, SUITES
from anchor.vc.data_model import is_url

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Room for a badge with its picture inside."""

_MAX_CHECKS = 10
# Old names of the same checks, and those that are made in any case.
_CHECK_NAMES = {
    "proof": PROOF_CHECK,
    "credentialStatus": STATUS_CHECK,
    "status": STATUS_CHECK,
    "issuerDid": PROOF_CHECK,
    "revocationStatus": STATUS_CHECK,
}


async def read_object(request: web.Request) -> JsonValue:
    """Return the body as strict JSON."""
    return await read_json(
        request,
        limit_bytes=MAX_BODY_BYTES,
        timeout_s=request.app[SERVICES].limits.body_timeout_s,
    )


async def read_issue(request: web.Request) -> tuple[dict[str, JsonValue], IssueOptions]:
    """Return the credential to be issued and how."""
    fields = Fields(await read_object(request), "body")
    credential = _document(fields, "credential")
    options = _options(fields)
    fields.end()
    cryptosuite = options.optional_text("cryptosuite") or RDFC
    if cryptosuite not in SUITES:
        raise InvalidInput(f"options.cryptosuite must be one of {', '.join(SUITES)}")
    if options.optional_text("type") not in (None, PROOF_TYPE):
        raise InvalidInput(f"options.type must be {PROOF_TYPE}")
    if options.optional_text("proofPurpose") not in (None, ASSERTION):
        raise InvalidInput(f"options.proofPurpose must be {ASSERTION}")
    credential_id = options.optional_text("credentialId")
    if credential_id is not None and not is_url(credential_id):
        raise InvalidInput("options.credentialId must be a URL")
    adds_status = _adds_status(options)
    options.end()
    return credential, IssueOptions(
        cryptosuite=cryptosuite, credential_id=credential_id, adds_status=adds_status
    )


async def read_verify(request: web.Request, name: str) -> tuple[dict[str, JsonValue], VerifyOptions]:
    """Return the document to be verified, which the body holds under this name, and what is demanded of it."""
    fields = Fields(await read_object(request), "body")
    document = _document(fields, name)
    options = _options(fields)
    fields.end()
    checks = _checks(options) if options.has("checks") else CHECKS
    demanded = VerifyOptions(
        checks=checks,
        purpose=options.optional_text("expectedProofPurpose"),
        domain=options.optional_text("domain"),
        challenge=options.optional_text("challenge"),
    )
    # Results and problems are always returned; that a caller wants them changes nothing.
    for flag in ("returnCredential", "returnPresentation", "returnProblemDetails", "returnResults"):
        options.boolean(flag, default=True)
    options.end()
    return document, demanded


def _document(fields: Fields, name: str) -> dict[str, JsonValue]:
    value = fields.value(name)
    if not isinstance(value, dict):
        raise InvalidInput(f"{name!r} must be a JSON object: enveloped documents are not supported")
    return value


def _options(fields: Fields) -> Fields:
    return fields.child("options") if fields.has("options") else Fields({}, "options")


def _adds_status(options: Fields) -> bool:
    """Read `credentialStatus`: false for none, true or an object of VC-API for the usual pair."""
    if not options.has("credentialStatus"):
        return True
    value = options.value("credentialStatus")
    if isinstance(value, bool):
        return value
    wanted = Fields(value, "options.credentialStatus")
    if wanted.text("type") != "BitstringStatusList":
        raise InvalidInput("options.credentialStatus.type must be BitstringStatusList")
    if wanted.optional_text("statusPurpose") not in (None, "revocation", "suspension"):
        raise InvalidInput("options.credentialStatus.statusPurpose must be revocation or suspension")
    wanted.end()
    return True


def _checks(options: Fields) -> tuple[str, ...]:
    names = options.items("checks", max_items=_MAX_CHECKS)
    if not all(isinstance(name, str) and name in _CHECK_NAMES for name in names):
        raise InvalidInput(f"options.checks may name {', '.join(CHECKS)}")
    return tuple(_CHECK_NAMES[str(name)] for name in names)
