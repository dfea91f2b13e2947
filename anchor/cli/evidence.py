"""`anchor evidence`."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from anchor.cli.files import write_to_pass_on
from anchor.cli.help_text import examples
from anchor.cli.options import index_option, list_option
from anchor.cli.trust_options import TrustOptions, trust_options, trust_set
from anchor.core.digest import detect_method
from anchor.core.entries import CredentialEntry, Purpose
from anchor.documents import EvidenceDocument, ProofDocument, parse_proof
from anchor.errors import InvalidInput, NotFound
from anchor.verify import TrustSet, evidence_path_of, open_files
from anchor.verify.anchorage_files import find_departure
from anchor.verify.chain_view import Anchor, ChainView, open_anchorage, open_view
from anchor.verify.credential import read_credential
from anchor.verify.evidence_files import evidence_text
from anchor.verify.evidence_making import (
    ask_for_credential,
    ask_for_entry,
    cut_for_credential,
    cut_for_entry,
)
from anchor.verify.files import read_credential_file, read_proof_of
from anchor.verify.issuance import check_digest
from anchor.verify.opening import open_chain
from anchor.verify.patience import PatientSource
from anchor.verify.sources import ListSource, open_service
from anchor.verify.status_places import StatusEntries, status_entries
from anchor.verify.status_rules import RULES
from anchor.verify.times import utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose evidence is wanted: a credential's entries, or one index of a list and its pair."""

    entries: StatusEntries | None
    number: int = 0
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Evidence, and the anchor of the root that the first of it leads to."""

    documents: tuple[EvidenceDocument, ...]
    anchor: Anchor


@click.command(
    epilog=examples(
        "anchor evidence diploma.json                 write diploma.json.status.json",
        "anchor evidence diploma.json --ask           the same, without downloading whole lists",
        "anchor evidence --list 0 --index 4711        print it",
        "anchor verify diploma.json                   finds diploma.json.status.json by itself",
    )
)
@click.argument(
    "credential",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="[FILE]",
)
@click.option(
    "--proof",
    "proof_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The credential's proof; FILE.proof.json unless named.",
)
@list_option
@index_option
@click.option(
    "--ask",
    is_flag=True,
    help="Ask the service for the single entries, which tells it which ones: for issuers and holders.",
)
@click.option(
    "--out", "path", type=click.Path(path_type=Path), metavar="FILE", help="Where to write the evidence."
)
@trust_options
def evidence(
    *,
    credential: Path | None,
    proof_file: Path | None,
    list_number: int | None,
    index: int | None,
    ask: bool,
    path: Path | None,
    options: TrustOptions,
) -> None:
    """Make evidence of how a credential's status stands, to be passed on with it.

    By default whole lists are downloaded, and the evidence is cut from them: nobody learns which credential it
    is about. Before it is written it is compared with the publisher's head on the chain. That of a FILE is
    written beside it; that of an index of a list, and of the other list of its pair, is printed.
    """
    wanted = _wanted(credential, proof_file, list_number, index)
    trust = trust_set(options, issuers=())
    if trust is None:
        raise InvalidInput(
            "evidence is compared with the chain first, and you have no trust file: make one with `anchor trust export`"
        )
    made = asyncio.run(_make(wanted, trust, ask=ask))
    if path is None and credential is not None:
        path = evidence_path_of(credential)
    _deliver(made, path)


def _wanted(
    credential: Path | None, proof_file: Path | None, number: int | None, index: int | None
) -> Wanted:
    if credential is not None and number is None and index is None:
        return Wanted(entries=_entries_of(credential, proof_file))
    if credential is not None or number is None or index is None:
        raise InvalidInput("name a FILE, or --list N and --index I")
    return Wanted(entries=None, number=number, index=index)


def _entries_of(credential: Path, proof_file: Path | None) -> StatusEntries:
    """Return the status entries of a file: its own, and the one bound in its proof."""
    content = read_credential_file(credential)
    proof_content = read_proof_of(credential, proof_file)
    proof = None if proof_content is None else parse_proof(proof_content)
    entry = _entry_of(credential, content, proof)
    reading = read_credential(entry.method, content)
    entries = status_entries(reading.status_entries, reading.status_claims, entry)
    if entries.problems:
        raise InvalidInput(f"{credential}: {entries.problems[0].sentence}")
    return entries


def _entry_of(credential: Path, content: bytes, proof: ProofDocument | None) -> CredentialEntry:
    if proof is None:
        method = detect_method(content, named_json=credential.suffix.lower() in (".json", ".jsonld"))
        return CredentialEntry(issuer_id=bytes(32), method=method, digest=bytes(32))
    found = check_digest(proof, content)
    if found.reason is not None:
        raise InvalidInput(f"{credential} and its proof do not fit: {found.sentence}")
    return proof.proof.entry


async def _make(wanted: Wanted, trust: TrustSet, *, ask: bool) -> Made:
    if trust.files is None:
        raise InvalidInput("your trust file names no service or mirror: add --service or --mirror")
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(open_anchorage(trust.current, open_chain))
        view = await open_view(reader, trust.current)
        documents = await _documents(wanted, trust, view, stack, ask=ask)
        anchor = await view.find(documents[0].root())
    assert anchor is not None, "evidence is made only for roots that stand on the chain"
    return Made(documents=documents, anchor=anchor)


async def _documents(
    wanted: Wanted, trust: TrustSet, view: ChainView, stack: AsyncExitStack, *, ask: bool
) -> tuple[EvidenceDocument, ...]:
    assert trust.files is not None, "checked by the caller"
    if ask:
        service = await stack.enter_async_context(open_service(trust.files))
        if wanted.entries is not None:
            return await ask_for_credential(wanted.entries, view=view, source=service)
        return await ask_for_entry(wanted.number, wanted.index, view=view, source=service)
    files = await stack.enter_async_context(open_files(trust.files))
    departure = await find_departure(files, trust.current)
    lists: ListSource = files if trust.files.is_mirror else PatientSource(files, trust.current)
    lists = lists if departure is None else departure.lists
    head = await view.head()
    if head is None:
        raise NotFound("the publisher has anchored nothing yet: there is no evidence to cut")
    if wanted.entries is not None:
        return await cut_for_credential(wanted.entries, head, trust=trust, lists=lists)
    return await cut_for_entry(wanted.number, wanted.index, head, trust=trust, lists=lists)


def _deliver(made: Made, path: Path | None) -> None:
    text = evidence_text(made.documents)
    if path is None:
        click.echo(text, nl=False)
        return
    write_to_pass_on(path, text, what="the evidence")
    record = made.anchor.record
    click.echo(
        f"{path}: {len(text.encode()):,} bytes, as of block {record.block_number}, {utc_text(record.timestamp_s)}"
    )
    for document in made.documents:
        state = document.state
        where = f"list {state.number}, index {document.index}"
        click.echo(f"  {_value_text(state.entry.purpose, document.value())} ({where})")


def _value_text(purpose: Purpose, value: int) -> str:
    if purpose not in RULES:
        return f"{purpose.label}: {value:#x}"
    return f"{RULES[purpose][1]}: {'yes' if value else 'no'}"
