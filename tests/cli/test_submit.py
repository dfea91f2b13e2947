"""`anchor submit` against a service: what goes out, what is written, what is said."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from anchor.core.digest import Method, credential_digest, derive_salt, salted_digest
from anchor.core.entries import StatusEntry, identifier_hash
from anchor.documents import parse_proof, proof_to_json
from status_lists.multibase import encode_base64url, encode_digest
from tests.cli.conftest import Cli
from tests.support.fake_service import Canned, FakeService

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _write(path: Path, credential: object) -> Path:
    path.write_text(json.dumps(credential))
    return path


def _named(service: FakeService, number: int, purpose: str, index: int | str) -> dict[str, object]:
    return {
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": index,
        "statusListCredential": f"{service.url}/status-lists/{number}",
    }


def _submitted(service: FakeService) -> list[dict[str, object]]:
    return [
        item
        for seen in service.seen
        if seen.method == "POST" and seen.path == "/v1/digests"
        for item in json.loads(seen.body)
    ]


def test_submit_examples_writes_a_proof_beside_each(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """Each kind of example is recognised, and its proof leads from its digest to a root."""
    methods = {
        "open-badge.json": Method.JCS,
        "clr.json": Method.JCS,
        "licence.json": Method.JCS,
        "transcript.jwt": Method.JWT,
        "diploma.pdf": Method.RAW,
    }
    for name in methods:
        (tmp_path / name).write_bytes((EXAMPLES / name).read_bytes())

    result = cli("submit", *(tmp_path / name for name in methods))

    for name, method in methods.items():
        proof = parse_proof((tmp_path / f"{name}.proof.json").read_bytes())
        assert proof.proof.entry.method is method
        assert proof.proof.entry.digest == credential_digest(method, (tmp_path / name).read_bytes())
        assert proof.proof.entry.status is not None
    assert "5 files: 5 new, 0 known already, 0 failed" in result.stdout
    assert len(service.batches) == 1


def test_submit_sends_digests_only(cli: Cli, service: FakeService, badge: Path) -> None:
    """Nothing of the file's content or name reaches the service."""
    cli("submit", badge)

    sent = b"".join(seen.path.encode() + seen.body for seen in service.seen)
    digest = credential_digest(Method.JCS, badge.read_bytes())
    assert _submitted(service) == [{"digest": encode_digest(digest), "method": "jcs", "status": "allocate"}]
    assert b"badge" not in sent.lower()


def test_submit_no_status_binds_none(cli: Cli, service: FakeService, badge: Path) -> None:
    """With --no-status a file that names no entry gets none."""
    cli("submit", "--no-status", badge)

    assert "status" not in _submitted(service)[0]


def test_submit_no_strict_json_says_where_and_what_to_do(
    cli: Cli, service: FakeService, tmp_path: Path
) -> None:
    """A JSON file that does not parse is refused with file, line, column and advice; nothing is sent."""
    broken = tmp_path / "broken.json"
    broken.write_text('{\n  "name": "x",\n}\n')

    result = cli("submit", broken, code=1)

    assert f"error: {broken}: the text is not JSON" in result.stderr
    assert "at line 3, column 1" in result.stderr
    assert "--method raw" in result.stderr
    assert service.seen == []


