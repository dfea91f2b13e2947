"""What a credential or presentation says by itself: its rules, its proofs, its dates; status is looked up elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from anchor.core.strict_json import JsonValue
from anchor.errors import InvalidInput
from anchor.vc.data_integrity import ASSERTION, Document, Expected, KeyResolver, check_proofs
from anchor.vc.data_model import ENVELOPED, credential_faults, identifier, presentation_faults
from anchor.vc.linked_data import LinkedData
from anchor.vc.problems import Kind, Problem, Rejected
from anchor.vc.times import read_time
from status_lists.errors import StatusListError

_STARTS = ("validFrom", "issuanceDate")
_ENDS = ("validUntil", "expirationDate")


def check_credential(
    document: Document, *, expected: Expected, keys: KeyResolver, linked_data: LinkedData
) -> tuple[Problem, ...]:
    """
    Return what is wrong with a signed credential; nothing where it holds.

    1. It keeps the rules of the data model. 2. All its proofs hold. 3. One of them is by a key of its issuer, so that
    nobody issues in another's name. 4. It is in force now. Each step is taken only where the one before found nothing,
    but for the dates, which are looked at in any case.
    """
    faults = credential_faults(document)
    if faults:
        return tuple(Problem(Kind.MALFORMED, fault) for fault in faults)
    problems = list(_dates(document, expected.now_ms))
    try:
        controllers = _controllers(document, expected=expected, keys=keys, linked_data=linked_data)
    except Rejected as exc:
        return (exc.problem, *problems)
    if identifier(document["issuer"]) not in controllers:
        problems.append(Problem(Kind.VERIFICATION_METHOD, "no proof is by a key of the credential's issuer"))
    return tuple(problems)


def check_presentation(
    document: Document, *, expected: Expected, keys: KeyResolver, linked_data: LinkedData
) -> tuple[Problem, ...]:
    """
    Return what is wrong with a signed presentation and the credentials in it; nothing where all holds.

    Beyond the proofs: whoever is named as its holder made it, and a credential that its maker issued to itself is no
    stranger's word, so the presentation must name the maker as its holder (Data Model 2.0, section 4.13.4).
    """
    faults = presentation_faults(document)
    if faults:
        return tuple(Problem(Kind.MALFORMED, fault) for fault in faults)
    try:
        controllers = _controllers(document, expected=expected, keys=keys, linked_data=linked_data)
    except Rejected as exc:
        return (exc.problem,)
    problems = list(_holder(document, controllers))
    of_credentials = replace(expected, purpose=ASSERTION, domain=None, challenge=None)
    for position, credential in enumerate(enclosed_credentials(document)):
        found = _enclosed(credential, expected=of_credentials, keys=keys, linked_data=linked_data)
        problems += [
            Problem(problem.kind, f"verifiableCredential[{position}]: {problem.detail}") for problem in found
        ]
    return tuple(problems)


def enclosed_credentials(presentation: Document) -> list[dict[str, JsonValue]]:
    """Return the credentials in a presentation that keeps the rules, in their order."""
    value = presentation.get("verifiableCredential", [])
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def _controllers(
    document: Document, *, expected: Expected, keys: KeyResolver, linked_data: LinkedData
) -> Sequence[str]:
    try:
        return check_proofs(document, expected=expected, keys=keys, linked_data=linked_data)
    except Rejected:
        raise
    except InvalidInput as exc:
        raise Rejected(Kind.PARSING, str(exc)) from exc


def _enclosed(
    credential: Document, *, expected: Expected, keys: KeyResolver, linked_data: LinkedData
) -> tuple[Problem, ...]:
    types = credential.get("type")
    if ENVELOPED in (types if isinstance(types, list) else [types]):
        return (Problem(Kind.PROOF, "enveloped credentials are not supported here"),)
    return check_credential(credential, expected=expected, keys=keys, linked_data=linked_data)


def _holder(document: Document, controllers: Sequence[str]) -> Iterator[Problem]:
    holder = identifier(document["holder"]) if "holder" in document else None
    if holder is not None and holder not in controllers:
        yield Problem(Kind.VERIFICATION_METHOD, "no proof is by a key of the presentation's holder")
    for credential in enclosed_credentials(document):
        issuer = identifier(credential.get("issuer"))
        if issuer in controllers and issuer != holder:
            yield Problem(
                Kind.PROOF, "the presentation holds its maker's own credential and does not name it as holder"
            )


def _dates(document: Document, now_ms: int) -> Iterator[Problem]:
    for name in (*_STARTS, *_ENDS):
        try:
            time_ms = read_time(document.get(name))
        except StatusListError:
            continue
        if name in _STARTS and now_ms < time_ms:
            yield Problem(Kind.OUT_OF_RANGE, f"{name} lies in the future: the credential is not valid yet")
        if name in _ENDS and now_ms > time_ms:
            yield Problem(Kind.OUT_OF_RANGE, f"{name} has passed: the credential has expired")
