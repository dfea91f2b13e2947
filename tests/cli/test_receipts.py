"""Receipts on the issuer's disk: written at submission, upgraded to the proof, never lost; and `receipt check`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anchor.cli import main
from anchor.core.digest import Method, credential_digest
from anchor.core.promise import Promise, SignedPromise
from anchor.documents import ReceiptDocument, parse_proof, parse_receipt, receipt_to_json
from status_lists.keys import check_signature
from tests.cli.conftest import Cli
from tests.support.fake_service import ISSUER_ID, RECEIPT_KEY, Canned, FakeService


def receipt_beside(path: Path) -> ReceiptDocument:
    """Return the receipt beside a file."""
    return parse_receipt(path.with_name(path.name + ".receipt.json").read_bytes())


def has_receipt(path: Path) -> bool:
    """Whether there is a receipt beside a file."""
    return path.with_name(path.name + ".receipt.json").exists()


def test_submit_without_waiting_leaves_a_signed_receipt(cli: Cli, badge: Path) -> None:
    """It is about this file, by the service's key, and stands alone."""
    result = json.loads(cli("submit", "--wait", "none", "--json", badge).stdout)

    document = receipt_beside(badge)

    signed = document.signed
    check_signature(signed.signature, signed.promise.encode(), public_key=RECEIPT_KEY.public_key)
    assert signed.promise.issuer == ISSUER_ID
    assert document.promised.entry.digest == credential_digest(Method.JCS, badge.read_bytes())
    assert document.promised.entry.status is not None
    assert result["files"][0]["receipt"] == f"{badge}.receipt.json"
    assert result["files"][0]["proof"] is None


def test_submit_that_waits_keeps_the_receipt_beside_the_proof(cli: Cli, badge: Path) -> None:
    """No chain was asked: on the service's word alone the evidence against it is not removed."""
    result = json.loads(cli("submit", "--json", badge).stdout)

    assert has_receipt(badge)
    proof = parse_proof(badge.with_name("badge.json.proof.json").read_bytes())
    assert proof.proof.entry.digest == credential_digest(Method.JCS, badge.read_bytes())
    (file,) = result["files"]
    assert (file["receipt"], file["proof"]) == (f"{badge}.receipt.json", f"{badge}.proof.json")


def test_submit_whose_proofs_do_not_come_keeps_receipts(
    cli: Cli, service: FakeService, badge: Path, tmp_path: Path
) -> None:
    """Patience ends, the promise stands; --out puts both where it says."""
    service.looks_before_mined = 1_000_000

    cli("submit", "--timeout", "0", "--out", tmp_path / "kept", badge, code=3)

    kept = parse_receipt((tmp_path / "kept/badge.json.receipt.json").read_bytes())
    assert kept.promised.entry.digest == credential_digest(Method.JCS, badge.read_bytes())
    assert not has_receipt(badge)


def test_proof_command_keeps_the_receipt(cli: Cli, badge: Path) -> None:
    """`anchor proof FILE` later does the same."""
    cli("submit", "--wait", "none", badge)

    cli("proof", badge)

    assert has_receipt(badge)
    assert badge.with_name("badge.json.proof.json").exists()


def test_many_files_get_one_promise_and_a_receipt_each(cli: Cli, tmp_path: Path) -> None:
    """One signature for all; each receipt leads to it by itself, a copy of a file too."""
    paths = []
    for number in range(5):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"number": number % 4}))
        paths.append(path)

    cli("submit", "--wait", "none", *paths)

    receipts = [receipt_beside(path) for path in paths]
    assert len({receipt.signed.signature for receipt in receipts}) == 1
    assert receipts[0].signed.promise.entry_count == 4
    assert receipts[4] == receipts[0]


def test_salted_receipt_carries_its_salt(cli: Cli, badge: Path, tmp_path: Path) -> None:
    """So that whoever has file and receipt can tell that they belong together."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 32)
    secret.chmod(0o600)

    cli("submit", "--wait", "none", "--salt", secret, badge)

    document = receipt_beside(badge)
    assert document.promised.entry.salted
    assert document.salt is not None


def signed(document: ReceiptDocument, promise: Promise) -> SignedPromise:
    """Return another promise by the service's key."""
    return replace(document.signed, promise=promise, signature=RECEIPT_KEY.sign(promise.encode()))


