"""Credentials that others wrote, through submit, anchor and verify: each gets the verdict of the table."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anchor.chain.failover import connect
from anchor.chain.protocol import ChainReader
from anchor.core.digest import Method, credential_digest, detect_method
from anchor.core.strict_json import parse_strict_json
from anchor.core.verdict import Verdict
from anchor.documents import parse_proof
from anchor.errors import InvalidInput, NotStrictJson
from anchor.verify import (
    Anchorage,
    FileLocation,
    Report,
    TrustedIssuer,
    TrustSet,
    open_files,
    verify_credential,
)
from anchor.verify.credential import read_credential
from anchor.verify.issuance import check_digest
from tests.support.anvil import AnvilChain
from tests.support.running_service import IssuerAccess, RunningService

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
TABLE: dict[str, Any] = json.loads((Path(__file__).parent / "samples.json").read_text("utf-8"))
DEFAULT_ISSUER = "https://default-issuer.example"
TAMPERED_VALUES = 200
"""Values that are changed in each file, one at a time: all, or so many chosen by a fixed seed."""

WHOLE_PATH_VALUES = 4
"""Of those so many are verified against chain and service; the others by the digest in the proof alone."""

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.skipif(
        not SAMPLES.is_dir(), reason="the folder of third-party samples is not beside the project"
    ),
]


@dataclass(frozen=True, slots=True)
class Sample:
    """A readable file: its bytes, how it is hashed, and under which issuer it is anchored."""

    name: str
    content: bytes
    method: Method
    issuer: str

    @property
    def digest(self) -> str:
        return credential_digest(self.method, self.content).hex()


def _samples() -> Iterator[Sample]:
    for path in sorted(SAMPLES.iterdir()):
        if path.name in TABLE["verdicts"]:
            content = path.read_bytes()
            method = detect_method(content, named_json=path.suffix in (".json", ".jsonld"))
            named = read_credential(method, content).issuers
            registrable = named and named[0].startswith(("did:", "https://"))
            yield Sample(path.name, content, method, named[0] if registrable else DEFAULT_ISSUER)


async def _anchored_proofs(
    service: RunningService, samples: list[Sample]
) -> tuple[dict[str, bytes], list[str]]:
    """Submit all samples, each under its issuer, and return their proofs and the issuers' identifiers."""
    issuers: dict[str, IssuerAccess] = {}
    for identifier in {sample.issuer for sample in samples}:
        issuers[identifier] = await service.add_issuer(identifier)
    for identifier, issuer in issuers.items():
        items = [
            {"digest": sample.digest, "method": sample.method.label, "status": "allocate"}
            for sample in samples
            if sample.issuer == identifier
        ]
        status, body = await service.request("POST", "/v1/digests", headers=issuer.headers, json=items)
        assert status == 200, body
    proofs = {}
    for sample in samples:
        issuer = issuers[sample.issuer]
        await service.wait_for_state(issuer, sample.digest, "final", method=sample.method.label)
        status, proof = await service.request(
            "GET", f"/v1/digests/{sample.digest}/proof?method={sample.method.label}", headers=issuer.headers
        )
        assert status == 200, proof
        proofs[sample.name] = json.dumps(proof).encode()
    return proofs, list(issuers)


class _Verifier:
    """Verifies against a running service with one trust set."""

    def __init__(
        self, anvil: AnvilChain, service: RunningService, publisher: dict[str, Any], issuers: list[str]
    ) -> None:
        self._service = service
        self._trust = TrustSet(
            anchorages=(
                Anchorage(
                    chain_id=publisher["chainId"],
                    genesis_hash=bytes.fromhex(publisher["genesisHash"][2:]),
                    contract=publisher["contract"],
                    publisher=publisher["publisher"],
                    rpc=anvil.rpc_url,
                ),
            ),
            issuers=tuple(
                TrustedIssuer(
                    id=identifier, aliases=tuple(TABLE["aliases"]) if identifier == DEFAULT_ISSUER else ()
                )
                for identifier in issuers
            ),
            files=FileLocation(address=service.base_url, is_mirror=False),
        )

    async def verify(self, content: bytes, proof: bytes) -> Report:
        assert self._trust.files is not None
        async with open_files(self._trust.files) as lists:
            return await verify_credential(
                content,
                proof,
                trust=self._trust,
                open_chain=_open_chain,
                lists=lists,
                now_s=int(datetime.now(UTC).timestamp()),
            )