def test_submit_nearly_json_of_any_name_is_refused(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """A damaged badge that is not named .json is not hashed as bytes unnoticed."""
    broken = tmp_path / "badge.txt"
    broken.write_text('{\n  "name": "x",\n}\n')

    result = cli("submit", broken, code=1)

    assert "at line 3, column 1" in result.stderr
    assert "--method raw" in result.stderr
    assert service.seen == []
    cli("submit", "--method", "raw", broken)
    assert _submitted(service)[0]["method"] == "raw"


def test_submit_repeated_name_is_refused(cli: Cli, tmp_path: Path) -> None:
    """What other readers accept, a name that stands twice, is refused with its place."""
    twice = tmp_path / "twice.jsonld"
    twice.write_text('{"a": 1,\n "a": 2}')

    result = cli("submit", twice, code=1)

    assert 'the name "a" stands twice in one object at line 2, column 2' in result.stderr


def test_submit_broken_json_as_raw_is_accepted(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """The advice works: --method raw hashes the bytes."""
    broken = tmp_path / "broken.json"
    broken.write_bytes(b'{"a": NaN}')

    cli("submit", "--method", "raw", broken)

    assert _submitted(service)[0]["digest"] == encode_digest(credential_digest(Method.RAW, b'{"a": NaN}'))


def test_submit_bad_file_does_not_keep_others_back(cli: Cli, badge: Path, tmp_path: Path) -> None:
    """One unreadable file is reported by name with exit code 1; the other gets its proof."""
    result = cli("submit", badge, tmp_path / "missing.json", code=1)

    assert "missing.json: cannot be read (no such file or directory)" in result.stderr
    assert badge.with_name("badge.json.proof.json").exists()
    assert "2 files: 1 new, 0 known already, 1 failed" in result.stdout


def test_submit_refused_digest_does_not_keep_others_back(
    cli: Cli, service: FakeService, tmp_path: Path
) -> None:
    """The service refuses a whole request for one digest; it is found, and all others are accepted."""
    files = [_write(tmp_path / f"{number}.json", {"number": number}) for number in range(9)]
    service.refused.add(credential_digest(Method.JCS, files[4].read_bytes()))

    result = cli("submit", *files, code=1)

    proofs = {path.name for path in tmp_path.glob("*.proof.json")}
    assert proofs == {f"{number}.json.proof.json" for number in range(9) if number != 4}
    assert result.stderr.count("error: ") == 1
    assert "4.json: the service at 127.0.0.1" in result.stderr
    assert "a digest is bound to another status entry" in result.stderr


def test_submit_again_returns_the_first_binding(cli: Cli, badge: Path) -> None:
    """The same file again is known already, with the same status entry and the same proof."""
    first = json.loads(cli("submit", "--json", badge).stdout)["files"][0]
    second = json.loads(cli("submit", "--json", badge).stdout)["files"][0]

    assert first["new"] is True
    assert second == first | {"new": False}


def test_submit_two_files_of_one_content_sends_one_digest(
    cli: Cli, service: FakeService, tmp_path: Path
) -> None:
    """The same credential in two layouts is one digest, and both files get its proof."""
    one = _write(tmp_path / "one.json", {"a": 1, "b": 2})
    two = tmp_path / "two.json"
    two.write_text('{ "b": 2,\n  "a": 1.0 }')

    cli("submit", one, two)

    assert len(_submitted(service)) == 1
    assert (tmp_path / "one.json.proof.json").read_bytes() == (tmp_path / "two.json.proof.json").read_bytes()


def test_submit_binds_the_entry_that_the_file_names(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """A file's own pair of entries in this service's lists is bound under the lower list number."""
    pair = [_named(service, 1, "suspension", "77"), _named(service, 0, "revocation", "77")]
    path = _write(tmp_path / "own.json", {"credentialStatus": pair})

    cli("submit", "--no-status", path)

    assert _submitted(service)[0]["status"] == {"list": 0, "index": 77}


def test_submit_suspension_entry_alone_binds_its_pair(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """A suspension list is the second of its pair; a JSON integer is an index too."""
    path = _write(tmp_path / "own.json", {"credentialStatus": _named(service, 1, "suspension", 78)})

    cli("submit", path)

    assert _submitted(service)[0]["status"] == {"list": 0, "index": 78}


def test_submit_jwt_binds_the_entry_in_its_payload(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """The entry of a VC-JWT stands under `vc`."""
    payload = {"iss": "x", "vc": {"credentialStatus": _named(service, 0, "revocation", "79")}}
    parts = [encode_base64url(json.dumps(part).encode()) for part in ({"alg": "EdDSA"}, payload)]
    path = tmp_path / "own.jwt"
    path.write_text(".".join([*parts, "c2ln"]))

    cli("submit", path)

    assert _submitted(service)[0] == {
        "digest": encode_digest(credential_digest(Method.JWT, path.read_bytes())),
        "method": "jwt",
        "status": {"list": 0, "index": 79},
    }


def test_submit_foreign_list_is_not_bound(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """A list of another service, whose URL merely begins alike, does not count as ours."""
    foreign = _named(service, 0, "revocation", "80") | {
        "statusListCredential": f"{service.url}0/status-lists/0"
    }
    path = _write(tmp_path / "foreign.json", {"credentialStatus": foreign})

    cli("submit", path)

    assert _submitted(service)[0]["status"] == "allocate"


@pytest.mark.parametrize(
    ("number", "purpose", "index"),
    [(0, "suspension", "5"), (0, "revocation", "05"), (0, "revocation", "-1"), (0, "revocation", True)],
)
def test_submit_impossible_own_entry_is_refused(
    cli: Cli, service: FakeService, tmp_path: Path, number: int, purpose: str, index: int | str
) -> None:
    """An entry that names our list and cannot be is refused, for a revocation would not reach it."""
    path = _write(tmp_path / "odd.json", {"credentialStatus": _named(service, number, purpose, index)})

    result = cli("submit", path, code=1)

    assert "which cannot be" in result.stderr
    assert _submitted(service) == []


def test_submit_two_own_entries_are_refused(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """Two different entries in our lists cannot both be bound."""
    two = [_named(service, 0, "revocation", "1"), _named(service, 1, "suspension", "2")]
    path = _write(tmp_path / "two.json", {"credentialStatus": two})

    result = cli("submit", path, code=1)

    assert "names two different entries" in result.stderr


def test_submit_salt_hides_the_digest_and_stands_in_the_proof(
    cli: Cli, service: FakeService, badge: Path, tmp_path: Path
) -> None:
    """The salted digest goes out; the proof holds the salt; a retry gives the same leaf."""
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef\n")
    digest = credential_digest(Method.JCS, badge.read_bytes())
    salt = derive_salt(b"0123456789abcdef0123456789abcdef", digest)

    cli("submit", "--salt", secret, badge)
    cli("submit", "--salt", secret, badge)

    proof = parse_proof(badge.with_name("badge.json.proof.json").read_bytes())
    assert proof.salt == salt
    assert proof.proof.entry.salted
    assert proof.proof.entry.digest == salted_digest(salt, digest)
    assert {str(item["digest"]) for item in _submitted(service)} == {
        encode_digest(salted_digest(salt, digest))
    }


def test_submit_short_salt_secret_is_refused(
    cli: Cli, service: FakeService, badge: Path, tmp_path: Path
) -> None:
    """A secret that can be guessed hides nothing."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")

    result = cli("submit", "--salt", secret, badge, code=2)

    assert "openssl rand -hex 32" in result.stderr
    assert "hunter2" not in result.output
    assert service.seen == []


def test_submit_out_writes_proofs_into_a_folder(cli: Cli, badge: Path, tmp_path: Path) -> None:
    """With --out the proof goes there, and nothing beside the file."""
    cli("submit", "--out", tmp_path / "proofs", badge)

    assert {path.name for path in (tmp_path / "proofs").iterdir()} == {
        "badge.json.proof.json",
        "badge.json.receipt.json",
    }
    assert not badge.with_name("badge.json.proof.json").exists()


def test_submit_out_with_one_name_twice_is_refused(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """Two files whose proofs would overwrite each other are refused before anything is sent."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = [_write(tmp_path / folder / "x.json", {"in": folder}) for folder in ("a", "b")]

    result = cli("submit", "--out", tmp_path, *files, code=2)

    assert "would write the same proof" in result.stderr
    assert service.seen == []


def test_submit_proof_can_be_read_by_others_and_leaves_nothing_beside(cli: Cli, badge: Path) -> None:
    """A proof is meant to be passed on; the temporary file it was written to is gone."""
    cli("submit", badge)

    proof = badge.with_name("badge.json.proof.json")
    assert stat.S_IMODE(proof.stat().st_mode) == 0o644
    names = {path.name for path in badge.parent.iterdir()}
    assert names == {badge.name, proof.name, f"{badge.name}.receipt.json"}


def test_submit_leaves_proof_files_out(cli: Cli, service: FakeService, badge: Path) -> None:
    """A second run over *.json does not anchor the proofs of the first."""
    cli("submit", badge)
    result = cli("submit", badge, badge.with_name("badge.json.proof.json"))

    assert "left out 1 proof file" in result.stderr
    assert len(service.items) == 1


def test_submit_wait_none_writes_no_proof(cli: Cli, service: FakeService, badge: Path) -> None:
    """Without waiting there is a receipt and the way to the proof."""
    service.looks_before_mined = 5

    result = cli("submit", "--wait", "none", badge)

    assert "anchor proof FILE" in result.stdout
    assert not badge.with_name("badge.json.proof.json").exists()


def test_submit_waits_until_mined(cli: Cli, service: FakeService, badge: Path) -> None:
    """A batch that is not mined at the first look is looked at again."""
    service.looks_before_mined = 1

    cli("submit", badge)

    assert badge.with_name("badge.json.proof.json").exists()


def test_submit_timeout_says_that_nothing_is_lost(cli: Cli, service: FakeService, badge: Path) -> None:
    """Where patience ends first, the exit code is 3 and the file is accepted all the same."""
    service.looks_before_mined = 1000

    result = cli("submit", "--timeout", "0", badge, code=3)

    assert "1 of 1 digest is not yet mined" in result.stderr
    assert "anchor proof FILE" in result.stderr
    assert "1 file: 1 new" in result.stdout


def test_submit_json_reports_each_file(cli: Cli, service: FakeService, badge: Path, tmp_path: Path) -> None:
    """For programs: digest, state, binding, ready credentialStatus objects, and errors, by file."""
    result = cli("submit", "--json", badge, tmp_path / "missing.json", code=1)

    good, bad = json.loads(result.stdout)["files"]
    assert good["state"] == "final"
    assert good["status"] == {"list": 0, "index": 101}
    assert [entry["statusPurpose"] for entry in good["credentialStatus"]] == ["revocation", "suspension"]
    assert good["proof"] == str(badge.with_name("badge.json.proof.json"))
    assert "cannot be read" in bad["error"]
    assert service.items[
        credential_digest(Method.JCS, badge.read_bytes()), Method.JCS, False
    ].entry.status == (StatusEntry(0, 101))


def test_submit_proof_that_cannot_be_written_is_reported(cli: Cli, badge: Path, tmp_path: Path) -> None:
    """A folder that cannot be made is that file's error, not a traceback."""
    (tmp_path / "occupied").write_text("a file")

    result = cli("submit", "--out", tmp_path / "occupied" / "below", badge, code=1)

    assert "the proof cannot be written" in result.stderr


def test_submit_wrong_key_says_so(service: FakeService, badge: Path) -> None:
    """A key that is not accepted stops the run with advice, and is not repeated."""
    result = Cli(service.url, "wrong-key")("submit", badge, code=1)

    assert "pass a valid key in ANCHOR_API_KEY" in result.stderr


def test_submit_service_that_repeats_the_key_does_not_leak_it(
    cli: Cli, service: FakeService, badge: Path
) -> None:
    """Even a service that puts the key into its problem does not bring it to the screen."""
    service.canned.append(Canned.problem(400, "invalid-input", f"bad key {cli.key}"))

    result = cli("submit", badge, code=3)

    assert "repeating the API key" in result.stderr


def test_submit_unreachable_service_names_the_host(badge: Path) -> None:
    """Where nobody listens, the message names the host and what to check; the exit code is 3."""
    result = Cli("http://127.0.0.1:1/with/path", "some-key")("submit", badge, code=3)

    assert "no answer from the service at 127.0.0.1:1" in result.stderr
    assert "is --service right?" in result.stderr
    assert "with/path" not in result.stderr


def test_submit_over_plain_http_elsewhere_is_refused(badge: Path) -> None:
    """A key never crosses a network in the clear."""
    result = Cli("http://anchor.example.org", "some-key")("submit", badge, code=2)

    assert "must be called over https" in result.stderr


def test_submit_keeps_the_proof_of_another_digest_method_or_salt(
    cli: Cli, service: FakeService, badge: Path
) -> None:
    """A proof that is there already is not lost for one of another leaf, and nothing of it is submitted."""
    cli("submit", badge)
    proof = badge.with_name("badge.json.proof.json")
    kept = proof.read_bytes()

    by_method = cli("submit", "--method", "raw", badge, code=1)
    badge.write_text('{"issuer": "https://university.example", "name": "Changed"}')
    changed = cli("submit", badge, code=1)

    assert f"{proof} is the proof of another digest, jcs; this one is raw: keep it" in by_method.stderr
    assert "--force" in changed.stderr
    assert proof.read_bytes() == kept
    assert len(_submitted(service)) == 1
    cli("submit", "--force", badge)
    assert proof.read_bytes() != kept


def test_submit_keeps_the_proof_of_another_issuer(cli: Cli, badge: Path) -> None:
    """The proof by which somebody else anchored the same file is not replaced unless forced."""
    cli("submit", badge)
    proof = badge.with_name("badge.json.proof.json")
    own = parse_proof(proof.read_bytes())
    entry = replace(own.proof.entry, issuer_id=identifier_hash("https://other.example"))
    other = replace(own, issuer="https://other.example", proof=replace(own.proof, entry=entry))
    proof.write_text(json.dumps(proof_to_json(other)))

    refused = cli("submit", badge, code=1)

    assert (
        "is the proof that https://other.example anchored it, not https://university.example"
        in refused.stderr
    )
    assert parse_proof(proof.read_bytes()) == other
    assert cli("submit", "--force", badge).stderr == ""
    assert parse_proof(proof.read_bytes()) == own


def test_submit_file_of_another_issuer_warns(cli: Cli, badge: Path) -> None:
    """Who anchors with the wrong issuer's key hears of it before a verifier does."""
    badge.write_text('{"issuer": "did:example:somebody-else", "name": "Badge"}')

    told = cli("submit", badge)
    again = json.loads(cli("submit", "--json", badge).stdout)["files"][0]

    assert "its issuer did:example:somebody-else is not the one that anchored it" in told.stderr
    assert "issuer_mismatch unless they list it as an alias" in told.stderr
    assert again["warning"] in told.stderr


def test_submit_own_issuers_file_warns_of_nothing(cli: Cli, badge: Path) -> None:
    """The usual case is silent."""
    assert cli("submit", badge).stderr == ""
    assert json.loads(cli("submit", "--json", badge).stdout)["files"][0]["warning"] is None


def test_submit_empty_file_is_refused(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    """The digest of nothing proves nothing."""
    empty = tmp_path / "empty.pdf"
    empty.write_bytes(b"")

    assert f"{empty}: the file is empty" in cli("submit", empty, code=1).stderr
    assert service.seen == []


@pytest.mark.parametrize(
    ("text", "part"),
    [("aaaa.bbbb.cccc", "header"), ("e30.bbbb.cccc", "payload"), ("e30.bbbb.cccc~", "payload")],
)
def test_submit_token_that_nobody_can_read_is_refused(
    cli: Cli, service: FakeService, tmp_path: Path, text: str, part: str
) -> None:
    """What only looks like a token is not anchored as one; its bytes may be."""
    token = tmp_path / "token.jwt"
    token.write_text(text)

    assert f"the {part} of this" in cli("submit", token, code=1).stderr
    assert service.seen == []
    cli("submit", "--method", "raw", token)


def test_submit_same_digest_twice_is_new_once(cli: Cli, service: FakeService, badge: Path) -> None:
    """A copy in the same call counts as known already, and gets its proof as well."""
    copy = badge.with_name("copy.json")
    copy.write_bytes(badge.read_bytes())

    result = cli("submit", badge, copy)

    assert "2 files: 1 new, 1 known already, 0 failed" in result.stdout
    assert copy.with_name("copy.json.proof.json").exists()
    assert len(_submitted(service)) == 1


def test_submit_again_names_the_binding_of_the_kept_proof(
    cli: Cli, service: FakeService, tmp_path: Path
) -> None:
    """A service whose database was rebuilt finds the old leaf by it, and hands out no second entry."""
    credential = _write(tmp_path / "badge.json", {"name": "Ada"})
    assert cli("submit", credential).exit_code == 0
    bound = parse_proof((tmp_path / "badge.json.proof.json").read_bytes()).proof.entry.status
    assert bound is not None

    again = cli("submit", credential)
    forced = cli("submit", "--force", credential)

    assert (again.exit_code, forced.exit_code) == (0, 0)
    assert [item["status"] for item in _submitted(service)] == [
        "allocate",
        {"list": bound.list_number, "index": bound.index},
        "allocate",
    ]


def test_submit_without_waiting_says_that_proofs_of_mined_batches_are_ready(cli: Cli, badge: Path) -> None:
    """A digest that is anchored has nothing to wait for."""
    cli("submit", badge)

    again = cli("submit", "--wait", "none", badge)

    assert "proofs are ready: anchor proof FILE" in again.stdout


def test_submit_names_the_binding_of_the_receipt_where_there_is_no_proof_yet(
    cli: Cli, service: FakeService, tmp_path: Path
) -> None:
    """A database may be lost before the proof was fetched: the receipt knows the binding too."""
    credential = _write(tmp_path / "badge.json", {"name": "Ada"})
    cli("submit", credential)
    bound = parse_proof((tmp_path / "badge.json.proof.json").read_bytes()).proof.entry.status
    assert bound is not None
    (tmp_path / "badge.json.proof.json").unlink()

    cli("submit", credential)

    assert _submitted(service)[-1]["status"] == {"list": bound.list_number, "index": bound.index}


def test_submit_names_the_binding_of_a_proof_by_an_account_that_succeeded(
    cli: Cli, service: FakeService, tmp_path: Path
) -> None:
    """A proof names the account that anchored it, which need not be the one that the service began with."""
    credential = _write(tmp_path / "badge.json", {"name": "Ada"})
    cli("submit", credential)
    path = tmp_path / "badge.json.proof.json"
    kept = parse_proof(path.read_bytes())
    assert kept.proof.entry.status is not None
    service.successors = ("0x" + "11" * 20,)
    by_successor = replace(kept, claim=replace(kept.claim, publisher=service.successors[0]))
    path.write_text(json.dumps(proof_to_json(by_successor)))

    cli("submit", credential)

    assert _submitted(service)[-1]["status"] == {
        "list": kept.proof.entry.status.list_number,
        "index": kept.proof.entry.status.index,
    }


def test_submit_of_what_may_be_anchored_already_says_how_to_go_on(
    cli: Cli, service: FakeService, badge: Path
) -> None:
    """The refusal is told with the file and the two ways out; the flag for the second goes into the request."""
    service.canned.append(
        Canned.problem(409, "may-be-anchored", "the digest uEi… may be anchored already: submit it with …")
    )

    refused = cli("submit", badge, code=1)
    cli("submit", "--again", badge)

    assert f"error: {badge}: the service at" in refused.stderr
    assert "put that proof or receipt beside it, or give --again" in refused.stderr
    assert [item.get("again") for item in _submitted(service)] == [None, True]


def test_submit_takes_no_binding_from_a_proof_of_another_publisher(
    cli: Cli, service: FakeService, tmp_path: Path
) -> None:
    """Its lists are others, whatever their numbers."""
    credential = _write(tmp_path / "badge.json", {"name": "Ada"})
    assert cli("submit", credential).exit_code == 0
    path = tmp_path / "badge.json.proof.json"
    kept = parse_proof(path.read_bytes())
    other = replace(kept, claim=replace(kept.claim, publisher="0x" + "11" * 20))
    path.write_text(json.dumps(proof_to_json(other)))

    cli("submit", credential)

    assert [item["status"] for item in _submitted(service)] == ["allocate", "allocate"]