def test_submitting_again_keeps_the_older_promise(cli: Cli, badge: Path) -> None:
    """The first promise is due first: a newer one must not take its place."""
    cli("submit", "--wait", "none", badge)
    path = badge.with_name("badge.json.receipt.json")
    older = receipt_beside(badge)
    promise = replace(older.signed.promise, anchored_by_s=older.signed.promise.anchored_by_s - 60)
    older = replace(older, signed=signed(older, promise))
    path.write_text(json.dumps(receipt_to_json(older)))

    cli("submit", "--wait", "none", badge)
    assert receipt_beside(badge) == older

    cli("submit", "--wait", "none", "--force", badge)
    assert receipt_beside(badge) != older


def test_receipt_with_a_bad_signature_is_no_evidence_and_makes_room(cli: Cli, badge: Path) -> None:
    """What no court would take must not keep a good promise out."""
    cli("submit", "--wait", "none", badge)
    path = badge.with_name("badge.json.receipt.json")
    good = receipt_beside(badge)
    forged = replace(good, signed=replace(good.signed, signature=bytes(64)))
    path.write_text(json.dumps(receipt_to_json(forged)))

    cli("submit", "--wait", "none", badge)

    assert receipt_beside(badge) == good


def test_receipt_of_another_digest_is_not_overwritten(cli: Cli, badge: Path) -> None:
    """A file that was changed keeps the evidence of what it was; its own digest is accepted all the same."""
    cli("submit", "--wait", "none", badge)
    first = receipt_beside(badge)
    badge.write_text('{"issuer": "https://university.example", "name": "Other"}')

    result = cli("submit", "--wait", "none", badge)
    assert receipt_beside(badge) == first
    assert "is the receipt of another digest and was kept" in result.stderr

    cli("proof", badge)
    assert receipt_beside(badge) == first, "a proof of another digest upgrades nothing"


def test_receipt_that_was_not_written_is_told_though_the_proof_comes(cli: Cli, badge: Path) -> None:
    """Whoever waits for the proof is told as well that there is no receipt of this digest."""
    cli("submit", "--wait", "none", badge)
    badge.write_text('{"issuer": "https://other.example", "name": "Other"}')

    result = cli("submit", "--json", badge)

    (file,) = json.loads(result.stdout)["files"]
    assert file["receipt"] is None
    assert "is the receipt of another digest and was kept" in file["warning"]
    assert "issuer_mismatch" in file["warning"]
    assert file["warning"] in result.stderr


def test_receipt_for_another_chain_does_not_stand_for_this_one(cli: Cli, badge: Path) -> None:
    """After a move the digest is promised anew: the old promise stays, and nobody is told that it is the new one."""
    cli("submit", "--wait", "none", badge)
    path = badge.with_name("badge.json.receipt.json")
    newer = receipt_beside(badge)
    promise = replace(newer.signed.promise, chain_id=newer.signed.promise.chain_id + 1)
    elsewhere = replace(newer, signed=signed(newer, promise))
    path.write_text(json.dumps(receipt_to_json(elsewhere)))

    result = cli("submit", "--wait", "none", "--json", badge)

    (file,) = json.loads(result.stdout)["files"]
    assert receipt_beside(badge) == elsewhere
    assert file["receipt"] is None
    assert "receipt for another chain or service and was kept" in file["warning"]
    cli("submit", "--wait", "none", "--force", badge)
    assert receipt_beside(badge).signed.promise.chain_id == newer.signed.promise.chain_id