@asynccontextmanager
async def _open_chain(rpc: str, contract: str, quorum: int) -> AsyncIterator[ChainReader]:
    chain = connect(rpc_urls=rpc.split(), contract=contract, quorum=quorum)
    try:
        yield chain
    finally:
        await chain.close()


def _expected(name: str) -> str:
    row = TABLE["verdicts"][name]
    ends = row.get("ends")
    has_ended = ends is not None and datetime.now(UTC) >= datetime.fromisoformat(ends)
    return "expired" if has_ended else str(row["verdict"])


def _with_one_value_changed(sample: Sample) -> Iterator[bytes]:
    """Yield copies of a credential that differ from it in one value."""
    choose = random.Random(sample.name)
    if sample.method is not Method.JCS:
        token = sample.content.strip()
        letters = [position for position in range(len(token)) if token[position : position + 1] != b"."]
        for position in choose.sample(letters, min(TAMPERED_VALUES, len(letters))):
            other = b"A" if token[position : position + 1] != b"A" else b"B"
            yield token[:position] + other + token[position + 1 :]
        return
    places = list(_places(parse_strict_json(sample.content), ()))
    for place in choose.sample(places, min(TAMPERED_VALUES, len(places))):
        changed = json.loads(sample.content)
        _change(changed, place)
        yield json.dumps(changed).encode()


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _places(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _places(member, (*path, index))
    else:
        yield path


def _change(document: Any, place: tuple[Any, ...]) -> None:
    for step in place[:-1]:
        document = document[step]
    value = document[place[-1]]
    document[place[-1]] = value + "x" if isinstance(value, str) else "changed"


@pytest.fixture
async def anchored(
    anvil: AnvilChain, service: RunningService
) -> tuple[list[Sample], dict[str, bytes], _Verifier]:
    """Anchor every readable sample."""
    samples = list(_samples())
    proofs, issuers = await _anchored_proofs(service, samples)
    _, publisher = await service.request("GET", "/v1/publisher")
    return samples, proofs, _Verifier(anvil, service, publisher, issuers)


async def test_samples_through_whole_path_get_verdicts_of_table(
    anchored: tuple[list[Sample], dict[str, bytes], _Verifier],
) -> None:
    """Every readable file under the issuer it names; and after any one value changes, `tampered`."""
    samples, proofs, verifier = anchored
    found = {}
    changes = {}
    for sample in samples:
        report = await verifier.verify(sample.content, proofs[sample.name])
        found[sample.name] = report.verdict.value
        document = parse_proof(proofs[sample.name])
        assert check_digest(document, sample.content).reason is None, sample.name
        changes[sample.name] = 0
        for changed in _with_one_value_changed(sample):
            reason = check_digest(document, changed).reason
            assert reason is not None, sample.name
            assert reason.verdict is Verdict.TAMPERED, sample.name
            if changes[sample.name] < WHOLE_PATH_VALUES:
                report = await verifier.verify(changed, proofs[sample.name])
                assert report.verdict is Verdict.TAMPERED, sample.name
            changes[sample.name] += 1

    assert len(samples) == 57
    assert len(changes) == 57
    assert min(changes.values()) >= WHOLE_PATH_VALUES
    assert found == {name: _expected(name) for name in found}


def test_samples_table_covers_all_files_but_the_unreadable_one() -> None:
    """The folder holds 58 files beside its README; one of them is no JSON."""
    files = {path.name for path in SAMPLES.iterdir() if path.name != "README.md"}

    assert files == {*TABLE["verdicts"], TABLE["refused"]["file"]}


def test_unreadable_sample_is_refused_with_line_and_column() -> None:
    """The 58th file has a trailing comma; nobody hashes it by accident."""
    refused = TABLE["refused"]
    content = (SAMPLES / refused["file"]).read_bytes()
    with pytest.raises(InvalidInput) as error:
        credential_digest(detect_method(content, named_json=True), content)

    assert isinstance(error.value, NotStrictJson)
    assert (error.value.line, error.value.column) == (refused["line"], refused["column"])