def test_receipts_of_a_request_survive_the_failure_of_the_next(
    cli: Cli, service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand files go in one request: what that was promised is on disk, whatever becomes of the others."""
    monkeypatch.setattr("anchor.cli.submission.MAX_ITEMS", 1)
    paths = [tmp_path / "first.json", tmp_path / "second.json"]
    for path in paths:
        path.write_text(json.dumps({"name": path.name}))
    genuine = service._promise

    def promise_once(leaves: bytes) -> dict[str, object]:
        service.canned.append(Canned.problem(401, "unauthorized", "the key was replaced"))
        return genuine(leaves)

    monkeypatch.setattr(service, "_promise", promise_once)

    cli("submit", "--wait", "none", *paths, code=1)

    assert [has_receipt(path) for path in paths] == [True, False]


def test_damaged_receipt_is_replaced(cli: Cli, badge: Path) -> None:
    """It is worth nothing."""
    badge.with_name("badge.json.receipt.json").write_text("{}")

    cli("submit", "--wait", "none", badge)

    assert receipt_beside(badge).promised.entry.digest == credential_digest(Method.JCS, badge.read_bytes())


def test_receipts_caught_by_a_pattern_are_left_out(cli: Cli, badge: Path) -> None:
    """`anchor submit *.json` a second time must not anchor receipts."""
    cli("submit", "--wait", "none", badge)

    result = cli("submit", "--wait", "none", badge, badge.with_name("badge.json.receipt.json"))

    assert "left out 1 receipt file (*.receipt.json)" in result.stderr
    assert "1 file: 0 new, 1 known already" in result.stdout
    cli("submit", badge.with_name("badge.json.receipt.json"), code=2)


def test_service_that_signs_nothing_leaves_no_receipt(cli: Cli, service: FakeService, badge: Path) -> None:
    """An older service: its digests are anchored as before."""
    service.signs_receipts = False

    cli("submit", "--wait", "none", badge)

    assert not has_receipt(badge)


@pytest.mark.parametrize("fault", ["signature", "root", "entryCount"])
def test_answer_whose_promise_does_not_fit_is_refused(
    cli: Cli, service: FakeService, badge: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature that is not good, or over other digests, is noticed at once, not when it is needed."""
    genuine = service._promise
    other = {"signature": "A" * 86, "root": "A" * 43, "entryCount": 2}

    def spoilt(leaves: bytes) -> dict[str, object]:
        answer = genuine(leaves)
        promise = answer["promise"]
        assert isinstance(promise, dict)
        return {"promise": promise | {fault: other[fault]}}

    monkeypatch.setattr(service, "_promise", spoilt)

    result = cli("submit", "--wait", "none", badge, code=3)

    assert "the promise is not" in result.stderr
    assert not has_receipt(badge)


def test_submit_and_status_tell_when_the_anchor_is_expected(
    cli: Cli, service: FakeService, badge: Path
) -> None:
    """An estimate for whoever waits; nothing once it is mined."""
    service.looks_before_mined = 2

    submitted = cli("submit", "--wait", "none", badge)
    status = cli("status", badge)
    as_json = json.loads(cli("status", "--json", badge).stdout)
    mined = cli("status", badge)

    assert "once the batch is mined, about 2026-05-01T12:01:24Z: anchor proof FILE" in submitted.stdout
    assert "mined about 2026-05-01T12:01:24Z" in status.stdout
    assert as_json["expectedMined"] == as_json["expectedFinal"] == "2026-05-01T12:01:24Z"
    assert "about" not in mined.stdout


def run(*arguments: object) -> Result:
    """Run a command that asks no service."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_check_without_a_trust_file_says_whose_word_is_missing(
    cli: Cli, badge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receipt's key is trusted by nobody's word but the verifier's."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    cli("submit", "--wait", "none", badge)

    result = run("receipt", "check", badge)

    assert result.exit_code == 2
    assert "anchor trust export" in result.stderr


def test_check_of_a_file_without_receipt_says_where_to_look(badge: Path, tmp_path: Path) -> None:
    """A receipt is gone once the proof is there."""
    trust = tmp_path / "trust.toml"
    trust.write_text(
        f'accept_any_issuer = true\n[[anchorage]]\nchain_id = 1\ngenesis_hash = "0x{"00" * 32}"\n'
        f'contract = "0x{"c0" * 20}"\npublisher = "0x{"ab" * 20}"\n'
    )

    result = run("receipt", "check", badge, "--trust", trust)

    assert result.exit_code == 2
    assert "`anchor verify` checks" in result.stderr
